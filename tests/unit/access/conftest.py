"""A house for each test; the store is copied, not migrated."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.people.roles import Role
from tests.fakes import FakeClock
from tests.unit.access.house import House, make_program

Build = Callable[..., House]


@pytest.fixture
def build(tmp_path: Path, clock: FakeClock, migrated_sqlite_file: Path) -> Iterator[Build]:
    """Make a house; `config` is added to its configuration file. Without `admin` it is not set up yet."""
    made: list[House] = []

    def house(config: str = "", *, admin: bool = True, with_api: bool = False) -> House:
        own = tmp_path / f"house-{len(made)}"
        own.mkdir()
        shutil.copy(migrated_sqlite_file, own / "connector.db")
        made.append(House(make_program(own, clock, config), with_api=with_api))
        if admin:
            made[-1].add("admin@example.com", Role.ADMIN)
        return made[-1]

    yield house
    for each in made:
        each.program.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite_file: Path) -> Iterator[House]:
    """One that all tests of a module look at; it has two names beside the loopback ones."""
    directory = tmp_path_factory.mktemp("house")
    shutil.copy(migrated_sqlite_file, directory / "connector.db")
    names = 'host_names = ["Inside.example"]\n[server]\npublic_url = "https://shown.example/"'
    house = House(make_program(directory, FakeClock(), names), with_api=False)
    house.add("admin@example.com", Role.ADMIN)
    yield house
    house.program.close()


@pytest.fixture
def house(build: Build) -> House:
    """One that is set up."""
    return build()


@pytest.fixture
def api_house(build: Build) -> House:
    """One that is set up, with the API."""
    return build(with_api=True)
