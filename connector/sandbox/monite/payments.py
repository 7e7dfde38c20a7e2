"""Payment records of payables and receivables."""

from __future__ import annotations

from flask import Response, g, request

from connector.sandbox.control import reply
from connector.sandbox.ledger import NewObject, StoredObject
from connector.sandbox.monite.invoices import allow, optional_text, pay
from connector.sandbox.monite.paging import TIMES, Listing, entity_page, filters, query_of
from connector.sandbox.monite.refusal import InvalidError, RefusalError
from connector.sandbox.monite.world import (
    World,
    instant_in,
    is_uuid,
    monite_time,
    needed,
    read_body,
)
from connector.sandbox.wire import JsonObject

_LISTING = Listing(
    "payment_record",
    filters(
        created_at=("instant", "gt lt"),
        updated_at=("instant", "gt lt"),
        paid_at=("instant", "gt lt"),
        planned_payment_date=("date", f"is {TIMES}"),
        is_external=("bool", "is"),
        object_id=("uuid", "is in"),
        object_type=("text", "is"),
        status=("text", "is"),
        payment_intent_status=("text", "is"),
        payment_method=("text", "is"),
    ),
    ("paid_at", "amount", "overpaid_amount"),
)
_FIELDS = (
    "amount",
    "currency",
    "entity_user_id",
    "object",
    "paid_at",
    "payment_intent_id",
    "payment_intent_status",
    "payment_method",
    "planned_payment_date",
    "status",
)


def add_routes(world: World) -> None:
    """Add /v1/payment_records and what is below."""
    app = world.sandbox.app

    @app.get("/v1/payment_records")
    def list_records() -> Response:
        query = query_of(request.args.lists())
        return reply(entity_page(world, _LISTING, query, g.entity_id))

    @app.post("/v1/payment_records")
    def create_record() -> Response:
        with world.ledger.transaction():
            return reply(world.shown(_created(world, read_body(_FIELDS)).body), 201)

    @app.get("/v1/payment_records/<record_id>")
    def one_record(record_id: str) -> Response:
        return reply(world.shown(_found(world, record_id).body))

    @app.post("/v1/payment_records/<record_id>/<step>")
    def move_record(record_id: str, step: str) -> Response:
        with world.ledger.transaction():
            stored = _found(world, record_id)
            if step == "start_processing":
                allow(stored, "created")
                return reply(world.shown(_set(world, stored, "processing").body))
            if step == "cancel":
                allow(stored, "created", "processing")
                return reply(world.shown(_set(world, stored, "canceled").body))
            if step == "mark_as_succeeded":
                allow(stored, "created", "processing")
                body = read_body(("paid_at", "payment_intent_status"))
                needed(body, "paid_at")
                stored = _set(world, stored, "succeeded", paid_at=instant_in(body, "paid_at"))
                return reply(world.shown(_settled(world, stored).body))
        raise RefusalError(404, "Not Found.")


def _found(world: World, record_id: str) -> StoredObject:
    return world.required("payment_record", record_id, g.entity_id)


def _created(world: World, body: JsonObject) -> StoredObject:
    amount, currency = needed(body, "amount", int), needed(body, "currency")
    target = needed(body, "object", dict)
    kind, object_id = (
        needed(target, "type", str, ("object",)),
        needed(target, "id", str, ("object",)),
    )
    if kind not in ("payable", "receivable") or not is_uuid(object_id):
        raise InvalidError(("body", "object"), "value is not a valid object reference")
    status = body.get("status", "succeeded")
    if status not in ("created", "processing", "succeeded"):
        raise InvalidError(("body", "status"), "unexpected value", "value_error.const")
    invoice = world.required(kind, object_id, g.entity_id)
    if invoice.body["currency"] != currency:
        raise InvalidError(("body", "currency"), "The currency is not that of the invoice.")
    now, record_id = world.now(), world.new_id("payment_record")
    paid_at = instant_in(body, "paid_at") or (monite_time(now) if status == "succeeded" else None)
    state = invoice.body["status"]
    record = {
        "id": record_id,
        "amount": amount,
        "currency": currency,
        "entity_user_id": body.get("entity_user_id"),
        "history": [{"entity_user_id": None, "status": status, "timestamp": monite_time(now)}],
        "is_external": True,
        "object": {"id": object_id, "type": kind, "old_status": state, "new_status": state},
        "overpaid_amount": 0,
        "paid_at": paid_at,
        "payment_intent_id": body.get("payment_intent_id"),
        "payment_intent_status": optional_text(body, "payment_intent_status"),
        "payment_method": optional_text(body, "payment_method"),
        "planned_payment_date": optional_text(body, "planned_payment_date"),
        "status": status,
        "_entity": g.entity_id,
        "_object_id": object_id,
        "_object_type": kind,
        "_created_at": monite_time(now),
        "_updated_at": monite_time(now),
    }
    stored = world.ledger.add(
        "payment_record",
        NewObject(record_id, record, now, object_id, status, currency, amount),
    )
    return _settled(world, stored) if status == "succeeded" else stored


def _settled(world: World, stored: StoredObject) -> StoredObject:
    """The payment succeeded: the invoice moves."""
    target = stored.body["object"]
    invoice = world.required(target["type"], target["id"])
    moved = pay(world, invoice, stored.body["amount"])
    told = {**target, "old_status": invoice.body["status"], "new_status": moved.body["status"]}
    body = {**stored.body, "object": told}
    return world.ledger.change(stored, body, at=world.now(), cause="settled")


def _set(world: World, stored: StoredObject, status: str, **fields: str | None) -> StoredObject:
    now = monite_time(world.now())
    history = [
        *stored.body["history"],
        {"entity_user_id": None, "status": status, "timestamp": now},
    ]
    body = {**stored.body, **fields, "status": status, "history": history, "_updated_at": now}
    return world.ledger.change(stored, body, at=world.now(), cause=status, status=status)
