"""What people do in the accounting system behind its API, under `/sandbox/`: for tests, and to look at the notes."""

from __future__ import annotations

from datetime import date
from html import escape
from typing import Any

from flask import Response, request

from connector.sandbox.control import control_body, reply
from connector.sandbox.ledger import StoredObject
from connector.sandbox.platform import Sandbox
from connector.sandbox.tryton.models import INVOICE, MODELS, row_instant
from connector.sandbox.tryton.oracle import totals_of
from connector.sandbox.tryton.seed import currency_code, new_row
from connector.sandbox.wire import JsonObject

_SHOWN_NOTES = 500


def change_row(
    sandbox: Sandbox, model: str, row_id: str, fields: JsonObject, *, touch: bool = True
) -> StoredObject:
    """Set fields of a row; `touch` False leaves `write_date` as it was. Raises ValueError for an unknown row."""
    stored = sandbox.ledger.get(model, row_id) if model in MODELS else None
    if stored is None:
        raise ValueError(f"There is no {model} {row_id} in the Tryton sandbox.")
    now = sandbox.clock.now()
    body = {**stored.body, **fields}
    if touch and "write_date" not in fields:
        body["write_date"] = row_instant(now)
    return sandbox.ledger.change(stored, body, at=now, cause="changed", status=body.get("state"))


def add_row(sandbox: Sandbox, model: str, fields: JsonObject) -> StoredObject:
    """Add a row, never modified yet; what is not given is copied from the newest row of the model."""
    found = sandbox.ledger.select(model, newest_first=True, limit=1)
    if model not in MODELS or not found:
        raise ValueError(f"The Tryton sandbox has no {model} to copy.")
    now = sandbox.clock.now()
    stamps = {"create_date": row_instant(now), "write_date": None}
    body = {**found[0].body, **stamps, **fields, "id": int(found[0].id) + 1}
    return sandbox.ledger.add(model, new_row(body, now, reference=body.get("resource")))


def add_people(sandbox: Sandbox) -> None:
    """Add the endpoints."""
    app = sandbox.app

    @app.post("/sandbox/rows/<model>")
    def add(model: str) -> Response:
        return reply(add_row(sandbox, model, control_body()).body)

    @app.post("/sandbox/rows/<model>/<row_id>")
    def change(model: str, row_id: str) -> Response:
        body = control_body()
        touch = body.get("touch", True)
        return reply(change_row(sandbox, model, row_id, body.get("set", {}), touch=touch).body)

    @app.post("/sandbox/sessions/end")
    def end_sessions() -> Response:
        now = sandbox.clock.now()
        sessions = sandbox.ledger.select("session")
        ended = [sandbox.ledger.remove("session", s.id, at=now) for s in sessions]
        return reply({"ended": len(ended)})

    @app.get("/sandbox/totals")
    def totals() -> Response:
        text = request.args.get("today")
        today = date.fromisoformat(text) if text else sandbox.clock.today()
        lines = {row.id: row.body for row in sandbox.ledger.select("account.move.line")}
        return reply(
            totals_of(
                (
                    (
                        invoice.body,
                        [lines[str(line)] for line in invoice.body["lines_to_pay"]],
                        currency_code(invoice.body["currency"]),
                    )
                    for invoice in sandbox.ledger.select(INVOICE)
                ),
                today,
            )
        )

    @app.get("/sandbox/notes")
    def notes() -> Response:
        found = [note.body for note in sandbox.ledger.select("ir.note", newest_first=True)]
        if "text/html" in request.headers.get("Accept", ""):
            return Response(_page(sandbox, found), content_type="text/html; charset=utf-8")
        return reply(found)


def _page(sandbox: Sandbox, notes: list[dict[str, Any]]) -> str:
    rows = []
    for note in notes[:_SHOWN_NOTES]:
        invoice = sandbox.ledger.get(INVOICE, note["resource"].partition(",")[2])
        body = invoice.body if invoice is not None else {}
        cells = (body.get("number"), body.get("type"), note["create_date"], note["message"])
        rows.append("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>")
    return (
        "<!doctype html><html lang='en'><title>Notes on invoices</title><h1>Notes on invoices</h1>"
        f"<p>{len(notes)} notes, newest first. This is what an accountant sees in Tryton.</p>"
        "<table><tr><th>Invoice</th><th>Type</th><th>Written at (UTC)</th><th>Note</th></tr>"
        f"{''.join(rows)}</table></html>"
    )
