"""How many kills, and from which seed: `pytest tests/chaos --kills 100 --seed 7`."""

from __future__ import annotations

import random

import pytest

from tests.flows.conftest import build

__all__ = ["build", "kills", "seed"]


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often the connector is killed."""
    given: int | None = request.config.getoption("--kills")
    usual = 12 if request.config.getoption("--long") else 4
    return usual if given is None else given


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Where the moments of the kills come from; printed, so that a failure can be looked at again."""
    given: int | None = request.config.getoption("--seed")
    return random.SystemRandom().randrange(1_000_000) if given is None else given
