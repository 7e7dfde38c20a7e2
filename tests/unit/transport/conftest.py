"""Fixtures around the server of `doubles.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connector.transport import Authorization, Transport, TransportSettings
from tests.fakes import FakeClock
from tests.unit.transport.doubles import Server, answer


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(*answers: Any) -> Server:
        made.append(Server(list(answers) or [answer()]))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def transport(clock: FakeClock) -> Iterator[Callable[..., Transport]]:
    made: list[Transport] = []

    def make(
        url: str,
        authorization: Authorization | None = None,
        secrets: tuple[str, ...] = (),
        **settings: Any,
    ) -> Transport:
        made.append(
            Transport(
                "acme",
                TransportSettings(base_url=url, **settings),
                clock,
                authorization,
                secrets=secrets,
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()
