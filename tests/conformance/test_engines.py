"""What the engine port promises, on every engine there is. Waits are for events, never for a duration."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from connector.engine.local import LocalEngine
from connector.engine.port import Engine, Rhythm

LONG = Rhythm(interval_seconds=3600)
QUICK = Rhythm(interval_seconds=0.02)
PATIENCE_SECONDS = 30

Make = Callable[[], Engine]


@pytest.fixture(params=[pytest.param(lambda: LocalEngine(max_workers=4), id="local")])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made: Engine = request.param()
    yield made
    made.stop(PATIENCE_SECONDS)


class Counting:
    """A task that counts its runs and how many are under way at once, and can be held."""

    def __init__(self, *, held: bool = False) -> None:
        self._changed = threading.Condition()
        self.runs = 0
        self.under_way = 0
        self.most_at_once = 0
        self.may_end = threading.Event()
        if not held:
            self.may_end.set()

    def __call__(self) -> None:
        with self._changed:
            self.runs += 1
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
            self._changed.notify_all()
        try:
            assert self.may_end.wait(PATIENCE_SECONDS)
        finally:
            with self._changed:
                self.under_way -= 1
                self._changed.notify_all()

    def wait_for(self, runs: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.runs >= runs, PATIENCE_SECONDS)

    def wait_until_idle(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.under_way == 0, PATIENCE_SECONDS)


def test_every_task_runs_once_at_the_start(engine: Engine):
    tasks = [Counting() for _ in range(6)]
    for number, task in enumerate(tasks):
        engine.add(f"task:{number}", task, LONG)
    engine.start()
    for task in tasks:
        task.wait_for(1)
    assert engine.stop(PATIENCE_SECONDS)
    assert [task.runs for task in tasks] == [1] * 6


def test_a_task_runs_again_in_its_rhythm(engine: Engine):
    task = Counting()
    engine.add("task", task, QUICK)
    engine.start()
    task.wait_for(5)


def test_never_two_of_one_key_at_once(engine: Engine):
    task, other = Counting(), Counting()
    engine.add("task", task, QUICK)
    engine.add("other", other, QUICK)
    engine.start()

    def shout() -> None:
        for _ in range(200):
            engine.wake("task")

    shouting = [threading.Thread(target=shout) for _ in range(4)]
    for thread in shouting:
        thread.start()
    for thread in shouting:
        thread.join()
    task.wait_for(3)
    other.wait_for(3)
    assert engine.stop(PATIENCE_SECONDS)
    assert task.most_at_once == other.most_at_once == 1


def test_a_wake_while_it_runs_makes_it_run_once_more_however_many_there_were(engine: Engine):
    task = Counting(held=True)
    engine.add("task", task, LONG)
    engine.start()
    task.wait_for(1)
    for _ in range(50):
        engine.wake("task")
    task.may_end.set()
    task.wait_for(2)
    task.wait_until_idle()
    marker = Counting()
    engine.add("marker", marker, LONG)
    engine.wake("marker")
    marker.wait_for(1)
    assert engine.stop(PATIENCE_SECONDS)
    assert task.runs in (2, 3)  # 3: the last of the wakes was taken up after the second run began


def test_no_wake_is_lost(engine: Engine):
    """After a wake there is a run that began after it."""
    task = Counting()
    engine.add("task", task, LONG)
    engine.start()
    task.wait_for(1)
    for _ in range(100):
        seen = task.runs
        engine.wake("task")
        task.wait_for(seen + 1)


def test_a_wake_of_an_unknown_key_does_nothing(engine: Engine):
    engine.start()
    engine.wake("nobody")


def test_a_wake_before_the_start_does_no_harm(engine: Engine):
    task = Counting()
    engine.add("task", task, LONG)
    engine.wake("task")
    engine.start()
    task.wait_for(1)


@pytest.mark.parametrize("error", [ValueError, KeyError, OSError])
def test_an_exception_is_logged_and_does_not_stop_the_rhythm(
    engine: Engine, error: type[Exception], caplog: pytest.LogCaptureFixture
):
    counting = Counting()

    def task() -> None:
        counting()
        raise error("in the task")

    engine.add("broken", task, QUICK)
    with caplog.at_level(logging.ERROR):
        engine.start()
        counting.wait_for(4)
        assert engine.stop(PATIENCE_SECONDS)
    assert any("broken" in record.getMessage() for record in caplog.records)


def test_a_task_that_fails_while_it_is_woken_runs_again(engine: Engine):
    counting = Counting(held=True)

    def task() -> None:
        counting()
        raise ValueError("in the task")

    engine.add("task", task, LONG)
    engine.start()
    counting.wait_for(1)
    engine.wake("task")
    counting.may_end.set()
    counting.wait_for(2)


def test_a_stop_waits_for_what_runs_and_starts_nothing_new(engine: Engine):
    task = Counting(held=True)
    engine.add("task", task, QUICK)
    engine.start()
    task.wait_for(1)
    threading.Timer(0.1, task.may_end.set).start()
    assert engine.stop(PATIENCE_SECONDS)
    assert task.under_way == 0
    runs = task.runs
    engine.wake("task")
    assert task.runs == runs == 1


def test_a_stop_whose_time_is_not_enough_says_so(engine: Engine):
    task, quick = Counting(held=True), Counting()
    engine.add("task", task, LONG)
    engine.add("quick", quick, LONG)
    engine.start()
    task.wait_for(1)
    quick.wait_for(1)
    assert not engine.stop(0.05)
    task.may_end.set()
    assert engine.stop(PATIENCE_SECONDS)


def test_a_stop_before_the_start_is_a_stop(engine: Engine):
    engine.add("task", Counting(), LONG)
    assert engine.stop(PATIENCE_SECONDS)
