"""Payables: list, read, change, and the transitions of their life."""

from __future__ import annotations

from flask import Response, g, request

from connector.sandbox.control import reply
from connector.sandbox.ledger import StoredObject
from connector.sandbox.monite.files import file_of_payable, store, uploaded
from connector.sandbox.monite.invoices import (
    allow,
    change,
    check_fields,
    metadata,
    optional_text,
    pay,
)
from connector.sandbox.monite.paging import (
    NUMBERS,
    TEXTS,
    TIMES,
    Filter,
    Listing,
    entity_page,
    filters,
    query_of,
)
from connector.sandbox.monite.refusal import InvalidError, RefusalError
from connector.sandbox.monite.world import World, needed, read_body
from connector.sandbox.wire import JsonObject

_LISTING = Listing(
    "payable",
    {
        **filters(
            created_at=("instant", TIMES),
            status=("text", "is in"),
            id=("uuid", "in"),
            total_amount=("number", NUMBERS),
            currency=("text", "is"),
            due_date=("date", f"is {TIMES}"),
            issued_at=("date", f"is {TIMES}"),
            document_id=("text", TEXTS),
            counterpart_id=("uuid", "is"),
            source_of_payable_data=("text", "is"),
            ocr_status=("text", "is"),
            purchase_order_id=("uuid", "is"),
            project_id=("uuid", "is in"),
        ),
        "counterpart_name": Filter("counterpart.name", "is", "text"),
        "counterpart_name__contains": Filter("counterpart.name", "contains", "text"),
        "counterpart_name__icontains": Filter("counterpart.name", "icontains", "text"),
        "search_text": Filter("document_id", "icontains", "text"),
        "origin": Filter("payable_origin", "is", "text"),
        "has_file": Filter("file_id", "is", "bool"),
        "amount": Filter("total_amount", "is", "number"),
        **{f"amount__{o}": Filter("total_amount", o, "number") for o in TIMES.split()},
    },
    ("id", "created_at", "issued_at"),
)
_CHANGEABLE = (
    "amount_paid counterpart_address_id counterpart_bank_account_id counterpart_id counterpart_raw_data"
    " counterpart_vat_id_id currency description discount document_id due_date issued_at partner_metadata payment_terms"
    " project_id purchase_order_id sender subtotal suggested_payment_term tag_ids tax tax_amount total_amount"
)
_STEPS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "submit_for_approval": (("new",), "approve_in_progress", "submitted_for_approval"),
    "approve_payment_operation": (("new", "approve_in_progress"), "waiting_to_be_paid", "approved"),
    "reject": (("approve_in_progress",), "rejected", "rejected"),
    "reopen": (("rejected", "waiting_to_be_paid"), "new", "reopened"),
    "cancel": (("draft", "new"), "canceled", "canceled"),
}
"""Path: (from, to, the event's word)."""


def add_routes(world: World) -> None:
    """Add /v1/payables and what is below."""
    app = world.sandbox.app

    @app.get("/v1/payables")
    def list_payables() -> Response:
        query = query_of(request.args.lists())
        return reply(entity_page(world, _LISTING, query, g.entity_id))

    @app.get("/v1/payables/<payable_id>")
    def one_payable(payable_id: str) -> Response:
        return _shown(world, world.required("payable", payable_id, g.entity_id))

    @app.patch("/v1/payables/<payable_id>")
    def change_payable(payable_id: str) -> Response:
        with world.ledger.transaction():
            return _shown(
                world, _patched(world, world.required("payable", payable_id, g.entity_id))
            )

    @app.post("/v1/payables/<payable_id>/<step>")
    def move_payable(payable_id: str, step: str) -> Response:
        with world.ledger.transaction():
            stored = world.required("payable", payable_id, g.entity_id)
            if step in _STEPS:
                before, after, word = _STEPS[step]
                allow(stored, *before)
                return _shown(world, change(world, stored, {"status": after}, word))
            if step == "mark_as_paid":
                comment = optional_text(read_body(("comment",)), "comment")
                return _shown(world, pay(world, stored, stored.body["amount_due"] or 0, comment))
            if step == "mark_as_partially_paid":
                return _shown(world, _partially_paid(world, stored))
            if step == "attach_file":
                return _shown(world, _attached(world, stored))
        raise RefusalError(404, "Not Found.")


def _shown(world: World, stored: StoredObject) -> Response:
    return reply(world.shown(stored.body))


def _patched(world: World, stored: StoredObject) -> StoredObject:
    body = read_body(tuple(_CHANGEABLE.split()))
    allow(stored, "draft", "new")
    fields: JsonObject = {name: value for name, value in body.items() if name != "tag_ids"}
    check_fields(fields)
    if "partner_metadata" in body:
        fields["partner_metadata"] = metadata(
            world, stored.body["partner_metadata"], body["partner_metadata"]
        )
    after = {**stored.body, **fields}
    complete = ("total_amount", "currency", "document_id", "due_date", "issued_at")
    if after["status"] == "draft" and all(after.get(name) is not None for name in complete):
        fields |= {
            "status": "new",
            "amount_paid": 0,
            "amount_due": after["total_amount"],
            "amount_to_pay": after["total_amount"],
            "total_amount_with_credit_notes": after["total_amount"],
        }
    return change(world, stored, fields, "updated")


def _partially_paid(world: World, stored: StoredObject) -> StoredObject:
    """The amount is the running total of what was paid."""
    amount = needed(read_body(("amount_paid",)), "amount_paid", int)
    allow(stored, "waiting_to_be_paid", "partially_paid")
    total, paid = stored.body["total_amount"] or 0, stored.body["amount_paid"] or 0
    if not 0 < amount < total or amount <= paid:
        raise InvalidError(
            ("body", "amount_paid"), "The amount must be more than before and less than the total."
        )
    return pay(world, stored, amount - paid)


def _attached(world: World, stored: StoredObject) -> StoredObject:
    if stored.body["file_id"] is not None:
        raise RefusalError(409, "A file is already attached to this payable.")
    content, name = uploaded()
    file = store(world, "payables", name, content, g.entity_id).body
    fields = {"file": file_of_payable(file), "file_id": file["id"]}
    return change(world, stored, fields, "updated")
