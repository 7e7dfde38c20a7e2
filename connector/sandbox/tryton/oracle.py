"""What a correct connector must make of a Tryton invoice, by code that shares nothing with the product.

The outcome `mapped` means: nothing in the record stands against it. A connector may still hold such an invoice
for a reason outside the record (a company that is not linked, a document that is missing).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from connector.sandbox.wire import JsonObject

_EXPONENTS = {"USD": 2, "GBP": 2, "EUR": 2, "JPY": 0, "KWD": 3}
_FINANCED = ("USD", "GBP", "EUR")
_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_UNFINANCED_STATES = {
    "draft": "not_posted",
    "validated": "not_posted",
    "paid": "already_paid",
    "cancelled": "canceled",
}


def violated_field(body: JsonObject, code: str) -> str | None:
    """The first field that cannot be right, or None."""
    if body["state"] is None:
        return "state"
    if body["party"] is None:
        return "party_ref"
    if code not in _EXPONENTS:
        return "currency.code"
    if _minor_units(body["total_amount"], code) is None:
        return "total_amount"
    return None


def outcome_of(
    body: JsonObject, lines: Iterable[JsonObject], code: str, today: date
) -> tuple[str, str]:
    """(outcome, reason): the reason is a violated field, or a word for the rule, or empty."""
    field = violated_field(body, code)
    if field is not None:
        return "rejected", field
    if body["state"] in _UNFINANCED_STATES:
        return "excluded", _UNFINANCED_STATES[body["state"]]
    if body["total_amount"].startswith("-"):
        return "excluded", "credit_note"
    due = sorted(
        {line["maturity_date"] for line in lines if line["reconciliation"] is None} - {None}
    )
    if due and date.fromisoformat(due[-1]) < today:
        return "excluded", "past_due"
    if code not in _FINANCED:
        return "excluded", "currency"
    if body["type"] == "in" and not body["reference"]:
        return "held", "supplier_number_missing"
    if not due:
        return "held", "due_date_missing"
    if len(due) > 1:
        return "held", "several_due_dates"
    return "mapped", ""


def totals_of(
    invoices: Iterable[tuple[JsonObject, list[JsonObject], str]], today: date
) -> dict[str, dict[str, dict[str, int]]]:
    """Control totals over (invoice, its lines to pay, currency code): outcome, then currency (`unreadable` where the
    amount or currency cannot be read), then `count` and `gross_minor_units`."""
    totals: dict[str, dict[str, dict[str, int]]] = {}
    for body, lines, code in invoices:
        outcome, _ = outcome_of(body, lines, code, today)
        currency, amount = gross(body, code)
        cell = totals.setdefault(outcome, {}).setdefault(
            currency, {"count": 0, "gross_minor_units": 0}
        )
        cell["count"] += 1
        cell["gross_minor_units"] += amount
    return totals


def gross(body: JsonObject, code: str) -> tuple[str, int]:
    """(currency, gross minor units) for the control totals, (`unreadable`, 0) where the record does not say."""
    amount = _minor_units(body["total_amount"], code)
    return ("unreadable", 0) if amount is None else (code, amount)


def _minor_units(text: str, code: str) -> int | None:
    if code not in _EXPONENTS or not _AMOUNT.fullmatch(text):
        return None
    scaled = Decimal(text).scaleb(_EXPONENTS[code])
    return int(scaled) if scaled == int(scaled) else None
