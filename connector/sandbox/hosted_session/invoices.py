"""Documents and invoices."""

from __future__ import annotations

import base64
import hashlib
from datetime import date, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from connector.sandbox.hosted_session.refusal import RefusalError
from connector.sandbox.hosted_session.world import World, listed, platform_time, text
from connector.sandbox.ledger import NewObject, StoredObject, instant_text
from connector.sandbox.wire import JsonObject, from_json, major_units, to_json

PURPOSES = frozenset(
    {
        "invoice",
        "transport",
        "packing_list",
        "purchase_order",
        "shipping_bill",
        "sales_contract",
        "financial_statement",
        "trade_history",
    }
)
CURRENCIES = frozenset({"usd", "gbp", "eur"})
GOODS = frozenset({"commodities", "perishables", "other"})
FINANCING_PARTS = (
    "first_payment",
    "second_payment",
    "discount",
    "volume_adjument_fees",
    "insurance_charges",
    "late_payment_fees",
)
"""In the wire's own spelling, misspelling included."""
_KEY_LIFE = timedelta(hours=24)


def read_encoded(body: JsonObject) -> bytes | None:
    """The content of a document that was sent in JSON: base64 in `file`. Raises RefusalError."""
    encoded = body.get("file")
    if encoded is None:
        return None
    try:
        return base64.b64decode(str(encoded), validate=True)
    except ValueError as error:
        raise RefusalError("file must be base64.") from error


def create_document(world: World, content: bytes | None, purpose: object, title: str) -> JsonObject:
    """POST /v1/documents"""
    if content is None:
        raise RefusalError(
            "file is required: send it as multipart/form-data, or as base64 in JSON."
        )
    if purpose not in PURPOSES:
        raise RefusalError(f"purpose must be one of: {', '.join(sorted(PURPOSES))}.")
    if not title or not content:
        raise RefusalError("The document needs a name and must not be empty.")
    with world.ledger.transaction():
        now = world.now()
        document = {
            "id": world.new_id("document"),
            "object": "document",
            "name": title,
            "purpose": purpose,
            "file_format": PurePath(title).suffix.lstrip(".").lower() or "pdf",
            "created": platform_time(now),
        }
        digest = hashlib.sha256(content).hexdigest()
        world.ledger.add(
            "document",
            NewObject(document["id"], document, now, reference=digest, status=str(purpose)),
        )
        world.ledger.note(
            "document_stored", "document", document["id"], at=now, bytes=len(content), sha256=digest
        )
    return document


def create_invoice(world: World, body: JsonObject, idempotency_key: str | None) -> JsonObject:
    """POST /v1/invoices"""
    number, reference = text(body, "invoice_number"), text(body, "client_reference_id")
    amount = _minor_units(body.get("amount"))
    currency = body.get("currency")
    if currency not in CURRENCIES:
        raise RefusalError("currency must be one of usd, gbp, eur, in lower case.")
    due = _date(body, "due_date")
    goods = _goods(body.get("type_of_goods"))
    with world.ledger.transaction():
        repeated = _repeated(world, idempotency_key, body)
        if repeated is not None:
            return shown(world, repeated)
        buyer = world.referenced("company", "buyer", body.get("buyer"))
        supplier = world.referenced("company", "supplier", body.get("supplier"))
        if buyer.id == supplier.id:
            raise RefusalError("buyer and supplier must be different companies.")
        document = world.referenced("document", "invoice_document", body.get("invoice_document"))
        if document.status != "invoice":
            raise RefusalError("invoice_document must be a document with the purpose invoice.")
        if world.settings.create_mode == "unique" and world.ledger.by_reference(
            "invoice", reference
        ):
            raise RefusalError("An invoice with this client_reference_id already exists.", 409)
        now = world.now()
        stored_body: JsonObject = {
            "id": world.new_id("invoice"),
            "supplier": supplier.id,
            "buyer": buyer.id,
            "invoice_number": number,
            "client_reference_id": reference,
            "type_of_goods": goods,
            "due_date": due.isoformat(),
            "invoice_document": document.body,
            "created": platform_time(now),
            "financing": None,
            "sessions": [],
        }
        new = NewObject(
            stored_body["id"], stored_body, now, reference, "draft", currency.upper(), amount
        )
        stored = world.ledger.add("invoice", new)
        _remember_key(world, idempotency_key, body, stored.id)
    return shown(world, stored)


def shown(world: World, stored: StoredObject) -> JsonObject:
    """An invoice as the platform prints it."""
    body = stored.body
    printed = {
        "id": stored.id,
        "object": "invoice",
        "supplier": body["supplier"],
        "buyer": body["buyer"],
        "invoice_number": body["invoice_number"],
        "client_reference_id": body["client_reference_id"],
        "amount": major_units(stored.amount_minor_units or 0),
        "currency": (stored.currency or "").lower(),
        "type_of_goods": body["type_of_goods"],
        "due_date": body["due_date"],
        "invoice_document": body["invoice_document"],
        "created": body["created"],
        "financing": _financing(body),
        "status": stored.status,
    }
    if world.settings.reveal_revision:
        printed["sandbox_revision"] = stored.revision
    return printed


def list_invoices(world: World, client_reference_id: str | None) -> JsonObject:
    """GET /v1/invoices"""
    if client_reference_id is not None and world.settings.list_filter:
        found = world.ledger.by_reference("invoice", client_reference_id)
    else:
        found = world.ledger.select("invoice")
    lag = world.settings.list_lag_seconds
    if lag > 0:
        newest = platform_time(world.now() - timedelta(seconds=lag))
        found = [stored for stored in found if stored.body["created"] <= newest]
    return listed([shown(world, stored) for stored in found])


def _financing(body: JsonObject) -> JsonObject | None:
    parts = body["financing"]
    if parts is None:
        return None
    words = {"complete": "completed"}
    sessions = [
        {
            "id": s["id"],
            "object": "invoice.financing.session",
            "status": words.get(s["status"], s["status"]),
        }
        for s in body["sessions"]
    ]
    amounts = {n: None if parts.get(n) is None else major_units(parts[n]) for n in FINANCING_PARTS}
    return {**amounts, "sessions": listed(sessions)}


def _minor_units(amount: object) -> int:
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise RefusalError("amount is required and must be a number.")
    minor = Decimal(amount) * 100
    if amount <= 0 or minor != minor.to_integral_value() or minor >= 10**15:
        raise RefusalError("amount must be greater than 0 and have at most two decimals.")
    return int(minor)


def _date(body: JsonObject, field: str) -> date:
    value = text(body, field)
    try:
        if len(value) != 10:
            raise ValueError(value)
        return date.fromisoformat(value)
    except ValueError as error:
        raise RefusalError(f"{field} must be a date such as 2026-01-31.") from error


def _goods(value: object) -> list[str]:
    goods: list[Any] = (
        [] if value is None else [value] if isinstance(value, str) else list(_list(value))
    )
    if any(entry not in GOODS for entry in goods):
        raise RefusalError("type_of_goods may hold commodities, perishables and other.")
    return goods


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise RefusalError("type_of_goods must be a list.")
    return value


def _repeated(world: World, key: str | None, body: JsonObject) -> StoredObject | None:
    """The invoice that the same idempotency key made before, in mode `key`."""
    if world.settings.create_mode != "key" or key is None:
        return None
    earlier = world.ledger.get("idempotency_key", key)
    if earlier is None or earlier.created_at < _ledger_time(world, -_KEY_LIFE):
        return None
    if earlier.body["request"] != from_json(to_json(body)):
        raise RefusalError("This Idempotency-Key was used with another request.", 409)
    return world.required("invoice", earlier.body["invoice"])


def _remember_key(world: World, key: str | None, body: JsonObject, invoice_id: str) -> None:
    if world.settings.create_mode == "key" and key is not None:
        world.ledger.remove("idempotency_key", key, at=world.now(), cause="expired")
        memory = {"request": body, "invoice": invoice_id}
        world.ledger.add("idempotency_key", NewObject(key, memory, world.now()))


def _ledger_time(world: World, offset: timedelta) -> str:
    return instant_text(world.now() + offset)
