"""Kanmon's answers are read exactly, or refused by the field's name; nothing else ever happens."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.financier import FinancingStatus, RemoteInvoice
from connector.financier_answers import Misshapen
from connector.financiers.kanmon.answers import cents, read_business, read_invoice

INVOICE: dict[str, Any] = {
    "id": "i",
    "status": "INVOICE_FUNDED",
    "platformInvoiceId": "r",
    "invoiceAmountCents": 12_353,
    "invoiceDueDate": "2026-06-30",
    "feeAmountCents": 12,
    "principalAmountCents": None,
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(-(10**9), 10**9, places=2) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from([*INVOICE, "currency"]), ANYTHING, max_size=3))
def test_any_invoice_is_read_or_misshapen(changes: dict[str, Any]) -> None:
    try:
        told = read_invoice({**INVOICE, **changes}, b"")
    except Misshapen as error:
        assert "`" in str(error)
    else:
        assert isinstance(told, RemoteInvoice)
        assert type(told.amount_minor_units) is int
        assert told.amount_minor_units >= 0
        assert all(type(part) is int for part in told.financing.values())


@pytest.mark.parametrize("value", [0, 12_353, Decimal(12353), Decimal("1.2353E+4"), 2**60])
def test_whole_cents(value: Any) -> None:
    assert cents({"x": value}, "x") == int(value)


@pytest.mark.parametrize("value", [None, "1", True, -1, Decimal("1.5"), Decimal(-1), [], {}])
def test_what_is_no_cents(value: Any) -> None:
    with pytest.raises(Misshapen, match="`x`"):
        cents({"x": value}, "x")


def test_parts_that_are_not_told_are_left_out() -> None:
    assert read_invoice(INVOICE, b"").financing == {"feeAmount": 12}


def test_a_due_date_passes_through_no_time_zone() -> None:
    told = read_invoice({**INVOICE, "invoiceDueDate": "2026-06-30T23:59:59-11:00"}, b"")
    assert told.due_date == date(2026, 6, 30)


def test_another_currency_is_not_read_as_dollars() -> None:
    assert read_invoice({**INVOICE, "currency": "USD"}, b"").currency == "USD"
    with pytest.raises(Misshapen, match="currency"):
        read_invoice({**INVOICE, "currency": "EUR"}, b"")


def test_a_word_that_is_not_known_is_kept() -> None:
    told = read_invoice({**INVOICE, "status": "invoice_funded"}, b"")
    assert (told.status, told.raw_status) == (FinancingStatus.UNKNOWN, "invoice_funded")


def test_a_business_has_some_name() -> None:
    assert read_business({"id": "b"}).name == "b"
    assert read_business({"id": "b", "platformBusinessId": "p"}).name == "p"
    assert read_business({"id": "b", "platformBusinessId": "p", "legalName": "L"}).name == "L"
