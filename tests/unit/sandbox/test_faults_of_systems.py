"""What the accounting systems' adapters make of answers whose falseness the transport cannot see.

Every answer from the second page on is disturbed. `WHOLE` is the truth, `CHANGED` the right records with what the lie
says of them (the mapping's rules meet it, and the next full walk puts it right), `FEWER` a walk that a lie ended early.
Whatever comes of it, the walk after the disturbance is whole again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ConnectorError, ContractDrift, ReconnectRequired, Unavailable
from connector.sandbox.clock import SandboxClock
from connector.sandbox.disturbances import FAULT_NOTES, REQUEST_FAULTS
from connector.sandbox.faults import Rule
from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.platform import Sandbox
from connector.sandbox.server import Server
from connector.sandbox.tryton import TrytonSettings, create_tryton
from connector.secrets import Secret
from connector.systems.finexio import Finexio
from connector.systems.tryton import Tryton
from connector.transport import AdapterContext
from tests.fakes import START, FakeClock

WHOLE, CHANGED, FEWER, OTHER = "whole", "changed", "fewer", "other"
DRIFT = ContractDrift
Found = str | type[ConnectorError]

_SHAPES = (
    *("accepted", "empty_object", "a_list", "a_number", "null_body"),
    *("null_among_records", "missing_identifier", "null_identifier"),
)
_VALUES = (
    *("amount_as_float", "amount_in_another_unit", "amount_negative", "amount_null"),
    *("unknown_status", "null_status", "equal_timestamps"),
)
EXPECTED: dict[str, tuple[Found, Found]] = {
    # For each fault what Finexio's adapter makes of it, then Tryton's.
    **dict.fromkeys(_SHAPES, (DRIFT, DRIFT)),
    **dict.fromkeys(_VALUES, (CHANGED, CHANGED)),
    "error_in_200": (DRIFT, Unavailable),
    "repeated_record": (WHOLE, WHOLE),
    "missing_record": (DRIFT, DRIFT),
    "reversed_page": (WHOLE, DRIFT),
    "earlier_answer": (WHOLE, DRIFT),
    "empty_page": (DRIFT, FEWER),
    "next_missing": (DRIFT, WHOLE),
    "next_elsewhere": (WHOLE, WHOLE),
    "count_grows": (DRIFT, WHOLE),
    "count_shrinks": (WHOLE, WHOLE),
    # Tryton is walked by its timestamps, so one that disagrees with the server's own filter misleads the walk.
    "clock_ahead": (CHANGED, FEWER),
    "clock_behind": (CHANGED, DRIFT),
    "clock_years_ahead": (CHANGED, FEWER),
    "unreadable_timestamps": (CHANGED, DRIFT),
    # A record is stored byte for byte; Tryton's is put together from the fields that were asked for.
    "new_field": (CHANGED, WHOLE),
    "keys_reordered": (CHANGED, WHOLE),
    "other_record": (OTHER, DRIFT),
    "amount_as_text": (CHANGED, WHOLE),
    "currency_changed": (CHANGED, WHOLE),
    # Finexio has no sessions that could end.
    "logins_end": (WHOLE, ReconnectRequired),
    "logins_end_after": (WHOLE, ReconnectRequired),
}


class Side:
    """One platform, an adapter to it, and the whole truth."""

    def __init__(self, sandbox: Sandbox, connect: Callable[[str], Any], match: str, skip: int):
        self.server = Server(sandbox)
        self.sandbox, self.match, self.skip = sandbox, match, skip
        self.adapter = connect(self.server.base_url)
        self.whole = self.walk()

    def walk(self) -> dict[str, bytes]:
        pages = self.adapter.pull("invoices", None)
        return {record.source_id: record.raw for page in pages for record in page.records()}

    def found(self, fault: str) -> Found:
        self.sandbox.faults.add(Rule(self.match, fault, times=None, skip=self.skip))
        try:
            found = self.walk()
        except ConnectorError as error:
            return type(error)
        finally:
            self.sandbox.faults.clear()
        if found == self.whole:
            return WHOLE
        if found.keys() == self.whole.keys():
            return CHANGED
        return FEWER if found.keys() < self.whole.keys() else OTHER

    def close(self) -> None:
        self.adapter.close()
        self.server.stop()


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    def settings(**own: Any) -> dict[str, Any]:
        shared = {"username": "sandbox-user", "password": Secret("sandbox-password")}
        return {**shared, "concurrency": 1, **own}

    def finexio(url: str) -> Finexio:
        loaded = Finexio.settings_schema().load(settings(base_url=url))
        return Finexio(loaded, AdapterContext("books", FakeClock()))

    def tryton(url: str) -> Any:
        own = settings(base_url=url, database="books", page_size=10)
        return Tryton(Tryton.settings_schema().load(own), AdapterContext("books", FakeClock()))

    def made(name: str) -> Path:
        return tmp_path_factory.mktemp(name)

    clock = SandboxClock(START, frozen=True)
    first = create_finexio(FinexioSettings(invoices=25, page_size=10), made("f"), clock)
    second = create_tryton(TrytonSettings(invoices=25), made("t"), SandboxClock(START))
    both = (
        Side(first, finexio, "GET /v2/invoices/", 1),
        Side(second, tryton, "POST /books/rpc/", 2),
    )
    yield both
    for side in both:
        side.close()


def test_every_fault_of_data_and_access_is_here() -> None:
    named = {name for name in REQUEST_FAULTS if FAULT_NOTES[name].group == "data"}
    assert named <= set(EXPECTED) <= set(REQUEST_FAULTS)


@pytest.mark.parametrize("fault", EXPECTED)
def test_what_the_adapters_make_of_it(sides: tuple[Side, Side], fault: str) -> None:
    found = tuple(side.found(fault) for side in sides)
    assert found == EXPECTED[fault]
    for side in sides:
        assert side.walk() == side.whole, "nothing is lost: the next walk is whole"
