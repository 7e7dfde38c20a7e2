"""Invoices in lists, whatever their outcome, and everything about one of them on one page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from connector.deciding import Decider
from connector.store.corrections import Correction
from connector.store.financing_rows import FinancingRow
from connector.store.outbox_reading import Attempt, OutboxRow
from connector.store.reading import RecordRow, VersionRow
from connector.store.reading_invoices import InvoiceLine, Sum
from connector.store.transaction import Transaction
from connector.views.auditing import entries
from connector.views.corrected import correction_line
from connector.views.deliveries import attempt_line, masked_payload
from connector.views.differences import differences, fields, shown_record
from connector.views.explained import explained
from connector.views.lines import (
    Json,
    financing_line,
    instant,
    money,
    outbox_line,
    outcome,
    record_number,
)

MOST_VERSIONS = 25
"""How many of the newest versions the page shows with their differences; all are kept and counted."""

PART_NAMES = {
    "first_payment": "Advance (first payment)",
    "second_payment": "Second payment",
    "discount": "Discount",
    "volume_adjument_fees": "Volume adjustment fees",
    "volume_adjustment_fees": "Volume adjustment fees",
    "insurance_charges": "Insurance charges",
    "late_payment_fees": "Late payment fees",
}
"""The platforms' names of the parts of a financing, in words (one of them is misspelt by its platform)."""


def invoice_line(line: InvoiceLine) -> Json:
    """One invoice of a list: what the record says, its outcome, and where its financing stands (None: not offered)."""
    offered = line.offered_minor_units
    return {
        "record": record_number(line.record_id),
        "connection": line.connection,
        "source_id": line.source_id,
        "invoice_number": line.invoice_number,
        "direction": line.direction,
        "counterparty_id": line.counterparty_id,
        "counterparty": line.counterparty_name or line.counterparty_id,
        "due_date": None if line.due_date is None else line.due_date.isoformat(),
        **money(line.amount_minor_units, line.currency),
        "outcome": line.outcome_kind,
        "reason_code": line.reason_code,
        "sentence": line.sentence,
        "client_reference_id": line.client_reference_id,
        "financier": line.financier,
        "state": line.state,
        "state_reason": line.state_reason,
        "status": line.status,
        "raw_status": line.raw_status,
        "offered": None if offered is None else money(offered, line.currency),
    }


def sum_line(found: Sum) -> Json:
    """A sum of a selection: count and money of one currency."""
    return {"count": found.count, **money(found.amount_minor_units, found.currency)}


def everything(
    tx: Transaction,
    record: RecordRow,
    *,
    decider: Decider | None,
    secret_fields: Collection[str] = (),
) -> Json:
    """All that is known of one invoice. `decider` explains it by the active mapping; `secret_fields` are masked."""
    versions = tx.records.versions(record.id)
    financings = tx.financing.of_record(record.id)
    line = tx.invoices.one(record.id)
    corrections = tx.corrections.of_record(record.id)
    subjects = {record_number(record.id), f"{record.connection}/{record.source_id}"}
    subjects |= {row.client_reference_id for row in financings}
    return {
        "record": record_number(record.id),
        "record_id": record.id,
        "connection": record.connection,
        "stream": record.stream,
        "source_id": record.source_id,
        "line": None if line is None else invoice_line(line),
        "outcomes": [outcome(row) for row in reversed(tx.records.outcomes_of(record.id))],
        "corrections": [correction_line(row) for row in corrections],
        "explained": None
        if decider is None
        else explained(decider, versions[-1].raw, _standing(corrections)),
        "versions_count": len(versions),
        "versions": _versions(versions, secret_fields),
        "documents": tx.invoices.documents(record.id),
        "financing": [_financing(tx, row) for row in financings],
        "audit": entries(tx, tx.audit_list.about(sorted(subjects))),
    }


def _standing(corrections: Sequence[Correction]) -> Correction | None:
    return next((each for each in corrections if each.ended_at is None), None)


def _versions(rows: list[VersionRow], secret_fields: Collection[str]) -> list[Json]:
    """The newest versions, newest first, each with its differences to the one before."""
    kept = rows[-MOST_VERSIONS - 1 :]
    records = [shown_record(row.raw, secret_fields) for row in kept]
    shown = []
    for place, row in enumerate(kept):
        if place == 0 and len(rows) > len(kept):
            continue
        before = records[place - 1] if place else None
        shown.append(
            {
                "version_no": row.version_no,
                "stored_at": instant(row.stored_at),
                "source_updated_at": row.source_updated_at,
                "is_echo": row.is_echo,
                "run_id": row.run_id,
                "differences": None if before is None else differences(before, records[place]),
                "fields": fields(records[place]),
            }
        )
    return shown[::-1]


def _financing(tx: Transaction, row: FinancingRow) -> Json:
    steps = tx.deliveries.of_invoice(row.id)
    attempts = tx.deliveries.attempts_of_rows([step.id for step in steps])
    parts: Mapping[str, Any] = row.financing
    return {
        **financing_line(row),
        "id": row.id,
        "remote_invoice_id": row.remote_invoice_id,
        "remote_session_id": row.remote_session_id,
        "intact": row.intact,
        "issue_date": row.issue_date,
        "buyer_id": row.buyer_id,
        "supplier_id": row.supplier_id,
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
        "next_poll_at": instant(row.next_poll_at),
        "parts": [
            {"name": PART_NAMES.get(name, name.replace("_", " ")), **money(amount, row.currency)}
            for name, amount in sorted(parts.items(), key=lambda part: _part_order(part[0]))
            if isinstance(amount, int)
        ],
        "timeline": [
            {
                "seq": told.seq,
                "status": told.status,
                "raw_status": told.raw_status,
                "via": told.via,
                "inbox_id": told.inbox_id,
                "observed_at": instant(told.observed_at),
            }
            for told in tx.timeline.of_invoice(row.id)
        ],
        "steps": [_step(each, attempts) for each in steps if each.timeline_id is None],
        "write_backs": [_step(each, attempts) for each in steps if each.timeline_id is not None],
    }


def _part_order(name: str) -> tuple[int, str]:
    names = list(PART_NAMES)
    return (names.index(name) if name in names else len(names), name)


def _step(row: OutboxRow, attempts: Mapping[int, list[Attempt]]) -> Json:
    return {
        **outbox_line(row),
        "created_at": instant(row.created_at),
        "finished_at": instant(row.finished_at),
        "remote_id": (row.result or {}).get("remote_id"),
        "text": row.payload.get("text"),
        "status": row.payload.get("status"),
        "payload": masked_payload(row.payload),
        "tries": [attempt_line(each) for each in attempts.get(row.id, [])],
    }
