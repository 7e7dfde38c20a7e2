"""Puts the API into an application that `connector.access.install` has been given to before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Blueprint, Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import NotFound

from connector.access import public, require
from connector.api import problems
from connector.api.description import Description, operations
from connector.api.registration import RESOURCES
from connector.api.resource import PREFIX, Context, Resource
from connector.bootstrap import Program
from connector.people.roles import Permission

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
Wake = Callable[[str], bool]


def install(
    app: Flask,
    program: Program,
    wake: Wake | None = None,
    reload: Callable[[], bool] = lambda: False,
) -> None:
    """Register every resource, the OpenAPI document and its page. Without `wake` no task can be run from here, without
    `reload` a changed connection is taken up by a restart only."""
    context = Context(program, wake or (lambda _key: False), reload)
    resources = [create(context) for create in RESOURCES]
    for resource in resources:
        problems.install(resource)
        app.register_blueprint(resource)
    app.register_blueprint(_page(app, resources))


def _page(app: Flask, resources: Sequence[Resource]) -> Blueprint:
    page = Blueprint("api_page", __name__, url_prefix="/api", template_folder="templates")
    problems.install(page)
    description = Description(app, resources)

    @page.get("/")
    @require(Permission.INVOICES_READ)
    def index() -> str:
        document = description.document
        return render_template(
            "api/index.html", document=document, groups=operations(document), prefix=PREFIX
        )

    @page.get("/openapi.json")
    @require(Permission.INVOICES_READ)
    def openapi() -> Response:
        return jsonify(description.document)

    @page.route("/v1/<path:rest>", methods=METHODS)
    @public
    def unknown(rest: str) -> Response:
        raise NotFound(f"The API has no operation {request.method} {PREFIX}/{rest[:200]}.")

    return page
