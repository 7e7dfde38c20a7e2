"""The sandbox's person and desk: endpoints under `/sandbox/`."""

from __future__ import annotations

from flask import Response

from connector.sandbox.control import control_body, reply
from connector.sandbox.kanmon import businesses, desk
from connector.sandbox.kanmon.world import World


def add_controls(world: World) -> None:
    """Add `/sandbox/person/...` and `/sandbox/desk/...`."""
    app = world.sandbox.app
    desk.desk_of(world).add_controls()

    @app.post("/sandbox/person/open")
    def open_widget() -> Response:
        """The person's browser opens the widget with a token."""
        stored = businesses.use_token(world, str(control_body()["token"]))
        return reply({"kind": stored.body["kind"]})

    @app.post("/sandbox/desk/set")
    def set_status() -> Response:
        body = control_body()
        invoice = world.required("invoice", body["invoice"], "InvoiceNotFoundException")
        return reply({"status": desk.set_status(world, invoice, str(body["status"])).status})

    @app.post("/sandbox/desk/product")
    def set_product() -> Response:
        """Change the loanStatus of an issued product."""
        body = control_body()
        product = world.required("product", body["product"], "IssuedProductNotFoundException")
        changed = businesses.set_product(world, product, loan_status=str(body["loanStatus"]))
        return reply({"loanStatus": changed.status})
