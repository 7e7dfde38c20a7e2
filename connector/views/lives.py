"""The whole life of one invoice, and how one is found by what people call it."""

from __future__ import annotations

from collections.abc import Mapping

from connector.errors import NotFound, Refused
from connector.store.financing_rows import FinancingRow
from connector.store.reading import RecordRow
from connector.store.reading_invoices import Selection
from connector.store.transaction import Transaction
from connector.views.corrected import correction_line
from connector.views.lines import (
    Json,
    financing_line,
    instant,
    money,
    outbox_line,
    outcome,
    record_number,
)


def find_record(tx: Transaction, word: str) -> RecordRow:
    """The record meant by a client reference, the source's own identifier, a record number of ours (`r16`), or the
    number of the invoice.

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
        found = _by_number(tx, word)
    if not found:
        raise NotFound(
            f"No invoice is known as {word[:80]!r}.",
            remedy="Give its number, the client reference, the source's identifier, or a record number such as r16 "
            "from the error inbox.",
        )
    if len(found) > 1:
        meant = ", ".join(f"{record_number(row.id)} of {row.connection}" for row in found)
        raise Refused(
            f"{word[:80]!r} means several records.",
            remedy=f"Give the record number of the one you mean: {meant}.",
        )
    return found[0]


def _by_number(tx: Transaction, word: str) -> list[RecordRow]:
    chosen = Selection(words=(word,))
    lines = tx.invoices.page(chosen, limit=20)
    return [tx.records.get(line.record_id) for line in lines if line.invoice_number == word]


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
        "corrections": [correction_line(row) for row in tx.corrections.of_record(record.id)],
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
