"""A local stand-in of Kanmon's public platform API, version 2, with its own ledger."""

from __future__ import annotations

from pathlib import Path

from connector.sandbox.clerk import Clerk
from connector.sandbox.clock import SandboxClock
from connector.sandbox.kanmon.businesses import populate
from connector.sandbox.kanmon.controls import add_controls
from connector.sandbox.kanmon.desk import desk_of
from connector.sandbox.kanmon.routes import add_routes
from connector.sandbox.kanmon.settings import SANDBOX_CHOICES, KanmonSettings
from connector.sandbox.kanmon.world import World
from connector.sandbox.platform import Sandbox, new_sandbox

__all__ = ["SANDBOX_CHOICES", "KanmonSettings", "create_kanmon"]


def create_kanmon(
    settings: KanmonSettings, directory: Path | str, clock: SandboxClock | None = None
) -> Sandbox:
    """The platform, ready to be served. Its API is under `/api/platform/v2`."""
    sandbox = new_sandbox(
        "kanmon",
        "Kanmon sandbox",
        settings,
        directory=directory,
        choices=SANDBOX_CHOICES,
        clock=clock,
        sends_webhooks=True,
    )
    world = World(sandbox)
    sandbox.populate = lambda: populate(world)
    clerk = Clerk(sandbox, desk_of(world).advance_due)
    sandbox.starters += [world.webhooks.start, clerk.start]
    add_routes(world)
    add_controls(world)
    return sandbox
