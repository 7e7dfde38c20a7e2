"""Connections and financiers as people look at them: how they fare, what they can do, their runs and totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.config.model import Config, Webhook
from connector.financier import CancelsSessions, Financier, LimitsBuyers, OffersWidget, TellsChanges
from connector.store.transaction import Transaction
from connector.system import AccountingSystem, ManagesWebhooks, SendsHints
from connector.views.lines import Json, instant, money
from connector.views.standing import system_state

LIMITS = {
    "requests_per_second": ("Requests a second", ""),
    "requests_per_minute": ("Requests a minute", ""),
    "concurrency": ("Requests at once", ""),
    "page_size": ("Records a page", ""),
    "connect_timeout_seconds": ("Waits to connect", " s"),
    "read_timeout_seconds": ("Waits for an answer", " s"),
    "max_document_bytes": ("Largest document", " bytes"),
}
"""Settings that keep us from asking too much, in words and with their unit."""
KINDS = ("mapped", "held", "excluded", "rejected")


def listed(tx: Transaction, config: Config) -> list[Json]:
    """Every connection, then every financier, with its health."""
    found = [
        {
            **system_state(tx, name),
            "role": "connection",
            "product": each.system,
            "file": None if each.file is None else each.file.name,
        }
        for name, each in config.connections.items()
    ]
    found += [
        {**system_state(tx, name), "role": "financier", "product": each.platform, "file": None}
        for name, each in config.financiers.items()
    ]
    return found


def tasks(tx: Transaction, name: str) -> list[Json]:
    """How each task towards it fares, the worst first."""
    rows = [row for row in tx.connections.all() if row.connection.startswith(f"{name}/")]
    return [
        {
            "task": row.connection.partition("/")[2],
            "state": row.state,
            "failures": row.failures,
            "last_success_at": instant(row.last_success_at),
            "next_attempt_at": instant(row.next_attempt_at),
            "error_class": row.error_class,
            "error": row.error,
        }
        for row in sorted(rows, key=lambda row: (row.state == "ok", row.connection))
    ]


def streams(tx: Transaction, name: str, system: AccountingSystem) -> list[Json]:
    """What is read of a system, and when each stream was last read as a whole."""
    return [
        {
            "stream": stream.name,
            "incremental": stream.incremental,
            "walked_at": instant(tx.cursors.last_full_walk_at(name, stream.name)),
        }
        for stream in system.streams
    ]


def control_totals(tx: Transaction, connection: str) -> list[Json]:
    """What is stored of a connection now, by currency: `pulled` and the `parts` it is made of."""
    found: dict[str, dict[str, list[int]]] = {}
    for row in tx.totals.by_outcome(connection):
        part = found.setdefault(row.currency, {}).setdefault(row.kind, [0, 0])
        part[0] += row.count
        part[1] += row.amount_minor_units
    return [
        {
            "currency": currency,
            "pulled": _line(_sum(parts.values()), currency),
            "parts": [{"kind": kind, **_line(parts.get(kind, [0, 0]), currency)} for kind in KINDS],
        }
        for currency, parts in sorted(found.items())
    ]


def financing_totals(tx: Transaction, financier: str) -> list[Json]:
    """What a financier has from us now, by currency and status."""
    return [
        {
            "status": row.status or row.state,
            "count": row.count,
            **money(row.amount_minor_units, row.currency),
        }
        for row in tx.totals.by_status()
        if row.financier == financier
    ]


def _sum(parts: Any) -> Sequence[int]:
    pairs = list(parts)
    return [sum(count for count, _ in pairs), sum(amount for _, amount in pairs)]


def _line(pair: Sequence[int], currency: str) -> Json:
    return {"count": pair[0], **money(pair[1], currency)}


def abilities_of_system(system: AccountingSystem) -> list[tuple[str, str]]:
    """(what, whether or how) of an accounting system."""
    can = system.capabilities
    return [
        ("Payables", _yes(can.payables)),
        ("Receivables", _yes(can.receivables)),
        ("Documents", _yes(can.attachments)),
        ("Changes", can.change_detection),
        ("Statuses written back", can.write_back),
        ("Tells of changes", _yes(isinstance(system, SendsHints))),
        (
            "Subscriptions",
            "kept by the connector" if isinstance(system, ManagesWebhooks) else "made by hand",
        ),
    ]


def abilities_of_financier(financier: Financier) -> list[tuple[str, str]]:
    """(what, whether or how) of a financier."""
    limits = isinstance(financier, LimitsBuyers) and financier.requires_buyer_limits
    return [
        ("Currencies", ", ".join(sorted(financier.currencies)) or "not said"),
        ("Steps", ", ".join(step.replace("_", " ") for step in financier.steps)),
        ("Needs links", _yes(financier.needs.linked_companies)),
        ("Needs a document", _yes(financier.needs.document)),
        ("Needs buyer limits", _yes(limits)),
        ("Cancels sessions", _yes(isinstance(financier, CancelsSessions))),
        ("Widget", _yes(isinstance(financier, OffersWidget))),
        ("Feed of changes", _yes(isinstance(financier, TellsChanges))),
        ("Signs events", _yes(financier.signs_webhooks)),
    ]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def limits(settings: Any) -> list[tuple[str, str]]:
    """What keeps us from asking too much, as configured."""
    known = settings if isinstance(settings, Mapping) else {}
    return [
        (words, f"{known[name]:,}".removesuffix(".0") + unit)
        for name, (words, unit) in LIMITS.items()
        if known.get(name) is not None
    ]


def door(config: Config, name: str, webhook: Webhook | None) -> Json | None:
    """Where events come in, without the secret at the end of the address; None where there is no door."""
    if webhook is None:
        return None
    base = config.server.public_url
    shut = webhook.signature is not None and not webhook.signature.secrets
    return {
        "address": f"{base or ''}/webhooks/{name}/",
        "is_public": base is not None,
        "addresses": len(webhook.path_secrets),
        "signed": webhook.signature is not None,
        "signing_secrets": 0 if webhook.signature is None else len(webhook.signature.secrets),
        "basic": webhook.basic is not None,
        "is_open": not shut,
    }
