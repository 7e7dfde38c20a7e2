"""A local stand-in of Kanmon's public platform API, version 2, with its own ledger."""

from __future__ import annotations

from pathlib import Path

from connector.sandbox.clock import SandboxClock
from connector.sandbox.kanmon.businesses import populate
from connector.sandbox.kanmon.controls import Clerk, add_controls
from connector.sandbox.kanmon.routes import add_routes
from connector.sandbox.kanmon.settings import SANDBOX_CHOICES, KanmonSettings
from connector.sandbox.kanmon.world import World
from connector.sandbox.platform import Sandbox, new_sandbox
from connector.sandbox.webhook import WEBHOOK_FAULTS

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
        webhook_faults=frozenset(WEBHOOK_FAULTS),
    )
    world = World(sandbox)
    sandbox.populate = lambda: populate(world)
    clerk = Clerk(world)
    sandbox.starters += [world.webhooks.start, clerk.start]
    add_routes(world)
    add_controls(world)
    return sandbox
