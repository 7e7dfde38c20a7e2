"""Exact conversion between decimal amounts and integers of minor units.

Nothing here rounds: a value that is not an exact number of minor units is an error that names the field. Nothing
here accepts a binary floating-point number, from which the exact amount cannot be told any more.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, cast

from mappings.currencies import EXPONENTS

MAX_MINOR_UNITS: Final = 2**63 - 1
"""The largest amount the store keeps: a signed integer of 64 bits."""

_DECIMAL_TEXT: Final = re.compile(r"(-?)([0-9]{1,20})(?:\.([0-9]{1,20}))?", re.ASCII)
_INTEGER_TEXT: Final = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_MAX_DIGITS: Final = 40


class MoneyError(ValueError):
    """An amount or a currency that cannot be read exactly.

    `reason_code` is stable, `requirement` completes a sentence whose subject is the field ("must be ...").
    """

    def __init__(self, field: str, reason_code: str, requirement: str) -> None:
        super().__init__(f"{field} {requirement}.")
        self.field = field
        self.reason_code = reason_code
        self.requirement = requirement


def exponent(currency: object, *, field: str = "currency") -> int:
    """The number of decimal places of `currency` (ISO 4217, upper case). Raises MoneyError for any other value."""
    if type(currency) is str and (places := EXPONENTS.get(currency)) is not None:
        return places
    raise MoneyError(
        field,
        "currency_unknown",
        "must be a current ISO 4217 currency code of three capital letters, such as USD",
    )


def minor_units(
    value: object, currency: str, *, field: str = "amount", signed: bool = False
) -> int:
    """Convert an amount in major units (`"123.53"`, `Decimal`, or an int of whole units) to minor units.

    Text is digits with an optional decimal point, ASCII only; a minus sign only where `signed`. Raises MoneyError
    for any other form or type, for more decimal places than the currency has (unless they are zeros), and for an
    amount beyond 63 bits.
    """
    return _scaled(_parts(value, field), exponent(currency, field=field), field, signed)


def whole_minor_units(value: object, *, field: str = "amount", signed: bool = False) -> int:
    """Read an amount that already is in minor units: an int, or text of digits. Raises MoneyError otherwise."""
    if type(value) is int:
        return _bounded(value, field, signed)
    if type(value) is str and _INTEGER_TEXT.fullmatch(value):
        return _bounded(int(value), field, signed)
    raise MoneyError(
        field, "not_a_whole_number", f"must be a whole number of minor units, not {kind_of(value)}"
    )


def to_decimal(amount_minor_units: int, currency: str) -> Decimal:
    """The amount in major units, with exactly the currency's decimal places (8800000 USD -> `88000.00`)."""
    return Decimal(to_text(amount_minor_units, currency))


def to_text(amount_minor_units: int, currency: str) -> str:
    """The amount in major units as plain text, without grouping or exponent (`-0.05`, `88000.00`, `1200` JPY).

    Raises TypeError when the amount is not an int: a float must never come this far.
    """
    if type(amount_minor_units) is not int:
        raise TypeError("The amount must be an int of minor units.")
    places = exponent(currency)
    sign = "-" if amount_minor_units < 0 else ""
    digits = str(abs(_bounded(amount_minor_units, "amount", True))).rjust(places + 1, "0")
    if places == 0:
        return sign + digits
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def exact_decimal(value: object, *, field: str) -> Decimal:
    """Read a number exactly, from an int, a Decimal or strict text. Raises MoneyError otherwise."""
    _parts(value, field)
    return Decimal(cast("int | str | Decimal", value))


def kind_of(value: object) -> str:
    """What a value is, in plain words and without showing it."""
    if value is None:
        return "nothing"
    return _KINDS.get(type(value), "an unknown kind of value")


_KINDS: Final[dict[type, str]] = {
    str: "text",
    bool: "a yes-or-no value",
    int: "a whole number",
    Decimal: "a number with decimals",
    float: "an inexact floating-point number",
    list: "a list",
    dict: "a group of fields",
}


def _parts(value: object, field: str) -> tuple[bool, int, int]:
    """Sign, digits and decimal places of a number, exactly."""
    if type(value) is int:
        if -MAX_MINOR_UNITS <= value <= MAX_MINOR_UNITS:
            return value < 0, abs(value), 0
        raise _too_large(field)
    if type(value) is str:
        match = _DECIMAL_TEXT.fullmatch(value)
        if match is None:
            raise MoneyError(
                field, "not_a_number", "must be a plain number, such as 1234.50, but is other text"
            )
        fraction = match[3] or ""
        return bool(match[1]), int(match[2] + fraction), len(fraction)
    if type(value) is Decimal and value.is_finite():
        return _decimal_parts(value, field)
    raise MoneyError(field, "not_a_number", f"must be a number, not {kind_of(value)}")


def _decimal_parts(value: Decimal, field: str) -> tuple[bool, int, int]:
    sign, digits, power = value.as_tuple()
    if not isinstance(power, int) or len(digits) > _MAX_DIGITS or not -_MAX_DIGITS <= power <= 20:
        raise _too_large(field)
    number = int("".join(map(str, digits)))
    if power > 0:
        return bool(sign), number * 10**power, 0
    return bool(sign), number, -power


def _scaled(parts: tuple[bool, int, int], places: int, field: str, signed: bool) -> int:
    negative, digits, given_places = parts
    if given_places <= places:
        amount = digits * 10 ** (places - given_places)
    else:
        amount, remainder = divmod(digits, 10 ** (given_places - places))
        if remainder:
            raise MoneyError(
                field,
                "not_exact",
                f"must have no more than {places} decimal places in this currency",
            )
    return _bounded(-amount if negative else amount, field, signed)


def _bounded(amount: int, field: str, signed: bool) -> int:
    if amount < 0 and not signed:
        raise MoneyError(field, "amount_negative", "must not be negative")
    if not -MAX_MINOR_UNITS <= amount <= MAX_MINOR_UNITS:
        raise _too_large(field)
    return amount


def _too_large(field: str) -> MoneyError:
    return MoneyError(field, "amount_too_large", "is larger than any amount that can be kept")
