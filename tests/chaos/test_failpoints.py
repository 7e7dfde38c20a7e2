"""Die at the first, second, third ... commit of a small life, before it or after it, and come back: every time the
life ends as if nothing had happened. After the method of SQLite's own tests: the loop ends when a life was not killed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from connector.bootstrap import Program, read_config
from connector.schedule import Tasks, prepare
from connector.store.database import Database
from connector.store.transaction import Transaction
from tests.flows.conftest import Build
from tests.flows.stage import Stage

Write = Callable[[], AbstractContextManager[Transaction]]


class Killed(BaseException):
    """The process is dead. No handler of ours catches this."""


class Reaper:
    """Kills at the n-th commit, and lets nothing be written after that."""

    def __init__(self, at: int, *, after: bool) -> None:
        self._at = at
        self._after = after
        self._lock = threading.Lock()
        self._seen = 0
        self.struck = False

    def watch(self, database: Database) -> None:
        """Stand beside every write transaction of a database."""
        database.write = self._watched(database.write)  # type: ignore[method-assign,assignment]

    def _watched(self, write: Write) -> Write:
        @contextmanager
        def watched() -> Iterator[Transaction]:
            if self.struck:
                raise Killed
            with write() as tx:
                yield tx
                now = self._count()
                if now and not self._after:
                    raise Killed  # what was written is undone: the commit never came
            if now or self.struck:
                raise Killed

        return watched

    def _count(self) -> bool:
        with self._lock:
            self._seen += 1
            if self._seen == self._at:
                self.struck = True
            return self.struck


def open_program(stage: Stage) -> Program:
    """The connector without its doorway: statuses come by asking."""
    return Program(read_config(stage.config_path, {}), clock=stage.clock, exclusive=True)


def work(stage: Stage, program: Program, rounds: int) -> None:
    """So many rounds, each some minutes after the one before."""
    prepare(program)
    tasks = Tasks(program, lambda _key: None)
    for _ in range(rounds):
        tasks.round()
        stage.complete_sessions()
        stage.financier.app.test_client().post("/sandbox/desk/advance", json={"steps": 1})
        stage.clock.advance(120)


def life(stage: Stage, reaper: Reaper) -> None:
    """A life with one death in it, and the life after it, to the end."""
    program = open_program(stage)
    reaper.watch(program.database)
    try:
        work(stage, program, rounds=6)
    except Killed:
        pass
    finally:
        program.close()
    again = open_program(stage)
    try:
        work(stage, again, rounds=8)
    finally:
        again.close()


def check(stage: Stage, invoices: int) -> None:
    """Nothing lost, nothing twice, the last status known."""
    remote = stage.ledger.select("invoice")
    assert len(remote) == len({row.reference for row in remote}) == invoices
    assert len(stage.ledger.select("session")) == invoices
    ours = {row.client_reference_id: row for row in stage.financings()}
    for row in remote:
        mine = ours[str(row.reference)]
        assert (mine.currency, mine.amount_minor_units) == (row.currency, row.amount_minor_units)
        assert mine.raw_status == row.status == "repaid"
    if stage.system == "tryton":
        with stage.read() as tx:
            written = [row for row in tx.outbox.listing(limit=1000) if row.timeline_id is not None]
        notes = stage.notes()
        assert len(notes) == len(written)
        assert all(sum(r.payload["marker"] + "]" in n for n in notes) == 1 for r in written)
    assert not stage.violations()


def small_world(build: Build, system: str) -> tuple[Stage, int]:
    """A stage with two invoices (Finexio) or the few of a small Tryton."""
    account = {"poll_interval_seconds": 30}
    if system == "finexio":
        stage = build(account=account)
        stage.add()
        stage.add()
        return stage, 2
    stage = build(
        system=system,
        invoices=9,
        account=account,
        source={"dirty_percent": 0, "document_percent": 100},
    )
    expected = stage.source.ledger.rows("SELECT COUNT(*) FROM expectations WHERE outcome='mapped'")
    return stage, expected[0][0]


def enumerate_deaths(
    build: Build, system: str, *, after: bool, first: int, step: int
) -> tuple[int, int]:
    """Die at every `step`-th commit; gives how many deaths, and how many commits a whole life has at most."""
    deaths, at = 0, first
    while True:
        stage, invoices = small_world(build, system)
        reaper = Reaper(at, after=after)
        life(stage, reaper)
        try:
            check(stage, invoices)
        except AssertionError as error:
            raise AssertionError(f"died at commit {at}, after it: {after}: {error}") from error
        stage.close()
        if not reaper.struck:
            return deaths, at
        deaths, at = deaths + 1, at + step


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_some_commit_leaves_no_trace(build: Build, after: bool):
    deaths, commits = enumerate_deaths(build, "finexio", after=after, first=4, step=19)
    assert deaths >= 3
    assert commits > 40


@pytest.mark.chaos
def test_a_death_while_notes_are_written_leaves_no_trace(build: Build):
    deaths, _ = enumerate_deaths(build, "tryton", after=False, first=9, step=61)
    assert deaths >= 2


@pytest.mark.chaos
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("system", ["finexio", "tryton"])
def test_a_death_at_every_commit_leaves_no_trace(
    build: Build, system: str, after: bool, kills: int, capsys: pytest.CaptureFixture[str]
):
    if kills < 100:
        pytest.skip("every single commit only with --kills 100 or more (make chaos)")
    deaths, commits = enumerate_deaths(build, system, after=after, first=1, step=1)
    with capsys.disabled():
        print(f"\n{system}: died at each of {deaths} commits")  # noqa: T201 - the figure of the run
    assert deaths == commits - 1
