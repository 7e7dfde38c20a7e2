"""Reading the feed: pages by cursor, for the API and the export, and how its endpoints fare.

A cursor names the last event that was read. It never skips one: events are numbered in the order of their commits. It
also carries a part of that event's identifier, so that a cursor from before a restore is refused, not misread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.errors import Refused
from connector.store.feed import FeedEvent, Wanted
from connector.store.feed_endpoints import EndpointRow
from connector.store.transaction import Transaction

START = "0"
"""The cursor before the first event."""
MOST = 1000
"""How many events one page has at most."""

_CURSOR = re.compile(r"([1-9][0-9]{0,17})-([0-9a-f]{8})", re.ASCII)


class CursorRefused(Refused):
    """The text is no cursor of this feed, or its event is no longer the one it was made for."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, in order. `next_cursor` goes on after them; `has_more`: at once."""

    events: tuple[Mapping[str, Any], ...]
    next_cursor: str
    has_more: bool

    def as_json(self) -> dict[str, Any]:
        """As the API and the export give it."""
        return {
            "events": list(self.events),
            "next_cursor": self.next_cursor,
            "has_more": self.has_more,
        }


def page(
    tx: Transaction,
    after: str | None,
    limit: int,
    *,
    connections: Collection[str] = (),
    statuses: Collection[str] = (),
) -> Page:
    """The events after a cursor, up to `limit` (1 to 1000). Each is its JSON body and, beside it, its own `cursor`.

    Empty `connections` or `statuses`: all of them. An `after` of None or "0" begins at the first event. Raises
    CursorRefused for a cursor that is not of this feed, ValueError for another limit.
    """
    if not 1 <= limit <= MOST:
        raise ValueError(f"limit must be from 1 to {MOST}")
    position = position_of(tx, after)
    end = tx.feed.end()
    wanted = Wanted(after=position, until=end, connections=connections, statuses=statuses)
    found = tx.feed.page(wanted, limit + 1)
    shown = found[:limit]
    has_more = len(found) > limit
    last = shown[-1].position if has_more else end
    return Page(tuple(_shown(event) for event in shown), cursor_at(tx, last), has_more)


def _shown(event: FeedEvent) -> dict[str, Any]:
    return {"cursor": cursor_of(event), **json.loads(event.body)}


def cursor_of(event: FeedEvent) -> str:
    """The cursor after this event."""
    return f"{event.position}-{event.event_id.removeprefix('evt_')[:8]}"


def cursor_at(tx: Transaction, position: int) -> str:
    """The cursor after the event at `position`; 0 is the start."""
    event = tx.feed.at(position) if position else None
    return START if event is None else cursor_of(event)


def position_of(tx: Transaction, cursor: str | None) -> int:
    """The position a cursor stands for. Raises CursorRefused."""
    if cursor in (None, "", START):
        return 0
    match = _CURSOR.fullmatch(cursor or "")
    if match is None:
        raise CursorRefused(
            "This is not a cursor of the status feed.",
            http_status=400,
            remedy=f"Give the `next_cursor` of the last page as it was, or {START} for the start.",
        )
    event = tx.feed.at(int(match[1]))
    if event is None or cursor_of(event) != cursor:
        raise CursorRefused(
            "The event of this cursor is not in the feed: the store was restored from a backup, or is another one.",
            http_status=410,
            remedy=f"Read again from {START}; events you have are known by their `id`.",
        )
    return event.position


def endpoints(tx: Transaction) -> list[dict[str, Any]]:
    """How each endpoint fares: state, reason, pauses, how many events wait, went, or were given up."""
    counts = tx.feed_endpoints.counts()
    end = tx.feed.end()
    return [_endpoint(row, counts, end) for row in tx.feed_endpoints.all()]


def _endpoint(row: EndpointRow, counts: Mapping[tuple[str, str], int], end: int) -> dict[str, Any]:
    count = {
        state: counts.get((row.name, state), 0) for state in ("pending", "sending", "done", "dead")
    }
    failing = row.state == "enabled" and row.failures > 0
    return {
        "name": row.name,
        "state": "failing" if failing else row.state,
        "reason": row.reason,
        "failures": row.failures,
        "failing_since": _instant(row.failing_since),
        "next_attempt_at": _instant(row.next_attempt_at),
        "last_success_at": _instant(row.last_success_at),
        "error": row.error,
        "waiting": count["pending"] + count["sending"],
        "delivered": count["done"],
        "dead": count["dead"],
        "not_yet_offered": end - row.position,
    }


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ")
