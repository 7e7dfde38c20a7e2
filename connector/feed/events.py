"""What an event says. It is made in the transaction that applied the status, so none is forgotten or invented.

    {"id": "evt_...", "type": "financing.status_changed", "version": 1, "timestamp": "2026-03-02T09:30:00Z",
     "data": {"client_reference_id": ..., "sequence": 3, "status": "funded", "raw_status": "...", ...}}

Envelope and header rules are those of Standard Webhooks; docs/status-feed.md has every field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from connector.financier import TERMINAL_STATUSES
from connector.store.chain import canonical_json
from connector.store.financing_rows import FinancingRow
from connector.store.repository import instant_text
from connector.store.timeline import TimelineRow
from connector.store.transaction import Transaction
from mappings.money import to_text

TYPE = "financing.status_changed"
VERSION = 1
"""Raised when a field goes or changes its meaning. New fields come without."""


class Announcer:
    """Makes the feed's event of an applied status. `systems`: the accounting system of each connection by name."""

    def __init__(self, systems: Mapping[str, str]) -> None:
        self._systems = systems

    def __call__(self, tx: Transaction, financing: FinancingRow, row: TimelineRow) -> None:
        """Append the event of `row`, in the transaction that appended `row` itself."""
        now = tx.financing.get(
            financing.id
        )  # with the amounts that were told along with the status
        record = tx.records.get(financing.record_id)
        event_id = identifier(now.client_reference_id, row)
        data = {
            "connection": record.connection,
            "system": self._systems.get(record.connection),
            "source_invoice_id": record.source_id,
            **facts(now, row),
        }
        tx.feed.append(
            event_id=event_id,
            timeline_id=row.id,
            financing_invoice_id=now.id,
            connection=record.connection,
            status=row.status,
            occurred_at=row.observed_at,
            body=canonical_json(
                {
                    "id": event_id,
                    "type": TYPE,
                    "version": VERSION,
                    "timestamp": instant_text(row.observed_at),
                    "data": data,
                }
            ),
        )


def facts(financing: FinancingRow, row: TimelineRow) -> dict[str, Any]:
    """What is told of the invoice and its status. Money twice: integer minor units, and decimal text."""
    currency = financing.currency
    return {
        "invoice_number": financing.invoice_number,
        "direction": financing.direction,
        "financier": financing.financier,
        "client_reference_id": financing.client_reference_id,
        "sequence": row.seq,
        "status": row.status,
        "raw_status": row.raw_status,
        "is_final": row.status in TERMINAL_STATUSES,
        "currency": currency,
        "amount_minor_units": financing.amount_minor_units,
        "amount": to_text(financing.amount_minor_units, currency),
        "parts": {
            name: {"amount_minor_units": amount, "amount": to_text(amount, currency)}
            for name, amount in financing.financing.items()
        },
        "occurred_at": instant_text(row.observed_at),
    }


def identifier(client_reference_id: str, row: TimelineRow) -> str:
    """The event's identifier: the same for the same status of the same invoice, also after a restore."""
    name = canonical_json([client_reference_id, row.seq, row.raw_status])
    return f"evt_{hashlib.sha256(name.encode()).hexdigest()[:32]}"
