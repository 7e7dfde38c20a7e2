"""Intake: records that are new or have changed become versions, outcomes and financing invoices, in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from connector.corrections import Overlay
from connector.deciding import Candidate, Decider, Decision, Totals, as_row, count
from connector.errors import ConnectorError
from connector.evaluating import Evaluated, readable
from connector.standing_corrections import StandingCorrections
from connector.store.records import Known, NewVersion
from connector.store.transaction import Transaction
from connector.system import AccountingSystem, RawRecord, Record, Stream
from mappings.outcome import Outcome

log = logging.getLogger(__name__)


class Arrival(NamedTuple):
    """A record that is new or has changed; `known` is what the store held before."""

    raw: RawRecord
    page: int | None
    content_hash: bytes
    known: Known | None
    evaluated: Evaluated

    @property
    def record(self) -> Record | None:
        """The decoded record; None where it cannot be read."""
        return self.evaluated.record or readable(self.evaluated.stored)


class Judged(NamedTuple):
    """A record as the active mapping alone judged it, before any gate; `state` is that of its financing invoice where
    it was sent already."""

    source_id: str
    raw: bytes
    outcome: Outcome
    state: str | None
    overlay: Overlay = ()
    """What a person says of it, which `outcome` is by where it applies."""


class Observer(Protocol):
    """Watches what the active mapping makes of arrivals, in the transaction that stores them."""

    def observe(self, tx: Transaction, judged: Sequence[Judged]) -> None: ...


class Intake:
    """Stores arrivals."""

    def __init__(
        self,
        tx: Transaction,
        connection: str,
        stream: Stream,
        run_id: int,
        system: AccountingSystem,
        decider: Decider | None,
        observer: Observer | None = None,
    ) -> None:
        self._tx = tx
        self._connection = connection
        self._stream = stream
        self._run_id = run_id
        self._system = system
        self._decider = decider
        self._observer = observer

    def store(self, arrivals: Sequence[Arrival]) -> Totals:
        """Store versions and all that follows from them; the control totals of what was stored."""
        tx = self._tx
        new = iter(tx.allocate("source_records", sum(1 for item in arrivals if not item.known)))
        record_ids = [item.known.id if item.known else next(new) for item in arrivals]
        version_ids = tx.allocate("record_versions", len(arrivals))
        corrections = StandingCorrections(tx, [item.known.id for item in arrivals if item.known])
        if corrections:
            arrivals = [self._as_corrected(item, corrections) for item in arrivals]
        decisions = self._decide(arrivals, record_ids, version_ids)
        self._tell_observer(arrivals, decisions, corrections)
        outcome_ids = tx.allocate("outcomes", len(decisions))
        echoes = self._echoes(arrivals)
        versions = []
        for index, (item, record_id, version_id) in enumerate(
            zip(arrivals, record_ids, version_ids, strict=True)
        ):
            outcome = decisions[index].outcome if decisions else None
            versions.append(
                NewVersion(
                    record_id=record_id,
                    version_id=version_id,
                    is_first=item.known is None,
                    source_id=item.raw.source_id,
                    version_no=1 if item.known is None else item.known.version_no + 1,
                    content_hash=item.content_hash,
                    raw=item.evaluated.stored,
                    secrets=item.evaluated.secrets,
                    source_updated_at=item.raw.updated_at,
                    is_echo=index in echoes,
                    page=item.page,
                    outcome=None if outcome is None else as_row(outcome_ids[index], outcome),
                    recheck_on=None if outcome is None else outcome.recheck_on,
                )
            )
        mapping_version_id = self._decider.mapping_version_id if self._decider else None
        tx.records.save(
            self._connection, self._stream.name, self._run_id, mapping_version_id, versions
        )
        self._save_counterparties(arrivals, record_ids)
        by_record = dict(zip(record_ids, outcome_ids, strict=False))
        corrections.note(by_record)
        return self._follow_up(decisions, by_record)

    def _as_corrected(self, item: Arrival, corrections: StandingCorrections) -> Arrival:
        """The arrival as a person corrected it, as long as its source says what it said then."""
        if item.known is None:
            return item
        raw, outcome = item.evaluated.stored, item.evaluated.outcome
        subject = f"{self._connection}/{item.raw.source_id}"
        corrections.compare(item.known.id, subject, raw)
        if self._decider is None or outcome is None:
            return item
        judged = corrections.judged(self._decider, item.known.id, raw, outcome)
        return item._replace(evaluated=item.evaluated._replace(outcome=judged))

    def _decide(
        self, arrivals: Sequence[Arrival], record_ids: Sequence[int], version_ids: Sequence[int]
    ) -> list[Decision]:
        if self._decider is None:
            return []
        return self._decider.decide(
            self._tx,
            [
                (
                    Candidate(record_id, version_id, item.raw.source_id, item.known is not None),
                    item.evaluated.outcome,
                )
                for item, record_id, version_id in zip(
                    arrivals, record_ids, version_ids, strict=True
                )
                if item.evaluated.outcome is not None
            ],
        )

    def _tell_observer(
        self,
        arrivals: Sequence[Arrival],
        decisions: Sequence[Decision],
        corrections: StandingCorrections,
    ) -> None:
        if self._observer is None:
            return
        judged = []
        for item, decision in zip(arrivals, decisions, strict=False):
            financing, outcome = decision.financing, item.evaluated.outcome
            sent = financing is not None and financing.is_sent
            state = (financing.status or financing.state) if sent and financing else None
            overlay = corrections.overlay(decision.candidate.record_id)
            if outcome is not None:
                judged.append(
                    Judged(item.raw.source_id, item.evaluated.stored, outcome, state, overlay)
                )
        self._observer.observe(self._tx, judged)

    def _follow_up(self, decisions: Sequence[Decision], outcome_ids: Mapping[int, int]) -> Totals:
        totals: Totals = {}
        if self._decider is None:
            return totals
        self._decider.offer(self._tx, self._stream.name, decisions, outcome_ids)
        for decision in decisions:
            outcome = decision.outcome
            count(totals, outcome.kind.value, outcome.currency, outcome.amount_minor_units)
            count(totals, "pulled", outcome.currency, outcome.amount_minor_units)
        self._tx.runs.add_totals(self._run_id, totals)
        return totals

    def _save_counterparties(self, arrivals: Sequence[Arrival], record_ids: Sequence[int]) -> None:
        if self._stream.name != "counterparties":
            return
        rows = []
        for item, record_id in zip(arrivals, record_ids, strict=True):
            record = item.record
            if record is None:
                continue
            try:
                rows.append((self._system.counterparty(record), record_id))
            except ConnectorError as error:
                # Its invoices are held: the company cannot be linked. The others go on.
                log.warning("counterparty.unreadable record=%d error=%s", record_id, error)
        self._tx.companies.save_counterparties(self._connection, rows)

    def _echoes(self, arrivals: Sequence[Arrival]) -> set[int]:
        """Which arrivals differ from their previous version only by what we wrote back ourselves."""
        again = {
            f"write_back:{item.known.id}": index
            for index, item in enumerate(arrivals)
            if item.known is not None
        }
        if not again or not self._stream.mapped:
            return set()
        echoes = set()
        for index, written in self._tx.outbox.written_fields(again).items():
            item = arrivals[index]
            now = item.record
            if item.known is None or now is None:
                continue
            before = readable(self._tx.records.latest_raw(item.known.id))
            if before is not None and is_echo(before, now, written, self._stream.volatile_fields):
                echoes.add(index)
        return echoes


def is_echo(
    before: Record, after: Record, written: Mapping[str, Any], volatile_fields: Sequence[str]
) -> bool:
    """Whether `after` differs from `before` only by fields we wrote, with the values we wrote, and by volatile ones."""
    ignored = set(volatile_fields)
    for name in before.keys() | after.keys():
        if name in ignored or before.get(name) == after.get(name):
            continue
        if name not in written or after.get(name) != written[name]:
            return False
    return True
