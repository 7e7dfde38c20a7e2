"""What is known of an invoice whatever its outcome: number, direction, counterparty, due date. Derived rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, func, or_, select

from connector.store.repository import Repository
from connector.store.schema import counterparties, invoice_facts, record_versions, source_records

_SAVE = """
insert into invoice_facts (record_id, version_id, mapping_version_id, invoice_number, direction, counterparty_id,
  counterparty_name, due_date, searched) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (record_id) do update set version_id = excluded.version_id,
  mapping_version_id = excluded.mapping_version_id, invoice_number = excluded.invoice_number,
  direction = excluded.direction, counterparty_id = excluded.counterparty_id,
  counterparty_name = excluded.counterparty_name, due_date = excluded.due_date, searched = excluded.searched"""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one record. `searched`: everything a person may look for it by, in lower case."""

    record_id: int
    version_id: int
    mapping_version_id: int
    invoice_number: str | None
    direction: str | None
    counterparty_id: str | None
    counterparty_name: str | None
    due_date: date | None
    searched: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A record whose facts are missing or out of date, with its latest version."""

    record_id: int
    version_id: int
    stream: str
    source_id: str
    raw: bytes


class InvoiceFacts(Repository):
    """Writing the facts, and finding those that are out of date."""

    def stale(
        self, connection: str, mapping_version_id: int, after_id: int, limit: int
    ) -> list[Unread]:
        """The next records of a connection whose facts are not those of their latest version, of this mapping version
        and of the name their counterparty has now."""
        records, facts, known = source_records.c, invoice_facts.c, counterparties.c
        ids = (
            select(records.id)
            .outerjoin(invoice_facts, facts.record_id == records.id)
            .outerjoin(
                counterparties,
                and_(
                    known.connection == records.connection,
                    known.counterparty_id == facts.counterparty_id,
                ),
            )
            .where(
                # An expression, so that the records are walked by their identifier and not collected by connection.
                func.coalesce(records.connection, "") == connection,
                records.outcome_id.is_not(None),
                records.id > after_id,
                or_(
                    facts.version_id.is_distinct_from(records.latest_version_id),
                    facts.mapping_version_id != mapping_version_id,
                    known.name.is_distinct_from(facts.counterparty_name),
                ),
            )
            .order_by(records.id)
            .limit(limit)
        )
        rows = self._connection.execute(
            select(
                records.id,
                records.latest_version_id,
                records.stream,
                records.source_id,
                record_versions.c.raw,
            )
            .join(record_versions, record_versions.c.id == records.latest_version_id)
            .where(records.id.in_(ids))
            .order_by(records.id)
        )
        return [Unread(*row) for row in rows]

    def save(self, rows: Sequence[Facts]) -> None:
        """Store facts, in place of earlier ones of the same record."""
        self._execute_many(
            _SAVE,
            [
                (
                    row.record_id,
                    row.version_id,
                    row.mapping_version_id,
                    row.invoice_number,
                    row.direction,
                    row.counterparty_id,
                    row.counterparty_name,
                    None if row.due_date is None else row.due_date.isoformat(),
                    row.searched,
                )
                for row in rows
            ],
        )
