"""Records that need a person."""

from __future__ import annotations

import base64
import binascii

from marshmallow import Schema, fields, validate

from connector import views
from connector.access import current_person
from connector.acting import Actions
from connector.api.corrections import add_corrections
from connector.api.invoices import OutcomeSchema
from connector.api.resource import (
    Context,
    Json,
    Listing,
    Money,
    Resource,
    page,
    page_schema,
    text_field,
)
from connector.bootstrap import Program
from connector.documents import LARGEST_BYTES
from connector.errors import NotFound, Refused
from connector.financier import DOCUMENT_PURPOSES
from connector.inbox_actions import document_of
from connector.people.roles import Permission
from connector.store.reading import CurrentOutcome, RecordRow
from connector.store.reading_inbox import LISTED_AT_MOST, InboxSelection
from connector.views.inbox import causes, resolved_today

KINDS = ("held", "rejected")


class RecordQuery(Listing):
    """Which records."""

    connection = text_field(load_default=None)
    reason_code = text_field(load_default=None)
    kind = fields.String(load_default=None, validate=validate.OneOf(KINDS))


class RecordSchema(OutcomeSchema):
    """A record that waits, and why."""

    record = fields.String(required=True, metadata={"description": "Our number of it: r16."})
    connection = fields.String()
    source_id = fields.String()


RecordPage = page_schema("RecordPage", RecordSchema)


class WaitingSum(Money):
    """Records and money of a cause in one currency."""

    count = fields.Integer()


class WaitingCauseSchema(Schema):
    """A cause for which records wait."""

    connection = fields.String(required=True)
    kind = fields.String()
    reason_code = fields.String()
    detail = fields.String(metadata={"description": "The rule or the field; empty: neither."})
    subject = fields.String(
        required=True, metadata={"description": "What the cause is called where it is assigned."}
    )
    title = fields.String()
    sentence = fields.String(allow_none=True, metadata={"description": "Of one of them."})
    who = fields.String(
        metadata={"description": "`books`, `here`, `financier`, `mapping`, `support`"}
    )
    remedy = fields.String()
    since = fields.String()
    count = fields.Integer()
    sums = fields.List(fields.Nested(WaitingSum))
    assigned_to = fields.String(allow_none=True)


class WaitingCauses(Schema):
    """All of them, the most frequent first."""

    items = fields.List(fields.Nested(WaitingCauseSchema), required=True)
    resolved_today = fields.Integer()


class SelectionBody(Schema):
    """Which waiting records. With `records`, only these; without anything, all that wait."""

    connection = text_field(load_default=None)
    reason_code = text_field(load_default=None)
    kind = fields.String(load_default=None, validate=validate.OneOf(KINDS))
    records = fields.List(
        text_field(), load_default=None, validate=validate.Length(min=1, max=1000)
    )


class RetriedSchema(Schema):
    """What a retry did at once."""

    records = fields.Integer(required=True)
    resolved = fields.Integer(metadata={"description": "How many left the inbox."})
    requested = fields.Integer(metadata={"description": "How many are being read again."})


class AssigneeBody(Schema):
    """Who looks after it."""

    person = text_field(254, required=True, metadata={"description": "The e-mail address."})


class CauseBody(Schema):
    """A cause, by the `subject` that the list of causes gives."""

    subject = text_field(1000, required=True)


class CauseAssigneeBody(AssigneeBody, CauseBody):
    """A cause, and who looks after it."""


class AssignmentSchema(Schema):
    """Who looks after a record or a cause."""

    subject = fields.String(required=True)
    person = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The e-mail address; null: nobody in particular."},
    )
    name = fields.String(required=True, allow_none=True)


class ReasonBody(Schema):
    """Why."""

    reason = text_field(most=500, required=True)


class AttachedFileBody(Schema):
    """A file."""

    name = text_field(required=True, metadata={"description": "`invoice.pdf`"})
    content_base64 = fields.String(
        required=True, validate=validate.Length(min=1, max=LARGEST_BYTES * 4 // 3 + 4)
    )
    purpose = fields.String(load_default="invoice", validate=validate.OneOf(DOCUMENT_PURPOSES))


def create(context: Context) -> Resource:
    """`/records`."""
    resource = Resource("records", "/records", "Records that wait for a person: held or rejected.")
    database = context.program.database

    @resource.operation("", Permission.INVOICES_READ)
    @resource.arguments(RecordQuery, location="query")
    @resource.response(200, RecordPage)
    def records(query: Json) -> Json:
        """The records that wait, oldest first."""
        kinds = KINDS if query["kind"] is None else (query["kind"],)
        with database.read() as tx:
            rows = tx.records.list_current(
                kinds,
                connection=query["connection"],
                reason_code=query["reason_code"],
                after_id=query["cursor"] or 0,
                limit=query["limit"],
            )
        items = [views.inbox_line(row) for row in rows]
        return page(items, query["limit"], rows[-1].record.id if rows else None)

    _add_causes(resource, context)
    _add_acts(resource, context)
    _add_documents(resource, context.program)
    add_corrections(resource, context)
    _add_assigning(resource, context.program)
    return resource


def _add_causes(resource: Resource, context: Context) -> None:
    program = context.program

    @resource.operation("/causes", Permission.INVOICES_READ)
    @resource.response(200, WaitingCauses)
    def waiting_causes() -> Json:
        """Why records wait, by cause: who acts, what they do, how many there are and how much money."""
        with program.database.read() as tx:
            return {
                "items": causes(tx),
                "resolved_today": resolved_today(tx, program.clock.now()),
            }


def _add_acts(resource: Resource, context: Context) -> None:
    program = context.program

    @resource.operation("/retry", Permission.RECORDS_CORRECT, method="POST")
    @resource.arguments(SelectionBody)
    @resource.response(200, RetriedSchema)
    def retry(body: Json) -> Json:
        """Decide waiting records anew, and have those that still wait read from their system once more."""
        chosen = InboxSelection(
            connection=body["connection"],
            kind=body["kind"],
            reason_code=body["reason_code"],
            record_ids=None
            if body["records"] is None
            else [_record(program, word).id for word in body["records"]],
        )
        with program.database.read() as tx:
            ids = tx.error_inbox.page(chosen, 0, LISTED_AT_MOST)
        done = Actions(program).retrying.retry(ids, by=current_person().actor)
        for connection in done.connections:
            context.wake(f"pull:{connection}")
        return {"records": len(ids), "resolved": done.resolved, "requested": done.requested}

    @resource.operation("/<word>/exclusion", Permission.RECORDS_CORRECT, method="PUT")
    @resource.arguments(ReasonBody)
    @resource.response(200, RecordSchema)
    def exclude(body: Json, word: str) -> Json:
        """Leave a record out of financing, whatever its mapping says, until that is taken back."""
        record = _record(program, word)
        actor = current_person().actor
        Actions(program).excluding.exclude(record.id, body["reason"], by=actor)
        return _standing(program, record.id)

    @resource.operation("/<word>/exclusion", Permission.RECORDS_CORRECT, method="DELETE")
    @resource.response(200, RecordSchema)
    def include(word: str) -> Json:
        """Take back that somebody left a record out."""
        record = _record(program, word)
        Actions(program).excluding.take_back(record.id, by=current_person().actor)
        return _standing(program, record.id)


def _add_documents(resource: Resource, program: Program) -> None:
    @resource.operation("/<word>/documents", Permission.DOCUMENTS_ATTACH, method="POST")
    @resource.arguments(AttachedFileBody)
    @resource.response(200, RecordSchema)
    def attach(body: Json, word: str) -> Json:
        """Attach a file to a record; an invoice that waited for it goes on."""
        record = _record(program, word)
        try:
            content = base64.b64decode(body["content_base64"], validate=True)
        except (binascii.Error, ValueError):
            raise Refused("content_base64 is not base64 text.") from None
        document = document_of(body["name"], content)
        actor, purpose = current_person().actor, body["purpose"]
        Actions(program).attaching.attach(record.id, document, by=actor, purpose=purpose)
        return _standing(program, record.id)


def _add_assigning(resource: Resource, program: Program) -> None:
    def give(subject: str, email: str | None) -> Json:
        assigning, actor = Actions(program).assigning, current_person().actor
        if email is None:
            assigning.release(subject, by=actor)
            return {"subject": subject, "person": None, "name": None}
        person = program.people.by_email(email)
        assigning.assign(subject, person.id, by=actor)
        return {"subject": subject, "person": person.email, "name": person.name}

    @resource.operation("/<word>/assignment", Permission.RECORDS_CORRECT, method="PUT")
    @resource.arguments(AssigneeBody)
    @resource.response(200, AssignmentSchema)
    def assign(body: Json, word: str) -> Json:
        """Give a record to somebody to look after."""
        return give(views.record_number(_record(program, word).id), body["person"])

    @resource.operation("/<word>/assignment", Permission.RECORDS_CORRECT, method="DELETE")
    @resource.response(200, AssignmentSchema)
    def release(word: str) -> Json:
        """Let nobody in particular look after a record."""
        return give(views.record_number(_record(program, word).id), None)

    @resource.operation("/causes/assign", Permission.RECORDS_CORRECT, method="POST")
    @resource.arguments(CauseAssigneeBody)
    @resource.response(200, AssignmentSchema)
    def assign_cause(body: Json) -> Json:
        """Give a cause, with all that wait for it, to somebody to look after."""
        return give(_cause(program, body["subject"]), body["person"])

    @resource.operation("/causes/release", Permission.RECORDS_CORRECT, method="POST")
    @resource.arguments(CauseBody)
    @resource.response(200, AssignmentSchema)
    def release_cause(body: Json) -> Json:
        """Let nobody in particular look after a cause."""
        return give(body["subject"], None)


def _cause(program: Program, subject: str) -> str:
    """A cause for which records wait. Raises NotFound."""
    with program.database.read() as tx:
        if all(line["subject"] != subject for line in causes(tx)):
            raise NotFound(
                f"Nothing waits for {subject[:120]!r}.",
                remedy="Give the `subject` of one of GET /records/causes.",
            )
    return subject


def _record(program: Program, word: str) -> RecordRow:
    with program.database.read() as tx:
        return views.find_record(tx, word)


def _standing(program: Program, record_id: int) -> Json:
    """Where a record stands now."""
    with program.database.read() as tx:
        current = tx.records.current_outcome(record_id)
        return views.inbox_line(CurrentOutcome(tx.records.get(record_id), current))
