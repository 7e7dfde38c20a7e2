"""The Flask application with the pages, the API and (registered by the service) the webhook doorway.

There is no sign-in yet, so pages and API answer only when addressed by this machine's own name: a proxy that lets the
world reach /webhooks/ does not let it read invoices, and a page of another site cannot reach them by a name of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, abort, jsonify, render_template, request

from connector import views
from connector.bootstrap import Program
from connector.errors import ConnectorError, NotFound

OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
PAGE_SIZE = 100
LARGEST_NUMBER = 2**62
FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
"""Headers by which a proxy shows itself: what comes through one is not this machine's own."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def create_console(program: Program, wake: Callable[[str], bool]) -> Flask:
    """The application. `wake` runs a task now, by key."""
    app = Flask("connector.console", template_folder="templates", static_folder="static")
    app.jinja_env.filters["grouped"] = grouped
    app.register_blueprint(_pages(program))
    app.register_blueprint(_api(program, wake))
    app.register_error_handler(ConnectorError, _failed)
    return app


def grouped(amount: str | None) -> str:
    """An amount with thin spaces between thousands, as accountants write it."""
    if amount is None:
        return ""
    sign, digits = ("-", amount[1:]) if amount.startswith("-") else ("", amount)
    whole, point, fraction = digits.partition(".")
    return f"{sign}{int(whole):,}".replace(",", "\u202f") + point + fraction


def _own_name_only() -> None:
    if any(name in request.headers for name in FORWARDING):
        abort(403)
    if request.host.rpartition(":")[0] not in OWN_NAMES and request.host not in OWN_NAMES:
        abort(403)


def _number(name: str) -> int | None:
    """A row number of the query; what is none, or beyond all rows, is left out."""
    value = request.args.get(name, type=int)
    return value if value is not None and 0 <= value <= LARGEST_NUMBER else None


def _hardened(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


def _failed(error: ConnectorError) -> tuple[Any, int]:
    code = 404 if isinstance(error, NotFound) else 503
    if request.path.startswith("/api/"):
        return jsonify({"error": type(error).__name__, "message": str(error)}), code
    return render_template("error.html", error=error), code


def _guarded(blueprint: Blueprint) -> Blueprint:
    blueprint.before_request(_own_name_only)
    blueprint.after_request(_hardened)
    return blueprint


def _pages(program: Program) -> Blueprint:
    pages = _guarded(Blueprint("pages", __name__))
    names = [*program.config.connections, *program.config.financiers]

    @pages.get("/")
    def today() -> str:
        with program.database.read() as tx:
            return render_template(
                "today.html",
                status=views.status(tx, names),
                newest=[views.financing_line(row) for row in tx.financing.recent(15)],
            )

    @pages.get("/invoices")
    def invoices() -> str:
        before = _number("before")
        with program.database.read() as tx:
            rows = tx.financing.recent(PAGE_SIZE, before)
        return render_template(
            "invoices.html",
            invoices=[views.financing_line(row) for row in rows],
            older=rows[-1].id if len(rows) == PAGE_SIZE else None,
        )

    @pages.get("/invoices/<word>")
    def invoice(word: str) -> str:
        with program.database.read() as tx:
            return render_template("invoice.html", life=views.life(tx, word))

    @pages.get("/inbox")
    def inbox() -> str:
        after = _number("after") or 0
        reason = request.args.get("reason_code") or None
        with program.database.read() as tx:
            rows = tx.records.list_current(
                ("held", "rejected"), reason_code=reason, after_id=after, limit=PAGE_SIZE
            )
        return render_template(
            "inbox.html",
            lines=[views.inbox_line(row) for row in rows],
            reason=reason,
            next=rows[-1].record.id if len(rows) == PAGE_SIZE else None,
        )

    return pages


def _api(program: Program, wake: Callable[[str], bool]) -> Blueprint:
    api = _guarded(Blueprint("api", __name__, url_prefix="/api"))
    names = [*program.config.connections, *program.config.financiers]

    @api.get("/status")
    def status() -> Response:
        with program.database.read() as tx:
            return jsonify(views.status(tx, names))

    @api.get("/totals")
    def totals() -> Response:
        with program.database.read() as tx:
            return jsonify(views.totals(tx))

    @api.get("/invoices")
    def invoices() -> Response:
        before = _number("before")
        with program.database.read() as tx:
            rows = tx.financing.recent(
                PAGE_SIZE,
                before,
                state=request.args.get("state"),
                status=request.args.get("status"),
            )
        return jsonify([{"id": row.id, **views.financing_line(row)} for row in rows])

    @api.get("/invoices/<word>")
    def invoice(word: str) -> Response:
        with program.database.read() as tx:
            return jsonify(views.life(tx, word))

    @api.post("/wake/<key>")
    def run_now(key: str) -> tuple[Response, int]:
        # Another site's page can post here only with a simple request; this header makes it none.
        if request.headers.get("X-Connector") != "wake":
            abort(403)
        if not wake(key):
            raise NotFound(f"There is no task {key[:80]!r}.")
        return jsonify({"woken": key}), 202

    return api
