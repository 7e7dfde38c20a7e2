"""A local stand-in of the Monite API (payables, receivables, webhooks, financing), with its own ledger."""

from __future__ import annotations

from pathlib import Path

from werkzeug.exceptions import HTTPException

from connector.sandbox.clerk import Clerk
from connector.sandbox.clock import SandboxClock
from connector.sandbox.monite import (
    counterparts,
    files,
    financing,
    payables,
    payments,
    receivables,
    widget,
)
from connector.sandbox.monite.access import Access
from connector.sandbox.monite.events import Events
from connector.sandbox.monite.people_at_work import add_controls
from connector.sandbox.monite.refusal import (
    InvalidError,
    RefusalError,
    http_refusal,
    invalid,
    refusal,
)
from connector.sandbox.monite.seed import populate
from connector.sandbox.monite.settings import SANDBOX_CHOICES, MoniteSettings
from connector.sandbox.monite.world import World
from connector.sandbox.platform import Sandbox, new_sandbox

__all__ = ["SANDBOX_CHOICES", "MoniteSettings", "create_monite"]


def create_monite(
    settings: MoniteSettings, directory: Path | str, clock: SandboxClock | None = None
) -> Sandbox:
    """The platform, ready to be served. Its API is under `/v1`, files under `/storage`, the widget at `/widget`."""
    sandbox = new_sandbox(
        "monite",
        "Monite sandbox",
        settings,
        directory=directory,
        choices=SANDBOX_CHOICES,
        clock=clock,
        sends_webhooks=True,
    )
    world = World(sandbox)
    sandbox.populate = lambda: populate(world)
    events, clerk = Events(world), Clerk(sandbox, lambda: financing.do_what_is_due(world))
    sandbox.starters += [events.webhooks.start, clerk.start]
    sandbox.app.register_error_handler(RefusalError, refusal)
    sandbox.app.register_error_handler(InvalidError, invalid)
    sandbox.app.register_error_handler(HTTPException, http_refusal)
    Access(world).add_routes()
    events.add_routes()
    for part in (payables, receivables, payments, counterparts, files, financing, widget):
        part.add_routes(world)
    add_controls(world)
    return sandbox
