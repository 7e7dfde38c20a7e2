"""Finexio's payables financed by Kanmon: no linked companies, no document, one step, statuses by its feed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.bootstrap import Program, read_config
from connector.financier import OffersWidget
from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.finexio.create import add_invoice
from connector.sandbox.finexio.mutations import change_invoice
from connector.sandbox.kanmon import KanmonSettings, create_kanmon
from connector.sandbox.platform import Sandbox
from connector.sandbox.run import control
from connector.sandbox.server import Server
from connector.schedule import Tasks, prepare
from connector.secrets import new_key
from connector.store.financing_rows import FinancingRow
from connector.verifying import Verifier
from tests.flows.stage import StageClock

STORMS = {
    ("POST */invoices/finance", 70): [
        "status_500_after_commit",
        "commit_then_timeout",
        "timeout_then_commit",
        "reset_before_commit",
        "truncated_json",
        "html_200_after_commit",
        "empty_200",
        "rate_limited",
    ],
    ("GET */issued-products", 25): ["truncated_json", "html_200", "status_503"],
}
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class House:
    """Both platforms and one program whose tasks run when the test says so."""

    def __init__(self, directory: Path) -> None:
        self.clock = StageClock(START)
        books = FinexioSettings(invoices=0, buyers=1, suppliers=2)
        bank = KanmonSettings(tick_seconds=3600)
        self.books = create_finexio(books, directory / "platforms", self.clock)
        self.bank = create_kanmon(bank, directory / "platforms", self.clock)
        self._servers = [Server(self.books), Server(self.bank)]
        self.bank_url = self._servers[1].base_url
        secrets = {"key": new_key(), "password": books.password, "api": bank.api_key_secret}
        for name, text in secrets.items():
            file = directory / name
            file.write_text(text, encoding="utf-8")
            file.chmod(0o600)
        path = directory / "connector.toml"
        path.write_text(self._config(), encoding="utf-8")
        self.program = Program(read_config(path, {}), clock=self.clock)
        prepare(self.program)
        self.tasks = Tasks(self.program, lambda _key: None)

    def _config(self) -> str:
        business = self.bank.ledger.select("business")[0].id
        return f"""
[store]
url = "sqlite:///connector.db"
[encryption]
key = {{ file = "key" }}
[schedule]
quiet_period_seconds = 60
jitter_seconds = 0
[connections.books]
system = "finexio"
base_url = "{self._servers[0].base_url}/v2"
username = "sandbox-user"
password = {{ file = "password" }}
[financiers.bank]
platform = "kanmon"
base_url = "{self.bank_url}"
api_key = {{ file = "api" }}
business_id = "{business}"
platform_user_id = "user-1"
[[flows]]
name = "flow"
connection = "books"
financier = "bank"
document = "wait"
submitted_by = "finance@example.com"
"""

    def close(self) -> None:
        self.program.close()
        for server in self._servers:
            server.stop()

    def go_on(self) -> None:
        """Every task but the poll of statuses, once."""
        for key, (task, _) in self.tasks.by_key.items():
            if not key.startswith("poll:"):
                task()

    def financings(self) -> list[FinancingRow]:
        with self.program.database.read() as tx:
            return tx.financing.recent(100)[::-1]

    def words(self) -> list[str]:
        (row,) = self.financings()
        with self.program.database.read() as tx:
            return [told.raw_status for told in tx.timeline.of_invoice(row.id)]

    def fault(self, match: str, fault: str, times: int | None = 1) -> None:
        rule = {"match": match, "fault": fault, "times": times}
        control(self.bank_url, "/sandbox/faults", rule)

    def move(self, status: str) -> None:
        (invoice,) = self.bank.ledger.select("invoice")
        body = {"invoice": invoice.id, "status": status}
        control(self.bank_url, "/sandbox/desk/set", body)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def amounts(bank: Sandbox) -> list[tuple[str | None, int | None]]:
    return [(one.reference, one.amount_minor_units) for one in bank.ledger.select("invoice")]


def test_an_invoice_goes_its_way_by_the_feed_alone(house: House) -> None:
    add_invoice(house.books, {}, cause="added")
    house.go_on()
    (row,) = house.financings()
    assert row.state == "submitted"
    assert amounts(house.bank) == [(row.client_reference_id, row.amount_minor_units)]
    (there,) = house.bank.ledger.select("invoice")
    with house.program.database.read() as tx:
        supplier = tx.companies.counterparty("books", row.supplier_id)
    assert supplier is not None
    assert there.body["payeeBusinessName"] == supplier.name
    house.tasks.poll("bank")
    assert house.words() == ["INVOICE_CREATED"]
    for word in ("INVOICE_FUNDED", "INVOICE_PENDING_RETURN", "INVOICE_RETURNED"):
        house.clock.advance(1)
        # Not due for another quarter of an hour; the feed tells that something happened.
        house.move(word)
        house.tasks.poll("bank")
        assert house.words()[-1] != word
        house.tasks.notice("bank")
        house.tasks.poll("bank")
        assert house.words()[-1] == word
    (row,) = house.financings()
    assert (row.status, row.financing["feeAmount"]) == ("returned", there.body["feeAmountCents"])
    house.go_on()
    verifier = Verifier(house.program.database, house.program.decider)
    assert verifier.run(at_rest=True) == []


def test_without_the_feed_the_poll_finds_it(house: House) -> None:
    add_invoice(house.books, {}, cause="added")
    house.go_on()
    house.tasks.poll("bank")
    house.fault("GET */activity-logs", "status_500", times=None)
    house.move("INVOICE_FUNDED")
    assert not house.tasks.notice("bank")
    house.tasks.poll("bank")
    assert house.words() == ["INVOICE_CREATED"]
    house.clock.advance(timedelta(minutes=16).total_seconds())
    house.tasks.poll("bank")
    assert house.words() == ["INVOICE_CREATED", "INVOICE_FUNDED"]


def test_done_without_an_answer_is_found_and_not_repeated(house: House) -> None:
    house.fault("POST */invoices/finance", "status_500_after_commit")
    add_invoice(house.books, {}, cause="added")
    house.go_on()
    assert house.financings()[0].state == "submitting"
    for _ in range(3):
        house.clock.advance(timedelta(minutes=1).total_seconds())
        house.go_on()
    (row,) = house.financings()
    assert row.state == "submitted"
    assert amounts(house.bank) == [(row.client_reference_id, row.amount_minor_units)]


def test_a_storm_finances_each_invoice_once(house: House) -> None:
    for (match, percent), faults in STORMS.items():
        storm = {"match": match, "percent": percent, "options": {"delay_seconds": 0}}
        control(house.bank_url, "/sandbox/faults", {**storm, "faults": faults})
    for _ in range(8):
        add_invoice(house.books, {}, cause="added")
    for _ in range(60):
        house.go_on()
        house.tasks.poll("bank")
        house.clock.advance(45)
        rows = house.financings()
        if len(rows) == 8 and all(row.status for row in rows):
            break
    sent = sorted((row.client_reference_id, row.amount_minor_units) for row in house.financings())
    assert sorted(amounts(house.bank)) == sent
    assert {row.state for row in house.financings()} == {"submitted"}
    assert sum(house.bank.faults.counts.values()) > 5


def test_a_refusal_is_parked_with_the_platforms_words(house: House) -> None:
    payables = house.bank.ledger.select("product")[1]
    add_invoice(house.books, {}, cause="added")
    change = {"product": payables.id, "loanStatus": "CLOSED"}
    control(house.bank_url, "/sandbox/desk/product", change)
    house.go_on()
    (row,) = house.financings()
    assert row.state == "parked"
    assert "payable_product_id" in str(row.state_reason)
    assert amounts(house.bank) == []


def test_an_invoice_in_another_state_is_not_offered(house: House) -> None:
    stored = add_invoice(house.books, {}, cause="added")
    change_invoice(house.books, stored.id, {"invoice_due_date": "2026-02-20"})
    house.go_on()
    assert house.financings() == []


def test_the_widgets_token_is_nowhere_in_the_store(house: House, tmp_path: Path) -> None:
    bank = house.program.financiers["bank"]
    assert isinstance(bank, OffersWidget)
    token = bank.open_widget(None).tokens["connect_token"]
    house.go_on()
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("connector.db*"))
    assert token.encode() not in stored
