"""What a correct connector must make of a Monite payable or receivable, by code that shares nothing with the product.

The outcome `mapped` means: nothing in the record stands against it. A connector may still hold such an invoice
for a reason outside the record (a company that is not linked, a document that is missing).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from connector.sandbox.wire import JsonObject

_EXPONENTS = {"USD": 2, "GBP": 2, "EUR": 2, "JPY": 0, "KWD": 3}
_FINANCED = ("USD", "GBP", "EUR")
_READY = {"payable": ("new", "waiting_to_be_paid"), "invoice": ("issued", "partially_paid")}
_LARGEST = 2**53 - 1

Totals = dict[str, dict[str, dict[str, int]]]
"""outcome, then currency (`unreadable` where amount or currency cannot be read), then `count` and `gross_minor_units`."""


def outcome_of(
    kind: str, body: JsonObject, today: date, *, financed_by_monite: bool = False
) -> tuple[str, str]:
    """(outcome, reason) of a `payable` or `receivable`: the reason is a violated field, a word for the rule, or empty.

    With `financed_by_monite` by what Monite documents of its own financing, else by the hosted-session financier's rules.
    """
    if kind == "receivable" and body.get("type") == "credit_note":
        return "excluded", "credit_note"
    if body.get("status") not in _READY["payable" if kind == "payable" else "invoice"]:
        return "excluded", "status"
    amount = body.get("total_amount")
    if financed_by_monite and kind == "payable" and None in (body.get("currency"), amount):
        return "excluded", "payable"  # What it lacks is asked only of what would be financed.
    if body.get("currency") not in _EXPONENTS:
        return "rejected", "currency"
    if type(amount) is not int or not 1 <= amount <= _LARGEST:
        return "rejected", "total_amount"
    due = body.get("due_date")
    if due is not None and date.fromisoformat(due) < today:
        return "excluded", "past_due"
    if body["currency"] not in (("USD",) if financed_by_monite else _FINANCED):
        return "excluded", "currency"
    if financed_by_monite and kind == "payable":
        return "excluded", "payable"
    if financed_by_monite and due is not None and (date.fromisoformat(due) - today).days < 7:
        return "excluded", "due_too_soon"
    if not body.get("document_id"):
        return "held", "number_missing"
    if due is None:
        return "held", "due_date_missing"
    return "mapped", ""


def gross(body: JsonObject) -> tuple[str, int]:
    """(currency, gross minor units) for the control totals, (`unreadable`, 0) where the record does not say."""
    amount, currency = body.get("total_amount"), body.get("currency")
    if type(amount) is not int or currency not in _EXPONENTS:
        return "unreadable", 0
    return str(currency), amount


def totals_of(
    records: Iterable[tuple[str, JsonObject]],
    today: date,
    *,
    financed_by_monite: bool = False,
    largest: int | None = None,
) -> Totals:
    """Control totals over (kind, body). Of an amount beyond `largest` a connector may say that it cannot be right, and
    leave it out of all totals: whatever else there is about it, it is rejected and unreadable."""
    totals: Totals = {}
    for kind, body in records:
        outcome, _ = outcome_of(kind, body, today, financed_by_monite=financed_by_monite)
        currency, amount = gross(body)
        if largest is not None and abs(amount) > largest:
            outcome, currency, amount = "rejected", "unreadable", 0
        cell = totals.setdefault(outcome, {}).setdefault(
            currency, {"count": 0, "gross_minor_units": 0}
        )
        cell["count"] += 1
        cell["gross_minor_units"] += amount
    return totals


def can_be_financed(
    kind: str, body: JsonObject, entity_country: str, today: date, days_ahead: int = 7
) -> str | None:
    """Why Monite does not finance an invoice, or None. Documented for receivables; of payables it is a choice."""
    if entity_country != "US":
        return "Only entities in the US can finance invoices."
    if kind == "receivable" and body.get("type") != "invoice":
        return "Only invoices can be financed."
    if body.get("status") not in _READY["payable" if kind == "payable" else "invoice"]:
        return f"An invoice in status {body.get('status')} cannot be financed."
    if body.get("currency") != "USD" or not body.get("document_id") or not body.get("total_amount"):
        return "Only invoices in USD with a number and an amount can be financed."
    due = body.get("due_date")
    if due is None or (date.fromisoformat(due) - today).days < days_ahead:
        return f"The due date must be at least {days_ahead} days ahead."
    return None
