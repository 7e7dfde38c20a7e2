"""What payables and receivables have in common: a change is stored, and told by an event."""

from __future__ import annotations

from datetime import date

from connector.sandbox.ledger import StoredObject
from connector.sandbox.monite.refusal import InvalidError, RefusalError
from connector.sandbox.monite.world import World, monite_time
from connector.sandbox.wire import JsonObject

_NUMBERS = ("amount_paid", "discount", "subtotal", "tax", "tax_amount", "total_amount")
_DATES = ("due_date", "issued_at", "fulfillment_date")
_PARTS = ("counterpart_raw_data", "partner_metadata", "payment_terms", "suggested_payment_term")


def change(
    world: World, stored: StoredObject, fields: JsonObject, action: str, *, touch: bool = True
) -> StoredObject:
    """Set fields of a payable or receivable and tell it; `touch` False leaves `updated_at` as it was."""
    now = world.now()
    body = {**stored.body, **fields}
    if touch and "updated_at" not in fields:
        body["updated_at"] = monite_time(now)
    amount = body.get("total_amount")
    money = (body.get("currency"), amount if type(amount) is int else None)
    with world.ledger.transaction():
        changed = world.ledger.change(
            stored,
            body,
            at=now,
            cause=action,
            status=body.get("status"),
            reference=body.get("document_id"),
            money=money,
        )
        world.tell(stored.kind, action, stored.id, stored.body["_entity"])
    return changed


def allow(stored: StoredObject, *statuses: str) -> None:
    """Raises RefusalError 409 where the object is in another status."""
    status = stored.body["status"]
    if status not in statuses:
        raise RefusalError(
            409, f"The {stored.kind} couldn't be updated due to its current state {status!r}."
        )


def pay(
    world: World, stored: StoredObject, amount: int, comment: str | None = None
) -> StoredObject:
    """Pay `amount` minor units of what is due; negative takes a payment back. Raises RefusalError 409."""
    body = stored.body
    payable = stored.kind == "payable"
    open_statuses = (
        ("waiting_to_be_paid", "partially_paid")
        if payable
        else ("issued", "partially_paid", "overdue")
    )
    if amount < 0:
        allow(stored, "partially_paid", "paid")
    else:
        allow(stored, *open_statuses)
    paid, due = (body["amount_paid"] or 0) + amount, (body["amount_due"] or 0) - amount
    if due < 0 or paid < 0:
        raise RefusalError(409, "The amount is more than what is due.")
    status = "paid" if due == 0 else "partially_paid" if paid else open_statuses[0]
    fields: JsonObject = {
        "amount_paid": paid,
        "amount_due": due,
        "amount_to_pay": due,
        "status": status,
        "paid_at": monite_time(world.now()) if status == "paid" else None,
    }
    if comment is not None:
        fields["marked_as_paid_with_comment" if payable else "comment"] = comment
    return change(
        world, stored, fields, status if status in ("paid", "partially_paid") else "updated"
    )


def optional_text(body: JsonObject, name: str) -> str | None:
    """An optional text of a request. Raises InvalidError."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidError(("body", name), "str type expected", "type_error.str")
    return value


def metadata(world: World, old: object, new: object) -> JsonObject:
    """partner_metadata after a PATCH. Raises InvalidError."""
    if not isinstance(new, dict):
        raise InvalidError(
            ("body", "partner_metadata"), "value is not a valid dict", "type_error.dict"
        )
    if world.settings.metadata_patch == "merge" and isinstance(old, dict):
        return {**old, **new}
    return new


def check_fields(fields: JsonObject, place: tuple[str, ...] = ()) -> None:
    """Raises InvalidError for a value of the wrong type; null is no value either."""
    for name, value in fields.items():
        if name in _NUMBERS:
            right = type(value) is int
        elif name in _DATES:
            right = _is_date(value)
        elif name == "currency":
            right = isinstance(value, str) and len(value) == 3 and value.isupper()
        else:
            right = isinstance(value, dict | list) if name in _PARTS else isinstance(value, str)
        if not right:
            raise InvalidError(("body", *place, name), "value has the wrong type", "type_error")


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
