"""Today: whether everything is well, money in flight, and what needs a person."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, render_template, url_for

from connector.bootstrap import Program
from connector.console import here
from connector.console.formatting import grouped, label
from connector.console.plots import Part, stacked_bar
from connector.views.needs import Need
from connector.views.today import Spoken, today

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

CAUSES_SHOWN = 12
"""So many causes of the error inbox are listed; the rest is counted and stands there."""


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
    waiting = [need for need in shown["needs"] if need.leads_to[0] == "inbox"]
    left_out = waiting[CAUSES_SHOWN:]
    return render_template(
        "today.html",
        **shown,
        lines=[(need, url(need)) for need in shown["needs"] if need not in left_out],
        left_out=left_out,
    )


def spoken(program: Program) -> list[Spoken]:
    """The connections and financiers of the configuration."""
    config = program.config
    return [
        *(
            Spoken(
                c.name,
                "connection",
                c.system,
                c.interval_seconds,
                None if program.flow_of(c.name) else program.mapped_stream(c.name),
                c.file is not None,
            )
            for c in config.connections.values()
        ),
        *(
            Spoken(f.name, "financier", f.platform, f.poll_interval_seconds)
            for f in config.financiers.values()
        ),
    ]


def url(need: Need) -> str | None:
    """The list that shows what is meant; None where there is no such page."""
    where, filters = need.leads_to
    endpoints = {
        "inbox": ("inbox.listing", "invoices.listing"),
        "invoices": ("invoices.listing",),
        "connections": ("connections.show",),
        "outbox": ("deliveries.listing",),
        "parked": ("inbox.listing",),
        "inbox_events": ("deliveries.events",),
        "mappings": ("mappings.listing",),
    }
    values: dict[str, Any] = dict(filters)
    for endpoint in endpoints.get(where, ()):
        if endpoint in current_app.view_functions:
            return url_for(endpoint, **values)
    return None
