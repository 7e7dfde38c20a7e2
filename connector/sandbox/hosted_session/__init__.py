"""A local stand-in of the hosted-session financier (the contract of Stenn's documents), with its own ledger."""

from __future__ import annotations

from pathlib import Path

from connector.sandbox.clerk import Clerk
from connector.sandbox.clock import SandboxClock
from connector.sandbox.hosted_session.companies import populate
from connector.sandbox.hosted_session.controls import add_controls, do_what_is_due
from connector.sandbox.hosted_session.dialect import Interpreter
from connector.sandbox.hosted_session.routes import add_routes
from connector.sandbox.hosted_session.settings import SANDBOX_CHOICES, HostedSessionSettings
from connector.sandbox.hosted_session.world import World
from connector.sandbox.platform import Sandbox, new_sandbox

__all__ = ["SANDBOX_CHOICES", "HostedSessionSettings", "create_hosted_session"]


def create_hosted_session(
    settings: HostedSessionSettings, directory: Path | str, clock: SandboxClock | None = None
) -> Sandbox:
    """The platform, ready to be served. Its API is under `/v1`, the token at `settings.token_paths`."""
    sandbox = new_sandbox(
        "hosted_session",
        "Hosted-session financier sandbox",
        settings,
        directory=directory,
        choices=SANDBOX_CHOICES,
        clock=clock,
        sends_webhooks=True,
    )
    world = World(sandbox)
    sandbox.populate = lambda: populate(world)
    clerk = Clerk(sandbox, lambda: do_what_is_due(world))
    sandbox.starters += [world.webhooks.start, clerk.start]
    add_routes(world)
    sandbox.app.wsgi_app = Interpreter(sandbox.app.wsgi_app, settings)  # type: ignore[method-assign]
    add_controls(world)
    return sandbox
