"""What a page reads out of its own address: filters, ranges and where a list goes on. Nothing here raises: an address
that somebody typed or cut off shows the list without the part that cannot be read, and says so."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import request, url_for

LARGEST_NUMBER = 2**62
LONGEST_TEXT = 200
_AMOUNT = re.compile(r"-?\d{1,15}(\.\d{1,4})?")


class Query:
    """The query of the present request. `problems` holds a sentence by field name for each value that cannot be read."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}

    def text(self, name: str) -> str | None:
        """Text without spaces around it; None when it is empty."""
        value = request.args.get(name, "").strip().replace("\0", "")[:LONGEST_TEXT]
        return value or None

    def one_of(self, name: str, allowed: Collection[str]) -> str | None:
        """One of a few words."""
        value = self.text(name)
        if value is None or value in allowed:
            return value
        self.problems[name] = f"There is no {name.replace('_', ' ')} {value[:40]!r}; all are shown."
        return None

    def number(self, name: str) -> int | None:
        """A row number; one that is none is left out."""
        value = self.text(name)
        if value is None:
            return None
        if value.isascii() and value.isdigit() and int(value) <= LARGEST_NUMBER:
            return int(value)
        self.problems[name] = f"{value[:40]!r} is not a row number; it was left out."
        return None

    def day(self, name: str) -> date | None:
        """A date, written YYYY-MM-DD as a browser's date field writes it."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.problems[name] = f"{value[:40]!r} is not a date; write it as 2026-11-03."
            return None

    def amount(self, name: str) -> Decimal | None:
        """An amount in major units, with a point for the decimals; commas and spaces between thousands are let pass."""
        value = self.text(name)
        if value is None:
            return None
        plain = value.replace(",", "").replace(" ", "").replace("\u202f", "")
        try:
            if _AMOUNT.fullmatch(plain):
                return Decimal(plain)
        except InvalidOperation:
            pass
        self.problems[name] = f"{value[:40]!r} is not an amount; write it as 1250.00."
        return None


def url_with(**changes: Any) -> str:
    """The address of the present page with some parts of its query replaced; None takes a part away."""
    parts: dict[str, Any] = {**request.args.to_dict(flat=True), **(request.view_args or {})}
    parts.update(changes)
    kept = {name: value for name, value in parts.items() if value not in (None, "")}
    return url_for(request.endpoint or "today.show", **kept)


def filters_only(*but: str) -> dict[str, str]:
    """The query of the present page without where a list goes on, and without the parts named."""
    leave = {"before", "after", *but}
    return {name: value for name, value in request.args.items() if name not in leave and value}
