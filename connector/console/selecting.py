"""A selection of invoices out of an address: the same for the list, its sums and its export."""

from __future__ import annotations

from connector.bootstrap import Program
from connector.console.queries import Query
from connector.financier import FinancingStatus
from connector.store.reading_invoices import STOPPED, Selection
from mappings.currencies import EXPONENTS, NO_CURRENCY
from mappings.outcome import OutcomeKind

OUTCOMES = tuple(kind.value for kind in OutcomeKind)
STATES = ("ready", "submitting", "submitted", "parked", STOPPED, "withdrawn")
STATUSES = tuple(status.value for status in FinancingStatus)

LABELS = {
    "q": "Search",
    "outcome": "Outcome",
    "reason_code": "Reason",
    "state": "Where it stands",
    "status": "Status",
    "connection": "Connection",
    "financier": "Financier",
    "currency": "Currency",
    "due_from": "Due from",
    "due_to": "Due to",
    "amount_from": "Amount from",
    "amount_to": "Amount to",
}
"""The parts of an address that select invoices, and what they are called."""


def selection(query: Query, program: Program) -> Selection:
    """What the present request selects. What cannot be read is left out and stands in `query.problems`."""
    currency = query.text("currency")
    if currency is not None:
        currency = currency.upper()
        if currency not in EXPONENTS and currency != NO_CURRENCY:
            query.problems["currency"] = (
                f"{currency[:10]!r} is no ISO 4217 currency; it was left out."
            )
            currency = None
    return Selection(
        words=tuple((query.text("q") or "").split()),
        connection=query.one_of("connection", program.config.connections),
        outcome=query.one_of("outcome", OUTCOMES),
        reason_code=query.text("reason_code"),
        state=query.one_of("state", STATES),
        status=query.one_of("status", STATUSES),
        financier=query.one_of("financier", program.config.financiers),
        currency=currency,
        due_from=query.day("due_from"),
        due_to=query.day("due_to"),
        amount_from=query.amount("amount_from"),
        amount_to=query.amount("amount_to"),
    )
