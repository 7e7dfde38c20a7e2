"""Counterparties and the financier's companies they are linked to, with what waits for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from connector.config.model import Flow
from connector.deciding import NO_BUYER_LIMIT, NOT_LINKED
from connector.store.companies import CompanyLink, CounterpartyRow
from connector.store.reading_invoices import Sum
from connector.store.transaction import Transaction
from connector.views.invoices import sum_line
from connector.views.limits import limit_standing
from connector.views.lines import Json, instant
from connector.views.suggestions import plain_tax_id

_IN_BRACKETS = re.compile(r"\(([^()]+)\)")


def companies(tx: Transaction, flow: Flow, *, has_limits: bool) -> list[Json]:
    """Every counterparty of a flow: what waits for it first, then the unlinked, then by name."""
    rows = tx.companies.counterparties(flow.connection)
    links = {
        row.counterparty_id: row for row in tx.companies.all_links(flow.connection, flow.financier)
    }
    waits = _waiting(tx, flow, rows)
    linked = sorted({link.company_id for link in links.values()})
    limits = tx.companies.limits(flow.financier, linked) if has_limits else {}
    lines = []
    for row in rows:
        link = links.get(row.counterparty_id)
        line = company_line(flow, row, link, waits.get(row.counterparty_id, []))
        if has_limits and link is not None and row.role != "supplier":
            line["limit"] = limit_standing(limits.get(link.company_id))
        lines.append(line)
    return sorted(
        lines, key=lambda n: (-n["waiting_count"], n["company_id"] is not None, n["name"] or "")
    )


def company_line(
    flow: Flow, row: CounterpartyRow, link: CompanyLink | None, waits: Sequence[Sum] = ()
) -> Json:
    """One counterparty and its link; `waiting` are the held invoices that it must be linked (or get a limit) for."""
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
        "waiting": [sum_line(each) for each in waits],
        "waiting_count": sum(each.count for each in waits),
        "limit": None,
    }


def waiting_for(tx: Transaction, flow: Flow, row: CounterpartyRow) -> list[Sum]:
    """The held invoices that wait for one counterparty."""
    return _waiting(tx, flow, [row]).get(row.counterparty_id, [])


def known_tax_ids(
    tx: Transaction, flows: Sequence[Flow], financier: str
) -> dict[str, tuple[str, str]]:
    """By plain tax id: the company at a financier that a counterparty of it is linked to, and that one's name."""
    found: dict[str, tuple[str, str]] = {}
    for connection in sorted({f.connection for f in flows if f.financier == financier}):
        links = {r.counterparty_id: r for r in tx.companies.all_links(connection, financier)}
        if not links:
            continue
        for row in tx.companies.counterparties(connection):
            tax_id, link = plain_tax_id(row.tax_id), links.get(row.counterparty_id)
            if tax_id is not None and link is not None:
                found.setdefault(tax_id, (link.company_id, row.name))
    return found


def _waiting(
    tx: Transaction, flow: Flow, rows: Sequence[CounterpartyRow]
) -> Mapping[str, list[Sum]]:
    """By counterparty. A gate's sentence names who is waited for as `Name (identifier)`, or by the identifier alone."""
    names = {row.counterparty_id: row.name for row in rows}
    found: dict[str, dict[str, Sum]] = {}
    for sentence, part in tx.error_inbox.held_sentences(
        flow.connection, (NOT_LINKED, NO_BUYER_LIMIT)
    ):
        named = next((i for i in _IN_BRACKETS.findall(sentence) if i in names), None)
        if named is None:
            continue
        by_currency = found.setdefault(named, {})
        before = by_currency.get(part.currency, Sum(part.currency, 0, 0))
        by_currency[part.currency] = Sum(
            part.currency,
            before.count + part.count,
            before.amount_minor_units + part.amount_minor_units,
        )
    return {party: list(sums.values()) for party, sums in found.items()}
