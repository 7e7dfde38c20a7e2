"""Corrections of single fields by people, and by which of them an outcome came about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from connector.errors import InvariantBroken
from connector.store.repository import Repository
from connector.store.schema import corrected_outcomes, record_corrections, source_records

_ANY = "select 1 from record_corrections where ended_at is null limit 1"
_NOTE = "insert into corrected_outcomes (outcome_id, correction_id) values (?, ?)"


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's word for single fields of a record. `fields` is its JSON, which `connector.corrections` reads; it is
    in force while `ended_at` is None."""

    id: int
    record_id: int
    fields: str
    reason: str
    corrected_at: datetime
    corrected_by: str
    ended_at: datetime | None
    ended_by: str | None
    ended_reason: str | None


class Corrections(Repository):
    """Writing and reading corrections."""

    def add(self, record_id: int, fields: str, reason: str, by: str) -> int:
        """Correct a record; the correction's identifier. Raises InvariantBroken when one is in force already."""
        (correction_id,) = self._transaction.allocate("record_corrections", 1)
        self._connection.execute(
            insert(record_corrections).values(
                id=correction_id,
                record_id=record_id,
                fields=fields,
                reason=reason,
                corrected_at=self._now(),
                corrected_by=by,
            )
        )
        return correction_id

    def end(self, correction_id: int, by: str, reason: str) -> None:
        """End one that is in force. Raises InvariantBroken when it is not."""
        columns = record_corrections.c
        changed = self._connection.execute(
            update(record_corrections)
            .where(columns.id == correction_id, columns.ended_at.is_(None))
            .values(ended_at=self._now(), ended_by=by, ended_reason=reason)
        )
        if changed.rowcount != 1:
            raise InvariantBroken(f"The correction {correction_id} is not in force.")

    def lock(self, record_ids: Collection[int]) -> None:
        """Let no other transaction correct or decide these records before this one ends (PostgreSQL; SQLite has one
        writer): what is in force is looked at only then."""
        if self._is_sqlite or not record_ids:
            return
        columns = source_records.c
        self._connection.execute(
            select(columns.id)
            .where(self._among(columns.id, list(record_ids)))
            .order_by(columns.id)
            .with_for_update()
        )

    def in_force(self, record_ids: Collection[int]) -> dict[int, Correction]:
        """Those of the records that are corrected, by record."""
        if not record_ids or not self._query_plain(_ANY, ()):
            return {}  # as nearly always, and asked for every batch of a pull
        columns = record_corrections.c
        rows = self._connection.execute(
            select(record_corrections).where(
                columns.ended_at.is_(None), self._among(columns.record_id, list(record_ids))
            )
        )
        return {row["record_id"]: Correction(**row) for row in rows.mappings()}

    def next_in_force(self, after_id: int, limit: int) -> list[Correction]:
        """Corrections in force of any record, by identifier, after `after_id`."""
        columns = record_corrections.c
        rows = self._connection.execute(
            select(record_corrections)
            .where(columns.ended_at.is_(None), columns.id > after_id)
            .order_by(columns.id)
            .limit(limit)
        )
        return [Correction(**row) for row in rows.mappings()]

    def of_record(self, record_id: int) -> list[Correction]:
        """Every correction of a record, newest first."""
        columns = record_corrections.c
        rows = self._connection.execute(
            select(record_corrections)
            .where(columns.record_id == record_id)
            .order_by(columns.id.desc())
        )
        return [Correction(**row) for row in rows.mappings()]

    def note_outcomes(self, corrections: Mapping[int, int]) -> None:
        """Note by which correction outcomes came about: (stored outcome: correction)."""
        self._execute_many(_NOTE, list(corrections.items()))

    def of_outcomes(self, outcome_ids: Collection[int]) -> dict[int, Correction]:
        """The corrections by which these outcomes came about; an outcome that came about by none is absent."""
        if not outcome_ids:
            return {}
        rows = self._connection.execute(
            select(corrected_outcomes.c.outcome_id, record_corrections)
            .join(record_corrections, record_corrections.c.id == corrected_outcomes.c.correction_id)
            .where(self._among(corrected_outcomes.c.outcome_id, list(outcome_ids)))
        )
        return {outcome_id: Correction(*rest) for outcome_id, *rest in rows}
