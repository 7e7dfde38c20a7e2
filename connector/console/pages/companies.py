"""Companies: counterparties and the financier's companies they are linked to, and buyer limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.access import current_person, require
from connector.config.model import Flow
from connector.console import here
from connector.console.pages.inbox_actions import actions
from connector.console.queries import Query, filters_only, url_with
from connector.errors import ConnectorError, NotFound, Refused
from connector.financier import Contact, LimitRequest, LimitsBuyers, RemoteCompany
from connector.people.roles import Permission
from connector.store.companies import CounterpartyRow
from connector.views.companies import companies, company_line, known_tax_ids, waiting_for
from connector.views.limits import limit_standing
from connector.views.lines import Json
from connector.views.suggestions import Suggesting, Suggestion
from mappings.money import MoneyError, minor_units

page = Blueprint("companies", __name__, url_prefix="/companies")

PAGE_SIZE = 50
LABELS = {"q": "Search", "linked": "Link"}


@page.get("")
def listing() -> str:
    """Every counterparty, what waits for one first. With `suggest` the financier is asked, and the best match of each
    unlinked one is shown."""
    query, program = Query(), here.program()
    connection = query.text("connection")
    linked = query.one_of("linked", ("linked", "unlinked"))
    words = (query.text("q") or "").casefold().split()
    start = query.number("after") or 0
    linking = [
        flow
        for flow in program.config.flows
        if program.financiers[flow.financier].needs.linked_companies
    ]
    flows = [flow for flow in linking if connection in (None, flow.connection)]
    with here.read() as tx:
        lines = [
            line
            for flow in flows
            for line in companies(tx, flow, has_limits=_limits_of(flow) is not None)
            if (linked is None or (line["company_id"] is not None) == (linked == "linked"))
            and all(word in _searched(line) for word in words)
        ]
    lines.sort(key=lambda line: (-line["waiting_count"], line["company_id"] is not None))
    shown = lines[start : start + PAGE_SIZE]
    problems = dict(query.problems)
    if query.text("suggest"):
        problems |= _suggest(flows, shown)
    return render_template(
        "companies.html",
        lines=shown,
        count=len(lines),
        unlinked=sum(1 for line in lines if line["company_id"] is None),
        waiting=sum(line["waiting_count"] for line in lines),
        has_limits=any(line["limit"] for line in shown),
        suggested=bool(query.text("suggest")),
        connections=[flow.connection for flow in linking],
        values={"connection": connection, "linked": linked, "q": query.text("q")},
        active=filters_only("suggest"),
        labels=LABELS,
        problems=problems,
        next_url=url_with(after=start + PAGE_SIZE) if start + PAGE_SIZE < len(lines) else None,
        first_url=url_with(after=None) if start else None,
    )


def _searched(line: Json) -> str:
    parts = (line["name"], line["counterparty_id"], line["tax_id"], line["company_id"])
    return "\n".join(part for part in parts if part).casefold()


def _limits_of(flow: Flow) -> LimitsBuyers | None:
    financier = here.program().financiers[flow.financier]
    if isinstance(financier, LimitsBuyers) and financier.requires_buyer_limits:
        return financier
    return None


def _suggest(flows: Sequence[Flow], lines: Sequence[Json]) -> dict[str, str]:
    """Give unlinked lines their best suggestion; what could not be asked, as sentences."""
    program = here.program()
    problems: dict[str, str] = {}
    for flow in flows:
        open_lines = [
            n for n in lines if n["connection"] == flow.connection and n["company_id"] is None
        ]
        if not open_lines:
            continue
        try:
            suggesting = Suggesting(
                program.financiers[flow.financier].companies(), _tax_ids(flow.financier)
            )
        except ConnectorError as error:
            problems[flow.financier] = f"{flow.financier} could not be asked: {error}"
            continue
        with here.read() as tx:
            for line in open_lines:
                row = tx.companies.counterparty(flow.connection, line["counterparty_id"])
                line["suggestion"] = next(iter(suggesting.of(row) if row else ()), None)
    return problems


def _tax_ids(financier: str) -> dict[str, tuple[str, str]]:
    with here.read() as tx:
        return known_tax_ids(tx, here.program().config.flows, financier)


# -- one counterparty ---------------------------------------------------------------------------------------------


@page.get("/<connection>/<path:counterparty_id>")
def show(connection: str, counterparty_id: str) -> str:
    """One counterparty: its link, suggestions, its limit. Asks the financier for its companies."""
    return _page(connection, counterparty_id, {}, {})


def _flow(connection: str) -> Flow:
    flow = here.program().flow_of(connection)
    if flow is None:
        raise NotFound(f"No flow takes the invoices of {connection[:80]!r} anywhere.")
    return flow


def _row(flow: Flow, counterparty_id: str) -> CounterpartyRow:
    with here.read() as tx:
        row = tx.companies.counterparty(flow.connection, counterparty_id)
    if row is None:
        raise NotFound(f"{flow.connection} has no counterparty {counterparty_id[:80]!r}.")
    return row


def _page(
    connection: str, counterparty_id: str, errors: dict[str, str], values: dict[str, str]
) -> str:
    program, flow = here.program(), _flow(connection)
    row, limits = _row(flow, counterparty_id), _limits_of(flow)
    problem, remote = None, list[RemoteCompany]()
    try:
        remote = list(program.financiers[flow.financier].companies())
    except ConnectorError as error:
        problem = f"{flow.financier} could not be asked for its companies: {error}"
    with here.read() as tx:
        link = next(
            (
                each
                for each in tx.companies.all_links(connection, flow.financier)
                if each.counterparty_id == counterparty_id
            ),
            None,
        )
        line = company_line(flow, row, link, waiting_for(tx, flow, row))
        if limits is not None and link is not None and row.role != "supplier":
            known = tx.companies.limits(flow.financier, [link.company_id])
            line["limit"] = limit_standing(known.get(link.company_id))
    suggestions: list[Suggestion] = []
    if link is None:
        suggestions = Suggesting(remote, _tax_ids(flow.financier)).of(row)
    return render_template(
        "company.html",
        line=line,
        row=row,
        remote=sorted(remote, key=lambda company: company.name.casefold()),
        linked_name=next(
            (c.name for c in remote if link and c.company_id == link.company_id), None
        ),
        suggestions=suggestions,
        may_create=flow.create_companies,
        limit_currency=None if limits is None else limits.limit_currency,
        problem=problem,
        errors=errors,
        values=values,
    )


def _done(connection: str, counterparty_id: str, said: str, work: Callable[[], Any]) -> Response:
    """Do it, and say on the counterparty's page what came of it."""
    try:
        work()
    except ConnectorError as error:
        flash(str(error), "bad")
    else:
        flash(said, "good")
        flow = here.program().flow_of(connection)
        if flow is not None:
            here.wake(f"submit:{flow.name}")
    address = url_for("companies.show", connection=connection, counterparty_id=counterparty_id)
    return redirect(address, 303)


@page.post("/link")
@require(Permission.COMPANIES_LINK)
def link() -> str | Response | tuple[str, int]:
    """Link a counterparty to a company. One out of the list of all is asked for twice, the two side by side."""
    connection, counterparty_id = _named()
    company_id, by = request.form.get("company_id", "").strip()[:200], current_person().actor
    if not company_id:
        chosen = {"company_id": "Choose the company first: nothing was linked."}
        return _page(connection, counterparty_id, chosen, {}), 422
    if request.form.get("confirmed") != "yes":
        return _asked(connection, counterparty_id, company_id)
    links = actions().company_links(_flow(connection))
    return _done(
        connection,
        counterparty_id,
        "Linked. Invoices that waited for it go on.",
        lambda: links.link(counterparty_id, company_id, by=by),
    )


def _asked(connection: str, counterparty_id: str, company_id: str) -> str:
    """Both companies, as either side describes them, and the money that goes by the link."""
    flow = _flow(connection)
    row = _row(flow, counterparty_id)
    known = here.program().financiers[flow.financier].companies()
    company = next((each for each in known if each.company_id == company_id), None)
    if company is None:
        raise NotFound(f"{flow.financier} has no company {company_id[:80]!r}.")
    with here.read() as tx:
        waiting = company_line(flow, row, None, waiting_for(tx, flow, row))["waiting"]
    return render_template(
        "confirm.html",
        title=f"Link {row.name} to {company.name}?",
        sentence="The money of its invoices goes by this. Compare the two.",
        preview=waiting,
        rows=[
            f"In {connection}: {_described(row.name, row.country, counterparty_id)}"
            + (f", tax id {row.tax_id}" if row.tax_id else ""),
            f"At {flow.financier}: {_described(company.name, company.country, company_id)}",
        ],
        action=url_for("companies.link"),
        hidden={
            "connection": connection,
            "counterparty_id": counterparty_id,
            "company_id": company_id,
        },
        confirm_text="Link them",
        back_url=url_for("companies.show", connection=connection, counterparty_id=counterparty_id),
    )


def _described(name: str, country: str | None, identifier: str) -> str:
    return f"{name}, {country or 'country not said'}, {identifier}"


@page.post("/unlink")
@require(Permission.COMPANIES_LINK)
def unlink() -> Response:
    """Take a link away."""
    connection, counterparty_id = _named()
    links, by = actions().company_links(_flow(connection)), current_person().actor
    said = "Unlinked. What was sent stays sent; what was not waits for a new link."
    return _done(connection, counterparty_id, said, lambda: links.unlink(counterparty_id, by=by))


@page.post("/create")
@require(Permission.COMPANIES_LINK)
def create() -> Response:
    """Make the company at the financier, and link it."""
    connection, counterparty_id = _named()
    links, by = actions().company_links(_flow(connection)), current_person().actor
    said = "Made at the financier, and linked. Invoices that waited for it go on."
    return _done(connection, counterparty_id, said, lambda: links.create(counterparty_id, by=by))


@page.post("/refresh-limit")
@require(Permission.COMPANIES_LINK)
def refresh_limit() -> Response:
    """Ask the financier about the limit now."""
    connection, counterparty_id = _named()
    flow, program = _flow(connection), here.program()
    return _done(
        connection,
        counterparty_id,
        "Asked. What the financier says stands below.",
        lambda: program.limits(flow).refresh(counterparty_id),
    )


@page.post("/request-limit")
@require(Permission.COMPANIES_LINK)
def request_limit() -> Response | tuple[str, int]:
    """Ask the financier for a limit."""
    connection, counterparty_id = _named()
    flow, program = _flow(connection), here.program()
    _row(flow, counterparty_id)
    given = {name: request.form.get(name, "").strip()[:200] for name in LIMIT_FIELDS}
    limits = program.limits(flow)
    try:
        wish = _limit_request(given, limits.currency)
    except Refused as refused:
        return _page(connection, counterparty_id, {"amount": str(refused)}, given), 422
    by = current_person().actor
    return _done(
        connection,
        counterparty_id,
        "Requested. The held invoices go on by themselves once it is approved.",
        lambda: limits.request(counterparty_id, wish, by=by),
    )


LIMIT_FIELDS = (
    *("amount", "duns", "registration_number"),
    *("contact_first_name", "contact_last_name", "contact_email", "contact_phone"),
)


def _limit_request(given: dict[str, str], currency: str) -> LimitRequest:
    try:
        amount = minor_units(given["amount"].replace(",", "").replace(" ", ""), currency)
    except MoneyError as error:
        raise Refused(
            f"The amount {error.requirement}.", remedy=f"Write {currency}, for example 250000."
        ) from None
    if amount <= 0:
        raise Refused("The amount must be more than 0.")
    contact = Contact(
        given["contact_first_name"] or None,
        given["contact_last_name"] or None,
        given["contact_email"] or None,
        given["contact_phone"] or None,
    )
    return LimitRequest(
        amount,
        currency,
        duns=given["duns"] or None,
        registration_number=given["registration_number"] or None,
        contact=None if contact == Contact() else contact,
    )


def _named() -> tuple[str, str]:
    return request.form.get("connection", ""), request.form.get("counterparty_id", "")[:300]
