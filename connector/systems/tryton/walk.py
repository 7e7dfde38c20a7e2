"""How the changes of a Tryton model are walked, so that none is missed.

Three lanes, because Tryton's `write_date` alone does not find every change (docs/tryton.md):

    created   records never modified: their write_date is null, create_date stands for it
    written   modified records, by write_date
    related   records whose related rows changed without touching them (a due date moved on a move line)

Within a lane the walk goes on from the last (timestamp, id): a bulk post gives hundreds of records one timestamp.
A timestamp is the *start* of the transaction that wrote it, and the record appears at its end. So the cursor stays
`overlap` behind the newest timestamp that was visible when the walk began: whatever began before that and lasted no
longer than `overlap` had ended by then, and was on the pages. It is also kept behind the server's own clock, in case
a timestamp lies in the future.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from connector.errors import ContractDrift
from connector.system import Cursor
from connector.systems.tryton.client import Domain, Row, TrytonClient
from connector.systems.tryton.wire import encode_moment, moment, moment_text

KeyT = TypeVar("KeyT", int, tuple[str, int])

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_LANES = {"created": "create_date", "written": "write_date"}


@dataclass(frozen=True, slots=True)
class Walked:
    """A model and what to read of it. `related` are paths to timestamps of other rows that belong to the record."""

    model: str
    domain: Domain
    fields: tuple[str, ...]
    related: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One page of rows, and the cursor that is true once they are stored (None: no progress to note yet)."""

    rows: list[Row]
    cursor: Cursor | None


class Walk:
    """Walks one model once."""

    def __init__(
        self, client: TrytonClient, walked: Walked, overlap: timedelta, page_size: int
    ) -> None:
        self._client = client
        self._walked = walked
        self._overlap = overlap
        self._page_size = page_size

    def steps(self, cursor: Cursor | None) -> Iterator[Step]:
        """The pages from `cursor` on; the last step carries where the next walk begins.

        Raises ContractDrift for a cursor or a timestamp that cannot be read, and what the client raises.
        """
        begin = self._read(cursor or {})
        newest = self._newest()
        if newest is None:
            return
        floor = self._behind(newest, newest)
        progress = dict(begin)
        # A first walk that is cut off must later find what became of the related rows of its early pages.
        progress.setdefault("related", floor)
        for lane, column in _LANES.items():
            for rows in self._by_moment(column, begin.get(lane)):
                reached = self._behind(rows[-1][column], newest)
                progress[lane] = max(progress.get(lane, ""), reached)
                yield Step(rows, dict(progress))
        if "related" in begin:
            for rows in self._by_related(begin["related"]):
                yield Step(rows, None)
        end = {lane: max(begin.get(lane, ""), floor) for lane in (*_LANES, "related")}
        if end != progress:
            yield Step([], end)

    # -- where the cursor may go ----------------------------------------------------------------------------------

    def _newest(self) -> str | None:
        """The newest timestamp visible now, not beyond the server's clock; None for an empty model."""
        found = []
        for column in _LANES.values():
            rows = self._client.search_read(
                self._walked.model,
                [*self._walked.domain, [column, "!=", None]],
                [column],
                limit=1,
                order=[(column, "DESC")],
            )
            found += [_moment_of(row, column) for row in rows]
        if not found:
            return None
        newest: str = max(found)
        if self._client.server_time is not None:
            newest = min(newest, moment_text(self._client.server_time))
        return newest

    def _behind(self, reached: str, newest: str) -> str:
        return moment_text(moment(min(reached, newest)) - self._overlap)

    def _read(self, cursor: Cursor) -> Cursor:
        for lane in cursor.values():
            try:
                moment(lane)
            except ValueError:
                raise ContractDrift(
                    "The stored cursor of this stream is not one of Tryton's.",
                    remedy="Run a full walk of the stream.",
                ) from None
        return dict(cursor)

    # -- the lanes ------------------------------------------------------------------------------------------------

    def _by_moment(self, column: str, since: str | None) -> Iterator[list[Row]]:
        never_written: Domain = [["write_date", "=", None]] if column == "create_date" else []
        clause: Domain = (
            [[column, "!=", None]] if since is None else [[column, ">=", encode_moment(since)]]
        )
        reached: tuple[str, int] = ("", 0)
        while True:
            rows = self._page([*never_written, *clause], [(column, "ASC"), ("id", "ASC")])
            reached = _in_order([(_moment_of(row, column), row["id"]) for row in rows], reached)
            if rows:
                yield rows
            if len(rows) < self._page_size:
                return
            last = encode_moment(rows[-1][column])
            clause = [
                [
                    "OR",
                    [[column, ">", last]],
                    [[column, "=", last], ["id", ">", rows[-1]["id"]]],
                ]
            ]

    def _by_related(self, since: str) -> Iterator[list[Row]]:
        if not self._walked.related:
            return
        at = encode_moment(since)
        changed: Domain = ["OR", *([path, ">=", at] for path in self._walked.related)]
        after = 0
        while True:
            rows = self._page([changed, ["id", ">", after]], [("id", "ASC")])
            after = _in_order([row["id"] for row in rows], after)
            if rows:
                yield rows
            if len(rows) < self._page_size:
                return

    def _page(self, clause: Domain, order: list[tuple[str, str]]) -> list[Row]:
        return self._client.search_read(
            self._walked.model,
            [*self._walked.domain, *clause],
            self._walked.fields,
            limit=self._page_size,
            order=order,
        )


def _moment_of(row: Row, column: str) -> str:
    """A row's timestamp. Raises ContractDrift where it has none that could be walked by."""
    found = row.get(column)
    if not isinstance(found, str) or _MOMENT.fullmatch(found) is None:
        raise ContractDrift(f"A row of Tryton has no readable {column}, though it was asked for.")
    return found


def _in_order(keys: list[KeyT], reached: KeyT) -> KeyT:
    """The last key of a page. Raises ContractDrift when the page is not in the order that was asked for: the walk goes on
    from its last row, so it would pass rows by, or never end."""
    if keys != sorted(keys) or (keys and keys[-1] <= reached):
        raise ContractDrift("A page of Tryton is not in the order that was asked for.")
    return keys[-1] if keys else reached
