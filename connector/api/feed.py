"""The status feed: every applied status as one event, read by cursor."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from connector.access import current_person
from connector.api.resource import (
    Context,
    Json,
    Resource,
    instant_field,
    text_field,
)
from connector.feed.reading import MOST, START, endpoints, page
from connector.people.roles import Permission


class FeedQuery(Schema):
    """Which events, and from where on."""

    after = fields.String(
        load_default=START,
        validate=validate.Length(max=200),
        metadata={"description": "`next_cursor` of the answer before; 0 is the first event."},
    )
    limit = fields.Integer(load_default=100, validate=validate.Range(min=1, max=MOST))
    connection = fields.List(text_field(), load_default=list)
    status = fields.List(text_field(), load_default=list)


class FeedPage(Schema):
    """Some events, in order."""

    events = fields.List(
        fields.Dict(),
        required=True,
        metadata={"description": "As they are sent to endpoints, each with its own `cursor`."},
    )
    next_cursor = fields.String(
        required=True, metadata={"description": "Keep it: it goes on after these events."}
    )
    has_more = fields.Boolean(required=True)


class EndpointSchema(Schema):
    """An endpoint that is sent the feed, and how it fares."""

    name = fields.String(required=True)
    state = fields.String()
    reason = fields.String(allow_none=True)
    failures = fields.Integer()
    failing_since = instant_field(allow_none=True)
    next_attempt_at = instant_field(allow_none=True)
    last_success_at = instant_field(allow_none=True)
    error = fields.String(allow_none=True)
    waiting = fields.Integer()
    delivered = fields.Integer()
    dead = fields.Integer()
    not_yet_offered = fields.Integer()


class EndpointsSchema(Schema):
    """All endpoints."""

    items = fields.List(fields.Nested(EndpointSchema), required=True)


class DisableBody(Schema):
    """Why an endpoint is disabled."""

    reason = text_field(500, required=True)


def create(context: Context) -> Resource:
    """`/status-feed`."""
    resource = Resource(
        "status_feed", "/status-feed", "Every applied status as one event, in order."
    )
    database = context.program.database

    @resource.operation("", Permission.INVOICES_READ)
    @resource.arguments(FeedQuery, location="query")
    @resource.response(200, FeedPage)
    def feed(query: Json) -> Json:
        """The events after a cursor, oldest first. Read again with `next_cursor`, at once while `has_more`."""
        with database.read() as tx:
            found = page(
                tx,
                query["after"],
                query["limit"],
                connections=query["connection"],
                statuses=query["status"],
            )
        return found.as_json()

    @resource.operation("/endpoints", Permission.INVOICES_READ)
    @resource.response(200, EndpointsSchema)
    def feed_endpoints() -> Json:
        """The endpoints that are sent the feed, and how they fare."""
        with database.read() as tx:
            return {"items": endpoints(tx)}

    _add_acting(resource, context)
    return resource


def _add_acting(resource: Resource, context: Context) -> None:
    program = context.program

    def fares(name: str) -> Json:
        with program.database.read() as tx:
            return next(row for row in endpoints(tx) if row["name"] == name)

    @resource.operation("/endpoints/<name>/enable", Permission.CONNECTIONS_PAUSE, method="POST")
    @resource.response(200, EndpointSchema)
    def enable(name: str) -> Json:
        """Send to an endpoint again that was disabled, beginning with what waits."""
        program.feed.get(name)
        program.feed.register()
        with program.database.write() as tx:
            tx.feed_endpoints.enable(name)
            tx.audit.append(current_person().actor, "feed.enabled", name, {})
        context.wake(f"feed:{name}")
        return fares(name)

    @resource.operation("/endpoints/<name>/disable", Permission.CONNECTIONS_PAUSE, method="POST")
    @resource.arguments(DisableBody)
    @resource.response(200, EndpointSchema)
    def disable(body: Json, name: str) -> Json:
        """Send nothing more to an endpoint until it is enabled again. What comes meanwhile waits."""
        program.feed.get(name)
        program.feed.register()
        with program.database.write() as tx:
            if tx.feed_endpoints.disable(name, body["reason"]):
                detail = {"reason": body["reason"]}
                tx.audit.append(current_person().actor, "feed.disabled", name, detail)
        return fares(name)
