"""Records that need a person."""

from __future__ import annotations

from marshmallow import fields, validate

from connector import views
from connector.api.invoices import OutcomeSchema
from connector.api.resource import (
    Context,
    Json,
    Listing,
    Resource,
    page,
    page_schema,
    text_field,
)
from connector.people.roles import Permission

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

    return resource
