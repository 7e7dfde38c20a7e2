"""Write back: every applied status is written on the invoice in the accounting system, in order, once.

The row is made in the transaction that appended the status, so none is forgotten. Rows of one invoice form a stream:
the next is not touched while an earlier one is open. An unclear answer is looked up by the marker in the text before
the note is written again. Systems that offer no way to write back get a row that says so by name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connector.clock import Clock
from connector.confirming import SEND_INSTEAD, Confirmable, Confirmed
from connector.delivery import Delivery, Patience, Result
from connector.errors import Refused, Unsupported
from connector.store.database import Database
from connector.store.financing_rows import FinancingRow
from connector.store.outbox_reading import OutboxRow
from connector.store.timeline import TimelineRow
from connector.store.transaction import Transaction
from connector.system import AccountingSystem, StatusNote, Written
from mappings.money import to_text

KIND = "write_status"

SENTENCES = {
    "draft": "was prepared for financing",
    "submitted": "was submitted for financing",
    "information_required": "needs more information or documents before it can be financed",
    "awaiting_signatures": "waits for the signatures of buyer and supplier",
    "approved": "was approved for financing",
    "funded": "was financed: the first payment has been sent",
    "overdue": "is financed and overdue: the buyer has not paid in time",
    "returning": "was financed, and what was paid out is being taken back",
    "returned": "was financed, and what was paid out has been taken back",
    "repaid": "was financed and has been repaid",
    "declined": "was declined for financing",
    "defaulted": "was financed and is in default",
    "unknown": "has a status that this connector does not know",
}


def stream_name(record_id: int) -> str:
    """The outbox stream of one source invoice's write-backs."""
    return f"write_back:{record_id}"


class WriteBackQueue:
    """Makes the outbox row for an applied status, inside the transaction that applied it."""

    def __init__(self, connection: str, system: AccountingSystem | None) -> None:
        self._connection = connection
        self._system = system  # None: the connection is no longer configured

    def __call__(self, tx: Transaction, financing: FinancingRow, row: TimelineRow) -> None:
        record = tx.records.get(financing.record_id)
        marker = f"{financing.client_reference_id}/{row.seq}"
        unsupported: str | None = f"The connection {self._connection} is no longer configured."
        if self._system is not None:
            offered = self._system.capabilities
            unsupported = None if offered.status_notes else offered.write_back
        tx.outbox.add(
            row_id=tx.allocate("outbox", 1)[0],
            stream=stream_name(financing.record_id),
            kind=KIND,
            target=self._connection,
            financing_invoice_id=financing.id,
            timeline_id=row.id,
            idempotency_key=f"write_back:{marker}",
            payload={
                "source_id": record.source_id,
                "marker": marker,
                "status": row.status,
                "text": sentence(financing, row),
                "occurred_at": row.observed_at.isoformat(),
            },
            unsupported=unsupported,
        )


def sentence(financing: FinancingRow, row: TimelineRow) -> str:
    """The note an accountant reads on the invoice."""
    amount = to_text(financing.amount_minor_units, financing.currency)
    said = SENTENCES[row.status]
    raw = f" (the financier's word: {row.raw_status})" if row.status == "unknown" else ""
    return (
        f"Financing by {financing.financier}: invoice {financing.invoice_number} over "
        f"{amount} {financing.currency} {said}{raw}."
    )


class WriteBacker:
    """Sends the due write-backs of one connection."""

    def __init__(
        self, database: Database, clock: Clock, system: AccountingSystem, patience: Patience
    ) -> None:
        self._system = system
        self._delivery = Delivery(database, clock, patience)

    def work(self, row: OutboxRow) -> None:
        """One attempt at one row of ours; raises as `Delivery.work` does."""
        self._delivery.work(row, _Note(self._system))


def effect(system: AccountingSystem) -> Confirmable:
    """A note's message, for a person who knows that it took effect."""
    return _Note(system)


class _Note:
    """One status on one invoice of the accounting system, as an effect of the delivery rules."""

    repeatable = False
    unsupported_state = "unsupported"

    def __init__(self, system: AccountingSystem) -> None:
        self._system = system

    def prepare(self, tx: Transaction, row: OutboxRow, action: str) -> None:
        self._note = note_of(row.payload)

    def send(self) -> Result:
        return _as_json(self._system.write_status(self._note))

    def look_up(self) -> Result | None:
        found = self._system.find_status(self._note)
        return None if found is None else _as_json(found)

    def confirm(self, remote_id: str | None) -> Confirmed:
        try:
            found = self.look_up()
        except Unsupported:
            return Confirmed({"remote_id": remote_id or "", "fields": {}}, checked=False)
        if found is None:
            raise Refused("The accounting system does not show this note.", remedy=SEND_INSTEAD)
        return Confirmed(found, checked=True)

    def done(self, tx: Transaction, row: OutboxRow, result: Result, how: str) -> None:
        tx.audit.append(
            "connector",
            f"write_back.{how}",
            row.payload["marker"],
            {"connection": row.target, "status": row.payload["status"]},
        )

    def parked(self, tx: Transaction, row: OutboxRow, reason: str) -> None:
        """Nothing follows: the status is on the timeline, only its note waits."""


def _as_json(written: Written) -> Result:
    return {"remote_id": written.remote_id, "fields": dict(written.fields)}


def note_of(payload: dict[str, Any]) -> StatusNote:
    """The note as it was fixed in the outbox row."""
    return StatusNote(
        source_id=payload["source_id"],
        marker=payload["marker"],
        status=payload["status"],
        text=payload["text"],
        occurred_at=datetime.fromisoformat(payload["occurred_at"]),
    )
