"""The error inbox: what is held or rejected, by cause, with who acts and what they do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, render_template

from connector.access import current_person
from connector.console import here
from connector.console.queries import Query, filters_only, url_with
from connector.store.reading_inbox import WAITING, InboxSelection
from connector.store.reading_invoices import Sum
from connector.store.transaction import Transaction
from connector.views.causes import WHO
from connector.views.inbox import causes, mine, resolved_today, waiting_records
from connector.views.invoices import sum_line
from connector.views.lines import Json, outbox_line
from connector.views.needs import PARKED, REFUSED, UNCLEAR

page = Blueprint("inbox", __name__, url_prefix="/inbox")

PAGE_SIZE = 50
LABELS = {
    "who": "Who acts",
    "mine": "Looked after by",
    "outcome": "Outcome",
    "reason_code": "Cause",
}


@page.get("")
def listing() -> str:
    """The causes; with a cause in the address, its records."""
    query = Query()
    reason = query.text("reason_code")
    outcome = query.one_of("outcome", WAITING)
    who = query.one_of("who", tuple(WHO))
    only_mine = query.one_of("mine", ("me",)) is not None
    program = here.program()
    with here.read() as tx:
        found = causes(tx)
        # One that was taken out of the configuration may still have records that wait.
        known = {*program.config.connections, *(line["connection"] for line in found)}
        connection = query.one_of("connection", known)
        shown = [
            line
            for line in found
            if (outcome in (None, line["kind"]))
            and (reason in (None, line["reason_code"]))
            and (connection in (None, line["connection"]))
            and (who in (None, line["who"]))
            and (query.text("detail") in (None, line["detail"]))
        ]
        my_causes, my_records = mine(tx.assignments.all(), current_person().id)
        own: list[Json] = []
        if only_mine:
            shown = [line for line in shown if line["subject"] in my_causes]
            chosen = InboxSelection(connection=connection, record_ids=my_records)
            own = waiting_records(tx, chosen, 0, PAGE_SIZE)
        if reason is not None and not only_mine:
            return _records(tx, query, shown, reason, connection)
        resolved = resolved_today(tx, program.clock.now())
        parked = {
            word: [
                outbox_line(row)
                for row in tx.deliveries.parked(is_refused=word == REFUSED, limit=PAGE_SIZE)
            ]
            for word in (UNCLEAR, REFUSED)
        }
    active = filters_only()
    return render_template(
        "inbox.html",
        causes=shown,
        count=sum(line["count"] for line in shown),
        sums=_summed(shown),
        resolved=resolved,
        parked=parked,
        parked_titles=PARKED,
        own=own,
        only_mine=only_mine,
        has_mine=bool(my_causes or my_records),
        active=active,
        labels=LABELS,
        who_words=WHO,
        connections=list(program.config.connections),
        values={"outcome": outcome, "connection": connection, "who": who},
        problems=query.problems,
    )


def _records(
    tx: Transaction, query: Query, shown: list[Json], reason: str, connection: str | None
) -> str:
    chosen = InboxSelection(
        connection=connection,
        kind=query.one_of("outcome", WAITING),
        reason_code=reason,
        detail=query.text("detail"),
    )
    after = query.number("after") or 0
    lines = waiting_records(tx, chosen, after, PAGE_SIZE)
    return render_template(
        "inbox_records.html",
        causes=shown,
        cause=shown[0] if len(shown) == 1 else None,
        reason=reason,
        lines=lines,
        sums=[sum_line(each) for each in tx.error_inbox.sums(chosen)],
        people=[each for each in tx.people.all() if each.state == "active"],
        selection=filters_only("mine", "who"),
        next_url=url_with(after=lines[-1]["record_id"]) if len(lines) == PAGE_SIZE else None,
        first_url=url_with(after=None) if after else None,
        problems=query.problems,
    )


def _summed(lines: Iterable[Json]) -> list[Json]:
    """The sums of several causes, by currency."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        for each in line["sums"]:
            before = found.setdefault(each["currency"], {"count": 0, "minor": 0})
            before["count"] += each["count"]
            before["minor"] += each["amount_minor_units"]
    return [
        sum_line(Sum(currency, found[currency]["count"], found[currency]["minor"]))
        for currency in sorted(found)
    ]
