"""Kanmon's sandbox, served for one test each, and adapters of its one business."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connector.financier import Submission
from connector.financiers.kanmon import Kanmon
from connector.sandbox.clock import SandboxClock
from connector.sandbox.kanmon import KanmonSettings, create_kanmon
from connector.sandbox.ledger import StoredObject
from connector.sandbox.platform import Sandbox
from connector.sandbox.run import control
from connector.sandbox.server import Server
from connector.secrets import Secret
from connector.transport import AdapterContext
from tests.fakes import START, FakeClock

SUBMISSION = Submission(
    client_reference_id="ref-1",
    invoice_number="N-1",
    currency="USD",
    amount_minor_units=12_353,
    due_date=date(2026, 6, 30),
    buyer_company_id="",
    supplier_company_id="",
    submitted_by="finance@example.com",
    issue_date=date(2026, 2, 20),
    direction="receivable",
    buyer_name="Buyer Ltd",
    supplier_name="Supplier GmbH",
)


@dataclass
class Served:
    """The platform, the truth about it, and adapters."""

    sandbox: Sandbox
    url: str
    make: Callable[..., Kanmon]

    def only(self, kind: str) -> StoredObject:
        (stored,) = self.sandbox.ledger.select(kind)
        return stored

    def control(self, path: str, body: object) -> Any:
        return control(self.url, f"/sandbox/{path}", body)

    def product(self, product_type: str = "INVOICE_FINANCING") -> StoredObject:
        (found,) = [
            one
            for one in self.sandbox.ledger.select("product")
            if one.body["productType"] == product_type
        ]
        return found


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    running: list[Server] = []
    adapters: list[Kanmon] = []

    def start(**settings: Any) -> Served:
        chosen = KanmonSettings(tick_seconds=3600, **settings)
        sandbox = create_kanmon(chosen, tmp_path, SandboxClock(START, frozen=True))
        server = Server(sandbox)
        running.append(server)

        def make(clock: FakeClock | None = None, **more: Any) -> Kanmon:
            given = {
                "base_url": server.base_url,
                "api_key": Secret(chosen.api_key_secret),
                "business_id": sandbox.ledger.select("business")[0].id,
                **more,
            }
            loaded = Kanmon.settings_schema().load(given)
            adapter = Kanmon(loaded, AdapterContext("kanmon", clock or FakeClock()))
            adapters.append(adapter)
            return adapter

        return Served(sandbox, server.base_url, make)

    yield start
    for adapter in adapters:
        adapter.close()
    for server in running:
        server.stop()
