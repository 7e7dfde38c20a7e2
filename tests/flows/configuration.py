"""The configuration of a flow test: one connection `books`, one financier `bank`, one flow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.secrets import new_key

QUIET_SECONDS = 60
PATH_SECRET = "path-secret-of-the-flow-tests-0001"

BANK = {
    "platform": "hosted_session",
    "client_id": "sandbox-client",
    "invoice_filter": "client_reference_id",
    "session_filter": "invoice",
    "poll_interval_seconds": 86_400,
    "quiet_period_seconds": QUIET_SECONDS,
}
FLOW = {
    "name": "flow",
    "connection": "books",
    "financier": "bank",
    "create_companies": True,
    "submitted_by": "finance@example.com",
    "success_url": "https://example.com/financed",
    "cancel_url": "https://example.com/canceled",
}


def write_config(
    directory: Path,
    signing: str,
    *,
    books: Mapping[str, Any],
    bank: Mapping[str, Any],
    flow: Mapping[str, Any],
) -> Path:
    """Write `connector.toml` and the files of its secrets; keys given win over the ones above."""
    texts = {
        "key": new_key(),
        "password": "sandbox-password",
        "client": "sandbox-client-secret",
        "signing": signing,
        "path": PATH_SECRET,
    }
    for name, text in texts.items():
        file = directory / name
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)
    lines = [
        "[store]",
        'url = "sqlite:///connector.db"',
        "[server]",
        "port = 0",
        "[encryption]",
        'key = { file = "key" }',
        "[schedule]",
        f"quiet_period_seconds = {QUIET_SECONDS}",
        "lease_seconds = 120",
        "jitter_seconds = 0",
        "[connections.books]",
        *_pairs({"username": "sandbox-user", **books}),
        'password = { file = "password" }',
        "[financiers.bank]",
        *_pairs({**BANK, **bank}),
        'client_secret = { file = "client" }',
        "[financiers.bank.webhook]",
        'path_secrets = [{ file = "path" }]',
        "[financiers.bank.webhook.signature]",
        'header = "Stenn-Signature"',
        'secrets = [{ file = "signing" }]',
        'format = "timestamped"',
        'signed = "timestamp.body"',
        "[[flows]]",
        *_pairs({**FLOW, **flow}),
    ]
    path = directory / "connector.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _pairs(values: Mapping[str, Any]) -> list[str]:
    """TOML lines."""

    def text(value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            return "[" + ", ".join(text(one) for one in value) + "]"
        return str(value) if isinstance(value, int) else f'"{value}"'

    return [f"{key} = {text(value)}" for key, value in values.items() if value is not None]
