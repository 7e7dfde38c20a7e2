"""The outbox under everything that can happen to it: effects that are refused, lost, late or doubled, workers that die
or come back too late. Whatever the order: one effect per row, in the order of its stream, and never two in flight.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from connector.delivery import Delivery, Patience, Result
from connector.errors import (
    InvariantBroken,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
    Unsupported,
)
from connector.store.database import Database
from connector.store.outbox_reading import OutboxRow
from connector.store.transaction import Transaction
from tests.databases import finance, store_records
from tests.fakes import FakeClock

QUIET, LEASE = 60.0, 90.0
STREAMS = ("submit:1", *(f"write_back:{n}" for n in range(1, 6)))
IN_FLIGHT = ("sending", "unknown")

TEMPLATE: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def _template(migrated_sqlite_file: Path):
    TEMPLATE[:] = [migrated_sqlite_file]


class Died(BaseException):
    """The worker's process ended."""


class OtherSide:
    """The system spoken to: keeps what really happened, also what happens late."""

    def __init__(self, clock: FakeClock, *, can_look_up: bool) -> None:
        self.clock = clock
        self.can_look_up = can_look_up
        self.happened: list[tuple[str, int]] = []
        self.late: list[tuple[datetime, str, int]] = []

    def settle(self) -> None:
        """What was on its way lands when its time has come."""
        now = self.clock.now()
        for due in sorted(one for one in self.late if one[0] <= now):
            self.happened.append(due[1:])
        self.late = [one for one in self.late if one[0] > now]


class Effect:
    """One row's effect at the other side, behaving as the test says."""

    repeatable = False
    unsupported_state = "parked"

    def __init__(self, machine: OutboxMachine, row: OutboxRow, behaviour: str) -> None:
        self.machine, self.row, self.behaviour = machine, row, behaviour

    @property
    def side(self) -> OtherSide:
        return self.machine.side

    def prepare(self, tx: Transaction, row: OutboxRow, action: str) -> None:
        assert tx.outbox.get(row.id).idempotency_key == row.idempotency_key

    def send(self) -> Result:
        self.side.settle()
        row, what = self.row, self.behaviour
        if what in ("done", "lost_answer", "dies_after", "zombie"):
            self.side.happened.append((row.stream, row.seq))
        if what == "late":
            at = self.side.clock.now() + timedelta(seconds=QUIET - 1)
            self.side.late.append((at, row.stream, row.seq))
        if what == "zombie":
            self.machine.while_it_sleeps()
        if what in ("lost_answer", "late", "never_arrived"):
            raise OutcomeUnknown("no usable answer")
        if what in ("dies_before", "dies_after"):
            raise Died
        self._say_no(what)
        return {"remote_id": f"{row.stream}/{row.seq}", "detail": {}}

    def _say_no(self, what: str) -> None:
        if what == "refused":
            raise Refused("no")
        if what == "unavailable":
            raise Unavailable("down")
        if what == "limited":
            raise RateLimited("slowly", retry_after_seconds=7)

    def look_up(self) -> Result | None:
        self.side.settle()
        if not self.side.can_look_up:
            raise Unsupported("no list is offered")
        if self.behaviour == "dies_before":
            raise Died
        if self.behaviour in ("unavailable", "limited"):
            self._say_no(self.behaviour)
        there = (self.row.stream, self.row.seq) in self.side.happened
        return {"remote_id": "found", "detail": {}} if there else None

    def done(self, tx: Transaction, row: OutboxRow, result: Result, how: str) -> None:
        self.machine.finished.append((row.stream, row.seq))

    def parked(self, tx: Transaction, row: OutboxRow, reason: str) -> None:
        assert reason


BEHAVIOURS = st.sampled_from(
    [
        "done",
        "done",
        "lost_answer",
        "late",
        "never_arrived",
        "dies_before",
        "dies_after",
        "zombie",
        "refused",
        "unavailable",
        "limited",
    ]
)


class OutboxMachine(RuleBasedStateMachine):
    """Rows of three streams, worked off under every kind of trouble."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        place = memory if os.access(memory, os.W_OK) else None
        self.directory = Path(tempfile.mkdtemp(prefix="outbox-", dir=place))
        path = shutil.copy(TEMPLATE[0], self.directory)
        self.clock = FakeClock()
        self.database = Database.open(f"sqlite:///{path}", clock=self.clock)
        self.delivery = Delivery(self.database, self.clock, Patience(QUIET, 3600, LEASE))
        self.finished: list[tuple[str, int]] = []
        self.side = OtherSide(self.clock, can_look_up=True)
        self.keys = 0
        self.zombies = 0
        with self.database.write() as tx:
            self.financing = finance(tx, store_records(tx, ["one"])[0])

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.directory)

    @initialize(can_look_up=st.booleans())
    def meet(self, can_look_up: bool) -> None:
        self.side.can_look_up = can_look_up

    @rule(stream=st.sampled_from(STREAMS))
    def say_something(self, stream: str) -> None:
        self.keys += 1
        with self.database.write() as tx:
            tx.outbox.add(
                row_id=tx.allocate("outbox", 1)[0],
                stream=stream,
                kind="step",
                target="side",
                financing_invoice_id=self.financing,
                idempotency_key=f"key-{self.keys}",
                payload={"n": self.keys},
            )

    @rule(behaviours=st.lists(BEHAVIOURS, min_size=len(STREAMS), max_size=len(STREAMS)))
    def work(self, behaviours: list[str]) -> None:
        for row, behaviour in zip(self.due(), behaviours, strict=False):
            self.work_one(row, behaviour)

    @rule(stream=st.sampled_from(STREAMS), behaviour=BEHAVIOURS)
    def say_and_see_through(self, stream: str, behaviour: str) -> None:
        """One more row; what is due now goes as told, and what becomes due in the next minutes goes well."""
        self.say_something(stream)
        for seconds in (0, 3, 58, 1, 40):
            self.clock.advance(seconds=seconds)
            self.side.settle()
            for row in self.due():
                self.work_one(row, behaviour if seconds == 0 else "done")

    @rule(seconds=st.sampled_from([1, 2, 10, 59, 61, 91, 300]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)
        self.side.settle()

    @rule(again=st.booleans())
    def a_person_decides(self, again: bool) -> None:
        """What is parked after it was looked for and not found may be sent again; what is unclear is given up."""
        for row in self.rows("parked"):
            clear = row.error_class == "Refused"
            with self.database.write() as tx:
                state = "pending" if again and clear else "dead"
                tx.outbox.decide(row.id, state=state, reason="decided")

    def work_one(self, row: OutboxRow, behaviour: str) -> None:
        effect = Effect(self, row, behaviour)
        before = self.zombies
        try:
            self.delivery.work(row, effect)
        except (Died, Unavailable, RateLimited):
            pass
        except InvariantBroken:
            assert self.zombies > before, "only a completion that came too late is refused"

    def while_it_sleeps(self) -> None:
        """The worker pauses for longer than its lease; another takes its row over and finds out what happened."""
        self.zombies += 1
        self.clock.advance(seconds=LEASE + 1)
        for _ in range(2):
            for row in self.due():
                self.work_one(row, "done")

    def due(self) -> list[OutboxRow]:
        with self.database.read() as tx:
            return tx.outbox.due("side", kinds=["step"], limit=100)

    def rows(self, *states: str) -> list[OutboxRow]:
        with self.database.read() as tx:
            return tx.outbox.listing(states=states or None, limit=1000)

    # -- what must hold after every step ---------------------------------------------------------------------------

    @invariant()
    def nothing_happens_twice(self) -> None:
        twice = {what: n for what, n in Counter(self.side.happened).items() if n > 1}
        assert not twice

    @invariant()
    def nothing_overtakes_in_a_stream(self) -> None:
        for stream in STREAMS:
            order = [seq for name, seq in self.side.happened if name == stream]
            assert order == sorted(order)

    @invariant()
    def the_rows_agree_with_what_happened(self) -> None:
        with self.database.read() as tx:
            rows = tx.outbox.listing(limit=1000)
            attempts = tx.connection.exec_driver_sql(
                "select outbox_id, count(*), max(attempt_no) from attempts group by outbox_id"
            )
            counted = {row_id: (count, last) for row_id, count, last in attempts}
            found = {violation.number for violation in tx.invariants.violations()}
        assert not found & {"I17", "I20"}
        in_flight = Counter(row.stream for row in rows if row.state in IN_FLIGHT)
        assert all(n == 1 for n in in_flight.values())
        done = {(row.stream, row.seq) for row in rows if row.state == "done"}
        assert done <= set(self.side.happened)
        assert len(self.finished) == len(set(self.finished))
        for row in rows:
            assert counted.get(row.id, (0, None)) == (row.attempts, row.attempts or None)


TestOutbox: Any = OutboxMachine.TestCase
TestOutbox.settings = settings(
    max_examples=20,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
