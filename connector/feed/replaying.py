"""Sending a range of events again, because a receiver lost them: first the counts, then the deed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from connector.config.model import FeedEndpoint
from connector.errors import Refused
from connector.feed.delivering import wanted_by
from connector.feed.reading import position_of
from connector.store.feed import Wanted
from connector.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Preview:
    """What a replay would send. `still_open` of them are on their way already and are left out."""

    by_status: dict[str, int]
    still_open: int

    @property
    def count(self) -> int:
        """How many deliveries it would add."""
        return sum(self.by_status.values()) - self.still_open


def replay_range(
    tx: Transaction, endpoint: FeedEndpoint, begin: str | None, end: str | None
) -> Wanted:
    """The events an endpoint wants between two bounds, each a cursor, a date or an instant (ISO 8601, UTC where it
    says no zone). A date as the end means the whole day; a cursor as the begin means the events after it.

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
    return wanted


def preview(tx: Transaction, endpoint: FeedEndpoint, wanted: Wanted) -> Preview:
    """What `replay` would do now."""
    still_open = tx.feed_deliveries.open_among(endpoint.name, wanted)
    return Preview(tx.feed.counts(wanted), still_open)


def replay(tx: Transaction, endpoint: FeedEndpoint, wanted: Wanted, *, by: str) -> int:
    """Queue them behind what waits, each under its own identifier as before. Gives how many."""
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
