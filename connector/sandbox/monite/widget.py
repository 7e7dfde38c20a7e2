"""The stand-in of the vendor's financing widget: a page where a person confirms, or closes it."""

from __future__ import annotations

from html import escape

from flask import Response, request

from connector.sandbox.monite import financing
from connector.sandbox.monite.bodies import major_text
from connector.sandbox.monite.refusal import RefusalError
from connector.sandbox.monite.world import World


def add_routes(world: World) -> None:
    """Add /widget?session_token=..., and what its two buttons do."""
    app = world.sandbox.app

    @app.get("/widget")
    def show() -> Response:
        return _answer(_page(world, request.args.get("session_token", "")))

    @app.post("/widget/<any(confirm, close):action>")
    def act(action: str) -> Response:
        token = request.form.get("session_token", "")
        if action == "confirm":
            financing.complete(world, token)
        else:
            financing.cancel(world, token)
        return _answer("<p>Done. This window can be closed.</p>")


def _page(world: World, token: str) -> str:
    session = world.ledger.get("session", token)
    if session is None:
        raise RefusalError(404, "No such session.")
    rows = []
    for key in session.body["financings"]:
        found = world.ledger.get("financing", key)
        body = found.body if found is not None else {}
        amount = major_text(body.get("total_amount", 0), body.get("currency", "USD"))
        cells = (body.get("document_id"), f"{amount} {body.get('currency')}", body.get("status"))
        rows.append("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>")
    buttons = "".join(
        f"<form method='post' action='/widget/{action}'><input type='hidden' name='session_token'"
        f" value='{escape(token)}'><button>{word}</button></form>"
        for action, word in (("confirm", "Confirm"), ("close", "Close"))
    )
    return f"<table>{''.join(rows)}</table>{buttons if session.status == 'open' else ''}"


def _answer(content: str) -> Response:
    page = (
        "<!doctype html><html lang='en'><title>Financing</title><h1>Financing</h1>"
        f"<p>The sandbox's stand-in for the vendor's widget. No money moves.</p>{content}</html>"
    )
    return Response(page, content_type="text/html; charset=utf-8")
