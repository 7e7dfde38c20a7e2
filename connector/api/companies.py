"""Counterparties, and the financier's companies they are linked to."""

from __future__ import annotations

from marshmallow import Schema, fields

from connector.access import current_person
from connector.api.resource import Context, Json, Resource, instant_field, text_field
from connector.bootstrap import Program
from connector.config.model import Flow
from connector.errors import NotFound
from connector.people.roles import Permission
from connector.store.companies import CompanyLink, CounterpartyRow
from connector.views import instant


class CompanyQuery(Schema):
    """Which companies."""

    connection = text_field(load_default=None)
    linked = fields.Boolean(load_default=None)


class CompanySchema(Schema):
    """A company of the accounting system, and what it is called at the financier."""

    connection = fields.String(required=True)
    counterparty_id = fields.String(required=True)
    name = fields.String()
    role = fields.String()
    country = fields.String(allow_none=True)
    tax_id = fields.String(allow_none=True)
    financier = fields.String()
    company_id = fields.String(allow_none=True, metadata={"description": "Null: not linked."})
    how = fields.String(allow_none=True)
    linked_by = fields.String(allow_none=True)
    linked_at = instant_field(allow_none=True)


class Companies(Schema):
    """All of a selection."""

    items = fields.List(fields.Nested(CompanySchema), required=True)


class RemoteCompanySchema(Schema):
    """A company as the financier knows it."""

    company_id = fields.String(required=True)
    name = fields.String()
    country = fields.String(allow_none=True)
    buyer_limit_status = fields.String(allow_none=True)


class RemoteCompanies(Schema):
    """All that the financier knows."""

    items = fields.List(fields.Nested(RemoteCompanySchema), required=True)


class LinkBody(Schema):
    """What a counterparty is to be linked to."""

    company_id = text_field(required=True)


def create(context: Context) -> Resource:
    """`/companies`."""
    resource = Resource("companies", "/companies", "Counterparties and their links.")
    program = context.program
    _add_listing(resource, program)

    def flow_of(connection: str) -> Flow:
        flow = program.flow_of(connection)
        if flow is None:
            raise NotFound(f"No flow takes the invoices of {connection[:80]!r} anywhere.")
        return flow

    def one(flow: Flow, counterparty_id: str) -> Json:
        with program.database.read() as tx:
            row = tx.companies.counterparty(flow.connection, counterparty_id)
            links = tx.companies.all_links(flow.connection, flow.financier)
        if row is None:
            raise NotFound(f"{flow.connection} has no counterparty {counterparty_id[:80]!r}.")
        return _company(flow, row, {link.counterparty_id: link for link in links})

    @resource.operation("/<connection>/at-financier", Permission.INVOICES_READ)
    @resource.response(200, RemoteCompanies)
    def at_financier(connection: str) -> Json:
        """The companies that the financier of a connection's flow knows. Asks the financier."""
        rows = program.financiers[flow_of(connection).financier].companies()
        return {"items": list(rows)}

    @resource.operation(
        "/<connection>/<counterparty_id>/link", Permission.COMPANIES_LINK, method="PUT"
    )
    @resource.arguments(LinkBody)
    @resource.response(200, CompanySchema)
    def link(body: Json, connection: str, counterparty_id: str) -> Json:
        """Link a counterparty to a company of the financier, and let waiting invoices go on."""
        flow = flow_of(connection)
        one(flow, counterparty_id)
        known = {company.company_id for company in program.financiers[flow.financier].companies()}
        if body["company_id"] not in known:
            raise NotFound(
                f"{flow.financier} has no company {body['company_id'][:80]!r}.",
                remedy=f"GET /companies/{connection}/at-financier lists them.",
            )
        linker = program.linker(flow)
        linker.link(counterparty_id, body["company_id"], by=current_person().actor)
        return one(flow, counterparty_id)

    @resource.operation(
        "/<connection>/<counterparty_id>/link", Permission.COMPANIES_LINK, method="DELETE"
    )
    @resource.response(200, CompanySchema)
    def unlink(connection: str, counterparty_id: str) -> Json:
        """Take a link away. What was sent already stays sent; later invoices wait for a new link."""
        flow = flow_of(connection)
        one(flow, counterparty_id)
        with program.database.write() as tx:
            if tx.companies.unlink(connection, counterparty_id, flow.financier):
                subject, detail = f"{connection}/{counterparty_id}", {"financier": flow.financier}
                tx.audit.append(current_person().actor, "company.unlinked", subject, detail)
        return one(flow, counterparty_id)

    return resource


def _add_listing(resource: Resource, program: Program) -> None:
    @resource.operation("", Permission.INVOICES_READ)
    @resource.arguments(CompanyQuery, location="query")
    @resource.response(200, Companies)
    def companies(query: Json) -> Json:
        """Every counterparty with its link."""
        found = []
        with program.database.read() as tx:
            for flow in program.config.flows:
                if query["connection"] not in (None, flow.connection):
                    continue
                rows = tx.companies.all_links(flow.connection, flow.financier)
                links = {link.counterparty_id: link for link in rows}
                found += [
                    _company(flow, row, links)
                    for row in tx.companies.counterparties(flow.connection)
                    if query["linked"] in (None, row.counterparty_id in links)
                ]
        return {"items": found}


def _company(flow: Flow, row: CounterpartyRow, links: dict[str, CompanyLink]) -> Json:
    link = links.get(row.counterparty_id)
    return {
        "connection": flow.connection,
        "counterparty_id": row.counterparty_id,
        "name": row.name,
        "role": row.role,
        "country": row.country,
        "tax_id": row.tax_id,
        "financier": flow.financier,
        "company_id": None if link is None else link.company_id,
        "how": None if link is None else link.how,
        "linked_by": None if link is None else link.linked_by,
        "linked_at": None if link is None else instant(link.linked_at),
    }
