"""Drives a demo life to its end: the person completes sessions, the financier's desk decides, until nothing is left."""

from __future__ import annotations

from collections.abc import Callable

from connector.bootstrap import Program
from connector.clock import Clock
from connector.demo.world import World
from connector.errors import Unavailable
from connector.sandbox.run import control
from connector.schedule import Tasks

LONGEST_SECONDS = 3600.0
"""A life that takes longer is stuck."""

OPEN_STATES = ("pending", "sending", "unknown")

Say = Callable[[str], None]


class Life:
    """One demo life."""

    def __init__(
        self,
        program: Program,
        world: World,
        tasks: Tasks,
        say: Say,
        *,
        pause_seconds: float = 0.2,
    ) -> None:
        self._program = program
        self._world = world
        self._tasks = tasks
        self._say = say
        self._pause_seconds = pause_seconds
        self._clock: Clock = program.clock
        self._began = self._clock.monotonic_seconds()
        self._told: dict[str, object] = {}

    def run(self) -> None:
        """From the first pull to the last status. Raises Unavailable when it does not end."""
        desks = self._world.desks.values()
        self._say("Reading invoices from the accounting systems.")
        self.until_quiet()
        self._say("A person completes the financing sessions.")
        for desk in desks:
            control(desk, "/sandbox/person/complete-all", {})
        while True:
            self.until_quiet()
            told = [control(desk, "/sandbox/desk/advance", {"steps": 1}) for desk in desks]
            if not any(answer["moved"] for answer in told):
                break
            self._tell("The financiers decide", self._statuses())
        self.until_quiet()

    def until_quiet(self) -> None:
        """Work until nothing is due, every webhook was delivered, and who sends none was asked. Raises Unavailable when
        that does not come about."""
        silent = [n for n, f in self._program.config.financiers.items() if f.webhook is None]
        while True:
            silent = [name for name in silent if not self._tasks.poll(name, everything=True)]
            for task, _ in self._tasks.by_key.values():
                task()
            if not (silent or self._left() or self._deliveries_left()):
                return
            if self._clock.monotonic_seconds() - self._began > LONGEST_SECONDS:
                raise Unavailable(f"The demo does not come to rest: {self._left()} rows are open.")
            self._tell("On their way", self._submitted())
            self._clock.sleep(self._pause_seconds)

    def _left(self) -> int:
        with self._program.database.read() as tx:
            open_rows = sum(
                n for (_, state), n in tx.outbox.counts().items() if state in OPEN_STATES
            )
            heard = sum(n for (_, state), n in tx.inbox.counts().items() if state == "received")
            ready = sum(t.count for t in tx.totals.by_status() if t.state == "ready")
            # What was refused for the moment is tried again, and may yet make more to do.
            waiting = sum(1 for system in tx.connections.all() if system.state == "backing_off")
        return open_rows + heard + ready + waiting

    def _deliveries_left(self) -> int:
        told = (control(desk, "/sandbox/webhooks") for desk in self._world.desks.values())
        return sum(int(counts.get("due", 0)) for counts in told)

    def _submitted(self) -> str:
        with self._program.database.read() as tx:
            totals = tx.totals.by_status()
        done = sum(t.count for t in totals if t.state == "submitted")
        return (
            f"{done} of {sum(t.count for t in totals if t.state != 'withdrawn')} invoices submitted"
        )

    def _statuses(self) -> str:
        with self._program.database.read() as tx:
            totals = tx.totals.by_status()
        counts: dict[str, int] = {}
        for total in totals:
            if total.status:
                counts[total.status] = counts.get(total.status, 0) + total.count
        return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))

    def _tell(self, what: str, state: str) -> None:
        """Say it when it changed."""
        if self._told.get(what) != state:
            self._told[what] = state
            self._say(f"{what}: {state}.")
