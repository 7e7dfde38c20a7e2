"""The sandbox's person and desk: endpoints under `/sandbox/`, and what they do as time passes."""

from __future__ import annotations

from flask import Response

from connector.sandbox.control import control_body, reply
from connector.sandbox.hosted_session import companies, desk, sessions
from connector.sandbox.hosted_session.world import World


def add_controls(world: World) -> None:
    """Add `/sandbox/person/...` and `/sandbox/desk/...`."""
    app = world.sandbox.app
    desk.desk_of(world).add_controls()

    @app.post("/sandbox/person/complete-all")
    def complete_all() -> Response:
        return reply(sessions.handle_open_sessions(world))

    @app.post("/sandbox/person/complete")
    def complete() -> Response:
        return reply({"status": sessions.complete(world, control_body()["session"]).status})

    @app.post("/sandbox/person/cancel")
    def cancel() -> Response:
        return reply({"status": sessions.cancel(world, control_body()["session"]).status})

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


def do_what_is_due(world: World) -> None:
    """What became due by the sandbox's clock: reviews of limits, the person's sessions, ends of sessions, the desk."""
    settings = world.settings
    if settings.limit_review_seconds is not None:
        companies.decide_limits(world, only_due=True)
    if settings.person_delay_seconds is not None:
        sessions.handle_open_sessions(world, older_than_seconds=settings.person_delay_seconds)
    sessions.expire_due(world)
    desk.desk_of(world).advance_due()
