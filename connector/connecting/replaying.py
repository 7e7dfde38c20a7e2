"""Repeating deliveries: events that came are worked on once more, parked messages are tried again, what an endpoint of the
status feed lost is sent to it again. First the count, then the deed; never more than `MOST` at once.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from connector.acting import Actions
from connector.bootstrap import Program
from connector.errors import InvariantBroken, NotFound, Refused
from connector.feed import replaying as feed_replaying
from connector.store.transaction import Transaction
from connector.views import Json, money

MOST = feed_replaying.MOST
WHAT = ("events", "messages", "feed")


@dataclass(frozen=True, slots=True)
class Range:
    """Which deliveries. `what`: one of `WHAT`. `name`: the sender of events, the receiver of messages (None: any), or the
    endpoint of the feed. Both days are included (UTC)."""

    what: str
    name: str | None = None
    since: date | None = None
    until: date | None = None
    state: str | None = None
    """Of events: `done` or `quarantined`; None: both."""
    kind: str | None = None
    """Of messages."""
    after: str | None = None
    """Of the feed: only what comes after this cursor."""

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """From (inclusive) and before (exclusive)."""
        begin = None if self.since is None else datetime.combine(self.since, time(), UTC)
        if self.until is None:
            return begin, None
        return begin, datetime.combine(self.until, time(), UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be repeated: how many, by what, and (messages) the invoices behind it with their money."""

    count: int
    parts: list[tuple[str, int]] = field(default_factory=list)
    sums: list[Json] = field(default_factory=list)
    rest: str | None = None
    """Where there are more than are repeated at once: that the oldest are taken, and how to go on."""
    goes_on_at: str | None = None
    """Of the feed: the cursor with which to go on."""


def preview(program: Program, wanted: Range) -> Preview:
    """What `repeat` would do now. Raises NotFound, Refused."""
    _check(program, wanted)
    with program.database.read() as tx:
        if wanted.what == "feed":
            endpoint = program.feed.get(wanted.name or "")
            found = feed_replaying.preview(tx, endpoint, _feed_range(program, tx, wanted))
            at = found.goes_on_at
            rest = None if at is None else _rest(f"Then go on after the cursor {at}.")
            return Preview(found.count, sorted(found.by_status.items()), rest=rest, goes_on_at=at)
        ids, parts, invoices, is_cut = _chosen(tx, wanted)
        sums = [
            {"count": count, **money(amount, currency)}
            for currency, count, amount in tx.deliveries.sums_of(invoices)
        ]
        rest = _rest(_how_to_go_on(tx, wanted, ids)) if is_cut else None
    return Preview(len(ids), parts, sums, rest)


def _rest(how: str) -> str:
    return f"The range holds more: at most {MOST:,} are repeated at once, the oldest first. {how}"


def _how_to_go_on(tx: Transaction, wanted: Range, ids: list[int]) -> str:
    if wanted.what == "messages":
        return "Then repeat the range once more: these are no longer parked."
    last = tx.inbox.get(ids[-1])
    day = "" if last is None else f", {last.received_at:%Y-%m-%d}"
    return f"Then begin with the day on which the last of these came{day}."


def repeat(program: Program, wanted: Range, *, reason: str, by: str) -> int:
    """Do it. Gives how many; the range is read anew, so it may differ from a preview. Raises NotFound, Refused."""
    _check(program, wanted)
    reason = reason.strip()[:500]
    if not reason:
        raise Refused("A reason is needed.", remedy="Say why; it is kept in the audit log.")
    if wanted.what == "messages":
        return _again(program, wanted, reason, by)
    with program.database.write() as tx:
        if wanted.what == "feed":
            endpoint = program.feed.get(wanted.name or "")
            chosen = _feed_range(program, tx, wanted)
            return feed_replaying.replay(tx, endpoint, chosen, by=by)
        ids, _, _, _ = _chosen(tx, wanted)
        count = tx.inbox.again(ids)
        tx.audit.append(by, "events.repeated", wanted.name or "all", _detail(wanted, count, reason))
    return count


def _again(program: Program, wanted: Range, reason: str, by: str) -> int:
    """Each message by a decision of its own, as a person decides about one."""
    with program.database.read() as tx:
        ids, _, _, _ = _chosen(tx, wanted)
    parked = Actions(program).parked
    count = 0
    for row_id in ids:
        with suppress(InvariantBroken, Refused):  # somebody else decided about it meanwhile
            parked.decide(row_id, "again", reason, by=by)
            count += 1
    with program.database.write() as tx:
        detail = _detail(wanted, count, reason)
        tx.audit.append(by, "messages.repeated", wanted.name or "all", detail)
    return count


def _detail(wanted: Range, count: int, reason: str) -> Json:
    return {
        "count": count,
        "reason": reason,
        "since": None if wanted.since is None else wanted.since.isoformat(),
        "until": None if wanted.until is None else wanted.until.isoformat(),
    }


def tasks_after(program: Program, wanted: Range) -> list[str]:
    """The tasks that work off what was repeated."""
    config = program.config
    if wanted.what == "feed":
        return [f"feed:{wanted.name}"]
    if wanted.what == "events":
        named = [*config.connections, *config.financiers] if wanted.name is None else [wanted.name]
        return [f"hear:{name}" for name in named]
    return [f"submit:{flow.name}" for flow in config.flows] + [
        f"write_back:{name}" for name in config.connections
    ]


def _check(program: Program, wanted: Range) -> None:
    if wanted.what not in WHAT:
        raise NotFound(f"There is nothing called {wanted.what[:40]!r} to repeat.")
    if wanted.what == "feed":
        program.feed.get(wanted.name or "")
        program.feed.register()
    elif wanted.name is not None and wanted.name not in {
        *program.config.connections,
        *program.config.financiers,
    }:
        raise NotFound(f"There is no connection or financier {wanted.name[:80]!r}.")
    if wanted.since is not None and wanted.until is not None and wanted.until < wanted.since:
        raise Refused("The range ends before it begins.", remedy="Exchange the two days.")


def _chosen(
    tx: Transaction, wanted: Range
) -> tuple[list[int], list[tuple[str, int]], list[int], bool]:
    """(rows, how many of which part, financing invoices, whether there are more than `MOST`)."""
    since, before = wanted.bounds
    if wanted.what == "events":
        found = tx.deliveries.heard_between(
            since, before, endpoint=wanted.name, state=wanted.state, limit=MOST + 1
        )
        events = found[:MOST]
        parts = Counter(f"{endpoint}: {state}" for _, endpoint, state in events)
        is_cut = len(found) > MOST
        return [row_id for row_id, _, _ in events], sorted(parts.items()), [], is_cut
    parked = tx.deliveries.parked_between(
        since, before, target=wanted.name, kind=wanted.kind, limit=MOST + 1
    )
    rows = parked[:MOST]
    kinds = Counter(f"{row.kind.replace('_', ' ')} to {row.target}" for row in rows)
    return (
        [row.id for row in rows],
        sorted(kinds.items()),
        [row.financing_invoice_id for row in rows],
        len(parked) > MOST,
    )


def _feed_range(program: Program, tx: Transaction, wanted: Range) -> feed_replaying.Chosen:
    begin = wanted.after or (None if wanted.since is None else wanted.since.isoformat())
    end = None if wanted.until is None else wanted.until.isoformat()
    endpoint = program.feed.get(wanted.name or "")
    return feed_replaying.replay_range(tx, endpoint, begin, end)
