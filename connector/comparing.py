"""Two mappings side by side on many stored records, on both of two cores.

A back-test spends nearly all its time here, so from some thousand records on a second process takes every other
batch. Both count for themselves; sums of comparisons merge into what one alone would have counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import date
from typing import Any, NamedTuple, Self

from connector.beside import OtherProcess, Worker, serve
from connector.corrections import from_json, judged_corrected
from connector.evaluating import judged_by_both, unreadable
from connector.strict_json import JsonRefused, loads_storable
from mappings import Comparison, Outcome, load_mapping
from mappings import Mapping as CompiledMapping

LISTED = 10_000
"""How many changes of invoices already sent a report lists one by one; beyond it only counts."""

EXAMPLES = 20

AHEAD = 2
"""How many batches the second process has at most, one of them waiting: so it never waits for this one."""


class Stored(NamedTuple):
    """One stored version to be compared. `key` names it in the report, `state` is that of its financing invoice where
    it was sent already."""

    key: str
    raw: bytes
    state: str | None
    is_latest: bool
    correction: str | None = None
    """The correction in force, as the store keeps it."""


class Pair(NamedTuple):
    """Everything a comparison depends on; it can be sent to another process. Documents are TOML."""

    active: str
    draft: str
    name: str
    today: date


class Sums:
    """What was counted: the latest version of every record, and apart from it the versions before."""

    def __init__(self) -> None:
        self.latest = Comparison(examples=EXAMPLES, listed=LISTED)
        self.older = Comparison(examples=EXAMPLES, listed=0)

    def add(
        self,
        active: CompiledMapping,
        draft: CompiledMapping,
        today: date,
        batch: Sequence[Stored],
    ) -> None:
        """Evaluate a batch by both and count it."""
        for key, raw, state, is_latest, correction in batch:
            if correction is not None:
                overlay = from_json(correction)
                before, _ = judged_corrected(raw, overlay, active, today)
                after, _ = judged_corrected(raw, overlay, draft, today)
            else:
                before, after = _by_both(raw, active, draft, today)
            if is_latest:
                self.latest.add(key, before, after, state=state)
            else:
                self.older.add(key, before, after)

    def merge(self, other: Self) -> None:
        """Add what was counted over other records."""
        self.latest.merge(other.latest)
        self.older.merge(other.older)

    @property
    def records(self) -> int:
        """How many versions were compared."""
        return self.latest.records + self.older.records

    def as_dict(self) -> dict[str, Any]:
        """The report: the latest versions as `Comparison.as_dict` says, the others under `older_versions`."""
        return {**self.latest.as_dict(), "older_versions": self.older.as_dict()}


def _by_both(
    raw: bytes, active: CompiledMapping, draft: CompiledMapping, today: date
) -> tuple[Outcome, Outcome]:
    try:
        record = loads_storable(raw)
    except JsonRefused as refused:
        outcome = unreadable(refused)
        return outcome, outcome
    return judged_by_both(record, active, draft, today)


class SideBySide:
    """Counts batches here and in a second process. Ends that at the end of a `with` block."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._active, self._draft = _compiled(pair)
        self.sums = Sums()
        self._other: OtherProcess | None = None
        self._under_way: deque[Future[Any]] = deque()

    def add(self, batch: Sequence[Stored], *, beside: bool) -> None:
        """Count a batch. With `beside`, in the other process where that one has too little to do."""
        if beside and self._other is None:
            self._other = OtherProcess("connector.comparing", self._pair)
        while self._under_way and self._under_way[0].done():
            self._under_way.popleft().result()
        if self._other is not None and len(self._under_way) < AHEAD:
            self._under_way.append(self._other.begin(list(batch)))
            return
        self.sums.add(self._active, self._draft, self._pair.today, batch)

    def finish(self) -> Sums:
        """Everything that was counted, by both."""
        if self._other is not None:
            for counted in self._under_way:
                counted.result()
            latest, older = self._other.begin(None).result()
            theirs = Sums()
            theirs.latest, theirs.older = Comparison.from_dict(latest), Comparison.from_dict(older)
            self.sums.merge(theirs)
        return self.sums

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._other is not None:
            self._other.close()


def worker(pair: Pair) -> Worker:
    """What the second process does: count batches, and answer None with all that was counted."""
    active, draft = _compiled(pair)
    sums = Sums()

    def answer(batch: list[Stored] | None) -> Any:
        if batch is None:
            return sums.latest.as_dict(), sums.older.as_dict()
        sums.add(active, draft, pair.today, batch)
        return "counted"

    return answer


def _compiled(pair: Pair) -> tuple[CompiledMapping, CompiledMapping]:
    return load_mapping(pair.active, name=pair.name), load_mapping(pair.draft, name=pair.name)


if __name__ == "__main__":
    # By its own name, because what is pickled here is read under that name at the other end.
    from connector.comparing import worker as worker_by_name

    serve(worker_by_name)
