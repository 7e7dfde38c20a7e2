"""Steps that take something off a number, or round it where a mapping asks for that by name."""

from __future__ import annotations

from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    Inexact,
)
from typing import Any, Final

from mappings import money
from mappings.evaluation import Scope, Step, Wrong
from mappings.expressions import Constant, ExpressionError, Path
from mappings.sources import Arguments, path_argument
from mappings.vocabulary import Surroundings

_EXACT: Final = Context(prec=200, traps=[Inexact])
_WIDE: Final = Context(prec=200)

ROUNDINGS: Final = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "down": ROUND_DOWN,
    "up": ROUND_UP,
}
"""By name: half away from zero, half to the even neighbour, towards zero, away from zero."""


def minus(arguments: Arguments, surroundings: Surroundings) -> Step:
    """A number less another field's."""
    path = path_argument(arguments[0])
    read = surroundings.read(path)

    def step(value: Any, scope: Scope) -> Any:
        deduction = read(scope.record)
        return value if deduction is None else _less(value, deduction, path.text)

    return step


def minus_each(arguments: Arguments, surroundings: Surroundings) -> Step:
    """A number less every number of a list."""
    path = path_argument(arguments[0])
    entries = surroundings.entries(path)

    def step(value: Any, scope: Scope) -> Any:
        for place, deduction in entries(scope.record):
            if deduction is not None:
                value = _less(value, deduction, place)
        return value

    return step


def minus_percent(arguments: Arguments, surroundings: Surroundings) -> Step:
    """An amount less a part of it, that part rounded as named."""
    rounding = _rounding(arguments[1])
    share = arguments[0]
    if isinstance(share, Constant):
        percent = _percent_argument(share)
        return lambda value, scope: value - _part(value, percent, rounding)
    read = surroundings.read(share)

    def step(value: Any, scope: Scope) -> Any:
        given = read(scope.record)
        if given is None:
            return value
        percent = exact_number(given, share.text)
        if not 0 <= percent <= 100:
            raise Wrong("out_of_range", "must be from 0 to 100", share.text)
        return value - _part(value, percent, rounding)

    return step


def rounded(arguments: Arguments, surroundings: Surroundings) -> Step:
    """A decimal number with as many decimals as the currency has."""
    rounding = _rounding(arguments[0])

    def step(value: Any, scope: Scope) -> Any:
        if scope.currency is None:
            raise Wrong("currency_unknown", "has an amount, but its currency is not known")
        places = Decimal(1).scaleb(-money.exponent(scope.currency))
        return exact_number(value, None).quantize(places, rounding, _WIDE)

    return step


def exact_number(value: Any, path: str | None) -> Decimal:
    """A number, exactly. Raises Wrong."""
    try:
        return money.exact_decimal(value, field="")
    except money.MoneyError as error:
        raise Wrong(error.reason_code, error.requirement, path) from None


def _less(value: Any, deduction: Any, path: str) -> int | Decimal:
    rest: int | Decimal
    if type(value) is int and type(deduction) is int:
        rest = value - deduction
    else:
        rest = _EXACT.subtract(exact_number(value, None), exact_number(deduction, path))
    if rest < 0:
        raise Wrong("deduction_too_large", "must not be larger than what it is taken from", path)
    return rest


def _part(value: int, percent: int | Decimal, rounding: str) -> int:
    exact = _EXACT.multiply(Decimal(value), Decimal(percent)).scaleb(-2, _WIDE)
    return int(exact.quantize(Decimal(1), rounding, _WIDE))


def _percent_argument(argument: Constant) -> int | Decimal:
    if isinstance(argument.value, str) or not 0 <= argument.value <= 100:
        raise ExpressionError(
            "A number from 0 to 100 is expected here", argument.offset, argument.text
        )
    return argument.value


def _rounding(argument: Path | Constant) -> str:
    name = argument.value if isinstance(argument, Constant) else None
    if not isinstance(name, str) or name not in ROUNDINGS:
        raise ExpressionError(
            "Say how it is rounded", argument.offset, argument.text, tuple(ROUNDINGS)
        )
    return ROUNDINGS[name]
