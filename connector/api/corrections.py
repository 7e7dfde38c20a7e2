"""Corrections of single fields of a record that waits: below `/records`."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from connector import views
from connector.access import current_person
from connector.acting import Actions
from connector.api.invoices import CorrectedField, CorrectionSchema
from connector.api.resource import Context, Json, Resource, text_field
from connector.inbox_actions.correcting import MOST_FIELDS
from connector.inbox_actions.entering import LONGEST_PATH
from connector.people.roles import Permission
from connector.views.corrected import form_line, preview_line


class EnteredField(fields.Field[Any]):
    """What counts instead of the source's value: text, a whole number, true, false or null."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        if isinstance(value, str | int):
            return value
        raise ValidationError(
            "Must be text, a whole number, true, false or null. Other numbers are written as text."
        )


class ValuesBody(Schema):
    """Fields of the record, by their path as in the mapping, with what counts instead."""

    values = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=LONGEST_PATH)),
        values=EnteredField(allow_none=True),
        required=True,
        validate=validate.Length(min=1, max=10 * MOST_FIELDS),
        metadata={"example": {"invoice_due_date": "2026-11-30"}},
    )


class CorrectionBody(ValuesBody):
    """A correction, and why."""

    reason = text_field(most=500, required=True)


class FormField(Schema):
    """A field that the mapping reads, and whether it can be corrected. Values are text."""

    path = fields.String(required=True)
    kind = fields.String(required=True)
    targets = fields.List(
        fields.String(), metadata={"description": "Fields of the financing invoice made of it."}
    )
    source = fields.String(required=True, metadata={"description": "What the source says."})
    now = fields.String(required=True, metadata={"description": "What counts at present."})
    problem = fields.String(allow_none=True)
    why_not = fields.String(
        allow_none=True, metadata={"description": "Why not here; null: it can."}
    )


class FormSchema(Schema):
    """What of a record can be corrected, and what is corrected."""

    record = fields.String(required=True)
    why_not = fields.String(
        required=True, allow_none=True, metadata={"description": "Why nothing can; null: it can."}
    )
    fields_ = fields.List(
        fields.Nested(FormField), data_key="fields", attribute="fields", required=True
    )
    in_force = fields.Nested(CorrectionSchema, allow_none=True, required=True)
    ended = fields.List(
        fields.Nested(CorrectionSchema), required=True, metadata={"description": "Newest first."}
    )


class JudgedSchema(Schema):
    """What becomes of the record."""

    kind = fields.String(required=True)
    reason_code = fields.String(allow_none=True)
    sentence = fields.String(allow_none=True)
    field_path = fields.String(allow_none=True)


class ReadSchema(Schema):
    """What a field of the financing invoice says."""

    field = fields.String(required=True)
    before = fields.String(allow_none=True)
    after = fields.String(allow_none=True)


class RefusalSchema(Schema):
    """Why it cannot be done."""

    path = fields.String(required=True, metadata={"description": "Empty: the record as a whole."})
    problem = fields.String(required=True)
    remedy = fields.String(allow_none=True)


class PreviewSchema(Schema):
    """What a correction would do, or did. With `refusals` it is not done."""

    fields_ = fields.List(
        fields.Nested(CorrectedField), data_key="fields", attribute="fields", required=True
    )
    before = fields.Nested(JudgedSchema, required=True)
    after = fields.Nested(JudgedSchema, required=True)
    reads = fields.List(fields.Nested(ReadSchema), required=True)
    refusals = fields.List(fields.Nested(RefusalSchema), required=True)


def add_corrections(resource: Resource, context: Context) -> None:
    """The operations about a record's correction."""
    program = context.program

    def record_id(word: str) -> int:
        with program.database.read() as tx:
            return views.find_record(tx, word).id

    def form(number: int) -> Json:
        found = Actions(program).correcting.form(number)
        with program.database.read() as tx:
            return form_line(found, tx.corrections.of_record(number))

    @resource.operation("/<word>/correction", Permission.INVOICES_READ)
    @resource.response(200, FormSchema)
    def correction(word: str) -> Json:
        """What is corrected of a record, and what can be: the fields its mapping reads, what is wrong first."""
        return form(record_id(word))

    @resource.operation("/<word>/correction/preview", Permission.RECORDS_CORRECT, method="POST")
    @resource.arguments(ValuesBody)
    @resource.response(200, PreviewSchema)
    def preview(body: Json, word: str) -> Json:
        """What a correction would do. Nothing is changed."""
        found = Actions(program).correcting.preview(record_id(word), body["values"])
        return preview_line(found)

    @resource.operation("/<word>/correction", Permission.RECORDS_CORRECT, method="POST")
    @resource.arguments(CorrectionBody)
    @resource.response(200, PreviewSchema)
    def correct(body: Json, word: str) -> Json:
        """Correct single fields of a record, in place of an earlier correction, and decide it anew."""
        number, by = record_id(word), current_person().actor
        correcting = Actions(program).correcting
        return preview_line(correcting.correct(number, body["values"], body["reason"], by=by))

    @resource.operation("/<word>/correction", Permission.RECORDS_CORRECT, method="DELETE")
    @resource.response(200, FormSchema)
    def take_back(word: str) -> Json:
        """Let the source alone speak again."""
        number = record_id(word)
        Actions(program).correcting.take_back(number, by=current_person().actor)
        return form(number)
