"""Functions that take the value so far and give the next one, or stop with a requirement.

A step never sees None unless its function `fills`. None of them reads a clock, a file or anything but the record.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from mappings import money
from mappings.amounts import exact_number
from mappings.evaluation import Open, Scope, Step, Wrong, parse_date
from mappings.expressions import Constant, ExpressionError, Path
from mappings.sources import Arguments, path_argument, text_argument
from mappings.vocabulary import Surroundings

_UNREADABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_TIMESTAMP: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)
_MAX_DAYS: Final = 36_500


def required(value: Any, scope: Scope) -> Any:
    """A value there must be."""
    if value is None:
        raise Wrong("required_missing", "is missing")
    return value


def default(arguments: Arguments, surroundings: Surroundings) -> Step:
    """A text in place of no value."""
    replacement = text_argument(arguments[0])
    return lambda value, scope: replacement if value is None else value


def text(value: Any, scope: Scope) -> Any:
    """Text that people can read and every database can keep."""
    if type(value) is str and value.isprintable():
        return value
    if type(value) is not str:
        raise Wrong("not_text", f"must be text, not {money.kind_of(value)}")
    if _UNREADABLE.search(value):
        raise Wrong("unreadable_text", "must be text without control characters")
    return value


def trim(value: Any, scope: Scope) -> Any:
    """Text without outer blanks."""
    return text(value, scope).strip() or None


def upper(value: Any, scope: Scope) -> Any:
    """Capital letters."""
    return text(value, scope).upper()


def lower(value: Any, scope: Scope) -> Any:
    """Small letters."""
    return text(value, scope).lower()


def max_length(arguments: Arguments, surroundings: Surroundings) -> Step:
    """Text of at most so many characters."""
    limit = _count_argument(arguments[0])

    def step(value: Any, scope: Scope) -> Any:
        if type(value) is str and len(value) <= limit and value.isprintable():
            return value
        if len(text(value, scope)) > limit:
            raise Wrong("too_long", f"must have at most {limit} characters, and has {len(value)}")
        return value

    return step


def one_of(arguments: Arguments, surroundings: Surroundings) -> Step:
    """One of some words."""
    words = [text_argument(argument) for argument in arguments]
    allowed = frozenset(words)
    requirement = f"must be one of: {', '.join(words)}"

    def step(value: Any, scope: Scope) -> Any:
        if type(value) is not str or value not in allowed:
            raise Wrong("not_one_of", requirement)
        return value

    return step


def lookup(arguments: Arguments, surroundings: Surroundings) -> Step:
    """The word beside this one in a value table."""
    table = surroundings.table(path_argument(arguments[0]))
    otherwise = text_argument(arguments[1]) if len(arguments) > 1 else None
    requirement = f"must be one of: {', '.join(list(table)[:20])}"

    def step(value: Any, scope: Scope) -> Any:
        word = _table_word(value)
        found = table.get(word, otherwise) if word is not None else otherwise
        if found is None:
            raise Open("word_unknown", requirement)
        return found

    return step


def _table_word(value: Any) -> str | None:
    if type(value) is str:
        return value
    if type(value) is int and abs(value) <= money.MAX_MINOR_UNITS:
        return str(value)
    return None


def integer(value: Any, scope: Scope) -> Any:
    """A whole number."""
    if type(value) is int:
        return value
    raise Wrong("not_a_whole_number", f"must be a whole number, not {money.kind_of(value)}")


def decimal(value: Any, scope: Scope) -> Any:
    """A number, exactly."""
    return exact_number(value, None)


def between(arguments: Arguments, surroundings: Surroundings) -> Step:
    """A number within bounds."""
    least, most = _number_argument(arguments[0]), _number_argument(arguments[1])
    requirement = f"must be from {least} to {most}"

    def step(value: Any, scope: Scope) -> Any:
        number = value if type(value) is int else exact_number(value, None)
        if not least <= number <= most:
            raise Wrong("out_of_range", requirement)
        return value

    return step


def currency_code(value: Any, scope: Scope) -> Any:
    """A currency of today."""
    try:
        money.exponent(value)
    except money.MoneyError as error:
        raise Wrong(error.reason_code, error.requirement) from None
    return value


def minor_units(value: Any, scope: Scope) -> Any:
    """An amount given in the currency's smallest unit."""
    if scope.currency is None:
        raise Wrong("currency_unknown", "has an amount, but its currency is not known")
    if type(value) is int and 0 <= value <= money.MAX_MINOR_UNITS:
        return value
    try:
        return money.whole_minor_units(value, signed=True)
    except money.MoneyError as error:
        raise Wrong(error.reason_code, error.requirement) from None


def decimal_to_minor_units(value: Any, scope: Scope) -> Any:
    """An amount given in the currency's major unit."""
    if scope.currency is None:
        raise Wrong("currency_unknown", "has an amount, but its currency is not known")
    try:
        return money.minor_units(value, scope.currency, signed=True)
    except money.MoneyError as error:
        raise Wrong(error.reason_code, error.requirement) from None


def date_(value: Any, scope: Scope) -> Any:
    """A calendar date."""
    return parse_date(value)


def date_of_timestamp(value: Any, scope: Scope) -> Any:
    """The date as it is written in a date or timestamp."""
    if type(value) is str and len(value) > 10:
        timestamp(value, scope)
        value = value[:10]
    return parse_date(value)


def timestamp(value: Any, scope: Scope) -> Any:
    """A date with a time of day."""
    if type(value) is str and 10 < len(value) <= 40 and _TIMESTAMP.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise Wrong("not_a_timestamp", "must be a date and time written like 2026-11-30T14:05:00")


def plus_days(arguments: Arguments, surroundings: Surroundings) -> Step:
    """A later date."""
    argument = arguments[0]
    if isinstance(argument, Constant):
        if len(arguments) > 1:
            raise ExpressionError(
                "A table needs a field before it, whose word it is to look up",
                argument.offset,
                argument.text,
            )
        days = _count_argument(argument)
        return lambda value, scope: _later(value, days, None)
    path: Path = argument
    read = surroundings.read(path)
    if len(arguments) > 1:
        return _plus_days_of_table(arguments, path, surroundings)

    def step(value: Any, scope: Scope) -> Any:
        days = read(scope.record)
        if days is None:
            return None
        if type(days) is not int or not 0 <= days <= _MAX_DAYS:
            raise Wrong("out_of_range", f"must be a whole number from 0 to {_MAX_DAYS}", path.text)
        return _later(value, days, path.text)

    return step


def _plus_days_of_table(arguments: Arguments, path: Path, surroundings: Surroundings) -> Step:
    read = surroundings.read(path)
    name = path_argument(arguments[1])
    table = {word: _days(days, name) for word, days in surroundings.table(name).items()}
    otherwise = _count_argument(arguments[2]) if len(arguments) > 2 else None
    requirement = f"must be one of: {', '.join(list(table)[:20])}"

    def step(value: Any, scope: Scope) -> Any:
        word = _table_word(read(scope.record))
        days = table.get(word, otherwise) if word is not None else otherwise
        if days is None:
            raise Open("word_unknown", requirement, path.text)
        return _later(value, days, path.text)

    return step


def or_days_after(arguments: Arguments, surroundings: Surroundings) -> Step:
    """The date, or one that follows from another date."""
    path = path_argument(arguments[0])
    read = surroundings.read(path)
    later = plus_days(arguments[1:], surroundings)

    def step(value: Any, scope: Scope) -> Any:
        if value is not None:
            return value
        beginning = read(scope.record)
        if beginning is None:
            return None
        try:
            return later(date_of_timestamp(beginning, scope), scope)
        except Open:
            return None  # nobody has said the days: there is no date, as before
        except Wrong as wrong:
            wrong.path = wrong.path or path.text
            raise

    return step


def _days(text: str, table: Path) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= _MAX_DAYS:
        return int(text)
    raise ExpressionError(
        f"The table {table.text} must give whole numbers of days from 0 to {_MAX_DAYS}",
        table.offset,
        table.text,
    )


def _later(value: date, days: int, path: str | None) -> date:
    try:
        return value + timedelta(days=days)
    except OverflowError:
        raise Wrong("out_of_range", "must be a date before the year 10000", path) from None


def yes_or_no(value: Any, scope: Scope) -> Any:
    """True or false."""
    if type(value) is bool:
        return value
    raise Wrong("not_yes_or_no", f"must be yes or no, not {money.kind_of(value)}")


def list_(value: Any, scope: Scope) -> Any:
    """A list."""
    if type(value) is list:
        return value
    raise Wrong("not_a_list", f"must be a list, not {money.kind_of(value)}")


def group(value: Any, scope: Scope) -> Any:
    """A group of fields."""
    if type(value) is dict:
        return value
    raise Wrong("not_a_group", f"must be a group of fields, not {money.kind_of(value)}")


def labels(value: Any, scope: Scope) -> Any:
    """A group of plain values."""
    for entry in group(value, scope).values():
        if type(entry) is not str and type(entry) is not int:
            raise Wrong(
                "not_labels",
                f"must hold only text and whole numbers, and holds {money.kind_of(entry)} under a name",
            )
    return value


def _count_argument(argument: Path | Constant) -> int:
    if (
        isinstance(argument, Constant)
        and type(argument.value) is int
        and 0 <= argument.value <= _MAX_DAYS
    ):
        return argument.value
    raise ExpressionError(
        f"A whole number from 0 to {_MAX_DAYS} is expected here", argument.offset, argument.text
    )


def _number_argument(argument: Path | Constant) -> int | Decimal:
    if isinstance(argument, Constant) and not isinstance(argument.value, str):
        return argument.value
    raise ExpressionError("A number is expected here", argument.offset, argument.text)
