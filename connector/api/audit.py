"""The audit log: who did what, and whether it is as it was written."""

from __future__ import annotations

from marshmallow import Schema, fields

from connector import views
from connector.api.resource import (
    Context,
    Json,
    Listing,
    Resource,
    instant_field,
    page,
    page_schema,
)
from connector.people.roles import Permission


class EntrySchema(Schema):
    """One entry."""

    seq = fields.Integer(required=True)
    at = instant_field()
    actor = fields.String()
    action = fields.String()
    subject = fields.String()
    detail = fields.Dict()
    hash = fields.String(metadata={"description": "SHA-256 over the entry and the hash before."})


class Check(Schema):
    """What following the chain found."""

    whole = fields.Boolean(required=True)
    broken = fields.List(fields.String(), required=True)


EntryPage = page_schema("AuditPage", EntrySchema)


def create(context: Context) -> Resource:
    """`/audit`."""
    resource = Resource("audit", "/audit", "Each call that moves money, each decision of a person.")
    database = context.program.database

    @resource.operation("", Permission.AUDIT_READ)
    @resource.arguments(Listing, location="query")
    @resource.response(200, EntryPage)
    def entries(query: Json) -> Json:
        """The entries, newest first."""
        with database.read() as tx:
            rows = tx.audit.recent(query["limit"], before=query["cursor"])
        items = [
            {
                "seq": row.seq,
                "at": views.instant(row.at),
                "actor": row.actor,
                "action": row.action,
                "subject": row.subject,
                "detail": dict(row.detail),
                "hash": row.hash.hex(),
            }
            for row in rows
        ]
        return page(items, query["limit"], rows[-1].seq if rows else None)

    @resource.operation("/check", Permission.AUDIT_READ)
    @resource.response(200, Check)
    def check() -> Json:
        """Follow the chain of hashes from the first entry to the last."""
        with database.read() as tx:
            broken = tx.audit.verify_chain()
        return {"whole": not broken, "broken": broken}

    return resource
