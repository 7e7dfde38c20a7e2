"""The error inbox: what is held or rejected, and why."""

from __future__ import annotations

from flask import Blueprint, render_template

from connector.console import here
from connector.console.queries import Query
from connector.views import inbox_line

page = Blueprint("inbox", __name__, url_prefix="/inbox")

PAGE_SIZE = 50
KINDS = ("held", "rejected")


@page.get("")
def listing() -> str:
    """The list, oldest first."""
    query = Query()
    reason = query.text("reason_code")
    outcome = query.one_of("outcome", KINDS)
    with here.read() as tx:
        rows = tx.records.list_current(
            KINDS if outcome is None else (outcome,),
            connection=query.text("connection"),
            reason_code=reason,
            after_id=query.number("after") or 0,
            limit=PAGE_SIZE,
        )
        facts = tx.invoices.of_records([row.record.id for row in rows])
    return render_template(
        "inbox.html",
        lines=[{**inbox_line(row), "invoice": facts.get(row.record.id)} for row in rows],
        reason=reason,
        outcome=outcome,
        problems=query.problems,
        next_after=rows[-1].record.id if len(rows) == PAGE_SIZE else None,
    )
