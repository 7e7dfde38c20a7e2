"""A stage for flow tests: the platforms on real ports, the whole program, and one clock that only the test moves."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from connector.bootstrap import Program, read_config
from connector.sandbox.clock import SandboxClock
from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.finexio.create import add_invoice
from connector.sandbox.finexio.mutations import advance_invoice, change_invoice
from connector.sandbox.hosted_session import HostedSessionSettings, create_hosted_session
from connector.sandbox.ledger import Ledger, StoredObject
from connector.sandbox.platform import Sandbox
from connector.sandbox.run import control
from connector.sandbox.server import Server
from connector.sandbox.tryton import TrytonSettings, create_tryton
from connector.schedule import Tasks
from connector.service import Service
from connector.store.financing_rows import FinancingRow
from connector.store.outbox_reading import OutboxRow
from connector.store.timeline import TimelineRow
from connector.store.transaction import Transaction
from connector.verifying import Verifier
from tests.flows.configuration import PATH_SECRET, write_config

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MOST_ROUNDS = 200
OPEN = ("pending", "sending", "unknown")


class StageClock(SandboxClock):
    """The time of everybody on the stage: stands still, and moves when somebody sleeps on it or pushes it."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start, frozen=True)
        self._started = start

    def monotonic_seconds(self) -> float:
        return (self.now() - self._started).total_seconds()

    def sleep(self, seconds: float, until: Event | None = None) -> None:
        if until is None or not until.is_set():
            self.advance(max(seconds, 0.0))


class Stage:
    """Platforms, configuration and one running program. `config` keys change the flow and its accounts."""

    def __init__(
        self,
        directory: Path,
        *,
        system: str = "finexio",
        start: datetime = START,
        invoices: int = 0,
        flow: Mapping[str, Any] | None = None,
        account: Mapping[str, Any] | None = None,
        connection: Mapping[str, Any] | None = None,
        platform: Mapping[str, Any] | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory = directory
        self.system = system
        self.clock = StageClock(start)
        self._servers: list[Server] = []
        self._program: Program | None = None
        self._service: Service | None = None
        signing = secrets.token_urlsafe(32)
        self.financier = self._serve(
            create_hosted_session(
                HostedSessionSettings(
                    webhook_secret=signing,
                    webhook_signature_clock="sandbox",
                    decline_percent=0,
                    information_percent=0,
                    overdue_percent=0,
                    tick_seconds=3600,
                    **(platform or {}),
                ),
                directory / "platforms",
                self.clock,
            )
        )
        self.source = self._serve(self._accounting(system, invoices, dict(source or {})))
        self.financier_url, self.source_url = (server.base_url for server in self._servers)
        books: dict[str, Any] = {"system": system, "base_url": f"{self.source_url}/v2"}
        if system == "tryton":
            books |= {"base_url": self.source_url, "database": "books"}
        self.config_path = write_config(
            directory,
            signing,
            books={**books, **(connection or {})},
            bank={"base_url": self.financier_url, **(account or {})},
            flow={"document": "render" if system == "finexio" else "attachment", **(flow or {})},
        )

    # -- building it ----------------------------------------------------------------------------------------------

    def _serve(self, sandbox: Sandbox) -> Sandbox:
        self._servers.append(Server(sandbox))
        return sandbox

    def _accounting(self, system: str, invoices: int, settings: dict[str, Any]) -> Sandbox:
        directory = self.directory / "platforms"
        if system == "finexio":
            chosen = FinexioSettings(invoices=invoices, buyers=2, suppliers=3, **settings)
            return create_finexio(chosen, directory, self.clock)
        # Under another name than `sandbox`: paths below /sandbox/ are never disturbed.
        rows = TrytonSettings(invoices=invoices, parties=4, database="books", **settings)
        return create_tryton(rows, directory, self.clock)

    # -- the connector --------------------------------------------------------------------------------------------

    @property
    def program(self) -> Program:
        """The program that runs now, started when first asked for; its doorway listens, its schedule is the test."""
        if self._program is None:
            self._program = Program(read_config(self.config_path, {}), clock=self.clock)
            self._service = Service(self._program)
            self._service.open()
            url = f"{self._service.address}webhooks/bank/{PATH_SECRET}"
            control(self.financier_url, "/sandbox/settings", {"webhook_url": url})
        return self._program

    @property
    def address(self) -> str:
        """Where the doorway listens."""
        return self._running().address

    @property
    def tasks(self) -> Tasks:
        return self._running().tasks

    def _running(self) -> Service:
        self.start()
        assert self._service is not None
        return self._service

    def start(self) -> Program:
        """Start the connector, if it does not run."""
        return self.program

    def stop(self) -> None:
        """End the connector; the platforms go on."""
        if self._service is not None:
            assert self._service.stop()
        self._program = self._service = None

    def restart(self) -> None:
        """End the connector and start it anew, as after a change of its configuration."""
        self.stop()
        self.start()

    def reconfigure(self, old: str, new: str) -> None:
        """Change the configuration file and start anew."""
        text = self.config_path.read_text(encoding="utf-8")
        assert old in text
        self.config_path.write_text(text.replace(old, new), encoding="utf-8")
        self.restart()

    def close(self) -> None:
        self.stop()
        while self._servers:
            self._servers.pop().stop()

    def pull(self, *, full_walk: bool = False) -> bool:
        """Pull, whatever the system's health said before."""
        return self.tasks.pull("books", full_walk=full_walk)

    def submit(self) -> bool:
        """One round of submitting."""
        return self.tasks.submit(self.program.config.flows[0])

    def settle(self, *, longest_seconds: float = 900) -> None:
        """Work until nothing is open and every webhook that is due was delivered; time moves in small steps."""
        until = self.clock.now() + timedelta(seconds=longest_seconds)
        for _ in range(MOST_ROUNDS):
            for task, _ in self.tasks.by_key.values():
                task()
            self.deliver()
            left = self.left()
            if not left:
                return
            assert self.clock.now() < until, f"It does not come to rest: {left}"
            self.clock.advance(self.next_seconds())
        raise AssertionError(f"It does not come to rest: {self.left()}")

    def next_seconds(self) -> float:
        """How long until something that waits may be tried again: 0 when something is due now."""
        now = self.clock.now()
        queries = (
            "select min(next_attempt_at) from outbox where next_attempt_at is not null",
            "select min(next_attempt_at) from inbox where next_attempt_at is not null",
            f"select min(next_attempt_at) from connection_states where next_attempt_at > '{_text(now)}'",
        )
        with self.read() as tx:
            found = [tx.connection.exec_driver_sql(query).scalar_one() for query in queries]
        *dues, again = [None if text is None else datetime.fromisoformat(text) for text in found]
        wait = (min((at for at in dues if at), default=now) - now).total_seconds()
        if wait <= 0 and again is not None:
            wait = (again - now).total_seconds()
        return max(wait, 0.0)

    def deliver(self) -> None:
        """Wait until the financier has made every delivery that is due by now. Real time: its threads are real."""
        ledger = self.financier.ledger
        self.financier.wake()
        give_up = time.monotonic() + 20
        while True:
            due = ledger.rows(
                "SELECT COUNT(*) FROM deliveries WHERE state='due' AND due_at <= ?",
                (_text(self.clock.now()),),
            )
            if due[0][0] == 0:
                return
            assert time.monotonic() < give_up, "The sandbox does not deliver its webhooks."
            time.sleep(0.002)

    def left(self) -> list[str]:
        """What is still open."""
        with self.read() as tx:
            rows = [f"{row.kind} {row.state} {row.error}" for row in tx.outbox.listing(states=OPEN)]
            rows += [f"inbox {n}" for (_, s), n in tx.inbox.counts().items() if s == "received"]
            rows += [f"ready {t.count}" for t in tx.totals.by_status() if t.state == "ready"]
        by_hand = self.program.config.flows[0].submit == "by_hand"
        return [row for row in rows if not (by_hand and row.startswith("ready"))]

    # -- looking --------------------------------------------------------------------------------------------------

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self.program.database.read() as tx:
            yield tx

    def financings(self) -> list[FinancingRow]:
        """All financing invoices, oldest first."""
        with self.read() as tx:
            return tx.financing.recent(1000)[::-1]

    def financing(self) -> FinancingRow:
        """The only one."""
        (row,) = self.financings()
        return row

    def timeline(self) -> list[TimelineRow]:
        """The statuses of the only financing invoice."""
        with self.read() as tx:
            return tx.timeline.of_invoice(self.financing().id)

    def words(self) -> list[str]:
        """The platform's words on the timeline of the only financing invoice."""
        return [row.raw_status for row in self.timeline()]

    def outbox(self) -> list[OutboxRow]:
        with self.read() as tx:
            return tx.outbox.listing(limit=10_000)

    def step(self, kind: str) -> OutboxRow:
        """The only outbox row of a kind."""
        (row,) = [row for row in self.outbox() if row.kind == kind]
        return row

    def actions(self, kind: str) -> list[tuple[str, str | None]]:
        """What was tried for the only row of a kind, and what came of it."""
        with self.read() as tx:
            return [(a.action, a.result) for a in tx.outbox.attempts_of(self.step(kind).id)]

    def outcomes(self) -> dict[str, str | None]:
        """Kind and reason of every record's current outcome, by the source's identifier."""
        kinds = ("mapped", "held", "excluded", "rejected")
        with self.read() as tx:
            return {
                row.record.source_id: row.outcome.reason_code or row.outcome.kind
                for row in tx.records.list_current(kinds, limit=1000)
            }

    def versions(self) -> int:
        """How many record versions are stored."""
        with self.read() as tx:
            return tx.connection.exec_driver_sql(
                "select count(*) from record_versions"
            ).scalar_one()

    def health(self, name: str) -> set[str]:
        """The states of what is done towards a system, other than `ok`."""
        query = (
            "select state from connection_states where state <> 'ok' "
            f"and (connection = '{name}' or connection like '{name}:%' or connection like '{name}/%')"
        )
        with self.read() as tx:
            return set(tx.connection.exec_driver_sql(query).scalars())

    def violations(self, *, at_rest: bool = True) -> list[str]:
        verifier = Verifier(self.program.database, self.program.decider)
        return [f"{v.number} {v.sentence} {v.rows}" for v in verifier.run(at_rest=at_rest)]

    # -- the others -----------------------------------------------------------------------------------------------

    def fault(self, match: str, fault: str, *, at: str = "financier", **more: Any) -> None:
        """Let something go wrong at one of the platforms."""
        url = self.financier_url if at == "financier" else self.source_url
        options = {key: more.pop(key) for key in list(more) if key not in ("times", "skip")}
        rule = {"match": match, "fault": fault, "options": options, **more}
        control(url, "/sandbox/faults", rule)

    def set_platform(self, **settings: Any) -> None:
        control(self.financier_url, "/sandbox/settings", settings)

    def add(self, **fields: Any) -> str:
        """A new, clean Finexio invoice of 100.01 USD and a bit, unless `fields` say otherwise."""
        return add_invoice(self.source, fields, cause="added").id

    def change(self, source_id: str, **fields: Any) -> None:
        self.clock.advance(1)
        change_invoice(self.source, source_id, fields)

    def advance_source(self, source_id: str, status: str | None = None) -> None:
        self.clock.advance(1)
        advance_invoice(self.source, source_id, status)

    @property
    def ledger(self) -> Ledger:
        """The financier's own."""
        return self.financier.ledger

    def remote(self) -> StoredObject:
        """The only invoice at the financier."""
        (found,) = self.ledger.select("invoice")
        return found

    def complete_sessions(self) -> None:
        control(self.financier_url, "/sandbox/person/complete-all", {})

    def desk(self, *statuses: str) -> None:
        """The desk gives the only invoice these statuses, one after the other."""
        for status in statuses:
            self.clock.advance(1)
            body = {"invoice": self.remote().id, "status": status}
            control(self.financier_url, "/sandbox/desk/set", body)

    def requests(self, method: str, path: str) -> int:
        """How many requests of a kind arrived at the financier."""
        # Of a disturbed one there is a second row, for what it did.
        query = (
            "SELECT COUNT(*) FROM requests WHERE method=? AND path=?"
            " AND (fault IS NULL OR executed_status IS NULL)"
        )
        return int(self.ledger.rows(query, (method, path))[0][0])

    def notes(self) -> list[str]:
        """The notes in Tryton, oldest first."""
        return [note.body["message"] for note in self.source.ledger.select("ir.note")]


def _text(instant: datetime) -> str:
    """An instant as both the store and the ledgers write it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
