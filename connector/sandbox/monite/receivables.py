"""Receivables: list, search, read, change, and the transitions of an invoice's life."""

from __future__ import annotations

from flask import Response, g, request

from connector.sandbox.control import reply
from connector.sandbox.ledger import StoredObject
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
    Listing,
    Query,
    entity_page,
    filters,
    query_of,
)
from connector.sandbox.monite.refusal import InvalidError, RefusalError
from connector.sandbox.monite.world import World, instant_in, monite_time, needed, read_body
from connector.sandbox.wire import JsonObject

_LISTING = Listing(
    "receivable",
    filters(
        created_at=("instant", TIMES),
        issue_date=("instant", TIMES),
        due_date=("date", TIMES),
        id=("uuid", "in"),
        type=("text", "is"),
        status=("text", "is in"),
        document_id=("text", TEXTS),
        counterpart_id=("uuid", "is"),
        counterpart_name=("text", TEXTS),
        total_amount=("number", NUMBERS),
        discounted_subtotal=("number", NUMBERS),
        entity_user_id=("uuid", "is in"),
        based_on=("uuid", "is"),
        project_id=("uuid", "is in"),
    ),
    (
        "counterpart_name",
        "counterpart_id",
        "amount",
        "total_amount",
        "discounted_subtotal",
        "status",
        "due_date",
        "issue_date",
        "document_id",
        "created_at",
        "project_id",
    ),
    aliases={"amount": "total_amount"},
    longest=250,
    repeats_limit=True,
)
_ISSUED_FIELDS = (
    "attachments contact_id counterpart_id counterpart_vat_id_id document_rendering due_date entity entity_address"
    " entity_vat_id_id footer fulfillment_date issue_date memo overdue_reminder_id partner_metadata payment_reminder_id"
    " payment_terms payment_terms_id project_id tag_ids"
)
_DRAFT_FIELDS = (
    "attachments contact_id counterpart_billing_address_id counterpart_einvoicing_credentials_id counterpart_id"
    " counterpart_shipping_address_id counterpart_vat_id_id currency deduction_amount deduction_memo discount"
    " document_rendering entity entity_bank_account_id entity_vat_id_id footer fulfillment_date is_einvoice line_items"
    " memo network_credentials_id overdue_reminder_id partner_metadata payment_page_url payment_reminder_id"
    " payment_terms payment_terms_id project_id tag_ids trade_name vat_exempt vat_exemption_rationale"
    " withholding_tax_rate"
)
_STORED_FIELDS = (
    "due_date",
    "footer",
    "fulfillment_date",
    "memo",
    "project_id",
    "currency",
    "trade_name",
)
"""Of what may be sent, what the sandbox keeps besides partner_metadata; the rest is accepted without effect."""


def add_routes(world: World) -> None:
    """Add /v1/receivables and what is below."""
    app = world.sandbox.app

    def listed(query: Query) -> Response:
        return reply(entity_page(world, _LISTING, query, g.entity_id))

    @app.get("/v1/receivables")
    def list_receivables() -> Response:
        return listed(query_of(request.args.lists()))

    @app.post("/v1/receivables/search")
    def search_receivables() -> Response:
        pairs = read_body().items()
        return listed(
            query_of((n, v if isinstance(v, list) else [v]) for n, v in pairs if v is not None)
        )

    @app.get("/v1/receivables/<receivable_id>")
    def one_receivable(receivable_id: str) -> Response:
        return _shown(world, world.required("receivable", receivable_id, g.entity_id))

    @app.get("/v1/receivables/<receivable_id>/pdf_link")
    def pdf_link(receivable_id: str) -> Response:
        body = world.required("receivable", receivable_id, g.entity_id).body
        links = {name: body[name] for name in ("file_url", "original_file_url")}
        return reply(world.shown(links))

    @app.patch("/v1/receivables/<receivable_id>")
    def change_receivable(receivable_id: str) -> Response:
        with world.ledger.transaction():
            stored = world.required("receivable", receivable_id, g.entity_id)
            return _shown(world, _patched(world, stored))

    @app.post("/v1/receivables/<receivable_id>/<step>")
    def move_receivable(receivable_id: str, step: str) -> Response:
        with world.ledger.transaction():
            stored = world.required("receivable", receivable_id, g.entity_id)
            if step == "cancel":
                _only_invoices(stored)
                allow(stored, "issued", "overdue")
                change(world, stored, {"status": "canceled"}, "canceled")
                return Response(status=204)
            return _shown(world, _moved(world, stored, step))


def _moved(world: World, stored: StoredObject, step: str) -> StoredObject:
    if step == "issue":
        return _issued(world, stored)
    if step == "mark_as_paid":
        _only_invoices(stored)
        body = read_body(("comment", "paid_at"))
        paid_at = instant_in(body, "paid_at")
        paid = pay(world, stored, stored.body["amount_due"], optional_text(body, "comment"))
        if paid_at is None:
            return paid
        fields = {**paid.body, "paid_at": paid_at}
        return world.ledger.change(paid, fields, at=world.now(), cause="paid_at")
    if step == "mark_as_partially_paid":
        _only_invoices(stored)
        body = read_body(("amount_paid", "comment"))
        amount = needed(body, "amount_paid", int)
        if amount < 1:
            raise InvalidError(("body", "amount_paid"), "ensure this value is at least 1")
        return pay(world, stored, amount, optional_text(body, "comment"))
    if step == "mark_as_uncollectible":
        _only_invoices(stored)
        comment = optional_text(read_body(("comment",)), "comment")
        allow(stored, "issued", "partially_paid", "overdue")
        return change(
            world, stored, {"status": "uncollectible", "comment": comment}, "uncollectible"
        )
    raise RefusalError(404, "Not Found.")


def _issued(world: World, stored: StoredObject) -> StoredObject:
    allow(stored, "draft")
    now = world.now()
    number = world.ledger.count("receivable", status="issued") + 100_000
    fields: JsonObject = {
        "status": "issued",
        "issue_date": monite_time(now),
        "document_id": stored.body["document_id"] or f"INV-{number}",
        "file_url": f"/storage/receivables/{stored.id}.pdf",
        "original_file_url": f"/storage/receivables/{stored.id}.pdf",
    }
    return change(world, stored, fields, "issued")


def _patched(world: World, stored: StoredObject) -> StoredObject:
    body = read_body(("quote", "invoice", "credit_note", "issued_invoice"))
    if len(body) != 1:
        raise InvalidError(
            ("body",), "exactly one of invoice, issued_invoice, credit_note is expected"
        )
    [(part, given)] = body.items()
    if not isinstance(given, dict):
        raise InvalidError(("body", part), "value is not a valid dict", "type_error.dict")
    draft, note = stored.body["status"] == "draft", stored.body["type"] == "credit_note"
    right = "credit_note" if note else "invoice" if draft else "issued_invoice"
    if part != right or (note and not draft):
        raise RefusalError(
            409, f"The receivable couldn't be updated as {part} due to its current state."
        )
    known = _ISSUED_FIELDS if part == "issued_invoice" else _DRAFT_FIELDS
    for name in given:
        if name not in known.split():
            raise InvalidError(
                ("body", part, name), "extra fields not permitted", "value_error.extra"
            )
    if not draft:
        allow(stored, "issued", "partially_paid", "paid", "overdue", "uncollectible")
    fields = {name: given[name] for name in _STORED_FIELDS if name in given}
    check_fields(fields, (part,))
    if "partner_metadata" in given:
        old = stored.body["partner_metadata"]
        fields["partner_metadata"] = metadata(world, old, given["partner_metadata"])
    return change(world, stored, fields, "updated")


def _only_invoices(stored: StoredObject) -> None:
    if stored.body["type"] != "invoice":
        raise RefusalError(409, "Action is not allowed for this type of receivable.")


def _shown(world: World, stored: StoredObject) -> Response:
    return reply(world.shown(stored.body))
