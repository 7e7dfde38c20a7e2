"""Counterparties, and the financier's companies they are linked to."""

from __future__ import annotations

from collections.abc import Callable

from marshmallow import Schema, fields, validate

from connector.access import current_person
from connector.acting import Actions
from connector.api.resource import Context, Json, Money, Resource, instant_field, text_field
from connector.bootstrap import Program
from connector.config.model import Flow
from connector.errors import NotFound
from connector.financier import Contact, LimitRequest
from connector.people.roles import Permission
from connector.views.companies import company_line, known_tax_ids
from connector.views.limits import buyer_limit
from connector.views.suggestions import Suggesting


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


class SuggestionSchema(Schema):
    """A company that a counterparty may be."""

    company_id = fields.String(required=True)
    name = fields.String()
    country = fields.String(allow_none=True)
    reason = fields.String(metadata={"description": "`same tax id as …`, `name 92 % alike`"})
    is_sure = fields.Boolean(metadata={"description": "By an identifier, not by likeness."})


class Suggestions(Schema):
    """The best first."""

    items = fields.List(fields.Nested(SuggestionSchema), required=True)


class ContactSchema(Schema):
    """Who at the buyer is asked for what is missing."""

    first_name = text_field(load_default=None)
    last_name = text_field(load_default=None)
    email = text_field(load_default=None)
    phone = text_field(load_default=None)


class LimitBody(Schema):
    """The limit that is wanted, in minor units of the currency in which the financier tells limits."""

    amount_minor_units = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=10**15)
    )
    duns = text_field(load_default=None)
    registration_number = text_field(load_default=None)
    contact = fields.Nested(ContactSchema, load_default=dict)


class LimitSchema(Schema):
    """What is known about a limit."""

    company_id = fields.String(required=True)
    status = fields.String()
    raw_status = fields.String(allow_none=True)
    requested = fields.Nested(Money)
    total = fields.Nested(Money)
    available = fields.Nested(Money)
    checked_at = instant_field(allow_none=True)
    requested_at = instant_field(allow_none=True)
    requested_by = fields.String(allow_none=True)


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
        return company_line(
            flow, row, {each.counterparty_id: each for each in links}.get(counterparty_id)
        )

    @resource.operation("/<connection>/at-financier", Permission.INVOICES_READ)
    @resource.response(200, RemoteCompanies)
    def at_financier(connection: str) -> Json:
        """The companies that the financier of a connection's flow knows. Asks the financier."""
        rows = program.financiers[flow_of(connection).financier].companies()
        return {"items": list(rows)}

    _add_links(resource, program, flow_of, one)
    _add_suggestions(resource, program, flow_of)
    _add_limits(resource, program, flow_of)
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
                    company_line(flow, row, links.get(row.counterparty_id))
                    for row in tx.companies.counterparties(flow.connection)
                    if query["linked"] in (None, row.counterparty_id in links)
                ]
        return {"items": found}


def _add_links(
    resource: Resource,
    program: Program,
    flow_of: Callable[[str], Flow],
    one: Callable[[Flow, str], Json],
) -> None:
    @resource.operation(
        "/<connection>/<counterparty_id>/link", Permission.COMPANIES_LINK, method="PUT"
    )
    @resource.arguments(LinkBody)
    @resource.response(200, CompanySchema)
    def link(body: Json, connection: str, counterparty_id: str) -> Json:
        """Link a counterparty to a company of the financier, and let waiting invoices go on."""
        flow = flow_of(connection)
        links = Actions(program).company_links(flow)
        links.link(counterparty_id, body["company_id"], by=current_person().actor)
        return one(flow, counterparty_id)

    @resource.operation(
        "/<connection>/<counterparty_id>/link", Permission.COMPANIES_LINK, method="DELETE"
    )
    @resource.response(200, CompanySchema)
    def unlink(connection: str, counterparty_id: str) -> Json:
        """Take a link away. What was sent stays sent; what was not waits for a new link."""
        flow = flow_of(connection)
        Actions(program).company_links(flow).unlink(counterparty_id, by=current_person().actor)
        return one(flow, counterparty_id)

    @resource.operation(
        "/<connection>/<counterparty_id>/create", Permission.COMPANIES_LINK, method="POST"
    )
    @resource.response(200, CompanySchema)
    def create_company(connection: str, counterparty_id: str) -> Json:
        """Make the company at the financier and link it, where the flow allows that."""
        flow = flow_of(connection)
        Actions(program).company_links(flow).create(counterparty_id, by=current_person().actor)
        return one(flow, counterparty_id)


def _add_suggestions(resource: Resource, program: Program, flow_of: Callable[[str], Flow]) -> None:
    @resource.operation("/<connection>/<counterparty_id>/suggestions", Permission.INVOICES_READ)
    @resource.response(200, Suggestions)
    def suggestions(connection: str, counterparty_id: str) -> Json:
        """Companies of the financier that a counterparty may be, each with its reason. Asks the financier."""
        flow = flow_of(connection)
        with program.database.read() as tx:
            row = tx.companies.counterparty(connection, counterparty_id)
            tax_ids = known_tax_ids(tx, program.config.flows, flow.financier)
        if row is None:
            raise NotFound(f"{connection} has no counterparty {counterparty_id[:80]!r}.")
        companies = program.financiers[flow.financier].companies()
        return {"items": Suggesting(companies, tax_ids).of(row)}


def _add_limits(resource: Resource, program: Program, flow_of: Callable[[str], Flow]) -> None:
    @resource.operation(
        "/<connection>/<counterparty_id>/limit", Permission.COMPANIES_LINK, method="POST"
    )
    @resource.arguments(LimitBody)
    @resource.response(200, LimitSchema)
    def request_limit(body: Json, connection: str, counterparty_id: str) -> Json:
        """Ask the financier for a limit for a buyer. Held invoices go on by themselves once it is approved."""
        limits = program.limits(flow_of(connection))
        contact = Contact(**body.pop("contact"))
        wish = LimitRequest(
            body["amount_minor_units"],
            limits.currency,
            duns=body["duns"],
            registration_number=body["registration_number"],
            contact=None if contact == Contact() else contact,
        )
        return buyer_limit(limits.request(counterparty_id, wish, by=current_person().actor))

    @resource.operation(
        "/<connection>/<counterparty_id>/limit/refresh", Permission.COMPANIES_LINK, method="POST"
    )
    @resource.response(200, LimitSchema)
    def refresh_limit(connection: str, counterparty_id: str) -> Json:
        """Ask the financier about the limit of a buyer now."""
        return buyer_limit(program.limits(flow_of(connection)).refresh(counterparty_id))
