"""Puts the API into an application that `connector.access.install` has been given to before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, render_template, request
from flask_smorest import Api
from werkzeug.exceptions import NotFound

from connector.access import public, require
from connector.api import problems
from connector.api.description import described, operations
from connector.api.registration import RESOURCES
from connector.api.resource import PREFIX, Context, Resource
from connector.bootstrap import Program
from connector.people.roles import Permission

VERSION = "1"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
Wake = Callable[[str], bool]


class _QuietApi(Api):  # type: ignore[misc]
    """Leaves the error handlers of the application alone: its pages have some of their own."""

    ERROR_SCHEMA = problems.Problem

    def _register_error_handlers(self) -> None:
        return


def install(
    app: Flask,
    program: Program,
    wake: Wake | None = None,
    *,
    more: Sequence[Callable[[Context], Resource]] = (),
) -> None:
    """Register every resource, the OpenAPI document and its page. Without `wake` no task can be run from here."""
    app.config.update(
        API_TITLE="Invoice financing connector",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX=None,
    )
    api = _QuietApi(app)
    context = Context(program, wake or (lambda _key: False))
    for create in (*RESOURCES, *more):
        resource = create(context)
        problems.install(resource)
        api.register_blueprint(resource)
    app.register_blueprint(_page(api))


def _page(api: Any) -> Blueprint:
    page = Blueprint("api_page", __name__, url_prefix="/api", template_folder="templates")
    problems.install(page)

    @page.get("/")
    @require(Permission.INVOICES_READ)
    def index() -> str:
        document = described(api)
        return render_template(
            "api/index.html", document=document, groups=operations(document), prefix=PREFIX
        )

    @page.get("/openapi.json")
    @require(Permission.INVOICES_READ)
    def openapi() -> Response:
        return jsonify(described(api))

    @page.route("/v1/<path:rest>", methods=METHODS)
    @public
    def unknown(rest: str) -> Response:
        raise NotFound(f"The API has no operation {request.method} {PREFIX}/{rest[:200]}.")

    return page
