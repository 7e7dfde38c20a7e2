"""The sandbox and a configuration for it, in one directory."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.sandbox.monite import MoniteSettings
from connector.sandbox.run import RunningSandbox, control, run_sandbox
from connector.secrets import new_key

PLATFORMS = ("finexio", "tryton", "monite", "hosted_session")
"""What the demo starts of the sandbox: what it does not speak to would only cost time."""

CONFIG = """\
# Written by `connector demo`: the sandbox's platforms, and a schedule quick enough to watch.
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

[connections.monite]
system = "monite"
base_url = "{monite}/v1"
client_id = "{monite_client_id}"
client_secret = {{ file = "monite-secret" }}
entity_id = "{monite_entity_id}"

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

# Monite finances invoices of its own. It sends no events about that: it is asked.
[financiers.monite_financing]
platform = "monite"
base_url = "{monite}/v1"
client_id = "{monite_client_id}"
client_secret = {{ file = "monite-secret" }}
entity_id = "{monite_entity_id}"
poll_interval_seconds = 30
quiet_period_seconds = 5

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

[[flows]]
name = "monite_to_monite_financing"
connection = "monite"
financier = "monite_financing"
submitted_by = "finance@example.com"
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
MONITE_FAULTS: tuple[dict[str, Any], ...] = (
    {"match": "GET /v1/receivables", "times": 1, "fault": "status_503"},
    {"match": "GET /v1/payables", "times": 1, "skip": 1, "fault": "status_500"},
    {"match": "GET /v1/counterparts", "times": 1, "fault": "rate_limited"},
    {"match": "POST /v1/financing_invoices", "times": 1, "fault": "commit_then_timeout"},
    {
        "match": "POST /v1/financing_invoices",
        "times": 1,
        "skip": 1,
        "fault": "status_500_after_commit",
    },
    {"match": "PATCH /v1/receivables/*", "times": 2, "skip": 2, "fault": "commit_then_timeout"},
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

    @property
    def desks(self) -> dict[str, str]:
        """Where each financier's people and desk are played: the platform's base URL, by the financier's name here."""
        return {
            "hosted": self.sandbox.financier.base_url,
            "monite_financing": self.sandbox.monite.base_url,
        }

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
            place / "sandbox",
            platforms=PLATFORMS,
            seed=seed,
            invoices=invoices,
            webhook_secret=signing,
        ) as sandbox:
            if faults:
                add_faults(sandbox)
            config_path = write_config(place, sandbox, port, signing, path_secret)
            yield World(place, sandbox, config_path, path_secret)


def add_faults(sandbox: RunningSandbox) -> None:
    """Let go wrong what goes wrong in every demo."""
    for platform, faults in (
        (sandbox.finexio, FIRST_FAULTS),
        (sandbox.tryton, TRYTON_FAULTS),
        (sandbox.monite, MONITE_FAULTS),
        (sandbox.financier, FINANCIER_FAULTS),
    ):
        control(platform.base_url, "/sandbox/faults", list(faults))


def write_config(
    place: Path, sandbox: RunningSandbox, port: int, signing: str, path_secret: str
) -> Path:
    """A configuration with its secrets in files beside it."""
    monite = MoniteSettings()
    for name, text in {
        "connector.key": new_key(),
        "finexio-password": "sandbox-password",
        "tryton-password": "sandbox-password",
        "monite-secret": monite.client_secret,
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
            monite=sandbox.monite.base_url,
            monite_client_id=monite.client_id,
            monite_entity_id=monite.entity_id,
            financier=sandbox.financier.base_url,
        ),
        encoding="utf-8",
    )
    return config_path
