"""What others told us: one row per event, kept for good, so that a duplicate is recognised whenever it comes.

A row is claimed with a lease and completed only with the token of that lease: a worker that comes back from a pause
cannot complete what another took over.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from connector.clock import Clock
from connector.errors import InvariantBroken
from connector.store.failures import translated
from connector.store.schema import inbox
from webhooks.ports import Receipt, ReceivedEvent

_KEYS_PER_SELECT = 256

_LARGEST_POWER = 8


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One event. `attempts` counts the claims; `next_attempt_at` is None when nothing more is to be done;
    `reason` says why it waits or was quarantined."""

    id: int
    endpoint: str
    event_id: str
    verification: str
    body: bytes
    received_at: datetime
    state: str
    attempts: int
    next_attempt_at: datetime | None
    lease_token: str | None
    lease_expires_at: datetime | None
    reason: str | None
    finished_at: datetime | None


class Inbox:
    """The inbox, seen from inside one transaction."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def add_many(self, events: Sequence[ReceivedEvent]) -> Sequence[Receipt]:
        """Store events, due at once; one receipt for each, in order. The first one of an id is kept."""
        firsts: dict[tuple[str, str], ReceivedEvent] = {}
        for event in events:
            firsts.setdefault((event.endpoint, event.event_id), event)
        stored = self._insert(list(firsts.values()))
        known = self._bodies([key for key in firsts if key not in stored])
        receipts = []
        for event in events:
            key = (event.endpoint, event.event_id)
            if key in stored and firsts[key] is event:
                receipts.append(Receipt.STORED)
                continue
            body = firsts[key].body if key in stored else known[key]
            receipts.append(Receipt.DUPLICATE if body == event.body else Receipt.CONFLICT)
        return receipts

    def _insert(self, events: Sequence[ReceivedEvent]) -> set[tuple[str, str]]:
        """Insert what is not there yet; gives the keys that were inserted."""
        if self._connection.dialect.name == "sqlite":
            return self._insert_sqlite(events)
        rows = [
            {
                "endpoint": event.endpoint,
                "event_id": event.event_id,
                "verification": event.verification.value,
                "body": event.body,
                "received_at": event.received_at,
                "state": "received",
                "attempts": 0,
                "next_attempt_at": event.received_at,
            }
            for event in events
        ]
        if not rows:
            return set()
        inserted = self._connection.execute(
            postgresql_insert(inbox)
            .on_conflict_do_nothing(index_elements=["endpoint", "event_id"])
            .returning(inbox.c.endpoint, inbox.c.event_id),
            rows,
        )
        return {(endpoint, event_id) for endpoint, event_id in inserted}

    def _insert_sqlite(self, events: Sequence[ReceivedEvent]) -> set[tuple[str, str]]:
        # On the driver's cursor and many rows a statement: a third of the time, and the thread gives the interpreter
        # away once a statement instead of once a row, which under load is what it waits for.
        stored: set[tuple[str, str]] = set()
        cursor = self._connection.connection.cursor()
        try:
            start = 0
            while start < len(events):
                # Powers of two: nine statements, which the driver keeps prepared, make up every number of rows.
                size = 1 << min((len(events) - start).bit_length() - 1, _LARGEST_POWER)
                part = events[start : start + size]
                cursor.execute(_sqlite_insert(size), _sqlite_values(part))
                if cursor.rowcount == size:
                    stored.update((event.endpoint, event.event_id) for event in part)
                elif cursor.rowcount:
                    # The new rows got the highest ids: nobody else writes meanwhile.
                    last = cursor.lastrowid
                    cursor.execute(
                        "SELECT endpoint, event_id FROM inbox WHERE id > ? AND id <= ?",
                        (last - cursor.rowcount, last),
                    )
                    stored.update(cursor.fetchall())
                start += size
        except Exception as error:
            ours = translated(error)
            if ours is None:
                raise
            raise ours from error
        finally:
            cursor.close()
        return stored

    def _bodies(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        found: dict[tuple[str, str], bytes] = {}
        for start in range(0, len(keys), _KEYS_PER_SELECT):
            rows = self._connection.execute(
                select(inbox.c.endpoint, inbox.c.event_id, inbox.c.body).where(
                    tuple_(inbox.c.endpoint, inbox.c.event_id).in_(
                        keys[start : start + _KEYS_PER_SELECT]
                    )
                )
            )
            found.update({(endpoint, event_id): body for endpoint, event_id, body in rows})
        return found

    def claim_due(self, endpoint: str, lease: timedelta, *, limit: int = 20) -> Sequence[InboxRow]:
        """Take the events it is time to work on, oldest first, under one lease.

        A row whose lease ran out is taken over; its old token is void from then on.
        """
        now = self._clock.now()
        due = list(
            self._connection.scalars(
                select(inbox.c.id)
                .where(
                    inbox.c.endpoint == endpoint,
                    inbox.c.state == "received",
                    inbox.c.next_attempt_at <= now,
                    or_(inbox.c.lease_expires_at.is_(None), inbox.c.lease_expires_at <= now),
                )
                .order_by(inbox.c.id)
                .limit(limit)
                .with_for_update(skip_locked=True)  # PostgreSQL; SQLite has one writer
            )
        )
        if not due:
            return []
        self._connection.execute(
            update(inbox)
            .where(inbox.c.id.in_(due))
            .values(
                lease_token=secrets.token_hex(8),
                lease_expires_at=now + lease,
                attempts=inbox.c.attempts + 1,
            )
        )
        return self._rows(select(inbox).where(inbox.c.id.in_(due)).order_by(inbox.c.id))

    def finish(self, row_id: int, lease_token: str) -> None:
        """The event has had its effect. Raises InvariantBroken when the lease was taken over."""
        self._complete(
            row_id,
            lease_token,
            state="done",
            next_attempt_at=None,
            reason=None,
            finished_at=self._clock.now(),
        )

    def quarantine(self, row_id: int, lease_token: str, reason: str) -> None:
        """Nothing can be done with the event; a person may look at it. Raises InvariantBroken as `finish`."""
        self._complete(
            row_id,
            lease_token,
            state="quarantined",
            next_attempt_at=None,
            reason=reason,
            finished_at=self._clock.now(),
        )

    def retry_later(self, row_id: int, lease_token: str, at: datetime, reason: str) -> None:
        """Give the event back, due at `at`. Raises InvariantBroken as `finish`."""
        self._complete(
            row_id,
            lease_token,
            state="received",
            next_attempt_at=at,
            reason=reason,
            finished_at=None,
        )

    def release_leases(self) -> int:
        """End every lease now: for the one program that may work on this store, when it starts."""
        return self._connection.execute(
            update(inbox)
            .where(inbox.c.lease_token.is_not(None), inbox.c.state == "received")
            .values(lease_expires_at=self._clock.now())
        ).rowcount

    def release(self, row_id: int) -> None:
        """A person's decision: work on a quarantined event again. Raises InvariantBroken if it is not one."""
        changed = self._connection.execute(
            update(inbox)
            .where(inbox.c.id == row_id, inbox.c.state == "quarantined")
            .values(state="received", next_attempt_at=self._clock.now(), finished_at=None)
        ).rowcount
        if changed != 1:
            raise InvariantBroken(f"Inbox row {row_id} is not quarantined; nothing was changed.")

    def again(self, row_ids: Sequence[int]) -> int:
        """A person's decision: work on events once more, finished or quarantined. Those that wait already are left as they
        are. Gives how many."""
        now, changed = self._clock.now(), 0
        for start in range(0, len(row_ids), _KEYS_PER_SELECT):
            changed += self._connection.execute(
                update(inbox)
                .where(
                    inbox.c.id.in_(row_ids[start : start + _KEYS_PER_SELECT]),
                    inbox.c.state.in_(("done", "quarantined")),
                )
                .values(state="received", next_attempt_at=now, finished_at=None)
            ).rowcount
        return changed

    def get(self, row_id: int) -> InboxRow | None:
        rows = self._rows(select(inbox).where(inbox.c.id == row_id))
        return rows[0] if rows else None

    def counts(self) -> dict[tuple[str, str], int]:
        """Rows by (endpoint, state)."""
        rows = self._connection.execute(
            select(inbox.c.endpoint, inbox.c.state, func.count()).group_by(
                inbox.c.endpoint, inbox.c.state
            )
        )
        return {(endpoint, state): count for endpoint, state, count in rows}

    def list(
        self,
        *,
        endpoint: str | None = None,
        states: Sequence[str] | None = None,
        after_id: int = 0,
        limit: int = 100,
    ) -> Sequence[InboxRow]:
        """Rows in order of arrival, page by page (`after_id`: the last one seen)."""
        query = select(inbox).where(inbox.c.id > after_id).order_by(inbox.c.id).limit(limit)
        if endpoint is not None:
            query = query.where(inbox.c.endpoint == endpoint)
        return self._rows(query if states is None else query.where(inbox.c.state.in_(states)))

    def _complete(self, row_id: int, lease_token: str, **values: Any) -> None:
        changed = self._connection.execute(
            update(inbox)
            .where(
                inbox.c.id == row_id,
                inbox.c.state == "received",
                inbox.c.lease_token == lease_token,
            )
            .values(lease_token=None, lease_expires_at=None, **values)
        ).rowcount
        if changed != 1:
            raise InvariantBroken(
                f"The lease on inbox row {row_id} was taken over; this completion is void."
            )

    def _rows(self, query: Select[Any]) -> Sequence[InboxRow]:
        return [_row(row) for row in self._connection.execute(query)]


@cache
def _sqlite_insert(size: int) -> str:
    return (
        "INSERT INTO inbox (endpoint, event_id, verification, body, received_at, state, attempts, next_attempt_at) "
        "VALUES " + ", ".join(["(?, ?, ?, ?, ?, 'received', 0, ?)"] * size) + " "
        "ON CONFLICT (endpoint, event_id) DO NOTHING"
    )


def _sqlite_values(events: Sequence[ReceivedEvent]) -> Sequence[str | bytes]:
    values: list[str | bytes] = []
    for event in events:
        received_at = _instant(event.received_at)
        values += (
            event.endpoint,
            event.event_id,
            event.verification.value,
            event.body,
            received_at,
            received_at,
        )
    return values


def _instant(value: datetime) -> str:
    """As `schema.Instant` writes it, in a third of the time."""
    return value.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def _row(row: Row[Any]) -> InboxRow:
    return InboxRow(**row._mapping)
