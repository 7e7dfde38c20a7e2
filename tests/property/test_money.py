"""Money is exact for every currency: what goes in comes out, or is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import MoneyError, money
from mappings.currencies import EXPONENTS

CURRENCIES = st.sampled_from(["JPY", "USD", "KWD", "CLF"]) | st.sampled_from(sorted(EXPONENTS))
AMOUNTS = st.integers(min_value=-money.MAX_MINOR_UNITS, max_value=money.MAX_MINOR_UNITS)


@given(CURRENCIES, AMOUNTS)
def test_minor_units_survive_text_and_decimal(currency: str, amount: int) -> None:
    text = money.to_text(amount, currency)
    assert money.minor_units(text, currency, signed=True) == amount
    assert money.minor_units(money.to_decimal(amount, currency), currency, signed=True) == amount
    places = EXPONENTS[currency]
    assert len(text.partition(".")[2]) == places
    assert Decimal(text).scaleb(places) == amount


@given(CURRENCIES, st.lists(st.integers(-(2**52), 2**52), max_size=30))
def test_sums_of_decimals_are_the_decimals_of_sums(currency: str, amounts: list[int]) -> None:
    total = sum((money.to_decimal(amount, currency) for amount in amounts), Decimal(0))
    assert money.minor_units(total, currency, signed=True) == sum(amounts)


@given(CURRENCIES, st.integers(0, 10**14), st.text("0123456789", min_size=1, max_size=8))
def test_a_part_of_a_minor_unit_is_refused_and_never_rounded(
    currency: str, whole: int, fraction: str
) -> None:
    exact = Decimal(f"{whole}.{fraction}").scaleb(EXPONENTS[currency])
    if exact == exact.to_integral_value():
        assert money.minor_units(f"{whole}.{fraction}", currency) == exact
    else:
        with pytest.raises(MoneyError) as refused:
            money.minor_units(f"{whole}.{fraction}", currency)
        assert refused.value.reason_code == "not_exact"


@given(CURRENCIES, st.text(max_size=12) | st.floats() | st.booleans() | st.none() | st.decimals())
def test_anything_is_an_exact_amount_or_a_refusal(currency: str, value: object) -> None:
    try:
        amount = money.minor_units(value, currency, signed=True)
    except MoneyError:
        return
    assert type(value) in (str, Decimal)
    assert money.to_decimal(amount, currency) == Decimal(str(value))


@given(CURRENCIES, st.integers())
def test_amounts_fit_63_bits_or_are_refused(currency: str, amount: int) -> None:
    if abs(amount) <= money.MAX_MINOR_UNITS:
        assert money.whole_minor_units(amount, signed=True) == amount
        return
    with pytest.raises(MoneyError) as refused:
        money.whole_minor_units(amount, signed=True)
    assert refused.value.reason_code == "amount_too_large"
