"""Fixtures around a real Tryton server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connector.clock import SystemClock
from connector.secrets import Secret
from connector.systems.tryton import Tryton
from connector.transport import AdapterContext
from tests.tryton.server import DATABASE, PASSWORD, TrytonServer, start_sqlite


@pytest.fixture(scope="session")
def tryton_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonServer]:
    """A real Tryton 8.0 on SQLite with 120 invoices. Its records change as the session goes on."""
    server = start_sqlite(tmp_path_factory.mktemp("tryton"))
    yield server
    server.stop()


@pytest.fixture
def connect() -> Iterator[Callable[..., Tryton]]:
    """Makes adapters, `connect(base_url, **settings)`, and closes them."""
    made: list[Tryton] = []

    def make(base_url: str, **changes: Any) -> Tryton:
        raw = {
            "base_url": base_url,
            "database": DATABASE,
            "username": "connector",
            "password": PASSWORD,
            **changes,
        }
        raw["password"] = Secret(raw["password"])
        settings = Tryton.settings_schema().load(raw)
        system = Tryton(settings, AdapterContext("acme", SystemClock()))
        made.append(system)
        return system

    yield make
    for system in made:
        system.close()


@pytest.fixture
def tryton(tryton_server: TrytonServer, connect: Callable[..., Tryton]) -> Tryton:
    """The adapter, connected to the real server."""
    return connect(tryton_server.base_url)
