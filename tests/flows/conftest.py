"""A stage for each flow test, cleared away at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.stage import Stage

Build = Callable[..., Stage]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Make a stage with the options of `Stage`."""
    made: list[Stage] = []

    def stage(**options: Any) -> Stage:
        directory = tmp_path / f"stage-{len(made)}"
        directory.mkdir()
        made.append(Stage(directory, **options))
        return made[-1]

    yield stage
    for each in made:
        each.close()


@pytest.fixture
def stage(build: Build) -> Stage:
    """An empty Finexio, a financier, and a flow that renders documents and makes companies."""
    return build()
