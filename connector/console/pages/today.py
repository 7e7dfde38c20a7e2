"""Today: whether everything is well, money in flight, and what needs a person."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, render_template, url_for

from connector.bootstrap import Program
from connector.console import here
from connector.console.formatting import grouped, label, plural
from connector.console.plots import Part, stacked_bar
from connector.views.today import Need, Spoken, today

page = Blueprint("today", __name__)

HUES = {
    "ready": 1,
    "submitting": 1,
    "draft": 1,
    "submitted": 2,
    "information_required": 6,
    "awaiting_signatures": 3,
    "approved": 4,
    "funded": 5,
    "overdue": 7,
    "returning": 6,
    "unknown": 6,
}
"""The colour of a status in the plot; its table says the same in words."""

CAUSES = {
    "document_missing": "The invoice document is missing",
    "company_not_linked": "A company is not linked to the financier's",
    "buyer_limit_missing": "The buyer has no approved limit at the financier",
    "changed_after_submission": "The invoice changed after it was sent for financing",
    "sent_to_another_financier": "The invoice was sent to another financier",
}
"""Causes of the connector's own gates; every other cause is a word of the mapping."""


@page.get("/")
def show() -> str:
    """The page."""
    program = here.program()
    with here.read() as tx:
        shown = today(tx, spoken(program), program.clock.now())
    for number, line in enumerate(shown["in_flight"]):
        line["bar"] = stacked_bar(
            f"flight-{number}",
            f"{line['currency']} in flight by status",
            [
                Part(
                    part["amount_minor_units"],
                    HUES.get(part["status"], 2),
                    f"{label(part['status'])}: {grouped(part['amount'])} {part['currency']}",
                )
                for part in line["parts"]
            ],
        )
        for part in line["parts"]:
            part["hue"] = HUES.get(part["status"], 2)
    return render_template(
        "today.html",
        **shown,
        lines=[{"need": need, "title": title(need), "url": url(need)} for need in shown["needs"]],
    )


def spoken(program: Program) -> list[Spoken]:
    """The connections and financiers of the configuration."""
    config = program.config
    return [
        *(
            Spoken(c.name, "connection", c.system, c.interval_seconds)
            for c in config.connections.values()
        ),
        *(
            Spoken(f.name, "financier", f.platform, f.poll_interval_seconds)
            for f in config.financiers.values()
        ),
    ]


def title(need: Need) -> str:
    """What is to be done, in words."""
    code = need.reason_code
    if need.kind == "reconnect":
        return f"{code} refused our credentials: renew its access"
    if need.kind == "drift":
        return f"{code} answers in another shape than it promises"
    if need.kind == "paused":
        return f"{code} is paused"
    if need.kind == "moved_on":
        return f"With the financier, but in the accounting system: {label(code)}"
    if need.kind == "parked":
        return "Nobody knows whether it was submitted: look it up at the financier"
    if need.kind == "outbox":
        return f"{plural(need.count, 'message')} could not be delivered ({label(code)})"
    if need.kind == "inbox":
        return f"{plural(need.count, 'event')} from a financier could not be placed"
    if need.kind == "mapping":
        step = "to be approved or activated" if code == "backtested" else "to be activated"
        return f"{plural(need.count, 'change')} of a mapping {step}"
    return CAUSES.get(code, label(code).capitalize())


def url(need: Need) -> str | None:
    """The list that shows what is meant; None where there is no such page."""
    where, filters = need.leads_to
    endpoints = {
        "inbox": ("inbox.listing", "invoices.listing"),
        "invoices": ("invoices.listing",),
        "connections": ("connections.listing",),
        "outbox": ("deliveries.listing",),
        "inbox_events": ("deliveries.events",),
        "mappings": ("mappings.listing",),
    }
    values: dict[str, Any] = dict(filters)
    for endpoint in endpoints.get(where, ()):
        if endpoint in current_app.view_functions:
            return url_for(endpoint, **values)
    return None
