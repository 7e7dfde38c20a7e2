"""The first, small API: what the pages say, as JSON."""

from __future__ import annotations

from flask import Blueprint, Response, abort, jsonify, request

from connector import views
from connector.console import here
from connector.console.queries import Query

PAGE_SIZE = 100


def create() -> Blueprint:
    """The blueprint, under /api."""
    api = Blueprint("api", __name__, url_prefix="/api")
    api.add_url_rule("/status", view_func=status)
    api.add_url_rule("/totals", view_func=totals)
    api.add_url_rule("/invoices", view_func=invoices)
    api.add_url_rule("/invoices/<word>", view_func=invoice)
    api.add_url_rule("/wake/<key>", view_func=run_now, methods=["POST"])
    return api


def status() -> Response:
    """Where everything stands."""
    config = here.program().config
    with here.read() as tx:
        return jsonify(views.status(tx, [*config.connections, *config.financiers]))


def totals() -> Response:
    """Control totals of what is stored now."""
    with here.read() as tx:
        return jsonify(views.totals(tx))


def invoices() -> Response:
    """The newest financing invoices; `before` gives the next page."""
    query = Query()
    with here.read() as tx:
        rows = tx.financing.recent(
            PAGE_SIZE,
            query.number("before"),
            state=request.args.get("state"),
            status=request.args.get("status"),
        )
    return jsonify([{"id": row.id, **views.financing_line(row)} for row in rows])


def invoice(word: str) -> Response:
    """The life of one invoice."""
    with here.read() as tx:
        return jsonify(views.life(tx, word))


def run_now(key: str) -> tuple[Response, int]:
    """Run a task now."""
    # Another site's page can post here only with a simple request; this header makes it none.
    if request.headers.get("X-Connector") != "wake":
        abort(403)
    here.wake(key)
    return jsonify({"woken": key}), 202
