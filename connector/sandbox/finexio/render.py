"""How versions 1 and 2 show the same things."""

from __future__ import annotations

from connector.sandbox.ledger import StoredObject
from connector.sandbox.wire import JsonObject

_HOST = "https://stage.api.finexio.com/v1"

_SHARED = (
    "id",
    "created",
    "updated",
    "amount_cents",
    "currency",
    "discount_amount_cents",
    "invoice_number",
    "invoice_date",
    "invoice_due_date",
    "note",
    "originating_counterparty_id",
    "receiving_counterparty_id",
    "metadata",
    "payment_id",
    "status",
)
_ONLY_V1 = ("line_items", "status_detail", "installments")
_ONLY_V2 = (
    "reconciliation_id",
    "account_number",
    "payment_group_id",
    "can_be_resubmitted",
    "accounting_id",
    "documentationPresented",
)
_COUNTERPARTY_V2 = (
    "payment_terms",
    "tax_id",
    "ineligible_for_conversion",
    "business_type",
    "notes",
)
_PAYMENT_V1_STATUS = {"pending": "in-progress", "settled": "complete", "canceled": "failed"}
_PAYMENT_V1_METHOD = {"check": "PrintedCheck", "ach": "ACH", "card": "Card", "wire": "Wire"}


def invoice(stored: StoredObject, version: str, reveal_revision: bool) -> JsonObject:
    """One invoice as the version shows it."""
    body = stored.body
    fields = _SHARED + (_ONLY_V1 if version == "v1" else _ONLY_V2)
    shown = {name: body[name] for name in fields if name in body}
    if version == "v1":
        shown["url"] = f"{_HOST}/invoices/{stored.id}/"
        if shown.get("status") == "canceled":
            shown["status"] = "failed"
            shown["status_detail"] = {
                "message": "The payment was canceled before it was funded.",
                "trace_number": None,
            }
    if reveal_revision:
        shown["sandbox_revision"] = stored.revision
    return shown


def counterparty(stored: StoredObject, version: str) -> JsonObject:
    """One counterparty as the version shows it."""
    if version == "v2":
        return stored.body
    return {name: value for name, value in stored.body.items() if name not in _COUNTERPARTY_V2}


def payment(stored: StoredObject, version: str) -> JsonObject:
    """One payment as the version shows it; version 1 names only the ids of its invoices."""
    body = stored.body
    if version == "v2":
        return body
    return {
        **{
            k: v
            for k, v in body.items()
            if k not in ("delivery_method", "instrument_number", "events", "refunded")
        },
        "status": _PAYMENT_V1_STATUS.get(body["status"], body["status"]),
        "payment_method": _PAYMENT_V1_METHOD[body["payment_method"]],
        "status_detail": {},
        "status_history": [],
        "invoices": [entry["id"] for entry in body["invoices"]],
        "installments": [],
    }
