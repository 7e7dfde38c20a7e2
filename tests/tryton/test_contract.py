"""The captured shapes: what the adapter sends and understands is what a real 8.0.12 was seen to take and give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.system import Record
from connector.systems.tryton.records import counterparty, invoice_record
from connector.systems.tryton.wire import decode
from mappings import load_mapping, shipped
from tests.fakes import START

CONTRACT: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "contracts" / "tryton.json").read_text("utf-8")
)


@pytest.mark.parametrize("name", sorted(CONTRACT["exchanges"]))
def test_every_captured_value_can_be_decoded(name: str) -> None:
    body = CONTRACT["exchanges"][name]["body"]
    text = json.dumps(decode(body)) if name != "attachment_read" else str(decode(body))
    assert "__class__" not in text


def test_a_captured_invoice_becomes_a_record() -> None:
    row = decode(CONTRACT["exchanges"]["search_read"]["body"]["result"][0])
    further = {"company.": {"id": 1, "rec_name": "Ours"}, "comment": None, "lines_to_pay": [4]}
    lines = decode(CONTRACT["exchanges"]["lines_to_pay"]["body"]["result"])
    lines = {line["id"]: {**line, "amount_second_currency": None} for line in lines}
    record = json.loads(invoice_record({**row, **further}, lines).raw)
    assert set(record) == set(CONTRACT["invoices"][0])
    assert record["total_amount"] == "100.00"
    assert record["due_dates"] == ["2026-11-21"]
    assert record["write_date"] == "2026-11-21T22:47:27.867629Z"


def test_the_mapping_reads_every_contract_record() -> None:
    mapping = load_mapping(shipped()["tryton"], name="tryton")
    outcomes = [
        mapping.evaluate(record, START.date()).kind.value for record in CONTRACT["invoices"]
    ]
    assert outcomes == ["mapped", "mapped", "excluded", "excluded", "excluded", "held"]


@pytest.mark.parametrize("record", CONTRACT["counterparties"], ids=lambda record: record["ref"])
def test_counterparties_are_translated(record: Record) -> None:
    company = counterparty(record)
    assert company.counterparty_id == record["ref"]
    assert company.role == ("own" if record["kind"] == "company" else "both")
