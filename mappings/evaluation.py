"""What one evaluation carries along, and the two ways a step can stop it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, Final

from mappings.outcome import Problem


class Scope:
    """One record on its way through a mapping. `places` is the exponent of the currency in force."""

    __slots__ = ("currency", "places", "recheck_ordinals", "record", "values")

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        self.currency: str | None = None
        self.places: int | None = None
        self.values: dict[str, Any] = {}
        """The financing invoice's fields so far, by name; a field without a value is absent."""
        self.recheck_ordinals: list[int] = []
        """Days (proleptic ordinals) on which a date condition that was looked at changes its answer."""


Step = Callable[[Any, Scope], Any]
"""Takes the value so far, gives the next one. None is "no value"."""


class Stop(Exception):
    """A step found a value it cannot go on with.

    `requirement` completes a sentence whose subject is the field. `path` is set by the step when the field is
    another one than that of the expression.
    """

    def __init__(self, reason_code: str, requirement: str, path: str | None = None) -> None:
        super().__init__(reason_code)
        self.reason_code = reason_code
        self.requirement = requirement
        self.path = path

    def problem(self, path: str) -> Problem:
        """The same for people."""
        path = self.path or path
        return Problem(self.reason_code, f"{spoken(path)} {self.requirement}.", path)


class Wrong(Stop):
    """The value cannot be right: the record is rejected."""


class Open(Stop):
    """The value may be right, but a person must say what it means: the record is held."""


_WORD_BREAK: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def spoken(path: str) -> str:
    """A field's path as the beginning of a sentence: `invoice_due_date` -> `Invoice due date`."""
    parts = [_WORD_BREAK.sub(" ", part).replace("_", " ").strip() for part in path.split(".")]
    words = ", ".join(part for part in parts if part).lower()
    return words[:1].upper() + words[1:]


# A book of invoices has a few hundred dates, each read several times a record.
_read_date = lru_cache(4096)(date.fromisoformat)


def parse_date(value: object, path: str | None = None) -> date:
    """Read `YYYY-MM-DD` and nothing else. Raises Wrong."""
    if type(value) is str and len(value) == 10 and value[4] == value[7] == "-":
        try:
            return _read_date(value)
        except ValueError:
            pass
    raise Wrong("not_a_date", "must be a calendar date written like 2026-11-30", path)
