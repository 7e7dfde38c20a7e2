"""The audit log: each call that moved money and each act of a person, and whether the chain still holds."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from connector.access import require
from connector.console import here
from connector.console.queries import Query, filters_only, url_with
from connector.people.roles import Permission
from connector.views.auditing import entries

page = Blueprint("audit", __name__, url_prefix="/audit")

PAGE_SIZE = 100
LABELS = {
    "actor": "Who",
    "action": "What",
    "subject": "About",
    "at_from": "From",
    "at_to": "To",
    "check": "Chain check",
}


@page.get("")
@require(Permission.AUDIT_READ)
def listing() -> str:
    """The log, newest first. The chain is checked when it is asked for: that reads the whole log."""
    query = Query()
    before = query.number("before")
    check = query.one_of("check", ("chain",)) is not None
    program = here.program()
    streams = {name: program.mapped_stream(name) for name in program.config.connections}
    with here.read() as tx:
        rows = tx.audit_list.page(
            actor=query.text("actor"),
            action=query.text("action"),
            subject=query.text("subject"),
            since=query.day("at_from"),
            until=query.day("at_to"),
            before_seq=before,
            limit=PAGE_SIZE,
        )
        shown = entries(tx, rows, streams)
        broken = tx.audit.verify_chain() if check else None
        newest = next(iter(tx.audit.recent(1)), None)
    return render_template(
        "audit.html",
        entries=shown,
        broken=broken,
        newest=newest,
        values=request.args,
        active=filters_only("check"),
        labels=LABELS,
        problems=query.problems,
        next_url=url_with(before=rows[-1].seq, check=None) if len(rows) == PAGE_SIZE else None,
        first_url=url_with(before=None) if before is not None else None,
    )
