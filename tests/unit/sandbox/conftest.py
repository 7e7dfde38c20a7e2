"""Platforms of the sandbox, served for one test each, at a fixed instant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.clock import SandboxClock
from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.hosted_session import HostedSessionSettings, create_hosted_session
from connector.sandbox.platform import Sandbox
from connector.sandbox.server import Server

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass
class Served:
    """A platform on a port, and a client that is let in."""

    sandbox: Sandbox
    url: str
    http: requests.Session

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.http.get(self.url + path, timeout=10, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.http.post(self.url + path, json=body, timeout=10, **options)

    def fault(self, match: str, fault: str, **more: Any) -> None:
        assert self.post("/sandbox/faults", {"match": match, "fault": fault, **more}).ok


Serve = Callable[[Sandbox], Served]


@pytest.fixture
def serve_platform() -> Iterator[Serve]:
    running: list[tuple[Server, requests.Session]] = []

    def start(sandbox: Sandbox) -> Served:
        server = Server(sandbox)
        session = requests.Session()
        running.append((server, session))
        return Served(sandbox, server.base_url, session)

    yield start
    for server, session in running:
        session.close()
        server.stop()


@pytest.fixture
def finexio(serve_platform: Serve, tmp_path: Path) -> Served:
    settings = FinexioSettings(invoices=250)
    served = serve_platform(create_finexio(settings, tmp_path, SandboxClock(START, frozen=True)))
    served.http.auth = (settings.username, settings.password)
    return served


@dataclass
class Financier(Served):
    """The hosted-session financier with two companies."""

    buyer: str = ""
    supplier: str = ""

    def let_in(self) -> None:
        settings: HostedSessionSettings = self.sandbox.settings
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
        }
        answer = self.http.post(self.url + "/auth/v1/token", data=form, timeout=10)
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def document(self, purpose: str = "invoice") -> str:
        answer = self.http.post(
            self.url + "/v1/documents",
            files={"file": ("invoice.pdf", b"%PDF-1.4 made up", "application/pdf")},
            data={"purpose": purpose},
            timeout=10,
        )
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    def invoice_body(self, reference: str = "ref-1", **changes: Any) -> dict[str, Any]:
        body = {
            "invoice_number": "INV-1",
            "client_reference_id": reference,
            "invoice_document": changes.pop("invoice_document", None) or self.document(),
            "currency": "usd",
            "amount": 88000,
            "due_date": "2026-06-30",
            "buyer": self.buyer,
            "supplier": self.supplier,
        }
        return {**body, **changes}

    def invoice(self, reference: str = "ref-1", **changes: Any) -> dict[str, Any]:
        answer = self.post("/v1/invoices", self.invoice_body(reference, **changes))
        assert answer.ok, answer.text
        return dict(answer.json())

    def session_body(self, invoice_id: str, **changes: Any) -> dict[str, Any]:
        return {
            "supplier": self.supplier,
            "buyer": self.buyer,
            "invoices": [invoice_id],
            "success_url": "https://example.com/done",
            "cancel_url": "https://example.com/canceled",
            "submitted_by": "ada@example.com",
            **changes,
        }

    def session(self, invoice_id: str, **changes: Any) -> dict[str, Any]:
        answer = self.post("/v1/financing_sessions", self.session_body(invoice_id, **changes))
        assert answer.ok, answer.text
        return dict(answer.json())

    def status(self, invoice_id: str) -> str:
        return str(self.get(f"/v1/invoices/{invoice_id}").json()["status"])


def hosted_session(serve_platform: Serve, directory: Path, **settings: Any) -> Financier:
    chosen = HostedSessionSettings(companies=2, webhook_retry_seconds=(60, 300), **settings)
    sandbox = create_hosted_session(chosen, directory, SandboxClock(START, frozen=True))
    served = serve_platform(sandbox)
    financier = Financier(sandbox, served.url, served.http)
    financier.let_in()
    companies = financier.get("/v1/companies").json()["data"]
    financier.buyer, financier.supplier = (company["id"] for company in companies[:2])
    return financier


@pytest.fixture
def financier(serve_platform: Serve, tmp_path: Path) -> Financier:
    return hosted_session(serve_platform, tmp_path)
