"""What people do about records that wait: exclusions, records to be read anew, and who looks after what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from connector.errors import InvariantBroken
from connector.store.repository import Repository
from connector.store.schema import (
    inbox_assignments,
    manual_exclusions,
    people,
    reread_requests,
    source_records,
)


@dataclass(frozen=True, slots=True)
class ManualExclusion:
    """A person's decision that an invoice is not for financing; in force until it is revoked."""

    id: int
    record_id: int
    reason: str
    excluded_at: datetime
    excluded_by: str
    revoked_at: datetime | None
    revoked_by: str | None


@dataclass(frozen=True, slots=True)
class RereadRequest:
    """A record to be read from its system once more; `result` is a sentence about what came of it, None while it
    waits."""

    id: int
    record_id: int
    requested_at: datetime
    requested_by: str
    finished_at: datetime | None
    result: str | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who looks after a record or a cause."""

    subject: str
    person_id: int
    name: str
    assigned_at: datetime
    assigned_by: str


class Exclusions(Repository):
    """Decisions of people to leave an invoice out."""

    def add(self, record_id: int, reason: str, by: str) -> None:
        """Exclude a record. Raises InvariantBroken when an exclusion of it is in force already."""
        (exclusion_id,) = self._transaction.allocate("manual_exclusions", 1)
        self._connection.execute(
            insert(manual_exclusions).values(
                id=exclusion_id,
                record_id=record_id,
                reason=reason,
                excluded_at=self._now(),
                excluded_by=by,
            )
        )

    def revoke(self, record_id: int, by: str) -> None:
        """Take the exclusion in force back. Raises InvariantBroken when there is none."""
        columns = manual_exclusions.c
        changed = self._connection.execute(
            update(manual_exclusions)
            .where(columns.record_id == record_id, columns.revoked_at.is_(None))
            .values(revoked_at=self._now(), revoked_by=by)
        )
        if changed.rowcount != 1:
            raise InvariantBroken(f"No exclusion of record {record_id} is in force.")

    def in_force(self, record_ids: Collection[int]) -> dict[int, ManualExclusion]:
        """Those of the records that a person excluded."""
        columns = manual_exclusions.c
        rows = self._connection.execute(
            select(manual_exclusions).where(
                columns.revoked_at.is_(None), self._among(columns.record_id, list(record_ids))
            )
        )
        return {row["record_id"]: ManualExclusion(**row) for row in rows.mappings()}


class Rereads(Repository):
    """Requests to read records once more."""

    def request(self, record_ids: Sequence[int], by: str) -> int:
        """Ask for records; the number of those that were not asked for already."""
        columns = reread_requests.c
        waiting = set(
            self._connection.execute(
                select(columns.record_id).where(
                    columns.finished_at.is_(None), self._among(columns.record_id, list(record_ids))
                )
            ).scalars()
        )
        wanted = [record_id for record_id in record_ids if record_id not in waiting]
        ids = self._transaction.allocate("reread_requests", len(wanted))
        for request_id, record_id in zip(ids, wanted, strict=True):
            self._connection.execute(
                insert(reread_requests).values(
                    id=request_id,
                    record_id=record_id,
                    requested_at=self._now(),
                    requested_by=by,
                )
            )
        return len(wanted)

    def waiting(self, connection: str, limit: int) -> list[tuple[int, str, str]]:
        """(record, stream, source identifier) of the oldest open requests of a connection."""
        columns, records = reread_requests.c, source_records.c
        rows = self._connection.execute(
            select(columns.record_id, records.stream, records.source_id)
            .join(source_records, records.id == columns.record_id)
            .where(columns.finished_at.is_(None), records.connection == connection)
            .order_by(columns.id)
            .limit(limit)
        )
        return [(record_id, stream, source_id) for record_id, stream, source_id in rows]

    def finish(self, record_id: int, result: str) -> None:
        """Note what came of the open request of a record."""
        columns = reread_requests.c
        self._connection.execute(
            update(reread_requests)
            .where(columns.record_id == record_id, columns.finished_at.is_(None))
            .values(finished_at=self._now(), result=result)
        )

    def newest(self, record_ids: Sequence[int]) -> dict[int, RereadRequest]:
        """The newest request of each record that was ever asked for."""
        columns = reread_requests.c
        rows = self._connection.execute(
            select(reread_requests)
            .where(self._among(columns.record_id, list(record_ids)))
            .order_by(columns.id)
        )
        return {row["record_id"]: RereadRequest(**row) for row in rows.mappings()}


class Assignments(Repository):
    """Who looks after which record or cause."""

    def assign(self, subject: str, person_id: int, by: str) -> None:
        """Give it to a person, in place of whoever had it."""
        self._upsert(
            inbox_assignments,
            subject=subject,
            person_id=person_id,
            assigned_at=self._now(),
            assigned_by=by,
        )

    def release(self, subject: str) -> None:
        """Nobody in particular looks after it any more."""
        self._connection.execute(
            delete(inbox_assignments).where(inbox_assignments.c.subject == subject)
        )

    def all(self) -> dict[str, Assignment]:
        """Every assignment by its subject."""
        rows = self._connection.execute(
            select(
                inbox_assignments.c.subject,
                inbox_assignments.c.person_id,
                people.c.name,
                inbox_assignments.c.assigned_at,
                inbox_assignments.c.assigned_by,
            ).join(people, people.c.id == inbox_assignments.c.person_id)
        )
        return {row.subject: Assignment(*row) for row in rows}
