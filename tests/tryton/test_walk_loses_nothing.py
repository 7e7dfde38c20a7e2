"""Property: whatever transactions begin, last and end while walks read page by page, no record's last state is missed.

The source here behaves like Tryton on PostgreSQL: a row carries the start of its transaction and shows at its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.sandbox.tryton.domain import matches
from connector.system import Cursor
from connector.systems.tryton.walk import Walk, Walked
from connector.systems.tryton.wire import moment_text

BEGAN = datetime(2026, 3, 2, tzinfo=UTC)
OVERLAP_SECONDS = 60
INVOICES = Walked("account.invoice", [], ("create_date", "write_date"), ("lines.write_date",))


def moment_of(seconds: int) -> str:
    return moment_text(BEGAN + timedelta(seconds=seconds))


@dataclass
class Row:
    id: int
    create_date: str
    write_date: str | None
    line_date: str | None = None
    revision: int = 0


@dataclass(frozen=True)
class Change:
    """One transaction: it begins, and `lasts` seconds later what it did becomes visible."""

    begins: int
    lasts: int
    kind: str
    ids: tuple[int, ...]


@dataclass
class Source:
    """Stands where the client stands. Every call takes `pace` seconds."""

    changes: list[Change]
    pace: int = 1
    rows: dict[int, Row] = field(default_factory=dict)
    now: int = 0
    server_time: datetime | None = None
    done: set[int] = field(default_factory=set)

    def advance(self, seconds: int) -> None:
        self.now += seconds
        ended = [
            (change.begins + change.lasts, place, change)
            for place, change in enumerate(self.changes)
            if place not in self.done and change.begins + change.lasts <= self.now
        ]
        for _, place, change in sorted(ended, key=lambda found: found[:2]):
            self.done.add(place)
            self._apply(change)

    def _apply(self, change: Change) -> None:
        at = moment_of(change.begins)
        for key in change.ids:
            row = self.rows.get(key)
            if row is None:
                row = self.rows[key] = Row(key, at, at if change.kind == "write" else None)
            elif change.kind == "line":
                row.line_date = at
            else:
                row.write_date = at
            row.revision += 1

    def values(self, _model: str, row: Row, path: str) -> list[Any]:
        if path == "lines.write_date":
            return [plain(row.line_date)]
        value = getattr(row, path)
        return [value if path == "id" else plain(value)]

    def search_read(
        self,
        model: str,
        domain: Any,
        fields: Any,
        *,
        limit: int | None = None,
        order: Any = (("id", "ASC"),),
    ) -> list[dict[str, Any]]:
        self.advance(self.pace)
        found: list[Any] = [
            row
            for row in self.rows.values()
            if matches(self, model, row, domain)  # type: ignore[arg-type]
        ]
        for name, direction in reversed(list(order)):
            found.sort(key=lambda row, n=name: getattr(row, n) or "", reverse=direction == "DESC")  # type: ignore[misc]
        return [
            {
                "id": row.id,
                "create_date": row.create_date,
                "write_date": row.write_date,
                "revision": row.revision,
            }
            for row in found[:limit]
        ]


def plain(text: str | None) -> str | None:
    """The form in which the domain's typed values are compared."""
    return None if text is None else text.removesuffix("Z")


changes = st.lists(
    st.builds(
        Change,
        begins=st.integers(0, 400),
        lasts=st.integers(0, OVERLAP_SECONDS),
        kind=st.sampled_from(("write", "write", "create", "line")),
        ids=st.lists(st.integers(1, 12), min_size=1, max_size=6, unique=True).map(tuple),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(
    changes=changes,
    pace=st.integers(1, 30),
    pauses=st.lists(st.integers(0, 120), min_size=1, max_size=5),
    page_size=st.integers(1, 4),
    cut_after=st.lists(st.integers(0, 8), max_size=5),
)
def test_the_last_state_of_every_record_is_seen(
    changes: list[Change], pace: int, pauses: list[int], page_size: int, cut_after: list[int]
) -> None:
    source = Source(changes, pace)
    walk = Walk(source, INVOICES, timedelta(seconds=OVERLAP_SECONDS), page_size)  # type: ignore[arg-type]
    seen: dict[int, int] = {}
    cursor: Cursor | None = None
    cuts = iter(cut_after)
    for pause in [*pauses, 1000]:
        source.advance(pause)
        cut = next(cuts, None) if pause != 1000 else None
        for number, step in enumerate(walk.steps(cursor)):
            for row in step.rows:
                seen[row["id"]] = max(row["revision"], seen.get(row["id"], 0))
            cursor = step.cursor or cursor
            if number == cut:
                break
    assert seen == {row.id: row.revision for row in source.rows.values()}


def test_a_timestamp_in_the_future_does_not_carry_the_cursor_away() -> None:
    """The server's clock was set back: the cursor follows its present time, not the newest timestamp."""
    source = Source([Change(100_000, 0, "write", (1,))])
    source.rows[1] = Row(1, moment_of(100_000), moment_of(100_000))
    source.server_time = BEGAN + timedelta(seconds=500)
    walk = Walk(source, INVOICES, timedelta(seconds=OVERLAP_SECONDS), 10)  # type: ignore[arg-type]
    cursors = [step.cursor for step in walk.steps(None) if step.cursor is not None]
    assert max(cursors[-1].values()) == moment_of(500 - OVERLAP_SECONDS)


@pytest.mark.parametrize("begins", range(0, 200, 10))
def test_a_walk_cut_off_while_the_server_is_busy_remembers_no_more_than_it_may(begins: int) -> None:
    """Pages are slow, something is written all the time, and one long transaction ends behind the walk's back."""
    busy = [Change(at, 0, "write", (2 + at // 5 % 11,)) for at in range(0, 600, 5)]
    slow = Change(begins, OVERLAP_SECONDS, "write", (1,))
    for cut in range(12):
        source = Source([*busy, slow], pace=15)
        walk = Walk(source, INVOICES, timedelta(seconds=OVERLAP_SECONDS), 1)  # type: ignore[arg-type]
        seen: dict[int, int] = {}
        cursor: Cursor | None = None
        for number, step in enumerate(walk.steps(None)):
            seen.update({row["id"]: row["revision"] for row in step.rows})
            cursor = step.cursor or cursor
            if number == cut:
                break
        source.advance(1000)
        for step in walk.steps(cursor):
            seen.update({row["id"]: row["revision"] for row in step.rows})
        assert seen == {row.id: row.revision for row in source.rows.values()}
