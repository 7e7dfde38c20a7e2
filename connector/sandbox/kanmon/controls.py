"""The sandbox's person, desk and clerk: endpoints under `/sandbox/`, and the thread that follows the clock."""

from __future__ import annotations

from threading import Event, Thread

from flask import Response

from connector.sandbox.control import control_body, reply
from connector.sandbox.kanmon import businesses, desk
from connector.sandbox.kanmon.world import World


def add_controls(world: World) -> None:
    """Add `/sandbox/person/...` and `/sandbox/desk/...`."""
    app = world.sandbox.app

    @app.post("/sandbox/person/open")
    def open_widget() -> Response:
        """The person's browser opens the widget with a token."""
        stored = businesses.use_token(world, str(control_body()["token"]))
        return reply({"kind": stored.body["kind"]})

    @app.post("/sandbox/desk/advance")
    def advance() -> Response:
        body = control_body()
        steps = 100 if body.get("steps") == "all" else int(body.get("steps", 1))
        moved = desk.advance(world, steps=steps, invoice_id=body.get("invoice"))
        return reply({"moved": moved, "active": world.ledger.count("desk", status="active")})

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

    @app.get("/sandbox/webhooks")
    def webhooks() -> Response:
        rows = world.ledger.rows("SELECT state, COUNT(*) AS n FROM deliveries GROUP BY state")
        return reply({row["state"]: row["n"] for row in rows})


class Clerk:
    """A thread that does what has become due by the sandbox's clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waker = Event()
        self._thread = Thread(target=self._run, name="kanmon-clerk", daemon=True)
        world.sandbox.wakers.append(self._waker.set)
        world.sandbox.closers.append(self._close)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        while not self._world.sandbox.stopping.is_set():
            self._waker.clear()
            desk.advance_due(self._world)
            self._waker.wait(self._world.settings.tick_seconds)

    def _close(self) -> None:
        self._waker.set()
        if self._thread.ident is not None:
            self._thread.join()
