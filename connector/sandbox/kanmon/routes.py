"""The paths of Kanmon's public platform API, version 2."""

from __future__ import annotations

import hmac
from datetime import timedelta

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from connector.sandbox.control import reply
from connector.sandbox.kanmon import businesses, desk, invoices
from connector.sandbox.kanmon.refusal import RefusalError, http_refusal, refusal
from connector.sandbox.kanmon.world import World, page_of, read_body
from connector.sandbox.ledger import instant_text

BASE = "/api/platform/v2"


def add_routes(world: World) -> None:
    """Add all paths to the platform's Flask app."""
    app = world.sandbox.app
    app.before_request(lambda: _before(world))
    app.register_error_handler(RefusalError, lambda error: refusal(error, world.now()))
    app.register_error_handler(HTTPException, lambda error: http_refusal(error, world.now()))
    _add_businesses(app, world)
    _add_products(app, world)
    _add_invoices(app, world)


def _before(world: World) -> None:
    if request.path == "/" or request.path.startswith("/sandbox/"):
        return
    key = request.headers.get("Authorization", "").encode()
    right = f"ApiKey {world.settings.api_key_secret}".encode()
    if not hmac.compare_digest(key, right):
        raise RefusalError("ForbiddenException", "The API key is missing or not valid.", 403)
    limit = world.settings.requests_per_minute
    if limit is not None:
        since = instant_text(world.now() - timedelta(minutes=1))
        rows = world.ledger.rows("SELECT COUNT(*) AS n FROM requests WHERE at > ?", (since,))
        if rows[0]["n"] >= limit:
            raise RefusalError("TooManyRequestsException", "Too many requests.", 429)


def _query() -> dict[str, str]:
    return dict(request.args.items())


def _add_businesses(app: Flask, world: World) -> None:
    @app.route(f"{BASE}/businesses", methods=["GET", "POST"])
    def all_businesses() -> Response:
        if request.method == "POST":
            body = read_body(request.get_data())
            name, platform_id = body.get("legalName"), body.get("platformBusinessId")
            if not isinstance(platform_id, str) or not platform_id:
                raise RefusalError("BadRequestException", "platformBusinessId is required.")
            made = businesses.add_business(world, platform_id, str(name or platform_id))
            return reply(made.body, 201)
        filters = {
            "ids": lambda body: body["id"],
            "platformBusinessIds": lambda body: body["platformBusinessId"],
        }
        return reply(
            page_of(world, "businesses", world.ledger.select("business"), _query(), filters)
        )

    @app.get(f"{BASE}/businesses/<business_id>")
    def one_business(business_id: str) -> Response:
        return reply(world.required("business", business_id, "BusinessNotFoundException").body)

    @app.get(f"{BASE}/businesses/<business_id>/activity-logs")
    def activity_logs(business_id: str) -> Response:
        return reply(desk.activity_logs(world, business_id, _query()))

    @app.get(f"{BASE}/users")
    def users() -> Response:
        filters = {
            "ids": lambda body: body["id"],
            "platformUserIds": lambda body: body["platformUserId"],
        }
        return reply(page_of(world, "users", world.ledger.select("user"), _query(), filters))

    @app.post(f"{BASE}/connect-tokens")
    def connect_tokens() -> Response:
        return reply(businesses.connect_token(world, read_body(request.get_data())), 201)

    @app.post(f"{BASE}/embedded-session")
    def embedded_session() -> Response:
        return reply(businesses.session_token(world, read_body(request.get_data())), 201)


def _add_products(app: Flask, world: World) -> None:
    @app.get(f"{BASE}/issued-products")
    def products() -> Response:
        filters = {
            "ids": lambda body: body["id"],
            "businessIds": lambda body: body["businessId"],
            "platformBusinessIds": lambda body: body["platformBusinessId"],
        }
        stored = world.ledger.select("product")
        return reply(page_of(world, "issuedProducts", stored, _query(), filters))

    @app.get(f"{BASE}/issued-products/<product_id>")
    def product(product_id: str) -> Response:
        return reply(world.required("product", product_id, "IssuedProductNotFoundException").body)


def _add_invoices(app: Flask, world: World) -> None:
    @app.post(f"{BASE}/invoices/finance")
    def finance() -> Response:
        return reply(invoices.finance(world, read_body(request.get_data())), 201)

    @app.get(f"{BASE}/invoices")
    def list_invoices() -> Response:
        return reply(invoices.listed(world, _query()))

    @app.get(f"{BASE}/invoices/<invoice_id>")
    def one_invoice(invoice_id: str) -> Response:
        return reply(invoices.find(world, invoice_id, request.args.get("idType")))
