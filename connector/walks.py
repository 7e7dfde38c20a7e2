"""Walks over pages: by number with read-ahead, and by key.

Adapters say how one page is fetched; the order, the concurrency and the end are settled here, once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from connector.errors import ContractDrift

PageT = TypeVar("PageT")
KeyT = TypeVar("KeyT")


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[PageT]):
    """One page of a numbered walk."""

    content: PageT
    has_next: bool
    last_number: int | None = None
    """The last page's number by the system's own count. Limits the read-ahead, never the walk."""


def numbered_walk(
    fetch: Callable[[int], NumberedPage[PageT] | None], *, read_ahead: int, first: int = 1
) -> Generator[PageT, None, None]:
    """Yield pages `first`, `first + 1`, ... in order, while up to `read_ahead` pages are fetched at once.

    `fetch` is called from several threads; None means that there is no such page. The walk ends at the first page
    that is missing or has no next. What `fetch` raises is raised when its page's turn comes, after every page
    before it was yielded. At most `read_ahead` pages are held besides the one the consumer works on. When the
    consumer stops early, no further page is begun.
    """
    opening = fetch(first)
    if opening is None:
        return
    if not opening.has_next:
        yield opening.content
        return
    threads = ThreadPoolExecutor(read_ahead, thread_name_prefix="read-ahead")
    waiting: deque[Future[NumberedPage[PageT] | None]] = deque()
    fetched = begun = first
    page: NumberedPage[PageT] | None = opening
    try:
        while page is not None:
            last = page.last_number
            if last is not None and last <= fetched:
                last = None  # there is a next page, so the count is wrong
            while page.has_next and len(waiting) < read_ahead and (last is None or begun < last):
                begun += 1
                waiting.append(threads.submit(fetch, begun))
            yield page.content
            if not page.has_next:
                return
            page = waiting.popleft().result()
            fetched += 1
    finally:
        # Not waited for: a page under way may take as long as its time-out, and nobody wants it any more.
        threads.shutdown(wait=False, cancel_futures=True)


def keyset_walk(
    fetch: Callable[[KeyT | None], tuple[PageT, KeyT | None]], start: KeyT | None = None
) -> Generator[PageT, None, None]:
    """Yield pages one after the other; `fetch` gives a page and the key after its last record, None at the end.

    Raises ContractDrift when a key repeats: the walk would never end.
    """
    key = start
    while True:
        page, following = fetch(key)
        yield page
        if following is None:
            return
        if following == key:
            raise ContractDrift("A page ended where it began, so the walk would never end.")
        key = following
