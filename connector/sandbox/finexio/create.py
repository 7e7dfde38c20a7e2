"""POST /invoices/batch/: how a user of Finexio adds invoices. The connector must never do this: it starts payments."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from connector.sandbox.finexio.oracle import violated_field
from connector.sandbox.finexio.seed import finexio_time, invoice_id, new_invoice
from connector.sandbox.finexio.settings import FinexioSettings
from connector.sandbox.ledger import StoredObject
from connector.sandbox.platform import Sandbox
from connector.sandbox.wire import JsonObject, NotJsonError, from_json

_REQUIRED = (
    "amount_cents",
    "invoice_date",
    "invoice_number",
    "originating_counterparty_id",
    "receiving_counterparty_id",
)
_OPTIONAL: JsonObject = {
    "currency": "USD",
    "discount_amount_cents": 0,
    "invoice_due_date": None,
    "note": "",
    "metadata": {},
    "line_items": [],
    "reconciliation_id": None,
    "account_number": None,
    "payment_group_id": None,
    "accounting_id": None,
}
_LARGEST_BATCH = 500


def create_batch(sandbox: Sandbox, data: bytes) -> tuple[int, Any]:
    """(201, stored invoices) or (400, one object of messages for each input at its index)."""
    try:
        inputs = from_json(data)
    except NotJsonError:
        return 400, {"detail": "JSON parse error."}
    if not isinstance(inputs, list) or len(inputs) > _LARGEST_BATCH:
        return 400, {"detail": f"Expected a list of at most {_LARGEST_BATCH} invoices."}
    with sandbox.ledger.transaction():
        problems = [_problems(sandbox, given) for given in inputs]
        if any(problems):
            return 400, problems
        stored = [add_invoice(sandbox, given, cause="posted") for given in inputs]
        for invoice in stored:
            sandbox.ledger.note("payment_started", "invoice", invoice.id, at=sandbox.clock.now())
    return 201, stored


def add_invoice(sandbox: Sandbox, given: JsonObject, *, cause: str) -> StoredObject:
    """Add one invoice as if it had been created now; fields that are not given get a default."""
    settings: FinexioSettings = sandbox.settings
    ledger, now = sandbox.ledger, sandbox.clock.now()
    with ledger.transaction():
        number = int(ledger.meta("invoices_added") or 0) + 1
        ledger.set_meta("invoices_added", str(number))
        dice = random.Random(f"added:{settings.seed}:{number}")
        parties = {
            "originating_counterparty_id": _first_counterparty(sandbox, "Buyer"),
            "receiving_counterparty_id": _first_counterparty(sandbox, "Supplier"),
        }
        body: JsonObject = {
            **_OPTIONAL,
            "amount_cents": 10_000 + number,
            "invoice_number": f"ADDED-{number:06d}",
            "invoice_date": now.date().isoformat(),
            "invoice_due_date": (now.date() + timedelta(days=60)).isoformat(),
            **parties,
            **{
                k: v
                for k, v in given.items()
                if k not in ("id", "created", "updated", "payment_id")
            },
            "id": invoice_id(settings, 10**9 + number, dice),
            "created": finexio_time(now),
            "updated": finexio_time(now),
            "payment_id": None,
            "status": given.get("status", "pending"),
            "status_detail": {},
            "can_be_resubmitted": False,
        }
        body["installments"] = [
            {
                "id": f"inst_{dice.getrandbits(128):032x}",
                "created": body["created"],
                "amount_cents": body["amount_cents"],
                "due_date": body["invoice_due_date"],
                "payment_id": None,
            }
        ]
        return ledger.add("invoice", new_invoice(body, now), cause=cause)


def _first_counterparty(sandbox: Sandbox, wanted: str) -> str | None:
    found = [o.id for o in sandbox.ledger.select("counterparty") if o.body["type"] == wanted]
    return found[0] if found else None


def _problems(sandbox: Sandbox, given: object) -> JsonObject:
    if not isinstance(given, dict):
        return {"non_field_errors": ["Invalid data. Expected a dictionary."]}
    missing = {name: ["This field is required."] for name in _REQUIRED if given.get(name) is None}
    if missing:
        return missing
    field = violated_field({**_OPTIONAL, **given}, "v2")
    if field is not None:
        return {field: ["This value is not valid."]}
    today = sandbox.clock.today()
    for name in ("invoice_date", "invoice_due_date"):
        day = given.get(name)
        if day is not None and abs((date.fromisoformat(day) - today).days) > 365:
            return {name: ["Must be within 365 days of today."]}
    lines = given.get("line_items", [])
    if not isinstance(lines, list) or not all(
        isinstance(line, dict) and isinstance(line.get("description"), str) for line in lines
    ):
        return {"line_items": ["Expected a list of items with a description."]}
    for name, wanted in (
        ("originating_counterparty_id", "Buyer"),
        ("receiving_counterparty_id", "Supplier"),
    ):
        party = sandbox.ledger.get("counterparty", str(given[name]))
        if party is None or party.body["type"] != wanted:
            return {name: [f"Must be the id of a counterparty of type {wanted}."]}
    if _is_duplicate(sandbox, given):
        return {
            "invoice_number": [
                "This invoice number was already submitted for this buyer and supplier."
            ]
        }
    return {}


def _is_duplicate(sandbox: Sandbox, given: JsonObject) -> bool:
    sides = ("originating_counterparty_id", "receiving_counterparty_id")
    return any(
        all(other.body[side] == given[side] for side in sides)
        and not other.body["can_be_resubmitted"]
        for other in sandbox.ledger.by_reference("invoice", str(given["invoice_number"]))
    )
