"""What a mapping makes of one record: exactly one of four things (DESIGN section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mappings.canonical import FinancingInvoice


class OutcomeKind(StrEnum):
    """The four outcomes. Per run and currency their counts and amounts add up to what was pulled."""

    MAPPED = "mapped"
    """A financing invoice."""
    HELD = "held"
    """Waits for a person or a missing fact."""
    EXCLUDED = "excluded"
    """Not for financing, by a rule's name."""
    REJECTED = "rejected"
    """Cannot be right, at a field path."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing found wrong with one field; `sentence` is written for an accountant, without the secret values."""

    reason_code: str
    sentence: str
    field_path: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of evaluating one record.

    `currency` and `amount_minor_units` are the record's own gross amount for the control totals: None when
    the record does not say them readably (then it can only be *rejected*, and counts without money).
    `reason_code` is snake_case and stable, `sentence` is for people, `field_path` names the field in the
    source record, `rule` the mapping's rule. `recheck_on` is the first date on which the same record may
    give another outcome (the day after the due date, say). `problems` holds every problem found, the first
    of which is repeated in `reason_code`, `sentence` and `field_path`.
    """

    kind: OutcomeKind
    invoice: FinancingInvoice | None
    currency: str | None
    amount_minor_units: int | None
    reason_code: str | None = None
    sentence: str | None = None
    field_path: str | None = None
    rule: str | None = None
    recheck_on: date | None = None
    problems: tuple[Problem, ...] = ()
