from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mappings import Direction, FinancingInvoice, Mapping, OutcomeKind

TODAY = date(2026, 11, 22)


def test_a_customers_invoice(tryton: Mapping, tryton_record: dict[str, Any]) -> None:
    outcome = tryton.evaluate(tryton_record, TODAY)
    assert outcome.invoice == FinancingInvoice(
        direction=Direction.RECEIVABLE,
        invoice_number="17",
        currency="USD",
        amount_minor_units=50000,
        due_date=date(2026, 12, 25),
        buyer_id="party:4",
        supplier_id="company:1",
        issue_date=date(2026, 10, 25),
        type_of_goods=("other",),
    )
    assert (outcome.currency, outcome.amount_minor_units) == ("USD", 52665)


def test_a_suppliers_invoice(tryton: Mapping, tryton_record: dict[str, Any]) -> None:
    invoice = tryton.evaluate({**tryton_record, "type": "in"}, TODAY).invoice
    assert invoice is not None
    assert invoice.direction is Direction.PAYABLE
    assert (invoice.buyer_id, invoice.supplier_id) == ("company:1", "party:4")
    assert invoice.invoice_number == "PO-USD-00000"


@pytest.mark.parametrize(
    ("fields", "kind", "reason"),
    [
        ({"state": "draft", "number": None, "amount_to_pay": "0"}, "excluded", "not_posted"),
        ({"state": "validated"}, "excluded", "not_posted"),
        ({"state": "paid", "amount_to_pay": "0.00"}, "excluded", "already_paid"),
        ({"state": "cancelled"}, "excluded", "canceled"),
        ({"state": "novel"}, "held", "state_unknown"),
        ({"total_amount": "-10.00", "amount_to_pay": "-10.00"}, "excluded", "credit_note"),
        ({"amount_to_pay": "0"}, "excluded", "amount_not_positive"),
        ({"number": None}, "held", "invoice_number_missing"),
        ({"type": "in", "reference": None}, "held", "supplier_number_missing"),
        ({"type": "both"}, "held", "word_unknown"),
        ({"due_date": None, "due_dates": []}, "held", "due_date_missing"),
        ({"due_dates": ["2026-12-01", "2026-12-25"]}, "held", "several_due_dates"),
        ({"due_dates": ["2026-12-25", "2026-12-25"]}, "mapped", None),
        ({"due_date": "2026-11-21"}, "excluded", "past_due"),
        ({"currency": {"code": "CHF", "digits": 2}}, "excluded", "currency_not_financed"),
        ({"currency": {"code": "Fr.", "digits": 2}}, "rejected", "currency_unknown"),
        ({"currency": None}, "rejected", "required_missing"),
        ({"total_amount": 526.65}, "rejected", "not_a_number"),
        ({"amount_to_pay": "526.655"}, "rejected", "not_exact"),
        ({"party_ref": None}, "rejected", "required_missing"),
        ({"due_dates": [5]}, "rejected", "not_a_date"),
        ({"lines_to_pay": [{"maturity_date": "soon"}]}, "rejected", "not_a_date"),
    ],
)
def test_each_rule(
    tryton: Mapping,
    tryton_record: dict[str, Any],
    fields: dict[str, Any],
    kind: str,
    reason: str | None,
) -> None:
    outcome = tryton.evaluate({**tryton_record, **fields}, TODAY)
    assert (outcome.kind, outcome.reason_code) == (kind, reason)


def test_totals_keep_the_sign_of_a_credit_note(
    tryton: Mapping, tryton_record: dict[str, Any]
) -> None:
    outcome = tryton.evaluate({**tryton_record, "total_amount": "-10.00"}, TODAY)
    assert outcome.amount_minor_units == -1000


def test_a_currency_without_decimals(tryton: Mapping, tryton_record: dict[str, Any]) -> None:
    record = {**tryton_record, "currency": {"code": "JPY", "digits": 0}}
    exact = tryton.evaluate({**record, "total_amount": "1200", "amount_to_pay": "1200.00"}, TODAY)
    assert (exact.kind, exact.currency, exact.amount_minor_units) == (
        OutcomeKind.EXCLUDED,
        "JPY",
        1200,
    )
    assert tryton.evaluate(record, TODAY).kind is OutcomeKind.REJECTED
