"""A Monite sandbox on a port, at a fixed instant, and a client of the partner that is let in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from connector.sandbox.clock import SandboxClock
from connector.sandbox.monite import MoniteSettings, create_monite
from connector.sandbox.platform import Sandbox
from tests.unit.sandbox.conftest import START, Serve, Served

NOWHERE = "00000000-0000-4000-8000-000000000000"


def monite_sandbox(directory: Path, **settings: Any) -> Sandbox:
    """A small one, whose rate nobody reaches by accident: the clock stands still."""
    chosen = {"invoices": 60, "rate_limit_per_second": 10**6, **settings}
    clock = SandboxClock(START, frozen=True)
    return create_monite(MoniteSettings(**chosen), directory, clock)


@dataclass
class Monite(Served):
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> MoniteSettings:
        chosen: MoniteSettings = self.sandbox.settings
        return chosen

    def let_in(self, **more: Any) -> None:
        """Get a token and send it from now on."""
        self.http.headers.update(
            {"X-Monite-Version": "2024-05-25", "X-Monite-Entity-Id": self.settings.entity_id}
        )
        answer = self.token(**more)
        assert answer.ok, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def token(self, **changes: Any) -> requests.Response:
        body = {
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret,
            "grant_type": "client_credentials",
            **changes,
        }
        return self.post("/v1/auth/token", body)

    def patch(self, path: str, body: Any) -> requests.Response:
        return self.http.patch(self.url + path, json=body, timeout=10)

    def page(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.get(f"/v1/{path}", params=query)
        assert answer.ok, answer.text
        return dict(answer.json())

    def walk(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every record of a list, by its tokens."""
        page = self.page(path, **query)
        while True:
            yield from page["data"]
            token = page.get("next_pagination_token")
            if token is None:
                return
            repeated = {"limit": query["limit"]} if "limit" in query else {}
            page = self.page(path, pagination_token=token, **repeated)

    def one(self, path: str, **query: Any) -> dict[str, Any]:
        """The first record of a list."""
        return dict(self.page(path, limit=1, **query)["data"][0])

    def person_sets(self, side: str, own_id: str, **fields: Any) -> None:
        assert self.post(f"/sandbox/{side}/{own_id}", {"set": fields}).ok

    def push_clock(self, seconds: float) -> None:
        assert self.post("/sandbox/clock", {"advance_seconds": seconds}).ok


def served_monite(serve_platform: Serve, sandbox: Sandbox) -> Monite:
    served = serve_platform(sandbox)
    monite = Monite(sandbox, served.url, served.http)
    monite.let_in()
    return monite
