"""Keeps the facts of invoices in step with their records: what lists show and search finds, whatever the outcome.

Derived from what is stored, without asking any source, after each pull and at the start. A fact that is behind costs
an invoice its place in a search until the next round; nothing that moves money reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from connector.corrections import corrected, from_json
from connector.deciding import Decider, client_reference_id
from connector.evaluating import readable
from connector.store.corrections import Correction
from connector.store.database import Database
from connector.store.reading_facts import Facts, Unread
from connector.store.transaction import Transaction
from mappings.canonical import Direction

BATCH = 500
LONGEST = 300
"""Longest text kept of a field: what is longer is cut off for lists, never in the record."""


class FactKeeper:
    """Reads facts out of records by the mapping that decides them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def catch_up(self, decider: Decider) -> int:
        """Read whatever is missing or out of date of the decider's connection. Returns how many records were read."""
        connection = decider.flow.connection
        read = after_id = 0
        while True:
            with self._database.read() as tx:
                stale = tx.facts.stale(connection, decider.mapping_version_id, after_id, BATCH)
                found = [(row, decider.mapping.read(readable(row.raw))) for row in stale]
                names = tx.companies.names(connection, sorted(_counterparties(found)))
            if not stale:
                return read
            with self._database.write() as tx:
                _save(tx, decider, found, names)
            after_id = stale[-1].record_id
            read += len(stale)

    @staticmethod
    def read_again(tx: Transaction, decider: Decider, record_id: int) -> None:
        """Read the facts of one record anew, in a transaction that changed what counts of it."""
        record = tx.records.get(record_id)
        raw = tx.records.latest_raw(record_id)
        row = Unread(record_id, record.latest_version_id, record.stream, record.source_id, raw)
        fields = decider.mapping.read(readable(raw))
        names = tx.companies.names(record.connection, sorted(_counterparties([(row, fields)])))
        _save(tx, decider, [(row, fields)], names)


Found = tuple[Unread, Mapping[str, Any]]


def _save(
    tx: Transaction, decider: Decider, found: Sequence[Found], names: Mapping[str, str]
) -> None:
    """Keep what was read; of records that people corrected, what they say."""
    corrections = tx.corrections.in_force([row.record_id for row, _ in found])
    if corrections:
        found = [(row, _as_corrected(row, fields, corrections, decider)) for row, fields in found]
        parties = sorted(_counterparties(found))
        names = {**names, **tx.companies.names(decider.flow.connection, parties)}
    tx.facts.save([_facts(row, fields, names, decider) for row, fields in found])


def _as_corrected(
    row: Unread,
    fields: Mapping[str, Any],
    corrections: Mapping[int, Correction],
    decider: Decider,
) -> Mapping[str, Any]:
    correction = corrections.get(row.record_id)
    if correction is None:
        return fields
    raw = corrected(row.raw, from_json(correction.fields), decider.mapping)
    return fields if raw is None else decider.mapping.read(readable(raw))


def _counterparty(fields: Mapping[str, Any]) -> str | None:
    """The other side: the supplier of a payable, the buyer of a receivable."""
    payable = fields.get("direction") == Direction.PAYABLE
    return _text(fields.get("supplier" if payable else "buyer"))


def _counterparties(found: Iterable[Found]) -> set[str]:
    return {company for _, fields in found if (company := _counterparty(fields)) is not None}


def _facts(
    row: Unread, fields: Mapping[str, Any], names: Mapping[str, str], decider: Decider
) -> Facts:
    counterparty_id = _counterparty(fields)
    name = None if counterparty_id is None else names.get(counterparty_id)
    number = _text(fields.get("invoice_number"))
    due_date = fields.get("due_date")
    reference = client_reference_id(decider.flow.connection, row.stream, row.source_id)
    words = (number, name, counterparty_id, row.source_id, reference, f"r{row.record_id}")
    return Facts(
        record_id=row.record_id,
        version_id=row.version_id,
        mapping_version_id=decider.mapping_version_id,
        invoice_number=number,
        direction=_text(fields.get("direction")),
        counterparty_id=counterparty_id,
        counterparty_name=name,
        due_date=due_date if isinstance(due_date, date) else None,
        searched="\n".join(word for word in words if word).casefold(),
    )


def _text(value: Any) -> str | None:
    return str(value)[:LONGEST] if isinstance(value, str) else None
