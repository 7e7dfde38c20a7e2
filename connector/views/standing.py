"""Where everything stands: systems, control totals, queues, what needs a person."""

from __future__ import annotations

from collections.abc import Sequence

from connector.feed.reading import endpoints
from connector.store.transaction import Transaction
from connector.views.lines import Json, instant, money, run

SEVERITY = ("ok", "backing_off", "paused", "drift", "reconnect")
"""States of a system, the mildest first."""


def status(tx: Transaction, names: Sequence[str]) -> Json:
    """Where everything stands: systems, control totals, statuses, queues, what needs a person, the last runs."""
    return {
        "systems": [system_state(tx, name) for name in names],
        "totals": totals(tx),
        "queues": queues(tx),
        "feed": endpoints(tx),
        "needs_a_person": needs_a_person(tx),
        "runs": [run(row, tx.runs.totals(row.id)) for row in tx.runs.recent(10)],
    }


def system_state(tx: Transaction, name: str) -> Json:
    """The health of one connection or financier: that of the task that fares worst."""
    rows = [
        row
        for row in tx.connections.all()
        if row.connection == name or row.connection.startswith(f"{name}/")
    ] or [tx.connections.get(name)]
    worst = max(rows, key=lambda row: (SEVERITY.index(row.state), row.failures))
    worked = [row.last_success_at for row in rows if row.last_success_at is not None]
    return {
        "name": name,
        "state": worst.state,
        "task": worst.connection.partition("/")[2] or None,
        "failures": worst.failures,
        "last_success_at": instant(max(worked, default=None)),
        "next_attempt_at": instant(worst.next_attempt_at),
        "error": worst.error,
    }


def totals(tx: Transaction) -> Json:
    """Control totals of what is stored now, and whether they add up."""
    outcomes = [
        {
            "connection": row.connection,
            "kind": row.kind,
            "reason_code": row.reason_code,
            "count": row.count,
            **money(row.amount_minor_units, row.currency),
        }
        for row in tx.totals.by_outcome()
    ]
    financing = [
        {
            "financier": row.financier,
            "state": row.state,
            "status": row.status,
            "count": row.count,
            **money(row.amount_minor_units, row.currency),
        }
        for row in tx.totals.by_status()
    ]
    return {"outcomes": outcomes, "financing": financing}


def queues(tx: Transaction) -> list[Json]:
    """Rows of inbox and outbox by target and state."""
    said = [
        {"queue": "outbox", "target": target, "state": state, "count": count}
        for (target, state), count in sorted(tx.outbox.counts().items())
    ]
    heard = [
        {"queue": "inbox", "target": target, "state": state, "count": count}
        for (target, state), count in sorted(tx.inbox.counts().items())
    ]
    return said + heard


def needs_a_person(tx: Transaction) -> list[Json]:
    """Causes for which somebody must do something, with counts and money."""
    causes: dict[tuple[str, str, str | None], Json] = {}
    for row in tx.totals.by_outcome():
        if row.kind in ("held", "rejected"):
            key = (row.kind, row.reason_code or "", row.currency)
            found = causes.setdefault(key, {"count": 0, "amount_minor_units": 0})
            found["count"] += row.count
            found["amount_minor_units"] += row.amount_minor_units
    listed = [
        {
            "kind": kind,
            "reason_code": reason,
            "count": found["count"],
            **money(found["amount_minor_units"], currency),
        }
        for (kind, reason, currency), found in sorted(causes.items())
    ]
    listed += [
        {
            "kind": "with the financier",
            "reason_code": reason,
            "count": count,
            **money(amount, currency),
        }
        for reason, currency, count, amount, _ in tx.totals.moved_on()
    ]
    parked: dict[str, list[int]] = {}
    for financing in tx.totals.by_status():
        if financing.state == "parked":
            found_parked = parked.setdefault(financing.currency, [0, 0])
            found_parked[0] += financing.count
            found_parked[1] += financing.amount_minor_units
    return listed + [
        {"kind": "parked", "reason_code": "parked", "count": count, **money(amount, currency)}
        for currency, (count, amount) in sorted(parked.items())
    ]
