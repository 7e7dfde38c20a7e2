"""The benchmark's records are valid, deterministic and of one size."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest

from bench.records import BUYERS, COUNTERPARTIES, RECORD_BYTES, Change, Ledger

TODAY = date(2026, 11, 22)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(seed=7, today=TODAY)


def test_every_record_has_the_same_size_and_all_24_fields(ledger: Ledger) -> None:
    for index in [*range(500), 999_999]:
        rendered = ledger.invoice_json(index)
        assert len(rendered) == RECORD_BYTES
        assert len(json.loads(rendered)) == 24


def test_records_satisfy_the_documented_constraints(ledger: Ledger) -> None:
    buyers = {ledger.counterparty_id(number) for number in range(BUYERS)}
    suppliers = {ledger.counterparty_id(number) for number in range(BUYERS, COUNTERPARTIES)}
    for index in range(500):
        invoice = ledger.invoice(index)
        assert re.fullmatch(r"inv_[0-9a-z]{20}", invoice["id"])
        assert 1 <= invoice["amount_cents"] <= 999_999_900
        assert 0 <= invoice["discount_amount_cents"] < invoice["amount_cents"]
        assert invoice["currency"] == "USD"
        assert len(invoice["invoice_number"]) <= 49
        assert len(invoice["note"]) <= 1000
        assert len(invoice["reconciliation_id"]) <= 50
        assert len(invoice["accounting_id"]) <= 70
        assert invoice["originating_counterparty_id"] in buyers
        assert invoice["receiving_counterparty_id"] in suppliers
        assert abs(date.fromisoformat(invoice["invoice_date"]) - TODAY) <= timedelta(days=365)
        assert date.fromisoformat(invoice["invoice_due_date"]) > TODAY
        assert (invoice["payment_id"] is None) == (invoice["status"] == "pending")
        parts = [part["amount_cents"] for part in invoice["installments"]]
        assert len(parts) in (1, 2)
        assert sum(parts) == invoice["amount_cents"]


def test_most_records_are_pending_and_all_counterparties_occur(ledger: Ledger) -> None:
    invoices = [ledger.invoice(index) for index in range(2_000)]
    pending = sum(invoice["status"] == "pending" for invoice in invoices)
    assert 1_700 < pending < 1_900
    seen = {invoice["originating_counterparty_id"] for invoice in invoices}
    seen |= {invoice["receiving_counterparty_id"] for invoice in invoices}
    assert len(seen) == COUNTERPARTIES


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(ledger: Ledger) -> None:
    assert Ledger(7, TODAY).invoice_json(42) == ledger.invoice_json(42)
    assert Ledger(8, TODAY).invoice_json(42) != ledger.invoice_json(42)


def test_identifiers_are_unique_and_updated_grows(ledger: Ledger) -> None:
    invoices = [ledger.invoice(index) for index in range(2_000)]
    assert len({invoice["id"] for invoice in invoices}) == 2_000
    stamps = [invoice["updated"] for invoice in invoices]
    assert stamps == sorted(stamps)


def test_a_change_moves_the_amount_its_installments_and_the_timestamp(ledger: Ledger) -> None:
    before = ledger.invoice(5)
    after = ledger.invoice(5, Change(revision=2, at="2026-11-22T10:00:00.000000"))
    assert after["id"] == before["id"]
    assert after["amount_cents"] == before["amount_cents"] + 200
    assert sum(part["amount_cents"] for part in after["installments"]) == after["amount_cents"]
    assert after["updated"] == "2026-11-22T10:00:00.000000"
    assert after["created"] == before["created"]
    assert len(ledger.invoice_json(5, Change(2, "2026-11-22T10:00:00.000000"))) == RECORD_BYTES
