"""The Tryton sandbox, and the real Tryton 8.0 on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.sandbox.clock import SandboxClock
from connector.sandbox.server import serve
from connector.sandbox.tryton import TrytonSettings, create_tryton
from connector.sandbox.tryton.people_at_work import change_row
from connector.secrets import Secret
from tests.conformance.harness import SystemSide
from tests.fakes import START
from tests.tryton import server as real

VARIANTS = ("sandbox", "real")
SANDBOX_PASSWORD = "c4n4ry-tryton-password"
WRONG_PASSWORD = "c4n4ry-wrong-password"


@contextmanager
def open_side(variant: str, directory: Path) -> Iterator[SystemSide]:
    opened = _sandbox(directory) if variant == "sandbox" else _real(directory)
    with opened as side:
        yield side


def _side(url: str, database: str, username: str, password: str, **further: Any) -> SystemSide:
    return SystemSide(
        url=url,
        settings={
            "base_url": url,
            "database": database,
            "username": username,
            "password": Secret(password),
            "page_size": 40,
            "overlap_seconds": 60,
        },
        bad_credentials={"password": Secret(WRONG_PASSWORD)},
        secrets=(password, WRONG_PASSWORD),
        fresh_id="99999999",
        safe_posts=True,
        **further,
    )


@contextmanager
def _sandbox(directory: Path) -> Iterator[SystemSide]:
    settings = TrytonSettings(invoices=90, password=SANDBOX_PASSWORD)
    sandbox = create_tryton(settings, directory, SandboxClock(START))
    ledger = sandbox.ledger

    def ids(stream: str) -> set[str]:
        if stream == "invoices":
            return {row.id for row in ledger.select("account.invoice")}
        parties = {f"party:{row.id}" for row in ledger.select("party.party")}
        return parties | {f"company:{row.id}" for row in ledger.select("company.company")}

    def change(stream: str) -> str:
        if stream == "counterparties":
            change_row(sandbox, "party.party", "3", {"name": f"Renamed {sandbox.clock.now()}"})
            return "party:3"
        change_row(sandbox, "account.invoice", "7", {"comment": f"At {sandbox.clock.now()}"})
        return "7"

    with serve(sandbox) as url:
        yield _side(url, "books", "sandbox-user", SANDBOX_PASSWORD, ids=ids, change=change)


@contextmanager
def _real(directory: Path) -> Iterator[SystemSide]:
    server = real.start_sqlite(directory)
    try:
        admin = server.admin()
        turn = iter(range(1000))

        def ids(stream: str) -> set[str]:
            if stream == "invoices":
                return {str(row["id"]) for row in found("account.invoice")}
            parties = {f"party:{row['id']}" for row in found("party.party")}
            return parties | {f"company:{row['id']}" for row in found("company.company")}

        def found(model: str) -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = admin.model(
                model, "search_read", [], 0, None, None, ["id"]
            )
            return rows

        def change(stream: str) -> str:
            if stream == "counterparties":
                admin.model("party.party", "write", [3], {"name": f"Renamed {next(turn)}"})
                return "party:3"
            draft = server.seeded["drafts"][0]
            admin.model("account.invoice", "write", [draft], {"reference": f"T{next(turn)}"})
            return str(draft)

        yield _side(
            server.base_url, real.DATABASE, "connector", real.PASSWORD, ids=ids, change=change
        )
    finally:
        server.stop()
