"""The status feed's events: one for each applied status, numbered in the order of the commits; append-only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select

from connector.store.repository import Repository
from connector.store.schema import feed_events

_APPEND_LOCK = 0x66656564
"""PostgreSQL advisory lock: one transaction appends at a time, until its commit can be seen. So who sees position n sees
every one before it, and none appears later in between."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event. `body` is JSON text, as it is signed and sent."""

    position: int
    event_id: str
    timeline_id: int
    financing_invoice_id: int
    connection: str
    status: str
    occurred_at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are meant. Empty `connections` or `statuses`: all of them. `after` is exclusive, `until`
    inclusive, in positions; `since` inclusive, `before` exclusive, in time."""

    after: int = 0
    until: int | None = None
    since: datetime | None = None
    before: datetime | None = None
    connections: Collection[str] = ()
    statuses: Collection[str] = ()

    def chooses(self, event: FeedEvent) -> bool:
        """Whether its connection and its status are meant."""
        return (not self.connections or event.connection in self.connections) and (
            not self.statuses or event.status in self.statuses
        )


class Feed(Repository):
    """The events, seen from inside one transaction."""

    def append(
        self,
        *,
        event_id: str,
        timeline_id: int,
        financing_invoice_id: int,
        connection: str,
        status: str,
        occurred_at: datetime,
        body: str,
    ) -> int:
        """Add the next event; gives its position. Do it late in a transaction: others wait for its end.

        Raises InvariantBroken when the status of the timeline has its event already.
        """
        if not self._is_sqlite:
            self._connection.execute(select(func.pg_advisory_xact_lock(_APPEND_LOCK)))
        position = self.end() + 1
        self._connection.execute(
            feed_events.insert().values(
                position=position,
                event_id=event_id,
                timeline_id=timeline_id,
                financing_invoice_id=financing_invoice_id,
                connection=connection,
                status=status,
                occurred_at=occurred_at,
                body=body,
            )
        )
        return position

    def end(self) -> int:
        """The position of the last event; 0 when there is none."""
        last: int | None = self._connection.scalar(select(func.max(feed_events.c.position)))
        return last or 0

    def at(self, position: int) -> FeedEvent | None:
        """The event at a position."""
        found = self._rows(select(feed_events).where(feed_events.c.position == position))
        return found[0] if found else None

    def page(self, wanted: Wanted, limit: int) -> list[FeedEvent]:
        """The first `limit` events that are meant, in order."""
        query = self._narrowed(select(feed_events), wanted)
        return self._rows(query.order_by(feed_events.c.position).limit(limit))

    def counts(self, wanted: Wanted) -> dict[str, int]:
        """How many events are meant, by status."""
        query = self._narrowed(select(feed_events.c.status, func.count()), wanted)
        rows = self._connection.execute(
            query.group_by(feed_events.c.status).order_by(feed_events.c.status)
        )
        return {row[0]: row[1] for row in rows}

    def _narrowed(self, query: Select[Any], wanted: Wanted) -> Select[Any]:
        columns = feed_events.c
        query = query.where(columns.position > wanted.after)
        if wanted.until is not None:
            query = query.where(columns.position <= wanted.until)
        if wanted.since is not None:
            query = query.where(columns.occurred_at >= wanted.since)
        if wanted.before is not None:
            query = query.where(columns.occurred_at < wanted.before)
        if wanted.connections:
            query = query.where(self._among(columns.connection, list(wanted.connections)))
        if wanted.statuses:
            query = query.where(self._among(columns.status, list(wanted.statuses)))
        return query

    def _rows(self, query: Select[Any]) -> list[FeedEvent]:
        rows: Sequence[Row[Any]] = self._connection.execute(query).all()
        return [FeedEvent(**row._mapping) for row in rows]
