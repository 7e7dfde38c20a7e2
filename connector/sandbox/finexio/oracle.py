"""What a correct connector must make of a Finexio invoice, by code that shares nothing with the product.

The outcome `mapped` means: nothing in the record stands against it. A connector may still hold such an invoice
for a reason outside the record (a company that is not linked, a document that is missing).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from connector.sandbox.ledger import Ledger
from connector.sandbox.wire import JsonObject

_MAXIMUM = 999_999_900
_LENGTHS_V2 = {
    "account_number": 250,
    "reconciliation_id": 50,
    "accounting_id": 70,
    "payment_group_id": 100,
}

Totals = dict[str, dict[str, dict[str, int]]]
"""outcome, then currency (`unreadable` where amount or currency cannot be read), then `count` and `gross_minor_units`."""


def violated_field(body: JsonObject, version: str) -> str | None:
    """The first field that violates the documents, or None."""
    checks = [
        ("amount_cents", _whole_number(body.get("amount_cents"), 1)),
        ("currency", body.get("currency") == "USD"),
        ("discount_amount_cents", _whole_number(body.get("discount_amount_cents", 0), 0)),
        ("invoice_number", _text(body.get("invoice_number"), 49) and body["invoice_number"] != ""),
        ("invoice_date", _is_date(body.get("invoice_date"))),
        (
            "invoice_due_date",
            body.get("invoice_due_date") is None or _is_date(body["invoice_due_date"]),
        ),
        ("originating_counterparty_id", bool(body.get("originating_counterparty_id"))),
        ("receiving_counterparty_id", bool(body.get("receiving_counterparty_id"))),
        ("metadata", all(isinstance(v, str | int) for v in (body.get("metadata") or {}).values())),
    ]
    checks.append(("note", body.get("note") is None or _text(body["note"], 1000)))
    if version == "v2":
        checks += [(f, body.get(f) is None or _text(body[f], n)) for f, n in _LENGTHS_V2.items()]
    return next((name for name, good in checks if not good), None)


def outcome_of(body: JsonObject, version: str, today: date) -> tuple[str, str]:
    """(outcome, reason): the reason is a violated field, `status`, `due_date_missing`, `due_date_past` or empty."""
    field = violated_field(body, version)
    if field is not None:
        return "rejected", field
    if body.get("status") != "pending":
        return "excluded", "status"
    due = body.get("invoice_due_date")
    if due is None:
        return "held", "due_date_missing"
    if date.fromisoformat(due) < today:
        return "excluded", "due_date_past"
    return "mapped", ""


def gross(body: JsonObject) -> tuple[str, int]:
    """(currency, gross minor units) for the control totals, (`unreadable`, 0) where the record does not say.

    A whole number can be read, also a negative one, also one written as text of digits; a fraction of a cent cannot.
    """
    amount, currency = body.get("amount_cents"), body.get("currency")
    known = isinstance(currency, str) and len(currency) == 3 and currency.isupper()
    if isinstance(amount, str) and amount.isascii() and amount.isdigit():
        amount = int(amount)
    if isinstance(amount, bool) or not isinstance(amount, int) or not known:
        return "unreadable", 0
    return str(currency), amount


def expected_totals(ledger: Ledger, version: str, today: date) -> Totals:
    """Control totals over every invoice now on the platform."""
    return totals_of((stored.body for stored in ledger.select("invoice")), version, today)


def totals_of(bodies: Iterable[JsonObject], version: str, today: date) -> Totals:
    """Control totals over the given invoices."""
    totals: Totals = {}
    for body in bodies:
        outcome, _ = outcome_of(body, version, today)
        currency, amount = gross(body)
        cell = totals.setdefault(outcome, {}).setdefault(
            currency, {"count": 0, "gross_minor_units": 0}
        )
        cell["count"] += 1
        cell["gross_minor_units"] += amount
    return totals


def owed(body: JsonObject) -> Decimal:
    """What a mapped invoice asks for in major units: amount minus discount."""
    return Decimal(body["amount_cents"] - body.get("discount_amount_cents", 0)).scaleb(-2)


def _whole_number(value: object, minimum: int) -> bool:
    return type(value) is int and minimum <= value <= _MAXIMUM


def _text(value: object, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest


def _is_date(value: object) -> bool:
    if not isinstance(value, str) or len(value) != 10:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
