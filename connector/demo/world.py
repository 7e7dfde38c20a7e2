"""The sandbox and a configuration for it, in one directory."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.sandbox.run import RunningSandbox, control, run_sandbox
from connector.secrets import new_key

CONFIG = """\
# Written by `connector demo`: the sandbox's three platforms, and a schedule quick enough to watch.
[store]
url = "sqlite:///connector.db"

[server]
port = {port}

[encryption]
key = {{ file = "connector.key" }}

[schedule]
interval_seconds = 30
jitter_seconds = 0
submit_interval_seconds = 30
write_back_interval_seconds = 30
quiet_period_seconds = 5
lease_seconds = 120

[log]
level = "warning"

[connections.finexio]
system = "finexio"
base_url = "{finexio}/v2"
username = "sandbox-user"
password = {{ file = "finexio-password" }}

[connections.tryton]
system = "tryton"
base_url = "{tryton}"
database = "books"
username = "sandbox-user"
password = {{ file = "tryton-password" }}

[financiers.hosted]
platform = "hosted_session"
base_url = "{financier}"
client_id = "sandbox-client"
client_secret = {{ file = "financier-secret" }}
invoice_filter = "client_reference_id"
session_filter = "invoice"
poll_interval_seconds = 60
quiet_period_seconds = 5

[financiers.hosted.webhook]
path_secrets = [{{ file = "webhook-path-secret" }}]

[financiers.hosted.webhook.signature]
header = "Stenn-Signature"
secrets = [{{ file = "webhook-secret" }}]
format = "timestamped"
signed = "timestamp.body"

[[flows]]
name = "finexio_to_hosted"
connection = "finexio"
financier = "hosted"
# Finexio holds no documents. The sandbox's financier accepts drawn ones.
document = "render"
create_companies = true
submitted_by = "finance@example.com"
success_url = "https://example.com/financed"
cancel_url = "https://example.com/canceled"

[[flows]]
name = "tryton_to_hosted"
connection = "tryton"
financier = "hosted"
document = "attachment"
create_companies = true
submitted_by = "finance@example.com"
success_url = "https://example.com/financed"
cancel_url = "https://example.com/canceled"
"""

FIRST_FAULTS: tuple[dict[str, Any], ...] = (
    {"match": "GET /v2/invoices/", "times": 1, "fault": "status_500"},
    {"match": "GET /v2/invoices/", "times": 1, "fault": "rate_limited"},
)
TRYTON_FAULTS: tuple[dict[str, Any], ...] = (
    {"match": "POST /books/rpc/", "times": 1, "skip": 2, "fault": "status_502"},
    {"match": "POST /books/rpc/", "times": 1, "skip": 3, "fault": "logins_end"},
    {"match": "POST /books/rpc/", "times": 1, "skip": 5, "fault": "cut_in_body"},
    {"match": "POST /books/rpc/", "times": 2, "skip": 60, "fault": "commit_then_timeout"},
    {"match": "POST /books/rpc/", "times": 1, "skip": 70, "fault": "rate_limited"},
)
FINANCIER_FAULTS: tuple[dict[str, Any], ...] = (
    {"match": "POST /v1/invoices", "times": 2, "fault": "commit_then_timeout"},
    {"match": "POST /v1/invoices", "times": 2, "fault": "status_500_after_commit"},
    {"match": "POST /v1/financing_sessions", "times": 1, "fault": "rate_limited_date"},
)
"""What goes wrong in every demo, so that one can see it put right."""


@dataclass(slots=True)
class World:
    """A running sandbox, and the configuration that speaks to it."""

    directory: Path
    sandbox: RunningSandbox
    config_path: Path
    webhook_path_secret: str

    def tell_webhook_url(self, address: str) -> None:
        """Let the financier know where events go."""
        url = f"{address}webhooks/hosted/{self.webhook_path_secret}"
        control(self.sandbox.financier.base_url, "/sandbox/settings", {"webhook_url": url})


@contextmanager
def world(
    *,
    invoices: int,
    seed: int,
    port: int,
    directory: Path | None = None,
    faults: bool = True,
) -> Iterator[World]:
    """Start the sandbox and write the configuration; end the sandbox at the end. Without `directory` everything is
    kept in a temporary one and deleted."""
    with tempfile.TemporaryDirectory(prefix="connector-demo-") as temporary:
        place = directory or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        signing, path_secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        with run_sandbox(
            place / "sandbox", seed=seed, invoices=invoices, webhook_secret=signing
        ) as sandbox:
            if faults:
                control(sandbox.finexio.base_url, "/sandbox/faults", list(FIRST_FAULTS))
                control(sandbox.tryton.base_url, "/sandbox/faults", list(TRYTON_FAULTS))
                control(sandbox.financier.base_url, "/sandbox/faults", list(FINANCIER_FAULTS))
            config_path = write_config(place, sandbox, port, signing, path_secret)
            yield World(place, sandbox, config_path, path_secret)


def write_config(
    place: Path, sandbox: RunningSandbox, port: int, signing: str, path_secret: str
) -> Path:
    """A configuration with its secrets in files beside it."""
    for name, text in {
        "connector.key": new_key(),
        "finexio-password": "sandbox-password",
        "tryton-password": "sandbox-password",
        "financier-secret": "sandbox-client-secret",
        "webhook-secret": signing,
        "webhook-path-secret": path_secret,
    }.items():
        file = place / name
        file.write_text(text + "\n", encoding="utf-8")
        file.chmod(0o600)
    config_path = place / "connector.toml"
    config_path.write_text(
        CONFIG.format(
            port=port,
            finexio=sandbox.finexio.base_url,
            tryton=sandbox.tryton.base_url,
            financier=sandbox.financier.base_url,
        ),
        encoding="utf-8",
    )
    return config_path
