"""Hints of accounting systems: a verified event says that records may have changed, and they are read anew.

Nothing else of the event is believed. What was read goes through the ordinary intake, so an event that comes twice,
late, or out of order does no harm. Records are stored under a run of their own (`hear`), which moves no cursor; a pull
and this never work on one connection at the same time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event

from connector.backoff import Backoff
from connector.errors import (
    ConfigError,
    ConnectorError,
    ContractDrift,
    InvariantBroken,
    NotFound,
    RateLimited,
    ReconnectRequired,
    Refused,
    Unavailable,
)
from connector.parallel import for_each
from connector.store.database import Database
from connector.store.inbox import InboxRow
from connector.strict_json import JsonRefused, loads_object
from connector.system import AccountingSystem, RawRecord, RecordHint, SendsHints
from connector.tasks import PullTask

log = logging.getLogger(__name__)

BATCH = 200
PATIENCE = timedelta(hours=24)
"""How long a hint whose record cannot be read is kept trying; the pulls go on meanwhile."""

_CONCERNS_ALL = (RateLimited, Unavailable, ReconnectRequired)
Named = tuple[str, str]
"""(stream, source identifier)"""


@dataclass
class _Reading:
    """What one batch of hints named, and what came of reading it."""

    records: dict[Named, RawRecord] = field(default_factory=dict)
    failures: dict[Named, ConnectorError] = field(default_factory=dict)


@dataclass(frozen=True)
class HintTask:
    """Drains the inbox of one connection."""

    pull: PullTask
    """The connection's pull: what hints name is stored as it would store it."""
    lease_seconds: float
    workers: int
    stopping: Event
    backoff: Backoff = field(default_factory=lambda: Backoff(first_seconds=1, longest_seconds=3600))

    def __post_init__(self) -> None:
        """Raises ConfigError where the system's events are not understood."""
        self._listener()

    @property
    def connection(self) -> str:
        return self.pull.connection

    @property
    def system(self) -> AccountingSystem:
        return self.pull.system

    @property
    def database(self) -> Database:
        return self.pull.database

    def _listener(self) -> SendsHints:
        if isinstance(self.system, SendsHints):
            return self.system
        raise ConfigError(
            f"[connections.{self.connection}.webhook]: {self.system.name} sends no events that are understood here.",
            remedy="Take the table out; changes are found by pulling.",
        )

    def run(self) -> None:
        """Work the due events off. Raises what concerns the whole system, after giving the events back."""
        while not self.stopping.is_set():
            with self.database.write() as tx:
                rows = tx.inbox.claim_due(
                    self.connection, timedelta(seconds=self.lease_seconds), limit=BATCH
                )
            if not rows:
                return
            try:
                self._take(rows)
            except _CONCERNS_ALL as error:
                self._give_back(rows, error)
                raise

    def _take(self, rows: Sequence[InboxRow]) -> None:
        hints = {row.id: hint for row in rows if (hint := self._read(row)) is not None}
        named = {name: None for hint in hints.values() for name in hint.records}
        reading = self._fetched(list(named))
        self._store(reading)
        for row in rows:
            if row.id in hints:
                self._settle(row, hints[row.id], reading)

    def _read(self, row: InboxRow) -> RecordHint | None:
        try:
            return self._listener().read_hint(loads_object(row.body))
        except (ContractDrift, JsonRefused) as error:
            self._quarantine(row, f"The event cannot be read: {error}")
        except Refused as error:
            self._again(row, error)
        return None

    def _fetched(self, names: Sequence[Named]) -> _Reading:
        reading = _Reading()
        streams = {stream.name for stream in self.system.streams}

        def fetch(name: Named) -> None:
            try:
                reading.records[name] = self.system.fetch(*name)
            except NotFound:
                # It is gone, or no record of the stream: a walk would not see it either.
                log.info("hint.nothing_there connection=%s stream=%s", self.connection, name[0])
            except (Refused, ContractDrift) as error:
                reading.failures[name] = error

        known = [name for name in names if name[0] in streams]
        for_each(known, fetch, workers=self.workers, stopping=self.stopping)
        if self.stopping.is_set():
            raise Unavailable("The connector is being stopped.")
        return reading

    def _store(self, reading: _Reading) -> None:
        """Counterparties first, because invoices name them."""
        for stream in sorted(self.system.streams, key=lambda s: s.mapped):
            records = [r for (name, _), r in reading.records.items() if name == stream.name]
            if not records:
                continue
            try:
                self.pull.puller.run(
                    self.connection, self.system, stream, full_walk=False, only=records
                )
            except InvariantBroken as error:
                # Another process stored one of them meanwhile.
                for record in records:
                    reading.failures[stream.name, record.source_id] = error

    def _settle(self, row: InboxRow, hint: RecordHint, reading: _Reading) -> None:
        failed = next((reading.failures[n] for n in hint.records if n in reading.failures), None)
        if failed is not None:
            self._again(row, failed)
            return
        with self.database.write() as tx:
            tx.inbox.finish(row.id, _token(row))
        log.info("hint.taken id=%d event=%s records=%d", row.id, hint.event_type, len(hint.records))

    def _again(self, row: InboxRow, error: ConnectorError) -> None:
        if self.pull.clock.now() - row.received_at > PATIENCE:
            self._quarantine(row, f"What the event names cannot be read: {error}")
            return
        at = self.backoff.next_at(self.pull.clock.now(), row.attempts)
        with self.database.write() as tx:
            tx.inbox.retry_later(row.id, _token(row), at, str(error))

    def _quarantine(self, row: InboxRow, reason: str) -> None:
        with self.database.write() as tx:
            tx.inbox.quarantine(row.id, _token(row), reason)
        log.warning("inbox.quarantined id=%d reason=%s", row.id, reason)

    def _give_back(self, rows: Sequence[InboxRow], error: ConnectorError) -> None:
        """Those that are still ours: some may have been settled before the failure."""
        with self.database.write() as tx:
            for row in rows:
                now = tx.inbox.get(row.id)
                if now is not None and now.lease_token == row.lease_token:
                    at = self.backoff.next_at(self.pull.clock.now(), row.attempts)
                    tx.inbox.retry_later(row.id, _token(row), at, type(error).__name__)


def _token(row: InboxRow) -> str:
    if row.lease_token is None:
        raise InvariantBroken(f"Inbox row {row.id} was not claimed before it was worked on.")
    return row.lease_token
