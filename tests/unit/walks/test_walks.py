"""Pages come in order, several are fetched at once, and nothing is fetched that nobody asked for."""

from __future__ import annotations

import threading
from threading import Barrier, Event, Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import ContractDrift, Unavailable
from connector.walks import NumberedPage, keyset_walk, numbered_walk


class Book:
    """A source of `size` pages that notes what is asked for."""

    def __init__(self, size: int, *, count: int | None = None, says_next: bool = True) -> None:
        self.size = size
        self.count = count
        self.says_next = says_next
        self.asked: list[int] = []
        self._lock = Lock()

    def fetch(self, number: int) -> NumberedPage[int] | None:
        with self._lock:
            self.asked.append(number)
        if number > self.size:
            return None
        has_next = number < self.size or not self.says_next
        return NumberedPage(number, has_next, self.count)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 30),
    st.integers(1, 6),
    st.one_of(st.none(), st.integers(0, 40)),
    st.booleans(),
)
def test_every_page_once_and_in_order(size, read_ahead, count, says_next):
    book = Book(size, count=count, says_next=says_next)
    assert list(numbered_walk(book.fetch, read_ahead=read_ahead)) == list(range(1, size + 1))
    assert len(book.asked) == len(set(book.asked))


def test_right_count_means_no_request_too_many():
    book = Book(20, count=20)
    list(numbered_walk(book.fetch, read_ahead=4))
    assert sorted(book.asked) == list(range(1, 21))


def test_pages_are_fetched_at_once():
    meeting = Barrier(4, timeout=10)

    def fetch(number: int) -> NumberedPage[int]:
        if 1 < number <= 9:
            meeting.wait()  # breaks unless four pages are under way together
        return NumberedPage(number, number < 9, 9)

    assert list(numbered_walk(fetch, read_ahead=4)) == list(range(1, 10))


def test_order_holds_when_later_pages_come_first():
    third_came = Event()

    def fetch(number: int) -> NumberedPage[int]:
        if number == 2:
            third_came.wait(10)
        if number == 3:
            third_came.set()
        return NumberedPage(number, number < 4, 4)

    assert list(numbered_walk(fetch, read_ahead=2)) == [1, 2, 3, 4]


def test_memory_is_bounded():
    book = Book(100, count=100)
    walk = numbered_walk(book.fetch, read_ahead=3)
    for number in range(1, 6):
        assert next(walk) == number
    assert max(book.asked) <= 5 + 3
    walk.close()


def test_error_is_raised_at_its_page():
    def fetch(number: int) -> NumberedPage[int]:
        if number == 3:
            raise Unavailable("Page 3 did not come.")
        return NumberedPage(number, True, 10)

    seen = []
    with pytest.raises(Unavailable, match="Page 3"):
        for page in numbered_walk(fetch, read_ahead=4):
            seen.append(page)
    assert seen == [1, 2]


def test_error_on_the_first_page_is_raised():
    def fetch(_: int) -> NumberedPage[int]:
        raise Unavailable("Not now.")

    with pytest.raises(Unavailable):
        next(numbered_walk(fetch, read_ahead=2))


def test_stopping_early_begins_no_further_page_and_leaves_no_thread():
    book = Book(1000, count=1000)
    walk = numbered_walk(book.fetch, read_ahead=2)
    next(walk)
    next(walk)
    walk.close()
    asked = len(book.asked)
    for thread in threading.enumerate():
        if thread.name.startswith("read-ahead"):
            thread.join(10)
            assert not thread.is_alive()
    assert asked <= len(book.asked) <= 5


def test_keyset_walk_follows_the_keys():
    pages = {None: ("a", 1), 1: ("b", 2), 2: ("c", None)}
    assert list(keyset_walk(pages.__getitem__)) == ["a", "b", "c"]
    assert list(keyset_walk(pages.__getitem__, 2)) == ["c"]


def test_keyset_walk_that_stands_still_is_drift():
    with pytest.raises(ContractDrift):
        list(keyset_walk(lambda key: ("a", 7)))
