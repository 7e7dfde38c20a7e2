"""The status feed: every applied status as one event, read by cursor."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

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

    cursor = text_field(
        load_default=START,
        metadata={"description": "`next_cursor` of the answer before; 0 is the first event."},
    )
    limit = fields.Integer(load_default=100, validate=validate.Range(min=1, max=MOST))
    connection = text_field(load_default=None)
    status = text_field(load_default=None)


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


def create(context: Context) -> Resource:
    """`/feed`."""
    resource = Resource("feed", "/feed", "Every applied status as one event, in order.")
    database = context.program.database

    @resource.operation("", Permission.INVOICES_READ)
    @resource.arguments(FeedQuery, location="query")
    @resource.response(200, FeedPage)
    def feed(query: Json) -> Json:
        """The events after a cursor, oldest first. Read again with `next_cursor`, at once while `has_more`."""
        with database.read() as tx:
            found = page(
                tx,
                query["cursor"],
                query["limit"],
                connections=[query["connection"]] if query["connection"] else (),
                statuses=[query["status"]] if query["status"] else (),
            )
        return found.as_json()

    @resource.operation("/endpoints", Permission.INVOICES_READ)
    @resource.response(200, EndpointsSchema)
    def feed_endpoints() -> Json:
        """The endpoints that are sent the feed, and how they fare."""
        with database.read() as tx:
            return {"items": endpoints(tx)}

    return resource
