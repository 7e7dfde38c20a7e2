"""The rules that Kanmon and Monite publish, as mappings apply them; and which shipped documents there are for them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mappings import load_mapping, shipped, shipped_name
from mappings.financier import known_financiers

TODAY = date(2026, 3, 2)
DOCUMENT = """
description = "Test"
system = "test"
stream = "invoices"
financier = "%s"

[record]
id = "required | text"
side = "required | one_of('payable', 'receivable')"
number = "text"
currency = "required | text"
cents = "required | integer"
due = "date"
issued = "date"
other = "text"

[totals]
currency = "currency | currency_code"
amount = "cents | minor_units"

[tables.directions]
payable = "payable"
receivable = "receivable"

[fields]
direction = "side | lookup(directions)"
invoice_number = "number | trim"
currency = "currency | currency_code"
amount = "cents | minor_units"
due_date = "due | date"
issue_date = "issued | date"
buyer = "other | trim"
supplier = "other | trim"
"""
RECORD = {
    "id": "1",
    "side": "receivable",
    "number": "N-1",
    "currency": "USD",
    "cents": 12_353,
    "due": "2026-03-09",
    "issued": "2026-02-20",
    "other": "c",
}


def reason(financier: str, **changes: Any) -> str | None:
    mapping = load_mapping(DOCUMENT % financier, name="test")
    record = {k: v for k, v in {**RECORD, **changes}.items() if v is not None}
    return mapping.evaluate(record, TODAY).reason_code


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"due": "2026-03-08"}, "due_too_soon"),
        ({"currency": "EUR"}, "currency_not_financed"),
        ({"cents": 100}, None),
        ({"cents": 99}, "amount_too_small"),
        ({"issued": None}, "issue_date_missing"),
        ({"side": "payable", "issued": None, "due": "2026-02-25"}, None),
        ({"side": "payable", "due": "2026-02-24"}, "long_past_due"),
    ],
)
def test_kanmons_rules(changes: dict[str, Any], expected: str | None) -> None:
    assert reason("kanmon", **changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"due": "2026-03-08"}, "due_too_soon"),
        ({"currency": "GBP"}, "currency_not_financed"),
        ({"cents": 0}, "amount_not_positive"),
        ({"side": "payable"}, "payable_rules_unknown"),
    ],
)
def test_monites_rules(changes: dict[str, Any], expected: str | None) -> None:
    assert reason("monite", **changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"side": "payable", "due": "2026-03-02"}, None),
        ({"side": "payable", "due": "2026-03-01"}, "payable_past_due"),
        ({"due": "2026-03-08"}, "due_too_soon"),
    ],
)
def test_monites_rules_with_payables(changes: dict[str, Any], expected: str | None) -> None:
    assert reason("monite_with_payables", **changes) == expected


def test_every_shipped_document_compiles_for_its_financier() -> None:
    documents = shipped()
    for name, text in documents.items():
        system, _, financier = name.partition("_for_")
        mapping = load_mapping(text, name=name)
        assert mapping.system == system
        assert mapping.financier == (financier or "hosted_session")
    assert {"finexio_for_kanmon", "tryton_for_kanmon"} <= documents.keys()
    # Monite finances only what lives in Monite.
    assert not {"finexio_for_monite", "tryton_for_monite"} & documents.keys()


RECEIVABLE = {
    "id": "9d2b4c8f-2087-4738-ba91-7359683c49a4",
    "direction": "receivable",
    "document_type": "invoice",
    "own_ref": "entity:1",
    "counterparty_ref": "counterpart:2",
    "status": "partially_paid",
    "currency": "USD",
    "document_id": "INV-1",
    "due_date": "2026-05-01",
    "total_amount": 12_353,
    "amount_due": 8_236,
    "amount_paid": 4_117,
}


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("monite", 8_236),
        ("monite_for_kanmon", 8_236),
        ("monite_for_monite", 12_353),
        ("monite_for_monite_with_payables", 12_353),
    ],
)
def test_monite_lists_the_total_and_others_are_offered_the_rest(name: str, offered: int) -> None:
    mapping = load_mapping(shipped()[name], name=name)
    outcome = mapping.evaluate({**RECEIVABLE, "issue_date": "2026-02-01T00:00:00Z"}, TODAY)
    assert outcome.invoice is not None
    assert outcome.invoice.amount_minor_units == offered
    assert outcome.amount_minor_units == 12_353  # the control totals count the gross amount
    paid = mapping.evaluate({**RECEIVABLE, "amount_due": 0}, TODAY)
    assert (paid.kind.value, paid.invoice) == ("excluded", None)


def test_the_name_of_a_shipped_document() -> None:
    assert shipped_name("finexio", "hosted_session") == "finexio"
    assert shipped_name("finexio", "kanmon") == "finexio_for_kanmon"
    assert shipped_name("finexio", "nobody") == "finexio"
    assert {"hosted_session", "kanmon", "monite"} <= set(known_financiers())
