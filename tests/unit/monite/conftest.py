"""The Monite sandbox behind a connection, every request of it checked against the vendor's OpenAPI."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.sandbox.clock import SandboxClock
from connector.sandbox.monite import MoniteSettings, create_monite
from connector.sandbox.platform import Sandbox
from connector.sandbox.server import serve
from connector.secrets import Secret
from connector.systems.monite import Monite
from connector.transport import AdapterContext
from tests.conformance.proxy import Proxy
from tests.fakes import START, FakeClock
from tests.monite_contract import checked

Connect = Callable[..., Monite]


@dataclass
class Platform:
    """The sandbox, and what its people do."""

    sandbox: Sandbox
    settings: MoniteSettings
    url: str

    def control(self, path: str, body: Any) -> None:
        asked = urllib.request.Request(
            f"{self.url}/sandbox/{path}", json.dumps(body).encode(), method="POST"
        )
        urllib.request.urlopen(asked).close()

    def one(self, kind: str, status: str) -> str:
        """The identifier of one invoice of ours."""
        return next(
            str(o.id)
            for o in self.sandbox.ledger.select(kind)
            if o.body["status"] == status
            and o.body["_entity"] == self.settings.entity_id
            and o.body.get("type", "invoice") == "invoice"
        )

    def body(self, kind: str, identifier: str) -> dict[str, Any]:
        found = self.sandbox.ledger.get(kind, identifier)
        assert found is not None
        return found.body


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    settings = MoniteSettings(
        invoices=36, counterparts=3, dirty_percent=0, rate_limit_per_second=100_000
    )
    sandbox = create_monite(settings, tmp_path, SandboxClock(START, frozen=True))
    with checked(sandbox, answers=False), serve(sandbox) as url:
        yield Platform(sandbox, settings, url)


@pytest.fixture
def proxy(platform: Platform) -> Iterator[Proxy]:
    between = Proxy(platform.url)
    yield between
    between.close()


@pytest.fixture
def connect(platform: Platform, proxy: Proxy, clock: FakeClock) -> Iterator[Connect]:
    made: list[Monite] = []

    def make(**changes: Any) -> Monite:
        raw = {
            "base_url": f"{proxy.url}/v1",
            "client_id": platform.settings.client_id,
            "client_secret": Secret(platform.settings.client_secret),
            "entity_id": platform.settings.entity_id,
            "requests_per_second": None,
            "file_urls": [proxy.url, platform.url],
            **changes,
        }
        made.append(Monite(Monite.settings_schema().load(raw), AdapterContext("acme", clock)))
        return made[-1]

    yield make
    for one in made:
        one.close()
