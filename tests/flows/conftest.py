"""A stage for each flow test, cleared away at its end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.stage import Stage

Build = Callable[..., Stage]


MEMORY = Path("/dev/shm")
"""Where there is such a file system, a commit costs no wait for a disk; these tests do not need one."""


@pytest.fixture
def build() -> Iterator[Build]:
    """Make a stage with the options of `Stage`."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    made: list[Stage] = []
    with tempfile.TemporaryDirectory(prefix="flow-", dir=place) as directory:

        def stage(**options: Any) -> Stage:
            own = Path(directory) / f"stage-{len(made)}"
            own.mkdir()
            made.append(Stage(own, **options))
            return made[-1]

        yield stage
        for each in made:
            each.close()


@pytest.fixture
def stage(build: Build) -> Stage:
    """An empty Finexio, a financier, and a flow that renders documents and makes companies."""
    return build()
