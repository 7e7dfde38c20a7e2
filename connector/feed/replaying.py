"""Sending a range of events again, because a receiver lost them: first the counts, then the deed. Never
more than `MOST` at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from connector.config.model import FeedEndpoint
from connector.errors import Refused
from connector.feed.delivering import wanted_by
from connector.feed.reading import cursor_of, position_of
from connector.store.feed import Wanted
from connector.store.transaction import Transaction

MOST = 1000
"""How many events are sent again at once: the oldest of the range."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The events of one replay: at most `MOST`. `goes_on_at`: the cursor after them, where the range holds more."""

    wanted: Wanted
    goes_on_at: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a replay would send. `still_open` of them are on their way already and are left out. `goes_on_at`: the cursor
    with which the next replay begins, where the range holds more than are taken at once."""

    by_status: dict[str, int]
    still_open: int
    goes_on_at: str | None = None

    @property
    def count(self) -> int:
        """How many deliveries it would add."""
        return sum(self.by_status.values()) - self.still_open


def replay_range(
    tx: Transaction, endpoint: FeedEndpoint, begin: str | None, end: str | None
) -> Chosen:
    """The events an endpoint wants between two bounds, each a cursor, a date or an instant (ISO 8601, UTC where it
    says no zone). A date as the end means the whole day; a cursor as the begin means the events after it. Of more than
    `MOST` the oldest.

    Raises Refused for a bound that is none of these, and CursorRefused.
    """
    offered = tx.feed_endpoints.get(endpoint.name).position
    wanted = replace(wanted_by(endpoint), until=offered)  # what comes after is sent anyhow
    if begin is not None:
        since = _instant(begin, end_of_day=False)
        after = 0 if since else position_of(tx, begin)
        wanted = replace(wanted, since=since, after=after)
    if end is not None:
        before = _instant(end, end_of_day=True)
        until = offered if before else min(offered, position_of(tx, end))
        wanted = replace(wanted, before=before, until=until)
    events = tx.feed.page(wanted, MOST + 1)
    if len(events) <= MOST:
        return Chosen(wanted)
    last = events[MOST - 1]
    return Chosen(replace(wanted, until=last.position), cursor_of(last))


def preview(tx: Transaction, endpoint: FeedEndpoint, chosen: Chosen) -> Preview:
    """What `replay` would do now."""
    still_open = tx.feed_deliveries.open_among(endpoint.name, chosen.wanted)
    return Preview(tx.feed.counts(chosen.wanted), still_open, chosen.goes_on_at)


def replay(tx: Transaction, endpoint: FeedEndpoint, chosen: Chosen, *, by: str) -> int:
    """Queue them behind what waits, each under its own identifier as before. Gives how many."""
    wanted = chosen.wanted
    added = tx.feed_deliveries.replay(endpoint.name, wanted)
    detail = {"count": added, "after": wanted.after, "until": wanted.until}
    tx.audit.append(by, "feed.replayed", endpoint.name, detail)
    return added


def _instant(text: str, *, end_of_day: bool) -> datetime | None:
    """The instant a bound names, or None where it is a cursor."""
    if text.count("-") < 2:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"{text[:40]!r} is neither a cursor nor a date.",
            remedy="Write a date like 2026-03-31, an instant like 2026-03-31T12:00:00Z, or a cursor of the feed.",
        ) from None
    if end_of_day and len(text) == len("2026-03-31"):
        found += timedelta(days=1)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
