"""Two mappings side by side on many stored records, on both of two cores.

A back-test spends nearly all its time here, so from some thousand records on a second process takes every other
batch. Both count for themselves; sums of comparisons merge into what one alone would have counted.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from typing import IO, Any, NamedTuple, Self

from connector.errors import Unavailable
from connector.evaluating import judged, unreadable
from connector.strict_json import JsonRefused, loads_storable
from mappings import Comparison, load_mapping
from mappings import Mapping as CompiledMapping

LISTED = 10_000
"""How many changes of invoices already sent a report lists one by one; beyond it only counts."""

EXAMPLES = 20


class Stored(NamedTuple):
    """One stored version to be compared. `key` names it in the report, `state` is that of its financing invoice where
    it was sent already."""

    key: str
    raw: bytes
    state: str | None
    is_latest: bool


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
        for key, raw, state, is_latest in batch:
            try:
                record = loads_storable(raw)
            except JsonRefused as refused:
                before = after = unreadable(refused)
            else:
                before, after = judged(record, active, today), judged(record, draft, today)
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


class SideBySide:
    """Counts batches here and in a second process. Ends that at the end of a `with` block."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._active, self._draft = _compiled(pair)
        self.sums = Sums()
        self._other: _OtherProcess | None = None
        self._under_way: Future[Any] | None = None

    def add(self, batch: Sequence[Stored], *, beside: bool) -> None:
        """Count a batch. With `beside`, in the other process where that one is free."""
        if beside and self._other is None:
            self._other = _OtherProcess(self._pair)
        if self._other is not None and (self._under_way is None or self._under_way.done()):
            if self._under_way is not None:
                self._under_way.result()
            self._under_way = self._other.begin(list(batch))
            return
        self.sums.add(self._active, self._draft, self._pair.today, batch)

    def finish(self) -> Sums:
        """Everything that was counted, by both."""
        if self._other is not None:
            if self._under_way is not None:
                self._under_way.result()
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


class _OtherProcess:
    """It ends with its standard input, so none is left behind when this one is killed. What it is sent and what it
    answers are pickles between the two ends of our own pipes, never anything from outside."""

    def __init__(self, pair: Pair) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "connector.comparing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is for this process; that one ends with its input
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="comparison")
        self._thread.submit(self._exchange, pair)

    def begin(self, message: list[Stored] | None) -> Future[Any]:
        return self._thread.submit(self._exchange, message)

    def _exchange(self, message: Any) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise Unavailable("The comparing process has no pipes.")
        try:
            pickle.dump(message, stdin, protocol=5)
            stdin.flush()
            return pickle.load(stdout)  # noqa: S301 - our own process, over our own pipe
        except (OSError, EOFError, pickle.UnpicklingError):
            raise Unavailable("The process that compares mappings has ended.") from None

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """The other end: a pair of mappings, then batches, then None, which is answered with what was counted."""
    try:
        pair: Pair = pickle.load(requests)  # noqa: S301 - from the process that started this one
        active, draft = _compiled(pair)
        sums = Sums()
        answer: Any = "ready"
        while True:
            pickle.dump(answer, answers, protocol=5)
            answers.flush()
            batch = pickle.load(requests)  # noqa: S301 - from the process that started this one
            if batch is None:
                answer = (sums.latest.as_dict(), sums.older.as_dict())
            else:
                sums.add(active, draft, pair.today, batch)
                answer = "counted"
    except EOFError:
        return


def _compiled(pair: Pair) -> tuple[CompiledMapping, CompiledMapping]:
    return load_mapping(pair.active, name=pair.name), load_mapping(pair.draft, name=pair.name)


if __name__ == "__main__":
    # By its own name, because what is pickled here is read under that name at the other end.
    from connector.comparing import serve as serve_by_name

    serve_by_name(sys.stdin.buffer, sys.stdout.buffer)
