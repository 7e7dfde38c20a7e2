"""Invoices: a list with filters, its sums, and the whole life of one."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from connector import views
from connector.api.resource import (
    Context,
    Json,
    Listing,
    Money,
    Resource,
    instant_field,
    page,
    page_schema,
    text_field,
)
from connector.people.roles import Permission
from connector.store.reading_invoices import MOST_WORDS, InvoiceLine, Selection


class SelectionQuery(Schema):
    """Which invoices; every filter narrows."""

    words = text_field(
        load_default=None,
        metadata={
            "description": "Words that must be found in number, counterparty, identifier or client reference."
        },
    )
    connection = text_field(load_default=None)
    outcome = text_field(
        load_default=None, metadata={"description": "mapped, held, excluded or rejected"}
    )
    reason_code = text_field(load_default=None)
    state = text_field(load_default=None)
    status = text_field(load_default=None)
    financier = text_field(load_default=None)
    currency = text_field(3, load_default=None)
    due_from = fields.Date(load_default=None)
    due_to = fields.Date(load_default=None)
    amount_from = fields.Decimal(
        load_default=None, allow_nan=False, as_string=True, metadata={"description": "Major units."}
    )
    amount_to = fields.Decimal(
        load_default=None, allow_nan=False, as_string=True, metadata={"description": "Major units."}
    )


class InvoiceQuery(SelectionQuery, Listing):
    """Which invoices, and which page of them."""


class InvoiceSchema(Money):
    """One invoice: the record, what became of it, and its financing. Amounts are the record's own."""

    record = fields.String(required=True, metadata={"description": "Our number of it: r16."})
    connection = fields.String()
    source_id = fields.String()
    outcome = fields.String()
    reason_code = fields.String(allow_none=True)
    sentence = fields.String(allow_none=True)
    field_path = fields.String(allow_none=True)
    invoice_number = fields.String(allow_none=True)
    direction = fields.String(allow_none=True)
    counterparty_id = fields.String(allow_none=True)
    counterparty_name = fields.String(allow_none=True)
    due_date = fields.Date(allow_none=True)
    client_reference_id = fields.String(allow_none=True)
    financier = fields.String(allow_none=True)
    state = fields.String(allow_none=True)
    state_reason = fields.String(allow_none=True)
    status = fields.String(allow_none=True)
    raw_status = fields.String(allow_none=True)
    offered_minor_units = fields.Integer(allow_none=True)


class SumSchema(Money):
    """Invoices and money of a selection in one currency (XXX: the record says none)."""

    count = fields.Integer(required=True)


class Sums(Schema):
    """The sums of a selection."""

    sums = fields.List(fields.Nested(SumSchema), required=True)


class RecordVersionSchema(Schema):
    """One version of a record, as the source had it."""

    version_no = fields.Integer()
    stored_at = instant_field()
    source_updated_at = fields.String(allow_none=True)
    is_echo = fields.Boolean(metadata={"description": "It differs only by what we wrote."})


class OutcomeSchema(Money):
    """What a version became, and why."""

    kind = fields.String()
    reason_code = fields.String(allow_none=True)
    sentence = fields.String(allow_none=True)
    field_path = fields.String(allow_none=True)
    rule = fields.String(allow_none=True)
    decided_at = instant_field()


class CorrectedField(Schema):
    """One field of a correction, its values as text."""

    path = fields.String(required=True)
    was = fields.String(required=True, metadata={"description": "What the source says."})
    now = fields.String(required=True, metadata={"description": "What counts instead."})


class CorrectionSchema(Schema):
    """A person's word for single fields of a record; in force until it ends."""

    id = fields.Integer(required=True)
    fields_ = fields.List(
        fields.Nested(CorrectedField), data_key="fields", attribute="fields", required=True
    )
    reason = fields.String(required=True)
    corrected_by = fields.String(required=True)
    corrected_at = instant_field()
    ended_at = instant_field(allow_none=True)
    ended_by = fields.String(allow_none=True)
    ended_reason = fields.String(allow_none=True)


class Life(Schema):
    """The whole life of one invoice."""

    record = fields.String(required=True)
    connection = fields.String(required=True)
    source_id = fields.String(required=True)
    versions = fields.List(fields.Nested(RecordVersionSchema), required=True)
    corrections = fields.List(fields.Nested(CorrectionSchema), required=True)
    outcomes = fields.List(fields.Nested(OutcomeSchema), required=True)
    financing = fields.List(
        fields.Dict(),
        required=True,
        metadata={
            "description": "Terms and state, `parts` (advance, second payment, fees), `timeline` of statuses, "
            "`steps` towards the financier and `write_backs` to the source."
        },
    )


InvoicePage = page_schema("InvoicePage", InvoiceSchema)


def create(context: Context) -> Resource:
    """`/invoices`."""
    resource = Resource("invoices", "/invoices", "Invoices, from record to repayment.")
    database = context.program.database

    @resource.operation("", Permission.INVOICES_READ)
    @resource.arguments(InvoiceQuery, location="query")
    @resource.response(200, InvoicePage)
    def invoices(query: Json) -> Json:
        """The invoices of a selection, newest first."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        with database.read() as tx:
            lines = tx.invoices.page(selection(query), before_id=cursor, limit=limit)
        last = lines[-1].record_id if lines else None
        return page([invoice_line(line) for line in lines], limit, last)

    @resource.operation("/sums", Permission.INVOICES_READ)
    @resource.arguments(SelectionQuery, location="query")
    @resource.response(200, Sums)
    def sums(query: Json) -> Json:
        """What a selection adds up to, per currency."""
        with database.read() as tx:
            found = tx.invoices.sums(selection(query))
        return {
            "sums": [
                {"count": each.count, **views.money(each.amount_minor_units, each.currency)}
                for each in found
            ]
        }

    @resource.operation("/<word>", Permission.INVOICES_READ)
    @resource.response(200, Life)
    def invoice(word: str) -> Json:
        """The whole life of one invoice, by client reference, the source's identifier, or our number (`r16`)."""
        with database.read() as tx:
            return views.life(tx, word)

    return resource


def selection(query: dict[str, Any]) -> Selection:
    """The selection that a query means."""
    words = tuple((query.pop("words") or "").split()[:MOST_WORDS])
    return Selection(words=words, **query)


def invoice_line(line: InvoiceLine) -> Json:
    """One invoice of a list."""
    return {
        "record": views.record_number(line.record_id),
        "connection": line.connection,
        "source_id": line.source_id,
        "outcome": line.outcome_kind,
        "reason_code": line.reason_code,
        "sentence": line.sentence,
        "field_path": line.field_path,
        "invoice_number": line.invoice_number,
        "direction": line.direction,
        "counterparty_id": line.counterparty_id,
        "counterparty_name": line.counterparty_name,
        "due_date": line.due_date,
        "client_reference_id": line.client_reference_id,
        "financier": line.financier,
        "state": line.state,
        "state_reason": line.state_reason,
        "status": line.status,
        "raw_status": line.raw_status,
        "offered_minor_units": line.offered_minor_units,
        **views.money(line.amount_minor_units, line.currency),
    }
