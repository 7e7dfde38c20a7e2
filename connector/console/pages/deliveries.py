"""Deliveries: what was said to others (the outbox) and what they told us (the inbox), with each try."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from connector.console import here
from connector.console.queries import Query, filters_only, url_with
from connector.errors import NotFound
from connector.views.deliveries import (
    attempt_line,
    heard_line,
    masked_body,
    masked_payload,
    sent_line,
)
from connector.views.lines import financing_line, record_number

page = Blueprint("deliveries", __name__, url_prefix="/deliveries")

PAGE_SIZE = 50
SENT_STATES = ("pending", "sending", "unknown", "done", "unsupported", "parked", "dead")
HEARD_STATES = ("received", "done", "quarantined")
LABELS = {
    "target": "To",
    "endpoint": "From",
    "state": "State",
    "kind": "What",
    "event_id": "Event",
}


@page.get("")
def listing() -> str:
    """The outbox."""
    query, config = Query(), here.program().config
    before = query.number("before")
    with here.read() as tx:
        counts = tx.deliveries.open_sent()
        rows = tx.deliveries.sent(
            target=query.text("target"),
            state=query.one_of("state", SENT_STATES),
            kind=query.text("kind"),
            before_id=before,
            limit=PAGE_SIZE,
        )
        invoices = tx.deliveries.invoices_of([row.financing_invoice_id for row in rows])
    return render_template(
        "outbox.html",
        lines=[
            {**sent_line(row), "invoice": invoices.get(row.financing_invoice_id)} for row in rows
        ],
        counts=_by_state(counts, SENT_STATES),
        values=request.args,
        active=filters_only(),
        labels=LABELS,
        problems=query.problems,
        targets=[*config.connections, *config.financiers],
        states=SENT_STATES,
        next_url=url_with(before=rows[-1].id) if len(rows) == PAGE_SIZE else None,
        first_url=url_with(before=None) if before is not None else None,
    )


@page.get("/<int:row_id>")
def message(row_id: int) -> str:
    """One row of the outbox."""
    with here.read() as tx:
        row = tx.outbox.get(row_id)
        tries = tx.outbox.attempts_of(row_id)
        invoice = tx.deliveries.invoices_of([row.financing_invoice_id])
        others = tx.outbox.stream(row.stream)
    return render_template(
        "message.html",
        line=sent_line(row),
        tries=[attempt_line(each) for each in tries],
        payload=masked_payload(row.payload),
        result=None if row.result is None else masked_payload(row.result),
        invoice=invoice.get(row.financing_invoice_id),
        others=[sent_line(each) for each in others],
    )


@page.get("/inbox")
def events() -> str:
    """The inbox."""
    query, config = Query(), here.program().config
    before = query.number("before")
    with here.read() as tx:
        counts = tx.deliveries.open_heard()
        rows = tx.deliveries.heard(
            endpoint=query.text("endpoint"),
            state=query.one_of("state", HEARD_STATES),
            event_id=query.text("event_id"),
            before_id=before,
            limit=PAGE_SIZE,
        )
    return render_template(
        "events.html",
        lines=[heard_line(row) for row in rows],
        counts=_by_state(counts, HEARD_STATES),
        values=request.args,
        active=filters_only(),
        labels=LABELS,
        problems=query.problems,
        endpoints=list(config.financiers),
        states=HEARD_STATES,
        next_url=url_with(before=rows[-1].id) if len(rows) == PAGE_SIZE else None,
        first_url=url_with(before=None) if before is not None else None,
    )


@page.get("/inbox/<int:row_id>")
def event(row_id: int) -> str:
    """One event."""
    with here.read() as tx:
        row = tx.inbox.get(row_id)
        if row is None:
            raise NotFound(f"There is no event {row_id}.")
        told = tx.deliveries.statuses_of_event(row_id)
    return render_template(
        "event.html",
        line=heard_line(row),
        body=masked_body(row.body),
        told=[
            {
                **financing_line(invoice),
                "record": record_number(invoice.record_id),
                "told_status": status,
                "told_raw_status": raw,
            }
            for status, raw, invoice in told
        ],
    )


def _by_state(counts: dict[tuple[str, str], int], states: tuple[str, ...]) -> list[tuple[str, int]]:
    """How many rows are in each state, of whatever name; states without any are left out."""
    found = [(each, sum(n for (_, state), n in counts.items() if state == each)) for each in states]
    return [(state, count) for state, count in found if count]
