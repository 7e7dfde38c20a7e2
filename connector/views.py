"""What people and programs are shown: plain dictionaries, the same for `--json`, the API and the pages.

Amounts appear twice: `amount_minor_units` (integer) and `amount` (decimal text in major units). Instants are ISO UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.errors import NotFound, Refused
from connector.store.financing_rows import FinancingRow
from connector.store.outbox_reading import OutboxRow
from connector.store.reading import CurrentOutcome, OutcomeRow, RecordRow
from connector.store.runs import RunRow, RunTotal
from connector.store.transaction import Transaction
from mappings.currencies import EXPONENTS
from mappings.money import to_text

Json = dict[str, Any]

SEVERITY = ("ok", "backing_off", "paused", "drift", "reconnect")
"""States of a system, the mildest first."""


def money(amount_minor_units: int | None, currency: str | None) -> Json:
    """An amount both ways; `amount` is None where the currency (or the amount) is not known."""
    known = amount_minor_units is not None and currency in EXPONENTS
    return {
        "currency": currency,
        "amount_minor_units": amount_minor_units,
        "amount": to_text(amount_minor_units or 0, currency or "") if known else None,
    }


def instant(value: datetime | None) -> str | None:
    """ISO 8601 in UTC, to the second."""
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ")


def status(tx: Transaction, names: Sequence[str]) -> Json:
    """Where everything stands: systems, control totals, statuses, queues, what needs a person, the last runs."""
    return {
        "systems": [system_state(tx, name) for name in names],
        "totals": totals(tx),
        "queues": queues(tx),
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
        for reason, currency, count, amount in tx.totals.moved_on()
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


def run(row: RunRow, sums: Sequence[RunTotal]) -> Json:
    """One run with its control totals."""
    return {
        "id": row.id,
        "connection": row.connection,
        "stream": row.stream,
        "task": row.task,
        "state": row.state,
        "started_at": instant(row.started_at),
        "finished_at": instant(row.finished_at),
        "pages": row.pages,
        "records_seen": row.records_seen,
        "records_changed": row.records_changed,
        "error": row.error,
        "totals": [
            {"kind": t.kind, "count": t.count, **money(t.amount_minor_units, t.currency)}
            for t in sums
        ],
    }


def financing_line(row: FinancingRow) -> Json:
    """One financing invoice in a list."""
    return {
        "client_reference_id": row.client_reference_id,
        "invoice_number": row.invoice_number,
        "direction": row.direction,
        "financier": row.financier,
        "due_date": row.due_date.isoformat(),
        "state": row.state,
        "state_reason": row.state_reason,
        "status": row.status,
        "raw_status": row.raw_status,
        "session_url": row.session_url,
        "session_status": row.session_status,
        **money(row.amount_minor_units, row.currency),
    }


def inbox_line(current: CurrentOutcome) -> Json:
    """One record that waits, in the error inbox."""
    return {
        "record": record_number(current.record.id),
        "connection": current.record.connection,
        "source_id": current.record.source_id,
        **outcome(current.outcome),
    }


def outcome(row: OutcomeRow) -> Json:
    """One outcome."""
    return {
        "kind": row.kind,
        "reason_code": row.reason_code,
        "sentence": row.sentence,
        "field_path": row.field_path,
        "rule": row.rule,
        "decided_at": instant(row.decided_at),
        **money(row.amount_minor_units, row.currency),
    }


def outbox_line(row: OutboxRow) -> Json:
    """One row of the outbox, without its payload."""
    return {
        "id": row.id,
        "stream": row.stream,
        "kind": row.kind,
        "target": row.target,
        "state": row.state,
        "attempts": row.attempts,
        "next_attempt_at": instant(row.next_attempt_at),
        "error": row.error,
        "idempotency_key": row.idempotency_key,
    }


def find_record(tx: Transaction, word: str) -> RecordRow:
    """The record meant by a client reference, the source's own identifier, or a record number of ours (`r16`).

    Raises NotFound for a word that means none, Refused for one that means several.
    """
    financing = tx.financing.by_reference(word)
    if financing is not None:
        return tx.records.get(financing.record_id)
    found = tx.records.by_source_id(word)
    number = word.removeprefix("r")
    if not found and number != word and number.isdecimal() and len(number) < 18:
        return tx.records.get(int(number))
    if not found:
        raise NotFound(
            f"No invoice is known as {word[:80]!r}.",
            remedy="Give a client reference, the source's identifier, or a record number such as r16 from "
            "`connector inbox`.",
        )
    if len(found) > 1:
        meant = ", ".join(f"{record_number(row.id)} of {row.connection}" for row in found)
        raise Refused(
            f"{word[:80]!r} is the identifier of several records.",
            remedy=f"Give the record number of the one you mean: {meant}.",
        )
    return found[0]


def record_number(record_id: int) -> str:
    """Our number of a record, as people write it."""
    return f"r{record_id}"


def life(tx: Transaction, word: str) -> Json:
    """The whole life of one invoice: versions, outcomes, financing, steps, statuses, write-backs."""
    record = find_record(tx, word)
    financings = tx.financing.of_record(record.id)
    return {
        "record": record_number(record.id),
        "connection": record.connection,
        "source_id": record.source_id,
        "versions": [
            {
                "version_no": version.version_no,
                "stored_at": instant(version.stored_at),
                "source_updated_at": version.source_updated_at,
                "is_echo": version.is_echo,
            }
            for version in tx.records.versions(record.id)
        ],
        "outcomes": [outcome(row) for row in tx.records.outcomes_of(record.id)],
        "financing": [_financing_life(tx, row) for row in financings],
    }


def _financing_life(tx: Transaction, row: FinancingRow) -> Json:
    steps = tx.outbox.of_invoice(row.id)
    parts: Mapping[str, int] = row.financing
    return {
        **financing_line(row),
        "remote_invoice_id": row.remote_invoice_id,
        "parts": {name: money(amount, row.currency) for name, amount in parts.items()},
        "timeline": [
            {
                "seq": told.seq,
                "status": told.status,
                "raw_status": told.raw_status,
                "via": told.via,
                "observed_at": instant(told.observed_at),
            }
            for told in tx.timeline.of_invoice(row.id)
        ],
        "steps": [outbox_line(step) for step in steps if step.timeline_id is None],
        "write_backs": [
            {**outbox_line(step), "text": step.payload["text"]}
            for step in steps
            if step.timeline_id is not None
        ],
    }
