"""What was sent to others and what was heard from them. Payloads are not shown: they hold what nobody asked for."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from connector import views
from connector.access import current_person
from connector.acting import Actions
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
from connector.bootstrap import Program
from connector.connecting.replaying import MOST, WHAT, Range, preview, repeat, tasks_after
from connector.errors import NotFound, Refused
from connector.inbox_actions.parked import CHOICES
from connector.people.roles import Permission
from connector.store.inbox import InboxRow


class SentQuery(Listing):
    """Which messages of the outbox."""

    target = text_field(load_default=None)
    state = text_field(load_default=None)
    kind = text_field(load_default=None)


class SentSchema(Schema):
    """A message of the outbox, without its payload."""

    id = fields.Integer(required=True)
    stream = fields.String()
    kind = fields.String()
    target = fields.String()
    state = fields.String()
    attempts = fields.Integer()
    next_attempt_at = instant_field(allow_none=True)
    error = fields.String(allow_none=True)
    idempotency_key = fields.String()


class AttemptSchema(Schema):
    """One try."""

    attempt_no = fields.Integer()
    action = fields.String()
    started_at = instant_field()
    finished_at = instant_field(allow_none=True)
    result = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)


class SentOneSchema(SentSchema):
    """A message of the outbox with its tries."""

    tries = fields.List(fields.Nested(AttemptSchema), required=True)


class DecideBody(Schema):
    """What a person decides about a parked message."""

    what = fields.String(
        required=True,
        validate=validate.OneOf(CHOICES),
        metadata={
            "description": "again: try it once more, looked up first where it may have left; drop: give it up for good; "
            "took_effect: it arrived. It is looked up, refused where the other side's record says otherwise, and what "
            "follows goes on as after an ordinary answer."
        },
    )
    reason = text_field(500, required=True)
    it_is_not_there = fields.Boolean(
        load_default=False,
        metadata={"description": "With `again`: you asked the other side; send without looking."},
    )
    remote_id = text_field(
        load_default=None,
        metadata={
            "description": "With `took_effect`: what the other side calls what it made, where it cannot be looked up."
        },
    )


class HeardQuery(Listing):
    """Which events of the inbox."""

    endpoint = text_field(load_default=None)
    state = text_field(load_default=None)
    event_id = text_field(load_default=None)


class HeardSchema(Schema):
    """An event of the inbox, without its body."""

    id = fields.Integer(required=True)
    endpoint = fields.String()
    event_id = fields.String()
    verification = fields.String()
    state = fields.String()
    attempts = fields.Integer()
    received_at = instant_field()
    next_attempt_at = instant_field(allow_none=True)
    finished_at = instant_field(allow_none=True)
    reason = fields.String(
        allow_none=True, metadata={"description": "Why it waits or was set aside."}
    )


class RepeatQuery(Schema):
    """Which deliveries."""

    what = fields.String(
        required=True,
        validate=validate.OneOf(WHAT),
        metadata={
            "description": "events: work on them once more; messages: try parked ones again; feed: send once more."
        },
    )
    name = text_field(
        load_default=None,
        metadata={"description": "The sender, the receiver, or (needed) the endpoint of the feed."},
    )
    since = fields.Date(load_default=None, metadata={"description": "The first day (UTC)."})
    until = fields.Date(load_default=None, metadata={"description": "The last day (UTC)."})
    state = fields.String(load_default=None, validate=validate.OneOf(["done", "quarantined"]))
    after = text_field(
        load_default=None,
        metadata={"description": "Of the feed: only what comes after this cursor."},
    )


class RepeatBody(RepeatQuery):
    """Which deliveries, and why."""

    reason = text_field(500, required=True)


class PartSchema(Schema):
    """How many of one kind."""

    part = fields.String(required=True)
    count = fields.Integer(required=True)


class RepeatSum(Money):
    """Invoices behind messages, by currency."""

    count = fields.Integer(required=True)


class RepeatPreview(Schema):
    """What would be repeated."""

    count = fields.Integer(required=True)
    parts = fields.List(fields.Nested(PartSchema), required=True)
    sums = fields.List(fields.Nested(RepeatSum), required=True)
    is_cut = fields.Boolean(
        required=True, metadata={"description": f"There are more than {MOST}: the oldest count."}
    )
    rest = fields.String(
        required=True, allow_none=True, metadata={"description": "Then: how to go on, in words."}
    )
    goes_on_at = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Then, of the feed: `after` of the next request."},
    )


class Repeated(Schema):
    """What was repeated."""

    count = fields.Integer(required=True)


SentPage = page_schema("SentPage", SentSchema)
HeardPage = page_schema("HeardPage", HeardSchema)


def create(context: Context) -> Resource:
    """`/deliveries`."""
    resource = Resource("deliveries", "/deliveries", "The outbox and the inbox.")
    database = context.program.database

    @resource.operation("/sent", Permission.INVOICES_READ)
    @resource.arguments(SentQuery, location="query")
    @resource.response(200, SentPage)
    def sent(query: Json) -> Json:
        """Messages of the outbox, newest first."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        with database.read() as tx:
            rows = tx.deliveries.sent(before_id=cursor, limit=limit, **query)
        items = [views.outbox_line(row) for row in rows]
        return page(items, limit, rows[-1].id if rows else None)

    @resource.operation("/sent/<int:row_id>", Permission.INVOICES_READ)
    @resource.response(200, SentOneSchema)
    def sent_one(row_id: int) -> Json:
        """One message of the outbox, with its tries."""
        return _sent_one(context.program, row_id)

    @resource.operation("/heard", Permission.INVOICES_READ)
    @resource.arguments(HeardQuery, location="query")
    @resource.response(200, HeardPage)
    def heard(query: Json) -> Json:
        """Events of the inbox, newest first."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        with database.read() as tx:
            rows = tx.deliveries.heard(before_id=cursor, limit=limit, **query)
        return page([_event(row) for row in rows], limit, rows[-1].id if rows else None)

    _add_acting(resource, context)
    return resource


def _add_acting(resource: Resource, context: Context) -> None:
    program = context.program

    @resource.operation("/sent/<int:row_id>/decide", Permission.RECORDS_CORRECT, method="POST")
    @resource.arguments(DecideBody)
    @resource.response(200, SentOneSchema)
    def decide(body: Json, row_id: int) -> Json:
        """Decide about a parked message: try it again, drop it for good, or say that it took effect."""
        if body["remote_id"] is not None and body["what"] != "took_effect":
            raise Refused("remote_id goes with took_effect only.")
        Actions(program).parked.decide(row_id, by=current_person().actor, **body)
        return _sent_one(program, row_id)

    @resource.operation("/repeat", Permission.DELIVERIES_REPLAY)
    @resource.arguments(RepeatQuery, location="query")
    @resource.response(200, RepeatPreview)
    def what_repeating_does(query: Json) -> Json:
        """What repeating a range of deliveries would do now."""
        found = preview(program, Range(**query))
        return {
            "count": found.count,
            "parts": [{"part": part, "count": count} for part, count in found.parts],
            "sums": found.sums,
            "is_cut": found.rest is not None,
            "rest": found.rest,
            "goes_on_at": found.goes_on_at,
        }

    @resource.operation("/repeat", Permission.DELIVERIES_REPLAY, method="POST")
    @resource.arguments(RepeatBody)
    @resource.response(200, Repeated)
    def repeat_range(body: Json) -> Json:
        """Repeat a range of deliveries, at most 1,000 at once. Ask what it would do first."""
        reason = body.pop("reason")
        wanted = Range(**body)
        count = repeat(program, wanted, reason=reason, by=current_person().actor)
        for task in tasks_after(program, wanted):
            context.wake(task)
        return {"count": count}


def _sent_one(program: Program, row_id: int) -> Json:
    """A message of the outbox with its tries. Raises NotFound."""
    with program.database.read() as tx:
        rows = tx.deliveries.sent(before_id=row_id + 1, limit=1)
        if not rows or rows[0].id != row_id:
            raise NotFound(f"There is no message {row_id} in the outbox.")
        tries = tx.outbox.attempts_of(row_id)
    shown = [
        {
            "attempt_no": each.attempt_no,
            "action": each.action,
            "started_at": views.instant(each.started_at),
            "finished_at": views.instant(each.finished_at),
            "result": each.result,
            "detail": each.detail,
        }
        for each in tries
    ]
    return {**views.outbox_line(rows[0]), "tries": shown}


def _event(row: InboxRow) -> Json:
    return {
        "id": row.id,
        "endpoint": row.endpoint,
        "event_id": row.event_id,
        "verification": row.verification,
        "state": row.state,
        "attempts": row.attempts,
        "received_at": views.instant(row.received_at),
        "next_attempt_at": views.instant(row.next_attempt_at),
        "finished_at": views.instant(row.finished_at),
        "reason": row.reason,
    }
