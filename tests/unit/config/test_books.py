"""The same books are not offered for financing under two names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.config.books import books_of, place_of
from connector.config.load import load_config
from connector.errors import ConfigError
from connector.registry import systems
from tests.unit.config.samples import ENVIRON, GOOD, HostedSchema, LedgerSchema

SECOND = """
[connections.second]
system = "ledger"
base_url = "https://BOOKS.example.com:443/"
password = { env = "PASSWORD" }
"""
FLOW = """
[[flows]]
name = "second_to_lender"
connection = "second"
financier = "lender"
submitted_by = "finance@example.com"
"""


class Declared(LedgerSchema):
    """A system that says whose books these are."""

    @staticmethod
    def books_by(settings: Mapping[str, Any]) -> tuple[object, ...]:
        return (place_of(settings["base_url"]),)


def _load(folder: Path, text: str, schema: type[LedgerSchema] = Declared) -> None:
    path = folder / "connector.toml"
    path.write_text(text, "utf-8")
    load_config(path, ENVIRON, systems={"ledger": schema}, financiers={"hosted": HostedSchema})


def test_two_flows_of_the_same_books_are_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        _load(tmp_path, GOOD + SECOND + FLOW)
    (line,) = str(refused.value).splitlines()
    assert ": connections.second: these are the books of books, too" in line
    assert "offered twice" in line


def test_what_is_not_offered_or_not_the_same_is_not_a_problem(tmp_path: Path) -> None:
    _load(tmp_path, GOOD + SECOND)
    _load(tmp_path, GOOD + SECOND.replace("BOOKS", "other") + FLOW)
    _load(tmp_path, GOOD + SECOND.replace(":443", ":444") + FLOW)
    _load(tmp_path, GOOD + SECOND + FLOW, schema=LedgerSchema)


FINEXIO = {"base_url": "https://api.example.com/v2", "username": "ana"}
TRYTON = {
    "base_url": "https://tryton.example.com",
    "database": "books",
    "username": "ana",
    "company_id": 3,
}
MONITE = {"base_url": "https://api.example.com/v1", "entity_id": "1" * 8}


@pytest.mark.parametrize(
    ("system", "settings", "other", "same"),
    [
        ("finexio", FINEXIO, {"base_url": "https://api.example.com"}, True),
        ("finexio", FINEXIO, {"version": "v1"}, True),
        ("finexio", FINEXIO, {"username": "ben"}, False),
        ("finexio", FINEXIO, {"base_url": "https://sandbox.example.com/v2"}, False),
        ("tryton", TRYTON, {"username": "ben"}, True),
        ("tryton", TRYTON, {"company_id": 4}, False),
        ("tryton", TRYTON, {"database": "demo"}, False),
        ("tryton", {**TRYTON, "company_id": None}, {}, True),
        ("tryton", {**TRYTON, "company_id": None}, {"username": "ben"}, False),
        ("monite", MONITE, {"base_url": "https://api.example.com", "client_id": "x"}, True),
        ("monite", MONITE, {"entity_id": "2" * 8}, False),
    ],
)
def test_each_system_says_whose_books_these_are(
    system: str, settings: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    schema = systems()[system].settings_schema
    first, second = books_of(schema, settings), books_of(schema, {**settings, **other})
    assert first is not None
    assert (first == second) is same
