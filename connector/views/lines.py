"""Single lines of lists: one run, one outcome, one financing invoice, one delivery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connector.store.financing_rows import FinancingRow
from connector.store.outbox_reading import OutboxRow
from connector.store.reading import CurrentOutcome, OutcomeRow
from connector.store.runs import RunRow, RunTotal
from mappings.currencies import EXPONENTS
from mappings.money import to_text

Json = dict[str, Any]


def record_number(record_id: int) -> str:
    """Our number of a record, as people write it."""
    return f"r{record_id}"


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
        # Until 0.1.0 what a system offers no way for began so; what is stored stays.
        "error": None if row.error is None else row.error.removeprefix("None: "),
        "idempotency_key": row.idempotency_key,
    }
