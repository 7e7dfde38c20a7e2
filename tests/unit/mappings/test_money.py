from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from iso4217 import Currency

from mappings import MoneyError, money
from mappings.currencies import EXPONENTS, PUBLISHED


def test_the_currency_table_is_the_packaged_standard() -> None:
    import iso4217

    packaged = {entry.code: entry.exponent for entry in Currency if entry.exponent is not None}
    assert packaged == EXPONENTS
    assert str(iso4217.__published__) == PUBLISHED


@pytest.mark.parametrize("code", ["usd", "DEM", "XAU", "XXX", "", "US", None, 840, True, ["USD"]])
def test_other_codes_are_refused(code: Any) -> None:
    with pytest.raises(MoneyError) as refused:
        money.exponent(code, field="currency")
    assert refused.value.reason_code == "currency_unknown"
    assert str(refused.value).startswith("currency must be a current ISO 4217")


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        ("123.53", "USD", 12353),
        ("123.5", "USD", 12350),
        ("123.530000", "USD", 12353),
        ("0", "USD", 0),
        (88000, "USD", 8800000),
        (Decimal("0.07"), "EUR", 7),
        (Decimal("1E+2"), "USD", 10000),
        ("1200", "JPY", 1200),
        ("1200.00", "JPY", 1200),
        ("1.234", "KWD", 1234),
        ("1.2345", "CLF", 12345),
        ("92233720368547758.07", "USD", 2**63 - 1),
    ],
)
def test_exact_amounts(value: Any, currency: str, expected: int) -> None:
    assert money.minor_units(value, currency) == expected


@pytest.mark.parametrize(
    ("value", "currency", "reason"),
    [
        ("123.535", "USD", "not_exact"),
        ("0.5", "JPY", "not_exact"),
        (Decimal("0.00001"), "CLF", "not_exact"),
        (1.5, "USD", "not_a_number"),
        (True, "USD", "not_a_number"),
        (None, "USD", "not_a_number"),
        ("1e3", "USD", "not_a_number"),
        ("1_000", "USD", "not_a_number"),
        ("1,000", "USD", "not_a_number"),
        ("+1", "USD", "not_a_number"),
        (" 1", "USD", "not_a_number"),
        ("1\n", "USD", "not_a_number"),
        (".5", "USD", "not_a_number"),
        ("5.", "USD", "not_a_number"),
        ("١٢", "USD", "not_a_number"),
        ("NaN", "USD", "not_a_number"),
        ("", "USD", "not_a_number"),
        (Decimal("NaN"), "USD", "not_a_number"),
        (Decimal("Infinity"), "USD", "not_a_number"),
        (Decimal("1E+999999"), "USD", "amount_too_large"),
        (Decimal("1E-999999"), "USD", "amount_too_large"),
        ("-1", "USD", "amount_negative"),
        ("92233720368547758.08", "USD", "amount_too_large"),
        (10**400, "USD", "amount_too_large"),
    ],
)
def test_what_is_not_exact_or_not_plain_is_refused(value: Any, currency: str, reason: str) -> None:
    with pytest.raises(MoneyError) as refused:
        money.minor_units(value, currency, field="total")
    assert refused.value.reason_code == reason
    assert refused.value.field == "total"


def test_a_sign_only_where_it_is_asked_for() -> None:
    assert money.minor_units("-1.05", "USD", signed=True) == -105
    assert money.whole_minor_units("-105", signed=True) == -105
    with pytest.raises(MoneyError, match="must not be negative"):
        money.whole_minor_units(-105)


@pytest.mark.parametrize("value", [1.0, "1.0", True, None, "", "1e1", Decimal(1)])
def test_whole_minor_units_take_whole_numbers_only(value: Any) -> None:
    with pytest.raises(MoneyError) as refused:
        money.whole_minor_units(value)
    assert refused.value.reason_code == "not_a_whole_number"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (8800000, "USD", "88000.00"),
        (5, "USD", "0.05"),
        (-5, "USD", "-0.05"),
        (0, "KWD", "0.000"),
        (1200, "JPY", "1200"),
        (1, "CLF", "0.0001"),
    ],
)
def test_amounts_as_text(amount: int, currency: str, text: str) -> None:
    assert money.to_text(amount, currency) == text
    assert str(money.to_decimal(amount, currency)) == text


@pytest.mark.parametrize("amount", [1.0, True, Decimal(1), "1"])
def test_only_an_int_is_written_as_an_amount(amount: Any) -> None:
    with pytest.raises(TypeError):
        money.to_text(amount, "USD")
