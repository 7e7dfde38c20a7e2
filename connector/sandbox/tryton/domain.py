"""Tryton's search domains, as far as a reader of invoices needs them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from connector.sandbox.tryton.models import Tables, row_instant
from connector.sandbox.wire import JsonObject

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class DomainError(ValueError):
    """A domain this sandbox cannot evaluate."""


def matches(tables: Tables, model: str, row: JsonObject, domain: Any) -> bool:
    """Whether a row satisfies a domain: a list of clauses that must all hold, or of which one must (`OR`)."""
    if not isinstance(domain, list):
        raise DomainError("a domain is a list")
    if domain and isinstance(domain[0], str) and domain[0] not in ("OR", "AND"):
        return _clause(tables, model, row, domain)
    parts = domain[1:] if domain and isinstance(domain[0], str) else domain
    results = (matches(tables, model, row, part) for part in parts)
    return any(results) if domain and domain[0] == "OR" else all(results)


def _clause(tables: Tables, model: str, row: JsonObject, clause: list[Any]) -> bool:
    if len(clause) != 3:
        raise DomainError("a clause has three parts")
    path, how, wanted = clause
    values = tables.values(model, row, path)
    wanted = _plain(wanted)
    # As in SQL, a value that is not there satisfies nothing but the question for it.
    if how == "=":
        return any(value == wanted for value in values)
    if how == "!=":
        return any(value != wanted for value in values)
    if how == "in":
        return any(value in wanted for value in values)
    if how in _COMPARE:
        return any(value is not None and _COMPARE[how](value, wanted) for value in values)
    if how in ("like", "ilike"):
        pattern = _like(str(wanted))
        return any(value is not None and pattern.fullmatch(value) is not None for value in values)
    raise DomainError(f"there is no operator {how!r}")


def _plain(value: Any) -> Any:
    """A typed value in the form rows hold."""
    if not isinstance(value, dict):
        return value
    if value.get("__class__") == "datetime":
        names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        year, month, day, *clock = (value[name] for name in names)
        at = datetime(year, month, day, tzinfo=UTC)
        return row_instant(at.replace(**dict(zip(names[3:], clock, strict=True))))
    raise DomainError("a value of this type is not known here")


def _like(pattern: str) -> re.Pattern[str]:
    """SQL's LIKE without regard to case, as on SQLite; a backslash takes a wildcard's meaning away."""
    parts, escaped = [], False
    for letter in pattern:
        if escaped or letter not in "\\%_":
            parts.append(re.escape(letter))
            escaped = False
        elif letter == "\\":
            escaped = True
        else:
            parts.append(".*" if letter == "%" else ".")
    return re.compile("".join(parts), re.DOTALL | re.IGNORECASE)
