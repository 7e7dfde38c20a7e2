"""Which task runs when. The same tasks, in the order of the flow, make one round for `connector sync`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from threading import Lock

from connector.bootstrap import Program
from connector.config.model import Flow
from connector.config.schema import SHORTEST_INTERVAL_SECONDS
from connector.deciding import DOCUMENT_MISSING, NO_BUYER_LIMIT
from connector.engine.port import Engine, Rhythm, Task
from connector.pull import Progress

log = logging.getLogger(__name__)

Wake = Callable[[str], None]


def prepare(program: Program) -> None:
    """What comes before the first task: runs a stop left over are marked, and what the flows say is made active.

    Stored records are decided anew where another mapping version decided them, without asking any source.
    """
    if program.is_alone:
        with program.database.write() as tx:
            left_over = tx.runs.interrupt_left_over()
            tx.mapping_trials.fail_left_over()
            leases = tx.outbox.release_leases() + tx.inbox.release_leases()
            leases += tx.feed_deliveries.release_leases()
            tx.connections.try_again_at_once()
        if left_over or leases:
            log.info("start.resumed runs=%d leases=%d", left_over, leases)
    program.feed.register()
    for flow in program.config.flows:
        waiting = program.mapping_life.adopt(program.stacks.get(flow.connection))
        if waiting is not None:
            log.warning(
                "mapping.waits_for_approval document=%d title=%s", waiting.id, waiting.title
            )
        decider = program.decider(flow.connection)
        if decider is not None:
            program.remapper(flow.connection).run()
            redecider = program.redecider(flow.connection)
            with program.database.read() as tx:
                stranded = tx.financing.stranded(flow.connection, flow.financier)
            redecider.run(decider, "recheck", only=stranded)
            program.catch_up_facts(flow.connection)
            program.linker(flow).catch_up()
            if flow.document == "wait":  # a document may have been attached just before a stop
                redecider.run(decider, "recheck", reason_codes=[DOCUMENT_MISSING])
            # A limit may have been approved just before a stop, or the flow does not wait for limits any more.
            redecider.run(decider, "recheck", reason_codes=[NO_BUYER_LIMIT])


class Tasks:
    """The tasks of a program by key, each ready to run: it speaks to its system only when health allows, and wakes
    the tasks that go on from it."""

    def __init__(self, program: Program, wake: Wake) -> None:
        self._program = program
        self._wake = wake
        self.by_key: dict[str, tuple[Task, Rhythm]] = {}
        self._reading = {name: Lock() for name in program.config.connections}
        """A pull and the taking of hints store the same records: one at a time for each connection."""
        schedule = program.config.schedule
        for name, connection in program.config.connections.items():
            rhythm = Rhythm(connection.interval_seconds, connection.jitter_seconds)
            self.by_key[f"pull:{name}"] = (partial(self.pull, name), rhythm)
            if connection.webhook is not None:
                program.hint_task(name)  # refuses to start where its events are not understood
                self.by_key[f"hear:{name}"] = (partial(self.take_hints, name), rhythm)
        self.by_key["trials"] = (
            program.trials.run_waiting,
            Rhythm(schedule.submit_interval_seconds, schedule.jitter_seconds),
        )
        for flow in program.config.flows:
            self.by_key[f"remap:{flow.connection}"] = (
                partial(self.remap, flow.connection),
                Rhythm(schedule.submit_interval_seconds, schedule.jitter_seconds),
            )
            self.by_key[f"submit:{flow.name}"] = (
                partial(self.submit, flow),
                Rhythm(schedule.submit_interval_seconds, schedule.jitter_seconds),
            )
        for name, account in program.config.financiers.items():
            rhythm = Rhythm(account.poll_interval_seconds, schedule.jitter_seconds)
            self.by_key[f"hear:{name}"] = (partial(self.hear, name), rhythm)
            self.by_key[f"poll:{name}"] = (partial(self.poll, name), rhythm)
            if program.notice_task(name) is not None:
                often = max(SHORTEST_INTERVAL_SECONDS, account.poll_interval_seconds // 10)
                rhythm = Rhythm(often, schedule.jitter_seconds)
                self.by_key[f"notice:{name}"] = (partial(self.notice, name), rhythm)
        for name in program.config.connections:
            self.by_key[f"write_back:{name}"] = (
                partial(self.write_back, name),
                Rhythm(schedule.write_back_interval_seconds, schedule.jitter_seconds),
            )
        for name in program.feed.names:
            self.by_key[f"feed:{name}"] = (
                partial(self.feed, name),
                Rhythm(program.config.feed.interval_seconds, schedule.jitter_seconds),
            )

    def pull(
        self, connection: str, *, full_walk: bool = False, progress: Progress | None = None
    ) -> bool:
        """Pull one connection, then let its flow go on."""
        task = self._program.pull_task(connection)
        with self._reading[connection]:
            done = self._program.health.attempt(
                connection, "pull", lambda: task.run(full_walk=full_walk, progress=progress)
            )
        self._wake(f"hear:{connection}")
        self._after_reading(connection, done)
        return done

    def take_hints(self, connection: str) -> bool:
        """Read what a system's events name. While the connection is pulled they wait: the pull wakes this when it ends."""
        if not self._reading[connection].acquire(blocking=False):
            return True
        try:
            task = self._program.hint_task(connection)
            done = self._program.health.attempt(connection, "hear", task.run)
        finally:
            self._reading[connection].release()
        self._after_reading(connection, done)
        return done

    def _after_reading(self, connection: str, done: bool) -> None:
        flow = self._program.flow_of(connection)
        if done and flow is not None:
            self._program.catch_up_facts(connection)
            self._wake(f"submit:{flow.name}")

    def remap(self, connection: str) -> None:
        """Bring stored history in line with a mapping that became active."""
        if self._program.remapper(connection).run():
            flow = self._program.flow_of(connection)
            if flow is not None:
                self._wake(f"submit:{flow.name}")

    def submit(self, flow: Flow) -> bool:
        """Make missing companies where allowed, then submit."""

        program = self._program
        submit = program.submit_task(flow)
        link = program.link_task(flow)
        linked = not (link.creates or link.limits) or program.health.attempt(
            flow.financier, f"link {flow.name}", link.run
        )
        opened = program.health.attempt(flow.connection, "documents", submit.open_ready)
        sent = program.health.attempt(flow.financier, f"submit {flow.name}", submit.work_off_due)
        return linked and opened and sent

    def hear(self, financier: str) -> bool:
        """Drain the inbox, then write back."""
        done = self._program.health.attempt(
            financier, "hear", self._program.hear_task(financier).run
        )
        self._wake_write_backs(financier)
        return done

    def poll(self, financier: str, *, everything: bool = False) -> bool:
        """Ask about what is due (or everything), then write back."""
        task = self._program.poll_task(financier)
        done = self._program.health.attempt(
            financier, "poll", lambda: task.run(everything=everything)
        )
        self._wake_write_backs(financier)
        return done

    def notice(self, financier: str) -> bool:
        """Read the platform's own feed of what happened, then ask about what it names."""
        task = self._program.notice_task(financier)
        if task is None:
            return True
        done = self._program.health.attempt(financier, "notice", task.run)
        self._wake(f"poll:{financier}")
        return done

    def write_back(self, connection: str) -> bool:
        """Write due statuses into the accounting system."""
        return self._program.health.attempt(
            connection, "write back", self._program.write_back_task(connection).run
        )

    def feed(self, endpoint: str) -> bool:
        """Send an endpoint of the status feed what is due for it."""
        return self._program.feed.task(endpoint).run()

    def _wake_write_backs(self, financier: str) -> None:
        for endpoint in self._program.feed.names:
            self._wake(f"feed:{endpoint}")
        for flow in self._program.config.flows:
            if flow.financier == financier:
                self._wake(f"write_back:{flow.connection}")

    def round(
        self,
        progress: Progress | None = None,
        *,
        full_walk: bool = False,
        poll_everything: bool = False,
    ) -> list[str]:
        """Everything once, in the order of the flow. The names of systems that could not be worked with."""
        program = self._program
        for flow in program.config.flows:
            self.remap(flow.connection)
        troubled = [
            name
            for name in program.config.connections
            if not self.pull(name, full_walk=full_walk, progress=progress)
        ]
        listening = [name for name, c in program.config.connections.items() if c.webhook]
        troubled += [name for name in listening if not self.take_hints(name)]
        troubled += [flow.financier for flow in program.config.flows if not self.submit(flow)]
        for name in program.config.financiers:
            if not (self.hear(name) and self.poll(name, everything=poll_everything)):
                troubled.append(name)
        troubled += [name for name in program.config.connections if not self.write_back(name)]
        troubled += [f"feed {name}" for name in program.feed.names if not self.feed(name)]
        return sorted(set(troubled))


def schedule_all(program: Program, engine: Engine) -> Tasks:
    """Give every task to the engine."""
    tasks = Tasks(program, engine.wake)
    for key, (task, rhythm) in tasks.by_key.items():
        engine.add(key, task, rhythm)
    return tasks
