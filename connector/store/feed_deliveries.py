"""What each endpoint of the status feed is sent: a row per event and endpoint, durable before the first byte leaves.

A row is claimed with a lease and completed only with the token of that lease. One invoice's rows towards one endpoint
come one after the other: the next is not due while an earlier one is open, and the database refuses a second in flight.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, select

from connector.errors import InvariantBroken
from connector.store.feed import FeedEvent, Wanted
from connector.store.repository import Repository
from connector.store.schema import feed_attempts, feed_deliveries

OPEN = ("pending", "sending")
_BATCH = 500


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One event for one endpoint. `refusals`: failures while the endpoint took others."""

    id: int
    endpoint: str
    position: int
    financing_invoice_id: int
    replay_no: int
    state: str
    attempts: int
    refusals: int
    next_attempt_at: datetime | None
    lease_token: str | None
    lease_expires_at: datetime | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeedAttempt:
    """One try. `finished_at` None: the program ended during it; `http_status` None: no answer came."""

    delivery_id: int
    attempt_no: int
    started_at: datetime
    finished_at: datetime | None
    http_status: int | None
    duration_milliseconds: int | None
    answer: str | None


class FeedDeliveries(Repository):
    """The deliveries, seen from inside one transaction."""

    def add(self, endpoint: str, events: Sequence[FeedEvent]) -> None:
        """Deliver new events to `endpoint`, due now, in their order."""
        self._insert(endpoint, [(event, 0) for event in events])

    def replay(self, endpoint: str, wanted: Wanted) -> int:
        """Deliver events again (or for the first time), after what is open. Those that are open are left out: they
        will come anyhow. Gives how many deliveries were added."""
        added = 0
        after = wanted.after
        while True:
            events = self._transaction.feed.page(replace(wanted, after=after), _BATCH)
            if not events:
                return added
            after = events[-1].position
            known = self._known(endpoint, [event.position for event in events])
            again = [
                (event, known.get(event.position, (-1, False))[0] + 1)
                for event in events
                if not known.get(event.position, (-1, False))[1]
            ]
            self._insert(endpoint, again)
            added += len(again)

    def open_among(self, endpoint: str, wanted: Wanted) -> int:
        """How many events that are meant still have an open delivery."""
        columns = feed_deliveries.c
        open_positions = set(
            self._connection.scalars(
                select(columns.position).where(
                    columns.endpoint == endpoint, columns.state.in_(OPEN)
                )
            )
        )
        if not open_positions:
            return 0
        lowest = max(wanted.after, min(open_positions) - 1)
        span = max(open_positions) - lowest
        events = self._transaction.feed.page(replace(wanted, after=lowest), span)
        return sum(event.position in open_positions for event in events)

    def _known(self, endpoint: str, positions: Sequence[int]) -> dict[int, tuple[int, bool]]:
        """Per position: the highest replay number, and whether one of its deliveries is open."""
        columns = feed_deliveries.c
        rows = self._connection.execute(
            select(columns.position, columns.replay_no, columns.state).where(
                columns.endpoint == endpoint, self._among(columns.position, positions)
            )
        )
        found: dict[int, tuple[int, bool]] = {}
        for position, replay_no, state in rows:
            highest, is_open = found.get(position, (-1, False))
            found[position] = (max(highest, replay_no), is_open or state in OPEN)
        return found

    def _insert(self, endpoint: str, numbered: Sequence[tuple[FeedEvent, int]]) -> None:
        if not numbered:
            return
        now = self._now()
        identifiers = self._transaction.allocate("feed_deliveries", len(numbered))
        self._connection.execute(
            feed_deliveries.insert(),
            [
                {
                    "id": identifier,
                    "endpoint": endpoint,
                    "position": event.position,
                    "financing_invoice_id": event.financing_invoice_id,
                    "replay_no": replay_no,
                    "state": "pending",
                    "attempts": 0,
                    "refusals": 0,
                    "next_attempt_at": now,
                    "created_at": now,
                }
                for identifier, (event, replay_no) in zip(identifiers, numbered, strict=True)
            ],
        )

    def due(self, endpoint: str, *, limit: int) -> list[DeliveryRow]:
        """The first open row of each invoice, where it is time to send it; the least tried ones first, so that one
        which is refused again and again does not stand before the others."""
        columns = feed_deliveries.c
        earlier = feed_deliveries.alias("earlier")
        blocked = (
            select(earlier.c.id)
            .where(
                and_(
                    earlier.c.endpoint == columns.endpoint,
                    earlier.c.financing_invoice_id == columns.financing_invoice_id,
                    earlier.c.id < columns.id,
                    earlier.c.state.in_(OPEN),
                )
            )
            .exists()
        )
        return self._rows(
            select(feed_deliveries)
            .where(
                columns.endpoint == endpoint,
                columns.state.in_(OPEN),
                columns.next_attempt_at <= self._now(),
                ~blocked,
            )
            .order_by(columns.attempts, columns.id)
            .limit(limit)
        )

    def claim(self, row: DeliveryRow, *, lease_seconds: float) -> str | None:
        """Take `row` for one attempt and write the attempt down. None when somebody else was faster.

        A row whose lease ran out is taken over; its old token is void from then on.
        """
        now = self._now()
        token = secrets.token_hex(8)
        expires = now + timedelta(seconds=lease_seconds)
        columns = feed_deliveries.c
        changed = self._connection.execute(
            feed_deliveries.update()
            .where(
                columns.id == row.id,
                columns.state == row.state,
                columns.attempts == row.attempts,
                (columns.lease_expires_at.is_(None)) | (columns.lease_expires_at <= now),
            )
            .values(
                state="sending",
                attempts=row.attempts + 1,
                lease_token=token,
                lease_expires_at=expires,
                next_attempt_at=expires,  # a sweep finds it again if we never come back
            )
        ).rowcount
        if changed != 1:
            return None
        self._connection.execute(
            feed_attempts.insert().values(
                delivery_id=row.id, attempt_no=row.attempts + 1, started_at=now
            )
        )
        return token

    def complete(
        self,
        row: DeliveryRow,
        token: str,
        *,
        state: str,
        refusals: int,
        next_attempt_at: datetime | None,
        http_status: int | None,
        duration_milliseconds: int,
        answer: str,
    ) -> None:
        """End the attempt at `row` that holds `token`. Raises InvariantBroken when the lease was taken over."""
        now = self._now()
        finished = state not in OPEN
        changed = self._connection.execute(
            feed_deliveries.update()
            .where(feed_deliveries.c.id == row.id, feed_deliveries.c.lease_token == token)
            .values(
                state=state,
                refusals=refusals,
                next_attempt_at=None if finished else next_attempt_at,
                lease_token=None,
                lease_expires_at=None,
                error=None if state == "done" else answer,
                finished_at=now if finished else None,
            )
        ).rowcount
        if changed != 1:
            raise InvariantBroken(
                f"The lease on feed delivery {row.id} was taken over; this completion is void."
            )
        self._connection.execute(
            feed_attempts.update()
            .where(
                feed_attempts.c.delivery_id == row.id,
                feed_attempts.c.attempt_no == row.attempts + 1,
            )
            .values(
                finished_at=now,
                http_status=http_status,
                duration_milliseconds=duration_milliseconds,
                answer=answer,
            )
        )

    def release_leases(self) -> int:
        """End every lease now: for the one program that may work on this store, when it starts."""
        now = self._now()
        return self._connection.execute(
            feed_deliveries.update()
            .where(feed_deliveries.c.lease_token.is_not(None))
            .values(lease_expires_at=now, next_attempt_at=now)
        ).rowcount

    def get(self, delivery_id: int) -> DeliveryRow:
        """One delivery, which must exist."""
        (row,) = self._rows(select(feed_deliveries).where(feed_deliveries.c.id == delivery_id))
        return row

    def listing(
        self, endpoint: str, *, states: Sequence[str] | None = None, limit: int = 100
    ) -> list[DeliveryRow]:
        """Deliveries of an endpoint, newest first."""
        columns = feed_deliveries.c
        query = select(feed_deliveries).where(columns.endpoint == endpoint)
        if states is not None:
            query = query.where(columns.state.in_(states))
        return self._rows(query.order_by(columns.id.desc()).limit(limit))

    def attempts_of(self, delivery_id: int) -> list[FeedAttempt]:
        """Every try of one delivery, in order."""
        rows = self._connection.execute(
            select(feed_attempts)
            .where(feed_attempts.c.delivery_id == delivery_id)
            .order_by(feed_attempts.c.attempt_no)
        )
        return [FeedAttempt(**row._mapping) for row in rows]

    def previous_try_at(self, row: DeliveryRow) -> datetime:
        """When the try before the present one began; where there was none, when the row was made."""
        before: datetime | None = self._connection.scalar(
            select(func.max(feed_attempts.c.started_at)).where(
                feed_attempts.c.delivery_id == row.id,
                feed_attempts.c.attempt_no <= row.attempts,
            )
        )
        return before or row.created_at

    def _rows(self, query: Select[Any]) -> list[DeliveryRow]:
        return [DeliveryRow(**row._mapping) for row in self._connection.execute(query)]
