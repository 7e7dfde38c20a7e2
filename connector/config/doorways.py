"""How events are let in: from the tables `webhook` of financiers and connections to what the doorway takes.

A connection's table may name a `secrets_file`: the signing secrets that a system made for our subscriptions, written by
`connector webhooks sync`, one line each: the subscription's identifier, a space, the secret; the newest first. Until
that file is there, its door stays shut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from connector.config import model
from connector.config.lines import KeyPath
from connector.config.problems import Problem
from connector.secrets import Secret
from webhooks.endpoints import Endpoint, Endpoints

MAX_SECRETS_FILE_BYTES = 65_536


def with_known_webhook(table: dict[str, Any], known: Any, *, always: bool) -> dict[str, Any]:
    """The table with what its adapter's schema knows of its events: `webhook_signature(table)` and
    `webhook_event_id_field`. What the file says wins. The signature is added where the table says anything of one, and
    (`always`) where it only names a file of secrets."""
    webhook = table.get("webhook")
    if not isinstance(webhook, dict):
        return table
    added: dict[str, Any] = {}
    defaults = getattr(known, "webhook_signature", None)
    signature = webhook.get("signature", {} if always and "secrets_file" in webhook else None)
    if defaults is not None and isinstance(signature, dict):
        added["signature"] = {**defaults(table), **signature}
    id_field = getattr(known, "webhook_event_id_field", None)
    if id_field is not None and "event_id_field" not in webhook:
        added["event_id_field"] = id_field
    return {**table, "webhook": {**webhook, **added}}


def webhook_of(loaded: dict[str, Any], folder: Path) -> model.Webhook:
    """The table as loaded by its schema; relative paths begin at `folder`. Raises ValueError when its file of secrets cannot be used."""
    signature, basic = loaded.get("signature"), loaded.get("basic")
    named = loaded.get("secrets_file")
    path = None if named is None else folder.absolute() / named
    written = () if path is None else tuple(secret for _, secret in read_secrets(path))
    if path is not None and signature is None:
        raise ValueError("`secrets_file` is for signed events: say in a table `signature` how.")
    if signature is not None:
        secrets = (*signature["secrets"], *written)
        if not secrets and path is None:
            raise ValueError("`signature` needs `secrets`, or `secrets_file` beside it.")
        signature = model.Signature(**{**signature, "secrets": secrets})
    if basic is not None:
        basic = model.BasicCredentials(basic["username"], tuple(basic["passwords"]))
    return model.Webhook(
        path_secrets=tuple(loaded["path_secrets"]),
        # "" says that the platform's events have no identifier: every delivery is then one of its own.
        event_id_field=loaded["event_id_field"] or None,
        max_body_bytes=loaded["max_body_bytes"],
        signature=signature,
        basic=basic,
        secrets_file=path,
    )


def read_secrets(path: Path) -> list[tuple[str, Secret]]:
    """(subscription, secret) of each line; nothing where there is no file yet. Raises ValueError when it is unusable."""
    try:
        text = path.read_bytes()[: MAX_SECRETS_FILE_BYTES + 1].decode("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"the file {path} cannot be read as text.") from None
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        remote_id, _, secret = line.strip().partition(" ")
        if not secret:
            raise ValueError(f"line {number} of {path} is not `SUBSCRIPTION SECRET`.")
        found.append((remote_id, Secret(secret.strip())))
    return found


def open_endpoints(config: model.Config) -> Endpoints:
    """Every door that is open. Raises ValueError when one would keep nobody out."""
    return Endpoints(endpoint for _, endpoint in _endpoints(config.financiers, config.connections))


def problems_of(
    financiers: Mapping[str, model.FinancierAccount], connections: Mapping[str, model.Connection]
) -> list[Problem]:
    """What the doorway itself says against the tables."""
    problems: list[Problem] = []
    good: list[Endpoint] = []
    for section, named in (("financiers", financiers), ("connections", connections)):
        for name, each in named.items():
            path: KeyPath = (section, name, "webhook")
            try:
                good += [] if each.webhook is None else _opened(name, each.webhook)
            except ValueError as error:
                problems.append(Problem(path, str(error)))
    try:
        Endpoints(good)
    except ValueError as error:
        problems.append(Problem(("financiers",), str(error)))
    return problems


def _endpoints(
    *named: Mapping[str, model.FinancierAccount] | Mapping[str, model.Connection],
) -> Iterable[tuple[str, Endpoint]]:
    for group in named:
        for name, each in group.items():
            if each.webhook is not None:
                yield from ((name, endpoint) for endpoint in _opened(name, each.webhook))


def _opened(name: str, webhook: model.Webhook) -> list[Endpoint]:
    """The endpoint; none while the secrets of its subscriptions are not there yet."""
    shut = webhook.signature is not None and not webhook.signature.secrets
    return [] if shut else [webhook.endpoint(name)]
