"""The sandbox's person, desk and clerk: endpoints under `/sandbox/`, and the thread that follows the clock."""

from __future__ import annotations

from threading import Event, Thread

from flask import Response

from connector.sandbox.control import control_body, reply
from connector.sandbox.hosted_session import companies, desk, sessions
from connector.sandbox.hosted_session.world import World


def add_controls(world: World) -> None:
    """Add `/sandbox/person/...` and `/sandbox/desk/...`."""
    app = world.sandbox.app

    @app.post("/sandbox/person/complete-all")
    def complete_all() -> Response:
        return reply(sessions.handle_open_sessions(world))

    @app.post("/sandbox/person/complete")
    def complete() -> Response:
        return reply({"status": sessions.complete(world, control_body()["session"]).status})

    @app.post("/sandbox/person/cancel")
    def cancel() -> Response:
        return reply({"status": sessions.cancel(world, control_body()["session"]).status})

    @app.post("/sandbox/desk/advance")
    def advance() -> Response:
        body = control_body()
        steps = 100 if body.get("steps") == "all" else int(body.get("steps", 1))
        moved = desk.advance(world, steps=steps, invoice_id=body.get("invoice"))
        return reply({"moved": moved, "active": world.ledger.count("desk", status="active")})

    @app.post("/sandbox/desk/set")
    def set_status() -> Response:
        body = control_body()
        invoice = world.required("invoice", body["invoice"])
        return reply({"status": desk.set_status(world, invoice, body["status"]).status})

    @app.post("/sandbox/desk/limits")
    def decide_limits() -> Response:
        body = control_body()
        if "company" in body:
            companies.set_limit(world, body["company"], body["status"])
            return reply({"decided": 1})
        return reply({"decided": companies.decide_limits(world)})

    @app.get("/sandbox/webhooks")
    def webhooks() -> Response:
        rows = world.ledger.rows("SELECT state, COUNT(*) AS n FROM deliveries GROUP BY state")
        return reply({row["state"]: row["n"] for row in rows})


class Clerk:
    """A thread that does what has become due by the sandbox's clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waker = Event()
        self._thread = Thread(target=self._run, name="hosted-session-clerk", daemon=True)
        world.sandbox.wakers.append(self._waker.set)
        world.sandbox.closers.append(self._close)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        world = self._world
        while not world.sandbox.stopping.is_set():
            self._waker.clear()
            settings = world.settings
            if settings.limit_review_seconds is not None:
                companies.decide_limits(world, only_due=True)
            if settings.person_delay_seconds is not None:
                sessions.handle_open_sessions(
                    world, older_than_seconds=settings.person_delay_seconds
                )
            sessions.expire_due(world)
            desk.advance_due(world)
            self._waker.wait(settings.tick_seconds)

    def _close(self) -> None:
        self._waker.set()
        if self._thread.ident is not None:
            self._thread.join()
