"""The paths of the hosted-session financier."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from html import escape

from flask import Response, redirect, request
from werkzeug.exceptions import HTTPException

from connector.sandbox.control import reply
from connector.sandbox.hosted_session import companies, invoices, sessions
from connector.sandbox.hosted_session.dialect import KEY_HEADER
from connector.sandbox.hosted_session.refusal import RefusalError, http_refusal, refusal
from connector.sandbox.hosted_session.world import World, platform_time, read_body
from connector.sandbox.ledger import NewObject, instant_text
from connector.sandbox.wire import JsonObject

_OPEN_PREFIXES = ("/sandbox/", "/hosted/")


def add_routes(world: World) -> None:
    """Add all paths to the platform's Flask app."""
    app = world.sandbox.app
    app.before_request(lambda: _before(world))
    app.register_error_handler(RefusalError, refusal)
    app.register_error_handler(HTTPException, http_refusal)
    _add_companies(world)
    _add_invoices(world)
    _add_sessions(world)
    _add_hosted_pages(world)


def _created(world: World, body: JsonObject) -> Response:
    return reply(body, world.settings.created_status)


def _before(world: World) -> Response | None:
    """The token, and the check of it. Every path but the token's needs one, so that no path can be probed."""
    if world.settings.dialect == "second" and not request.path.startswith(_OPEN_PREFIXES):
        _check_key(world)
        return None
    if request.path in world.settings.token_paths:
        return _issue_token(world)
    if request.path == "/" or request.path.startswith(_OPEN_PREFIXES):
        return None
    header = request.headers.get("Authorization", "")
    token = world.ledger.get("token", header.removeprefix("Bearer "))
    if not header.startswith("Bearer ") or token is None:
        raise RefusalError("The access token is missing or not known.", 401)
    if token.body["expires_at"] <= instant_text(world.now()):
        raise RefusalError("The access token has expired.", 401)
    return None


def _check_key(world: World) -> None:
    given = request.headers.get(KEY_HEADER, "").encode()
    if request.path != "/" and not hmac.compare_digest(given, world.settings.api_key.encode()):
        raise RefusalError("The API key is missing or not known.", 401)


def _issue_token(world: World) -> Response:
    settings = world.settings
    if request.method != "POST" or request.mimetype != "application/x-www-form-urlencoded":
        raise RefusalError("Ask for a token with a form-encoded POST.", 400)
    if request.form.get("grant_type") != "client_credentials":
        raise RefusalError("grant_type must be client_credentials.", 400)
    right = hmac.compare_digest(
        request.form.get("client_id", "").encode(), settings.client_id.encode()
    )
    given = request.form.get("client_secret", "").encode()
    right &= hmac.compare_digest(given, settings.client_secret.encode())
    if not right:
        raise RefusalError("The client credentials are not valid.", 401)
    with world.ledger.transaction():
        now, token = world.now(), world.new_id("token")
        expires = instant_text(now + timedelta(seconds=settings.token_life_seconds))
        world.ledger.add("token", NewObject(token, {"expires_at": expires}, now))
    life = settings.token_life_seconds
    return reply({"access_token": token, "token_type": "Bearer", "expires_in": life})


def _add_companies(world: World) -> None:
    app = world.sandbox.app

    @app.get("/v1/companies")
    def list_companies() -> Response:
        return reply(companies.list_companies(world))

    @app.post("/v1/companies")
    def create_company() -> Response:
        return _created(world, companies.create_company(world, read_body(request.get_data())))

    @app.get("/v1/companies/<company_id>")
    def retrieve_company(company_id: str) -> Response:
        return reply(world.required("company", company_id).body)

    @app.post("/v1/buyer_limits")
    def request_limit() -> Response:
        return _created(world, companies.request_limit(world, read_body(request.get_data())))


def _add_invoices(world: World) -> None:
    app = world.sandbox.app

    @app.post("/v1/documents")
    def create_document() -> Response:
        if request.is_json:
            body = read_body(request.get_data())
            content, purpose = invoices.read_encoded(body), body.get("purpose")
            title = str(body.get("name") or "")
        else:
            file = request.files.get("file")
            content, purpose = file.read() if file else None, request.form.get("purpose")
            title = request.form.get("name") or (file.filename if file else None) or ""
        return _created(world, invoices.create_document(world, content, purpose, title))

    @app.get("/v1/documents/<document_id>")
    def retrieve_document(document_id: str) -> Response:
        return reply(world.required("document", document_id).body)

    @app.get("/v1/invoices")
    def list_invoices() -> Response:
        return reply(invoices.list_invoices(world, request.args.get("client_reference_id")))

    @app.post("/v1/invoices")
    def create_invoice() -> Response:
        key = request.headers.get("Idempotency-Key")
        return _created(world, invoices.create_invoice(world, read_body(request.get_data()), key))

    @app.get("/v1/invoices/<invoice_id>")
    def retrieve_invoice(invoice_id: str) -> Response:
        return reply(invoices.shown(world, world.required("invoice", invoice_id)))


def _add_sessions(world: World) -> None:
    app = world.sandbox.app

    def all_sessions() -> Response:
        if request.method == "POST":
            body = read_body(request.get_data())
            return _created(
                world, sessions.create_session(world, body, request.host_url.rstrip("/"))
            )
        return reply(sessions.list_sessions(world, request.args.get("invoice")))

    def one_session(session_id: str) -> Response:
        return reply(sessions.retrieve_session(world, session_id))

    def cancel_session(session_id: str) -> Response:
        if not world.settings.cancel_sessions:
            raise RefusalError("Not Found.", 404)
        sessions.cancel(world, session_id)
        return reply(sessions.retrieve_session(world, session_id))

    for word in ("financing_sessions", "financing-sessions"):
        app.add_url_rule(f"/v1/{word}", f"all-{word}", all_sessions, methods=["GET", "POST"])
        app.add_url_rule(f"/v1/{word}/<session_id>", f"one-{word}", one_session)
        app.add_url_rule(
            f"/v1/{word}/<session_id>/cancel", f"cancel-{word}", cancel_session, methods=["POST"]
        )


def _add_hosted_pages(world: World) -> None:
    app = world.sandbox.app

    @app.get("/hosted/<session_id>")
    def hosted_page(session_id: str) -> Response:
        stored = sessions.expire_if_due(world, world.required("session", session_id))
        return Response(_page(world, stored.id), content_type="text/html; charset=utf-8")

    @app.post("/hosted/<session_id>/complete")
    def hosted_complete(session_id: str) -> Response:
        done = sessions.complete(world, session_id)
        return Response(headers=redirect(done.body["success_url"], 303).headers, status=303)

    @app.post("/hosted/<session_id>/cancel")
    def hosted_cancel(session_id: str) -> Response:
        done = sessions.cancel(world, session_id)
        return Response(headers=redirect(done.body["cancel_url"], 303).headers, status=303)


def _page(world: World, session_id: str) -> str:
    session = world.required("session", session_id)
    invoice = invoices.shown(world, world.required("invoice", session.body["invoice"]))
    rows = {
        "Invoice": invoice["invoice_number"],
        "Amount": f"{invoice['amount']} {str(invoice['currency']).upper()}",
        "Due": invoice["due_date"],
        "Session": session.status,
        "Opened by": session.body["submitted_by"],
        "As of": platform_time(datetime.fromisoformat(session.updated_at)),
    }
    cells = "".join(
        f"<tr><th>{escape(n)}</th><td>{escape(str(v))}</td></tr>" for n, v in rows.items()
    )
    buttons = "".join(
        f"<form method='post' action='/hosted/{session.id}/{action}'><button>{word}</button></form>"
        for action, word in (("complete", "Complete"), ("cancel", "Cancel"))
    )
    return (
        f"<!doctype html><html lang='en'><title>Financing session</title><h1>Financing session</h1>"
        "<p>The sandbox's stand-in for the financier's hosted page. No money moves.</p>"
        f"<table>{cells}</table>{buttons if session.status == 'open' else ''}</html>"
    )
