"""The shipped mapping of Monite against the sandbox's own oracle, record by record."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connector.sandbox.clock import SandboxClock
from connector.sandbox.monite import MoniteSettings, create_monite
from connector.sandbox.monite.oracle import outcome_of
from connector.strict_json import loads_storable
from connector.systems.monite.records import invoice_record, is_wanted
from mappings import load_mapping, shipped
from mappings.outcome import Outcome
from tests.fakes import START

CONTRACT = json.loads((Path(__file__).parents[2] / "contracts" / "monite.json").read_text())
ENTITY = "9a1d7b52-6c6e-4c09-8c39-5b7c0a6a2b02"
MAPPING = load_mapping(shipped()["monite"], name="monite")
TODAY = START.date()


def judged(kind: str, row: dict[str, Any], today: date = TODAY) -> Outcome:
    raw = invoice_record(kind, row, ENTITY)
    return MAPPING.evaluate(loads_storable(raw.raw), today)


@pytest.mark.parametrize("absent", ["null", "absent"])
def test_every_outcome_is_the_oracles(tmp_path: Path, absent: Any) -> None:
    settings = MoniteSettings(invoices=400, dirty_percent=15)
    sandbox = create_monite(settings, tmp_path, SandboxClock(START, frozen=True))
    sandbox.populate()
    seen = set()
    for kind in ("payable", "receivable"):
        for stored in sandbox.ledger.select(kind):
            if not is_wanted(kind, stored.body):
                continue
            row = {name: value for name, value in stored.body.items() if name[0] != "_"}
            if absent == "absent":
                row = {name: value for name, value in row.items() if value is not None}
            expected, _ = outcome_of(kind, stored.body, TODAY)
            outcome = judged(kind, row)
            assert (stored.id, outcome.kind.value) == (stored.id, expected)
            seen.add(expected)
    assert seen == {"mapped", "held", "excluded", "rejected"}


def test_sides_and_amounts_of_both_kinds() -> None:
    payable = judged("payable", CONTRACT["payable"]).invoice
    assert payable is not None
    assert (payable.buyer_id, payable.amount_minor_units) == (f"entity:{ENTITY}", 1235300)
    assert payable.supplier_id == f"counterpart:{CONTRACT['payable']['counterpart_id']}"
    dollars = judged("receivable", {**CONTRACT["receivable"], "currency": "USD"}).invoice
    assert dollars is not None
    assert (dollars.supplier_id, dollars.amount_minor_units) == (f"entity:{ENTITY}", 50)
    # The day is the one that is written, whatever the zone.
    assert dollars.issue_date == date(2026, 1, 14)


@pytest.mark.parametrize(("currency", "total"), [("JPY", 50), ("KWD", 1234), ("USD", 12353)])
def test_minor_units_are_the_currencys_own(currency: str, total: int) -> None:
    row = {
        **CONTRACT["receivable"],
        "currency": currency,
        "total_amount": total,
        "amount_due": total,
    }
    outcome = judged("receivable", row)
    assert (outcome.currency, outcome.amount_minor_units) == (currency, total)
    assert outcome.kind.value == ("mapped" if currency == "USD" else "excluded")


def test_a_credit_note_and_a_draft_are_excluded_in_words() -> None:
    note = judged("receivable", {**CONTRACT["receivable"], "type": "credit_note"})
    assert (note.kind.value, note.reason_code) == ("excluded", "credit_note")
    draft = judged("payable", CONTRACT["sparse_payable"])
    assert (draft.kind.value, draft.reason_code, draft.currency) == ("excluded", "draft", None)


def test_an_unlinked_counterpart_and_an_unknown_status_wait_for_a_person() -> None:
    unlinked = judged("payable", {**CONTRACT["payable"], "counterpart_id": None})
    assert (unlinked.kind.value, unlinked.reason_code) == ("held", "counterparty_missing")
    for kind, name in (("payable", "payable"), ("receivable", "receivable")):
        row = {**CONTRACT[name], "currency": "USD", "status": "teleported"}
        assert judged(kind, row).reason_code == f"{kind}_status_unknown"


def test_an_amount_with_a_fraction_is_rejected() -> None:
    raw = invoice_record("payable", CONTRACT["payable"], ENTITY).raw
    odd = raw.replace(b'"total_amount":1235300', b'"total_amount":1235300.5')
    assert odd != raw
    assert MAPPING.evaluate(loads_storable(odd), TODAY).kind.value == "rejected"
