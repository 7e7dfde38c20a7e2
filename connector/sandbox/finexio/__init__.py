"""A local stand-in of the Finexio API, versions 1 and 2, with its own ledger."""

from __future__ import annotations

from pathlib import Path

from connector.sandbox.clock import SandboxClock
from connector.sandbox.finexio.mutations import add_mutations
from connector.sandbox.finexio.routes import FinexioApi
from connector.sandbox.finexio.seed import populate
from connector.sandbox.finexio.settings import SANDBOX_CHOICES, FinexioSettings
from connector.sandbox.finexio.webhooks import Subscriptions
from connector.sandbox.platform import Sandbox, new_sandbox

__all__ = ["SANDBOX_CHOICES", "FinexioSettings", "create_finexio"]


def create_finexio(
    settings: FinexioSettings, directory: Path | str, clock: SandboxClock | None = None
) -> Sandbox:
    """The platform, ready to be served. Base URLs are `/v1` and `/v2` below the server's own."""
    sandbox = new_sandbox(
        "finexio",
        "Finexio sandbox",
        settings,
        directory=directory,
        choices=SANDBOX_CHOICES,
        clock=clock,
        sends_webhooks=True,
    )
    sandbox.populate = lambda: populate(sandbox.ledger, settings, sandbox.clock.now())
    FinexioApi(sandbox).add_routes()
    subscriptions = Subscriptions(sandbox)
    subscriptions.add_routes()
    sandbox.changed["payment"] = subscriptions.payment_changed
    add_mutations(sandbox)
    return sandbox
