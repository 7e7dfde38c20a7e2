"""A local stand-in of a Tryton server's JSON-RPC, with its own ledger."""

from __future__ import annotations

from pathlib import Path

from connector.sandbox.clock import SandboxClock
from connector.sandbox.platform import Sandbox, new_sandbox
from connector.sandbox.tryton.people_at_work import add_people
from connector.sandbox.tryton.rpc import TrytonApi
from connector.sandbox.tryton.seed import populate
from connector.sandbox.tryton.settings import SANDBOX_CHOICES, TrytonSettings

__all__ = ["SANDBOX_CHOICES", "TrytonSettings", "create_tryton"]


def create_tryton(
    settings: TrytonSettings, directory: Path | str, clock: SandboxClock | None = None
) -> Sandbox:
    """The platform, ready to be served. Its base URL is the server's own; the database is `settings.database`."""
    sandbox = new_sandbox(
        "tryton",
        "Tryton sandbox",
        settings,
        directory=directory,
        choices=SANDBOX_CHOICES,
        clock=clock,
    )
    sandbox.login_kinds = ("session",)
    sandbox.populate = lambda: populate(sandbox.ledger, settings, sandbox.clock.now())
    TrytonApi(sandbox).add_routes()
    add_people(sandbox)
    return sandbox
