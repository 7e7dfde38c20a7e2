"""Group commit: nobody is told before the commit, one commit serves many, and failure reaches every waiter."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from connector.errors import Unavailable
from connector.store.database import Database
from connector.store.group_commit import GroupCommitInbox
from connector.store.transaction import Transaction
from tests.fakes import START
from webhooks.ports import Receipt, ReceivedEvent, Verification

PATIENCE_SECONDS = 20


def received(event_id: str, body: bytes = b"{}", endpoint: str = "stenn") -> ReceivedEvent:
    return ReceivedEvent(endpoint, event_id, Verification.HINT, body, START)


class GatedDatabase:
    """A database whose commits wait for the test, and can fail."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.may_commit = threading.Event()
        self.may_commit.set()
        self.begun = threading.Semaphore(0)
        self.commits = 0
        self.failure: Exception | None = None

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._database.write() as transaction:
            self.begun.release()
            yield transaction
            assert self.may_commit.wait(PATIENCE_SECONDS)
            if self.failure is not None:
                raise self.failure
        self.commits += 1


@pytest.fixture
def gated(database: Database) -> GatedDatabase:
    return GatedDatabase(database)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as executor:
        yield executor


@contextmanager
def running(database: Any, **settings: Any) -> Iterator[GroupCommitInbox]:
    inbox = GroupCommitInbox(database, **{"wait_seconds": PATIENCE_SECONDS, **settings})
    inbox.start()
    try:
        yield inbox
    finally:
        inbox.stop()


def ids(database: Database) -> list[str]:
    with database.read() as tx:
        return sorted(row.event_id for row in tx.inbox.list(limit=10_000))


def test_an_event_is_on_disk_when_store_returns(database: Database) -> None:
    with running(database) as inbox:
        assert inbox.store(received("a")) is Receipt.STORED
        assert ids(database) == ["a"]
        assert inbox.store(received("a")) is Receipt.DUPLICATE
        assert inbox.store(received("a", b"[]")) is Receipt.CONFLICT


def test_nobody_is_told_before_the_commit(
    database: Database, gated: GatedDatabase, pool: ThreadPoolExecutor
) -> None:
    gated.may_commit.clear()
    with running(gated) as inbox:
        answer = pool.submit(inbox.store, received("a"))
        assert gated.begun.acquire(timeout=PATIENCE_SECONDS)
        assert not answer.done()
        assert ids(database) == []
        gated.may_commit.set()
        assert answer.result(PATIENCE_SECONDS) is Receipt.STORED
    assert ids(database) == ["a"]


def first_then_rest(
    inbox: GroupCommitInbox, gated: GatedDatabase, pool: ThreadPoolExecutor, count: int
) -> list[Future[Receipt]]:
    """One event whose commit is held up, and `count` that wait in the queue behind it."""
    answers = [pool.submit(inbox.store, received("first"))]
    assert gated.begun.acquire(timeout=PATIENCE_SECONDS)
    answers += [pool.submit(inbox.store, received(f"e{number}")) for number in range(count)]
    while inbox.waiting < count:
        assert not any(answer.done() for answer in answers)
    return answers


def test_what_waits_together_is_committed_together(
    database: Database, gated: GatedDatabase, pool: ThreadPoolExecutor
) -> None:
    gated.may_commit.clear()
    with running(gated) as inbox:
        answers = first_then_rest(inbox, gated, pool, 40)
        gated.may_commit.set()
        assert {answer.result(PATIENCE_SECONDS) for answer in answers} == {Receipt.STORED}
    assert gated.commits == 2
    assert len(ids(database)) == 41


def test_a_batch_has_a_limit(
    database: Database, gated: GatedDatabase, pool: ThreadPoolExecutor
) -> None:
    gated.may_commit.clear()
    with running(gated, batch_limit=10) as inbox:
        answers = first_then_rest(inbox, gated, pool, 40)
        gated.may_commit.set()
        for answer in answers:
            answer.result(PATIENCE_SECONDS)
    assert gated.commits == 5


def test_a_full_queue_refuses_at_once(gated: GatedDatabase, pool: ThreadPoolExecutor) -> None:
    gated.may_commit.clear()
    with running(gated, queue_limit=3) as inbox:
        answers = first_then_rest(inbox, gated, pool, 3)
        with pytest.raises(Unavailable, match="too many events"):
            inbox.store(received("one too many"))
        gated.may_commit.set()
        for answer in answers:
            assert answer.result(PATIENCE_SECONDS) is Receipt.STORED


def test_a_commit_that_takes_too_long_is_not_acknowledged(
    database: Database, gated: GatedDatabase
) -> None:
    gated.may_commit.clear()
    with running(gated, wait_seconds=0.05) as inbox:
        with pytest.raises(Unavailable, match="not written within"):
            inbox.store(received("a"))
        gated.may_commit.set()
    assert ids(database) == ["a"]  # stored and not acknowledged: the sender's retry is a duplicate


def test_failure_reaches_every_waiter_and_passes(
    database: Database,
    gated: GatedDatabase,
    pool: ThreadPoolExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    gated.may_commit.clear()
    gated.failure = Unavailable("The disk of the database is full.")
    with running(gated) as inbox:
        answers = first_then_rest(inbox, gated, pool, 20)
        gated.may_commit.set()
        for answer in answers:
            with pytest.raises(Unavailable, match="was not written"):
                answer.result(PATIENCE_SECONDS)
        assert ids(database) == []
        gated.failure = None
        assert inbox.store(received("first")) is Receipt.STORED
    assert [record.message for record in caplog.records if "webhook" in record.message] == [
        "webhook events cannot be written: The disk of the database is full.",
        "webhook events are written again",
    ]


def test_stop_commits_what_waits_and_refuses_what_comes(
    database: Database, gated: GatedDatabase, pool: ThreadPoolExecutor
) -> None:
    gated.may_commit.clear()
    inbox = GroupCommitInbox(gated, wait_seconds=PATIENCE_SECONDS)  # type: ignore[arg-type]
    inbox.start()
    inbox.start()  # starting twice is starting once
    answers = first_then_rest(inbox, gated, pool, 10)
    stopped = pool.submit(inbox.stop)
    gated.may_commit.set()
    stopped.result(PATIENCE_SECONDS)
    assert {answer.result(PATIENCE_SECONDS) for answer in answers} == {Receipt.STORED}
    assert len(ids(database)) == 11
    with pytest.raises(Unavailable, match="stopped"):
        inbox.store(received("late"))
    inbox.stop()
    inbox.start()
    assert inbox.store(received("late")) is Receipt.STORED
    inbox.stop()


def test_an_inbox_that_was_not_started_refuses(database: Database) -> None:
    with pytest.raises(Unavailable, match="stopped"):
        GroupCommitInbox(database).store(received("a"))


def test_the_worker_is_woken_for_what_is_new(database: Database) -> None:
    woken: list[frozenset[str]] = []

    def wake(endpoints: frozenset[str]) -> None:
        woken.append(endpoints)
        raise RuntimeError("the worker is away")

    with running(database, on_commit=wake) as inbox:
        for event in (received("a"), received("a"), received("a", endpoint="other")):
            inbox.store(event)
    assert woken == [frozenset({"stenn"}), frozenset({"other"})]


def test_many_senders_and_every_event_once(database: Database, pool: ThreadPoolExecutor) -> None:
    with running(database) as inbox:
        answers = [pool.submit(inbox.store, received(f"e{number % 200}")) for number in range(600)]
        receipts = [answer.result(PATIENCE_SECONDS) for answer in answers]
    assert receipts.count(Receipt.STORED) == 200
    assert receipts.count(Receipt.DUPLICATE) == 400
    assert len(ids(database)) == 200
