"""A house with connections, a financier, and something of everything in its store."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.financier import RemoteCompany
from connector.people.roles import Role
from connector.system import Counterparty
from tests.databases import finance, store_records
from tests.fakes import FakeClock
from tests.unit.access.conftest import api_house, build
from tests.unit.access.house import House, make_program

__all__ = ["api_house", "build"]

CONFIG = """
[connections.books]
system = "ledger"
[financiers.stenn]
platform = "bank"
[[flows]]
name = "flow"
connection = "books"
financier = "stenn"
submitted_by = "finance@example.com"
[[feed.endpoints]]
name = "erp"
url = "https://erp.example.com/hooks"
secrets = [{ file = "feed" }]
"""
HOSTILE = "<script>alert(1)</script>"


class FakeFinancier:
    """A financier that knows one company."""

    repeatable_steps: frozenset[str] = frozenset()

    def companies(self) -> list[RemoteCompany]:
        return [RemoteCompany("c-1", HOSTILE, "US", "approved")]

    def close(self) -> None:
        pass


class FakeLinker:
    """Links without deciding anything anew."""

    def __init__(self, house: House) -> None:
        self._house = house

    def link(self, counterparty_id: str, company_id: str, *, by: str) -> None:
        with self._house.program.database.write() as tx:
            tx.companies.link("books", counterparty_id, "stenn", company_id, how="hand", by=by)


def stock(house: House) -> House:
    """Seven invoices: five mapped, of which one is offered, two held; a counterparty; runs."""
    program = house.program
    program.__dict__["financiers"] = {"stenn": FakeFinancier()}
    program.__dict__["linker"] = lambda _flow: FakeLinker(house)
    with program.database.write() as tx:
        versions = store_records(tx, [f"a{n}" for n in range(5)])
        held = store_records(tx, ["h0", HOSTILE], kind="held")
        finance(tx, versions[0])
        tx.companies.save_counterparties(
            "books",
            [(Counterparty("p-1", HOSTILE, "buyer", country="US"), held[0].record_id)],
        )
        run_id = tx.runs.start("books", "invoices", "pull")
        tx.runs.add_totals(run_id, {("USD", "mapped"): (2, 9_007_199_254_740_993)})
        tx.runs.finish(run_id, "succeeded")
    return house


class Caller:
    """A program that calls the API with a token."""

    def __init__(self, house: House, role: Role) -> None:
        self._client = house.app.test_client()
        self._headers = {"Authorization": f"Bearer {house.token(role)}"}

    def __call__(self, method: str, path: str, **more):
        return self._client.open(f"/api/v1{path}", method=method, headers=self._headers, **more)

    def get(self, path: str, **query):
        return self("GET", path, query_string=query)


@pytest.fixture
def stocked(build: Callable[..., House]) -> House:
    """A house with something of everything, new for each test."""
    return stock(build(CONFIG, with_api=True))


@pytest.fixture(scope="module")
def reader(
    tmp_path_factory: pytest.TempPathFactory, migrated_sqlite_file: Path
) -> Iterator[Caller]:
    """A program that reads (it may do everything, but only reads) a house that all tests of a module share."""
    directory = tmp_path_factory.mktemp("house")
    shutil.copy(migrated_sqlite_file, directory / "connector.db")
    house = House(make_program(directory, FakeClock(), CONFIG))
    house.add("admin@example.com", Role.ADMIN)
    yield Caller(stock(house), Role.ADMIN)
    house.program.close()


@pytest.fixture
def admin(stocked: House) -> Caller:
    """A program that may do everything."""
    return Caller(stocked, Role.ADMIN)
