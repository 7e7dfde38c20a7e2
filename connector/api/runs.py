"""Runs and their control totals."""

from __future__ import annotations

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
from connector.errors import NotFound
from connector.people.roles import Permission


class RunTotalSchema(Money):
    """Records and money of one outcome in one currency."""

    kind = fields.String()
    count = fields.Integer()


class RunSchema(Schema):
    """One run."""

    id = fields.Integer(required=True)
    connection = fields.String()
    stream = fields.String()
    task = fields.String()
    state = fields.String()
    started_at = instant_field()
    finished_at = instant_field(allow_none=True)
    pages = fields.Integer()
    records_seen = fields.Integer()
    records_changed = fields.Integer()
    error = fields.String(allow_none=True)
    totals = fields.List(fields.Nested(RunTotalSchema))


class RunQuery(Listing):
    """Which runs."""

    connection = text_field(load_default=None)
    task = text_field(load_default=None)
    state = text_field(load_default=None)


RunPage = page_schema("RunPage", RunSchema)


def create(context: Context) -> Resource:
    """`/runs`."""
    resource = Resource("runs", "/runs", "Runs of pulls and re-mappings, each with control totals.")
    database = context.program.database

    @resource.operation("", Permission.INVOICES_READ)
    @resource.arguments(RunQuery, location="query")
    @resource.response(200, RunPage)
    def runs(query: Json) -> Json:
        """The runs, newest first."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        with database.read() as tx:
            rows = tx.run_list.page(before_id=cursor, limit=limit, **query)
            totals = tx.run_list.totals_of([row.id for row in rows])
        items = [views.run(row, totals.get(row.id, [])) for row in rows]
        return page(items, limit, rows[-1].id if rows else None)

    @resource.operation("/<int:run_id>", Permission.INVOICES_READ)
    @resource.response(200, RunSchema)
    def run(run_id: int) -> Json:
        """One run."""
        with database.read() as tx:
            row = tx.runs.get(run_id)
            if row is None:
                raise NotFound(f"There is no run {run_id}.")
            return views.run(row, tx.runs.totals(run_id))

    return resource
