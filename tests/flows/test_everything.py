"""Every platform at once, in one process on the stage's clock, with faults: Finexio and Tryton to hosted sessions, Monite
to its own financing, a second Finexio to Kanmon. At the end every total is what the other sides' ledgers say.

The life and its reckoning are those of `connector demo`; what Monite is asked goes through the vendor's OpenAPI.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from connector.bootstrap import Program, read_config
from connector.demo.life import Life
from connector.demo.reckoning import Line, reckon
from connector.demo.world import World, add_faults, write_config
from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.finexio.create import add_invoice
from connector.sandbox.hosted_session import HostedSessionSettings, create_hosted_session
from connector.sandbox.kanmon import KanmonSettings, create_kanmon
from connector.sandbox.ledger import StoredObject
from connector.sandbox.monite import MoniteSettings, create_monite
from connector.sandbox.monite.oracle import can_be_financed
from connector.sandbox.platform import Sandbox
from connector.sandbox.process import RunningPlatform
from connector.sandbox.run import RunningSandbox, control
from connector.sandbox.server import serve
from connector.sandbox.tryton import TrytonSettings, create_tryton
from connector.service import Service
from connector.store.financing_rows import FinancingRow
from tests.flows.stage import START, StageClock
from tests.monite_contract import Contract, checked

SIGNING, PATH_SECRET = "signing-secret-of-everything-0001", "path-secret-of-everything-0001"
KANMON = """
[connections.finexio_two]
system = "finexio"
base_url = "{books}/v2"
username = "sandbox-user"
password = {{ file = "finexio-password" }}

[financiers.kanmon]
platform = "kanmon"
base_url = "{bank}"
api_key = {{ file = "kanmon-key" }}
business_id = "{business}"
platform_user_id = "user-1"
quiet_period_seconds = 5

[[flows]]
name = "finexio_two_to_kanmon"
connection = "finexio_two"
financier = "kanmon"
document = "wait"
submitted_by = "finance@example.com"
"""
KANMON_CENTS = (99, 100, 101, 12_353, 999_999_900)
"""What is in the second Finexio: Kanmon takes one dollar and more."""
KANMON_FAULTS = [
    {"match": "POST */invoices/finance", "times": 1, "fault": "commit_then_timeout"},
    {"match": "POST */invoices/finance", "times": 1, "skip": 1, "fault": "status_500_after_commit"},
]


@dataclass(slots=True)
class Everything:
    """All platforms, one program, and a life that can be lived."""

    clock: StageClock
    platforms: dict[str, Sandbox]
    kanmon_url: str
    world: World
    program: Program
    life: Life
    contract: Contract

    def live(self) -> None:
        """From the first pull to the last status of every financier."""
        self.life.run()
        while control(self.kanmon_url, "/sandbox/desk/advance", {"steps": 2})["moved"]:
            self.life.until_quiet()

    def financings(self, financier: str) -> list[FinancingRow]:
        with self.program.database.read() as tx:
            rows = tx.financing.recent(1000)
        return [row for row in rows if row.financier == financier and row.remote_invoice_id]

    def ledger(self, platform: str, kind: str) -> list[StoredObject]:
        return list(self.platforms[platform].ledger.select(kind))


def _platforms(directory: Path, clock: StageClock) -> dict[str, Sandbox]:
    second = directory / "second"
    second.mkdir()
    return {
        "finexio": create_finexio(
            FinexioSettings(seed=3, invoices=14, buyers=2, suppliers=3), directory, clock
        ),
        "tryton": create_tryton(
            TrytonSettings(seed=3, invoices=18, parties=4, database="books"), directory, clock
        ),
        "monite": create_monite(
            MoniteSettings(
                seed=3,
                invoices=40,
                counterparts=4,
                dirty_percent=10,
                rate_limit_per_second=100_000,
                tick_seconds=3600,
            ),
            directory,
            clock,
        ),
        "hosted_session": create_hosted_session(
            HostedSessionSettings(
                seed=3,
                webhook_secret=SIGNING,
                webhook_signature_clock="sandbox",
                information_percent=0,
                overdue_percent=0,
                webhook_retry_seconds=(1.0,) * 50,
            ),
            directory,
            clock,
        ),
        "finexio_two": create_finexio(
            FinexioSettings(seed=8, invoices=0, buyers=1, suppliers=2), second, clock
        ),
        "kanmon": create_kanmon(KanmonSettings(seed=3, tick_seconds=3600), directory, clock),
    }


@pytest.fixture
def everything(tmp_path: Path) -> Iterator[Everything]:
    clock = StageClock(START)
    (tmp_path / "platforms").mkdir()
    platforms = _platforms(tmp_path / "platforms", clock)
    with ExitStack() as stack:
        contract = stack.enter_context(checked(platforms["monite"], answers=False))
        urls = {}
        for name, sandbox in platforms.items():
            urls[name] = stack.enter_context(serve(sandbox))
        for cents in KANMON_CENTS:
            add_invoice(platforms["finexio_two"], {"amount_cents": cents}, cause="added")
        nobody = cast("subprocess.Popen[bytes]", None)
        running = RunningSandbox(
            {
                name: RunningPlatform(name, url, tmp_path / name, nobody)
                for name, url in urls.items()
            }
        )
        path = write_config(tmp_path, running, 0, SIGNING, PATH_SECRET)
        (business,) = platforms["kanmon"].ledger.select("business")
        more = KANMON.format(books=urls["finexio_two"], bank=urls["kanmon"], business=business.id)
        path.write_text(path.read_text("utf-8") + more, encoding="utf-8")
        key = tmp_path / "kanmon-key"
        key.write_text(KanmonSettings().api_key_secret, encoding="utf-8")
        key.chmod(0o600)
        add_faults(running)
        control(urls["kanmon"], "/sandbox/faults", KANMON_FAULTS)
        program = Program(read_config(path, {}), clock=clock)
        service = Service(program)
        stack.callback(service.stop)
        service.open()
        world = World(tmp_path, running, path, PATH_SECRET)
        world.tell_webhook_url(service.address)
        life = Life(program, world, service.tasks, lambda _sentence: None, pause_seconds=15)
        yield Everything(clock, platforms, urls["kanmon"], world, program, life, contract)


def differing(lines: list[Line]) -> list[str]:
    return [f"{n.what}: {n.expected} there, {n.found} here" for n in lines if not n.agrees]


@pytest.mark.long
def test_every_platform_at_once_adds_up_to_the_cent(everything: Everything) -> None:
    everything.live()
    lines = reckon(everything.program, everything.world)
    assert differing(lines) == []
    assert {"invariants", "monite: mapped USD", "all financiers: amounts EUR"} <= {
        line.what for line in lines
    }
    _monite_financed_what_it_says_it_finances(everything)
    _kanmon_financed_what_its_rules_allow(everything)
    assert everything.contract.requests > 100
    _a_cent_more_on_the_other_side_is_seen(everything)


def _monite_financed_what_it_says_it_finances(everything: Everything) -> None:
    """By the ledger alone: partially paid ones are among them, with the total that Monite lists."""
    today = everything.clock.today()
    entity = MoniteSettings().entity_id
    expected = {
        f"receivable:{one.id}": (one.body["currency"], one.body["total_amount"])
        for one in everything.ledger("monite", "receivable")
        if one.body["_entity"] == entity
        and can_be_financed("receivable", one.body, "US", today) is None
        and one.body["total_amount"] <= 10**15
    }
    ours = everything.financings("monite_financing")
    found = {str(row.remote_invoice_id): (row.currency, row.amount_minor_units) for row in ours}
    assert found == expected
    statuses = {
        one.body["status"]
        for one in everything.ledger("monite", "receivable")
        if f"receivable:{one.id}" in found
    }
    assert statuses == {"issued", "partially_paid"}
    assert {row.state for row in ours} == {"submitted"}
    assert {row.status for row in ours} <= {"repaid", "declined", "defaulted"}


def _kanmon_financed_what_its_rules_allow(everything: Everything) -> None:
    ours = everything.financings("kanmon")
    assert sorted(row.amount_minor_units for row in ours) == [c for c in KANMON_CENTS if c >= 100]
    there = {one.reference: one for one in everything.ledger("kanmon", "invoice")}
    assert len(there) == len(ours)
    for row in ours:
        other = there[row.client_reference_id]
        assert (row.currency, row.amount_minor_units, row.raw_status) == (
            "USD",
            other.amount_minor_units,
            other.status,
        )


def _a_cent_more_on_the_other_side_is_seen(everything: Everything) -> None:
    ledger = everything.platforms["monite"].ledger
    stored = ledger.select("financing")[0]
    money = (stored.currency, int(stored.amount_minor_units or 0) + 1)
    ledger.change(stored, stored.body, at=START, cause="changed", money=money)
    told = differing(reckon(everything.program, everything.world))
    assert [line.partition(":")[0] for line in told] == ["monite_financing"] * 2 + [
        "all financiers"
    ]
