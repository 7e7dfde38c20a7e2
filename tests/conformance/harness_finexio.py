"""The Finexio sandbox, for both versions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.sandbox.clock import SandboxClock
from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.finexio.mutations import advance_invoice
from connector.sandbox.server import serve
from connector.secrets import Secret
from tests.conformance.harness import SystemSide
from tests.fakes import START

VARIANTS = ("v1", "v2")
PASSWORD = "c4n4ry-finexio-password"


@contextmanager
def open_side(variant: str, directory: Path) -> Iterator[SystemSide]:
    settings = FinexioSettings(
        invoices=230, suppliers=12, dirty_percent=4, page_size=20, password=PASSWORD
    )
    settings.foreign_next_links = True
    sandbox = create_finexio(settings, directory, SandboxClock(START))
    turn = iter(range(1000))

    def change(stream: str) -> str:
        if stream == "counterparties":
            stored = sandbox.ledger.select("counterparty")[next(turn)]
            at = sandbox.clock.now()
            body = {**stored.body, "city": "Elsewhere", "updated": f"{at:%Y-%m-%dT%H:%M:%S.%f}"}
            sandbox.ledger.change(stored, body, at=at, cause="changed")
            return stored.id
        pending = [o for o in sandbox.ledger.select("invoice") if o.body["status"] == "pending"]
        chosen = pending[next(turn) % len(pending)]
        return advance_invoice(sandbox, chosen.id).id

    kinds = {"invoices": "invoice", "counterparties": "counterparty"}
    with serve(sandbox) as url:
        yield SystemSide(
            url=url,
            settings={
                "base_url": url,
                "version": variant,
                "username": "sandbox-user",
                "password": Secret(PASSWORD),
            },
            bad_credentials={"password": Secret("c4n4ry-wrong-password")},
            secrets=(PASSWORD, "c4n4ry-wrong-password"),
            ids=lambda stream: {o.id for o in sandbox.ledger.select(kinds[stream])},
            change=change,
            fresh_id="inv_00000000000000000000000000000000",
            read_only=True,
        )
