"""Buyer limits as people and programs are shown them."""

from __future__ import annotations

from connector.store.companies import LimitRow
from connector.store.transaction import Transaction
from connector.views.lines import Json, instant, money

NEVER_ASKED = "not asked"


def buyer_limits(tx: Transaction, connection: str, financier: str) -> list[Json]:
    """The limit of every linked counterparty that may be a buyer, by name."""
    links = {row.counterparty_id: row for row in tx.companies.all_links(connection, financier)}
    known = tx.companies.limits(financier, sorted({row.company_id for row in links.values()}))
    return [
        {
            "connection": connection,
            "counterparty_id": party.counterparty_id,
            "name": party.name,
            "financier": financier,
            "company_id": links[party.counterparty_id].company_id,
            **limit_standing(known.get(links[party.counterparty_id].company_id)),
        }
        for party in tx.companies.counterparties(connection)
        if party.counterparty_id in links and party.role != "supplier"
    ]


def buyer_limit(row: LimitRow) -> Json:
    """One limit."""
    return {"company_id": row.company_id, **limit_standing(row)}


def limit_standing(row: LimitRow | None) -> Json:
    """Where a limit stands; `status` alone where nobody asked about it yet."""
    if row is None:
        return {"status": NEVER_ASKED, "raw_status": None}
    return {
        "status": row.status,
        "raw_status": row.raw_status,
        "requested": money(row.requested_minor_units, row.currency),
        "total": money(row.total_minor_units, row.currency),
        "available": money(row.available_minor_units, row.currency),
        "checked_at": instant(row.checked_at),
        "requested_at": instant(row.requested_at),
        "requested_by": row.requested_by,
    }
