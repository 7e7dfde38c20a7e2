"""Golden examples: a record with the outcome it must have, and the check that a mapping still gives it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from mappings.mapping import Mapping as CompiledMapping
from mappings.outcome import Outcome

EXPECTABLE: Final = (
    *("kind", "reason_code", "field_path", "rule", "currency", "amount_minor_units"),
    "recheck_on",
)
"""What an example may expect beside the invoice's fields."""

INVOICE_FIELDS: Final = (
    *("direction", "invoice_number", "currency", "amount_minor_units", "due_date", "buyer_id"),
    *("supplier_id", "issue_date", "type_of_goods", "note"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A record, the day it is looked at, and what must become of it.

    `expected` is like `outcome_as_dict` gives it, or part of that: only what stands in it is compared, so an example
    may pin a single field. `invoice` may be a part, or None.
    """

    name: str
    record: Any
    today: date
    expected: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExampleDifference:
    """One thing an example expects otherwise. `what` is its path (`kind`, `invoice.due_date`)."""

    example: str
    what: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return (
            f"{self.example}: {self.what} should be {_shown(self.expected)}, "
            f"but is {_shown(self.found)}."
        )


def outcome_as_dict(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON-able values: dates as text, amounts as whole minor units. Sentences are left out; they may be
    worded better without the outcome being another one."""
    found: dict[str, Any] = {name: _plain(getattr(outcome, name)) for name in EXPECTABLE}
    invoice = outcome.invoice
    found["invoice"] = (
        None
        if invoice is None
        else {name: _plain(getattr(invoice, name)) for name in INVOICE_FIELDS}
    )
    return found


def check_examples(
    mapping: CompiledMapping, examples: Iterable[Example]
) -> list[ExampleDifference]:
    """Everything that the examples expect and the mapping gives otherwise; empty when all is well. An expectation of
    something an outcome does not have is a difference too. Raises nothing."""
    differences: list[ExampleDifference] = []
    for example in examples:
        found = outcome_as_dict(mapping.evaluate(example.record, example.today))
        differences += _compare(example.name, "", example.expected, found)
    return differences


def _compare(
    name: str, prefix: str, expected: Mapping[str, Any], found: Mapping[str, Any]
) -> list[ExampleDifference]:
    differences = []
    for key, wanted in expected.items():
        what = f"{prefix}{key}"
        got = found.get(key)
        if isinstance(wanted, Mapping) and isinstance(got, Mapping):
            differences += _compare(name, f"{what}.", wanted, got)
        elif key not in found or _plain(wanted) != got:
            differences.append(
                ExampleDifference(name, what, wanted, got if key in found else "unknown here")
            )
    return differences


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, str) else value


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
