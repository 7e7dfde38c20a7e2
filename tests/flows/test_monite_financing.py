"""Invoices that live in Monite, financed by Monite: what is submitted is their own identifier, and a person confirms.

The books are read by a stand-in, so that this is about the financing alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from marshmallow import Schema

from connector.bootstrap import Program, read_config
from connector.errors import NotFound
from connector.financier import OffersWidget
from connector.sandbox.faults import Rule
from connector.sandbox.monite import MoniteSettings, create_monite
from connector.sandbox.monite import financing as desk
from connector.sandbox.monite.people_at_work import add_invoice
from connector.sandbox.monite.world import World
from connector.sandbox.platform import Sandbox
from connector.sandbox.server import serve
from connector.schedule import Tasks, prepare
from connector.secrets import new_key
from connector.store.financing_rows import FinancingRow
from connector.system import (
    Capabilities,
    Counterparty,
    Cursor,
    Finding,
    Page,
    RawRecord,
    Record,
    SourceDocument,
    StatusNote,
    Stream,
    Written,
)
from connector.verifying import Verifier
from tests.flows.stage import StageClock
from tests.monite_contract import checked

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MAPPING = """
description = "Receivables of a stand-in"
system = "ledger"
stream = "invoices"
financier = "monite"

[record]
id = "required | text"
document_id = "text"
currency = "required | text"
total_amount = "required | integer"
due_date = "date"
counterpart_id = "text"

[totals]
currency = "currency | currency_code"
amount = "total_amount | minor_units"

[fields]
direction = "constant('receivable')"
invoice_number = "document_id | trim"
currency = "currency | currency_code"
amount = "total_amount | minor_units"
due_date = "due_date | date"
buyer = "counterpart_id | trim"
supplier = "constant('own')"
"""


class Books:
    """Reads receivables that a test put into the sandbox, and nothing else."""

    name: ClassVar[str] = "ledger"
    capabilities: ClassVar[Capabilities] = Capabilities(
        payables=False,
        receivables=True,
        attachments=False,
        status_notes=False,
        change_detection="Always read whole.",
        write_back="None.",
    )
    settings_schema: ClassVar[type[Schema]] = Schema
    streams: ClassVar[tuple[Stream, ...]] = (Stream("invoices", mapped=True, incremental=False),)
    sandbox: ClassVar[Sandbox]
    ids: ClassVar[list[str]]

    def __init__(self, _settings: Mapping[str, Any], _context: object) -> None:
        pass

    def check(self) -> list[Finding]:
        return []

    def pull(self, _stream: str, _cursor: Cursor | None) -> Iterator[Page]:
        wanted = ("id", "document_id", "currency", "total_amount", "due_date", "counterpart_id")

        def records() -> Sequence[RawRecord]:
            found = self.sandbox.ledger.get_many("receivable", self.ids)
            rows = [{name: one.body[name] for name in wanted} for one in found]
            # Named as the connection to Monite names them.
            return [RawRecord(f"receivable:{r['id']}", json.dumps(r).encode()) for r in rows]

        yield Page(records, None, size=len(self.ids))

    def fetch(self, _stream: str, source_id: str) -> RawRecord:
        raise NotFound(source_id)

    def counterparty(self, _record: Record) -> Counterparty:
        raise NotImplementedError

    def document(self, _source_id: str) -> SourceDocument | None:
        raise AssertionError("No document is asked for.")

    def write_status(self, _note: StatusNote) -> Written:
        raise NotImplementedError

    def find_status(self, _note: StatusNote) -> Written | None:
        raise NotImplementedError

    def close(self) -> None:
        pass


class House:
    """Monite's sandbox and one program whose tasks run when the test says so."""

    def __init__(self, sandbox: Sandbox, path: Path) -> None:
        self.sandbox, self.world = sandbox, World(sandbox)
        self.program = Program(read_config(path, {}), clock=sandbox.clock)
        prepare(self.program)
        self.tasks = Tasks(self.program, lambda _key: None)

    def add(self, **fields: Any) -> str:
        told = {"total_amount": 12_353, "currency": "USD", "due_date": "2026-06-30", **fields}
        own_id = add_invoice(self.world, "receivable", told).id
        Books.ids.append(own_id)
        return own_id

    def go_on(self) -> None:
        for task, _ in self.tasks.by_key.values():
            task()

    def row(self) -> FinancingRow:
        with self.program.database.read() as tx:
            (row,) = tx.financing.recent(10)
        return row

    def words(self) -> list[str]:
        with self.program.database.read() as tx:
            return [told.raw_status for told in tx.timeline.of_invoice(self.row().id)]

    def poll(self) -> None:
        self.sandbox.clock.advance(901)
        self.tasks.poll("bank")

    def outcomes(self) -> list[str | None]:
        kinds = ("mapped", "held", "excluded", "rejected")
        with self.program.database.read() as tx:
            return [r.outcome.reason_code for r in tx.records.list_current(kinds, limit=10)]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    own = MoniteSettings(
        invoices=20,
        counterparts=4,
        rate_limit_per_second=100_000,
        tick_seconds=3600,
        reject_percent=0,
        late_percent=0,
    )
    sandbox = create_monite(own, tmp_path / "platforms", StageClock(START))
    monkeypatch.setattr(Books, "sandbox", sandbox, raising=False)
    monkeypatch.setattr(Books, "ids", [], raising=False)
    monkeypatch.setattr("connector.bootstrap.known_systems", lambda: {"ledger": Books})
    for name, text in (("key", new_key()), ("secret", own.client_secret)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "receivables.toml").write_text(MAPPING, encoding="utf-8")
    with ExitStack() as stack:
        stack.enter_context(checked(sandbox, answers=False))
        url = stack.enter_context(serve(sandbox))
        path = tmp_path / "connector.toml"
        path.write_text(config(url, own), encoding="utf-8")
        made = House(sandbox, path)
        stack.callback(made.program.close)
        yield made


def config(url: str, own: MoniteSettings) -> str:
    return f"""
[store]
url = "sqlite:///connector.db"
[encryption]
key = {{ file = "key" }}
[schedule]
quiet_period_seconds = 60
jitter_seconds = 0
[connections.books]
system = "ledger"
[financiers.bank]
platform = "monite"
base_url = "{url}"
client_id = "{own.client_id}"
client_secret = {{ file = "secret" }}
entity_id = "{own.entity_id}"
[[flows]]
name = "flow"
connection = "books"
financier = "bank"
mapping = "receivables.toml"
submitted_by = "finance@example.com"
"""


def test_a_person_confirms_and_the_financing_goes_its_way(house: House) -> None:
    own_id = house.add()
    house.go_on()
    row = house.row()
    assert (row.state, row.remote_invoice_id) == ("submitted", f"receivable:{own_id}")
    assert house.words() == ["DRAFT"]
    bank = house.program.financiers["bank"]
    assert isinstance(bank, OffersWidget)
    widget = bank.open_widget(row.remote_invoice_id)
    desk.complete(house.world, widget.tokens["session_token"])
    house.poll()
    for _ in range(2):
        desk.desk_of(house.world).advance()
        house.poll()
    assert house.words() == ["DRAFT", "NEW", "FUNDED", "PAID"]
    assert (house.row().status, house.row().financing["advance_amount"]) == ("repaid", 9_882)
    verifier = Verifier(house.program.database, house.program.decider)
    house.go_on()
    assert verifier.run(at_rest=True) == []


def test_no_token_is_in_the_store(house: House, tmp_path: Path) -> None:
    house.add()
    house.go_on()
    (session,) = house.sandbox.ledger.select("session")
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("connector.db*"))
    assert house.row().client_reference_id.encode() in stored
    for token in (session.id, session.body["connect_token"]):
        assert token.encode() not in stored


@pytest.mark.parametrize("fault", ["status_500_after_commit", "truncated_json", "status_503"])
def test_an_unclear_answer_is_looked_up(house: House, fault: str) -> None:
    house.sandbox.faults.add(Rule("POST /v1/financing_invoices", fault))
    house.add()
    for _ in range(4):
        house.go_on()
        house.sandbox.clock.advance(61)
    assert house.row().state == "submitted"
    assert len(house.sandbox.ledger.select("financing")) == 1


def test_what_monite_does_not_finance_is_not_asked_for(house: House) -> None:
    house.add(due_date="2026-03-08")
    house.add(currency="EUR")
    house.go_on()
    assert house.outcomes() == ["due_too_soon", "currency_not_financed"]
    assert house.sandbox.ledger.select("financing") == []


def test_an_amount_that_differs_is_parked(house: House) -> None:
    own_id = house.add()
    house.go_on()
    stored = house.sandbox.ledger.get("financing", f"receivable:{own_id}")
    assert stored is not None
    body = {**stored.body, "total_amount": 12_354}
    house.sandbox.ledger.change(stored, body, at=START, cause="changed")
    house.poll()
    assert house.row().state == "parked"
    assert "12354" in str(house.row().state_reason)
