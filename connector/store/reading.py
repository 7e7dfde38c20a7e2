"""Reading source records, versions and outcomes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select

from connector.errors import NotFound
from connector.store.repository import Repository
from connector.store.schema import outcomes, page_marks, record_versions, source_records

_MARK_PAGE = """
insert into page_marks (connection, stream, page, digest, size) values (?, ?, ?, ?, ?)
on conflict (connection, stream, page) do update set digest = excluded.digest, size = excluded.size"""


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A source record with its current outcome."""

    id: int
    connection: str
    stream: str
    source_id: str
    latest_version_id: int
    latest_version_no: int
    content_hash: bytes
    page: int | None
    outcome_id: int | None
    outcome_kind: str | None
    reason_code: str | None
    recheck_on: date | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a record. `raw` is its JSON as stored (secret values are masked in it)."""

    id: int
    record_id: int
    version_no: int
    content_hash: bytes
    raw: bytes
    secrets: bytes | None
    source_updated_at: str | None
    is_echo: bool
    run_id: int | None
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What a mapping version made of a record version. `problems` is the JSON list as stored."""

    id: int
    record_id: int
    version_id: int
    mapping_version_id: int
    run_id: int | None
    kind: str
    reason_code: str | None
    sentence: str | None
    field_path: str | None
    rule: str | None
    currency: str | None
    amount_minor_units: int | None
    problems: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class RecordForDecision:
    """What a re-mapping needs of a record: its latest version, and what was decided last."""

    record_id: int
    version_id: int
    source_id: str
    raw: bytes
    outcome_id: int | None
    outcome_kind: str | None
    reason_code: str | None
    recheck_on: date | None
    mapping_version_id: int | None
    sentence: str | None
    field_path: str | None


@dataclass(frozen=True, slots=True)
class CurrentOutcome:
    """A record and its current outcome, for lists that people read."""

    record: RecordRow
    outcome: OutcomeRow


class RecordReading(Repository):
    """The reading half of `Records`."""

    def find(self, connection: str, stream: str, source_id: str) -> RecordRow | None:
        """The record of a stream with this source identifier."""
        return self._record(
            select(source_records).where(
                source_records.c.connection == connection,
                source_records.c.stream == stream,
                source_records.c.source_id == source_id,
            )
        )

    def by_source_id(self, source_id: str, limit: int = 10) -> list[RecordRow]:
        """Mapped records with this identifier of the source's, of any connection."""
        rows = self._connection.execute(
            select(source_records)
            .where(
                source_records.c.source_id == source_id, source_records.c.outcome_id.is_not(None)
            )
            .order_by(source_records.c.id)
            .limit(limit)
        )
        return [RecordRow(**row) for row in rows.mappings()]

    def ids_of(self, connection: str, stream: str, source_ids: Sequence[str]) -> dict[str, int]:
        """Our identifiers of records, by those of the source."""
        columns = source_records.c
        rows = self._connection.execute(
            select(columns.source_id, columns.id).where(
                columns.connection == connection,
                columns.stream == stream,
                self._among(columns.source_id, list(source_ids)),
            )
        )
        return {row.source_id: row.id for row in rows}

    def get(self, record_id: int) -> RecordRow:
        """The record with this identifier of ours. Raises NotFound."""
        found = self._record(select(source_records).where(source_records.c.id == record_id))
        if found is None:
            raise NotFound(f"There is no source record {record_id}.")
        return found

    def versions(self, record_id: int) -> list[VersionRow]:
        """All versions of a record, oldest first."""
        rows = self._connection.execute(
            select(record_versions)
            .where(record_versions.c.record_id == record_id)
            .order_by(record_versions.c.version_no)
        )
        return [_version(dict(row)) for row in rows.mappings()]

    def version(self, version_id: int) -> VersionRow | None:
        """One version."""
        row = (
            self._connection.execute(
                select(record_versions).where(record_versions.c.id == version_id)
            )
            .mappings()
            .one_or_none()
        )
        return None if row is None else _version(dict(row))

    def latest_raw(self, record_id: int) -> bytes:
        """The JSON of the latest version. Raises NotFound for an unknown record."""
        raw = self._connection.execute(
            select(record_versions.c.raw)
            .join(source_records, source_records.c.latest_version_id == record_versions.c.id)
            .where(source_records.c.id == record_id)
        ).scalar_one_or_none()
        if raw is None:
            raise NotFound(f"There is no source record {record_id}.")
        return bytes(raw)

    def outcomes_of(self, record_id: int) -> list[OutcomeRow]:
        """All outcomes of a record, oldest first."""
        rows = self._connection.execute(
            select(outcomes).where(outcomes.c.record_id == record_id).order_by(outcomes.c.id)
        )
        return [OutcomeRow(**row) for row in rows.mappings()]

    def outcome(self, outcome_id: int) -> OutcomeRow:
        """One outcome. Raises NotFound for an unknown identifier."""
        row = self._connection.execute(select(outcomes).where(outcomes.c.id == outcome_id))
        found = row.mappings().one_or_none()
        if found is None:
            raise NotFound(f"There is no outcome {outcome_id}.")
        return OutcomeRow(**found)

    def versions_decided(self, outcome_ids: Sequence[int]) -> dict[int, int]:
        """Of which record version each of these outcomes was decided."""
        rows = self._connection.execute(
            select(outcomes.c.id, outcomes.c.version_id).where(
                self._among(outcomes.c.id, list(outcome_ids))
            )
        )
        return {row.id: row.version_id for row in rows}

    def current_outcome(self, record_id: int) -> OutcomeRow:
        """The outcome in force. Raises NotFound for a record that was never decided."""
        rows = self._connection.execute(
            select(outcomes)
            .join(source_records, source_records.c.outcome_id == outcomes.c.id)
            .where(source_records.c.id == record_id)
        )
        found = rows.mappings().one_or_none()
        if found is None:
            raise NotFound(f"There is no outcome of source record {record_id}.")
        return OutcomeRow(**found)

    def iter_latest(
        self,
        connection: str,
        stream: str,
        *,
        kinds: Collection[str] | None = None,
        reason_codes: Collection[str] | None = None,
        recheck_due: date | None = None,
        not_by_mapping: int | None = None,
        stored_since: date | None = None,
        only: Collection[int] | None = None,
        after_id: int = 0,
        limit: int = 500,
    ) -> list[RecordForDecision]:
        """The next records of a stream after `after_id`, by identifier, with their latest version.

        `recheck_due`: only those whose outcome may change on or before that date. `not_by_mapping`: only those
        decided by another mapping version than this one, or never. `stored_since`: only those whose latest version
        was stored on that day or later. `only`: none but these records.
        """
        records = source_records.c
        # Every record of the stream is looked at in the order of its identifier. The index over connection and
        # stream would collect and sort all of them for each page; an expression keeps the planners off it.
        ids = select(records.id).where(
            func.coalesce(records.connection, "") == connection,
            func.coalesce(records.stream, "") == stream,
        )
        position: ColumnElement[int] = records.id
        if recheck_due is not None:
            ids = ids.where(records.recheck_on <= recheck_due)
            position = (
                records.id + 0
            )  # few as a rule, and asked for often: sort them by way of their own index
        if only is not None:
            ids = ids.where(self._among(records.id, only))
        if not_by_mapping is not None:
            decided_by = outcomes.c.mapping_version_id
            ids = ids.outerjoin(outcomes, outcomes.c.id == records.outcome_id)
            ids = ids.where(decided_by.is_distinct_from(not_by_mapping))
        if stored_since is not None:
            latest = record_versions.alias()
            ids = ids.join(latest, latest.c.id == records.latest_version_id)
            ids = ids.where(func.substr(latest.c.stored_at, 1, 10) >= stored_since.isoformat())
        rows = self._connection.execute(
            select(
                records.id,
                records.latest_version_id,
                records.source_id,
                record_versions.c.raw,
                records.outcome_id,
                records.outcome_kind,
                records.reason_code,
                records.recheck_on,
                outcomes.c.mapping_version_id,
                outcomes.c.sentence,
                outcomes.c.field_path,
            )
            .join(record_versions, record_versions.c.id == records.latest_version_id)
            .outerjoin(outcomes, outcomes.c.id == records.outcome_id)
            .where(records.id.in_(_page(ids, position, kinds, reason_codes, after_id, limit)))
            .order_by(records.id)
        )
        return [RecordForDecision(*row) for row in rows]

    def stored_versions(
        self,
        connection: str,
        stream: str,
        *,
        since: date | None = None,
        until: date | None = None,
        older: bool = True,
        after_id: int = 0,
        limit: int = 500,
    ) -> tuple[list[tuple[int, str, int, bytes, bool]], int | None]:
        """The versions of the next `limit` records after `after_id`: (record, source id, version number, raw, whether
        it is the latest), and the identifier of the last of these records, None when there are none.

        Only versions stored on the days from `since` to `until`; without `older`, only latest ones.
        """
        records, versions = source_records.c, record_versions.c
        ids = (
            select(records.id)
            .where(
                func.coalesce(records.connection, "") == connection,  # see `iter_latest`
                func.coalesce(records.stream, "") == stream,
                records.id > after_id,
            )
            .order_by(records.id)
            .limit(limit)
        )
        page = list(self._connection.execute(ids).scalars())
        if not page:
            return [], None
        is_latest = versions.id == records.latest_version_id
        query = (
            select(records.id, records.source_id, versions.version_no, versions.raw, is_latest)
            .join(record_versions, versions.record_id == records.id)
            .where(records.id.between(page[0], page[-1]), self._among(records.id, page))
            .order_by(records.id, versions.version_no)
        )
        if since is not None:
            query = query.where(func.substr(versions.stored_at, 1, 10) >= since.isoformat())
        if until is not None:
            query = query.where(func.substr(versions.stored_at, 1, 10) <= until.isoformat())
        if not older:
            query = query.where(is_latest)
        rows = [
            (record_id, source_id, number, bytes(raw), bool(latest))
            for record_id, source_id, number, raw, latest in self._connection.execute(query).all()
        ]
        return rows, page[-1]

    def list_current(
        self,
        kinds: Collection[str] | None,
        connection: str | None = None,
        reason_code: str | None = None,
        after_id: int = 0,
        limit: int = 100,
    ) -> list[CurrentOutcome]:
        """The next records after `after_id` whose current outcome is one of `kinds`, by record identifier."""
        ids = select(source_records.c.id).where(source_records.c.outcome_id.is_not(None))
        if connection is not None:
            ids = ids.where(source_records.c.connection == connection)
        codes = None if reason_code is None else (reason_code,)
        page = _page(ids, source_records.c.id, kinds, codes, after_id, limit)
        rows = self._connection.execute(
            select(source_records, outcomes)
            .join(outcomes, outcomes.c.id == source_records.c.outcome_id)
            .where(source_records.c.id.in_(page))
            .order_by(source_records.c.id)
        )
        width = len(source_records.c)
        return [
            CurrentOutcome(RecordRow(*row[:width]), OutcomeRow(*row[width:]))
            for row in (tuple(found) for found in rows)
        ]

    # -- page marks ------------------------------------------------------------------------------------------------

    def page_marks(self, connection: str, stream: str) -> dict[int, tuple[bytes, int]]:
        """Digest and number of records of each page of the last finished numbered walk, by page number."""
        rows = self._connection.execute(
            select(page_marks.c.page, page_marks.c.digest, page_marks.c.size).where(
                page_marks.c.connection == connection, page_marks.c.stream == stream
            )
        )
        return {page: (digest, size) for page, digest, size in rows}

    def mark_page(self, connection: str, stream: str, page: int, digest: bytes, size: int) -> None:
        """Remember a page as stored."""
        self._run_plain(_MARK_PAGE, (connection, stream, page, digest, size))

    def unmark_pages(self, connection: str, stream: str, pages: Sequence[int]) -> None:
        """Forget pages, so that the next walk decodes them again."""
        self._connection.execute(
            delete(page_marks).where(
                page_marks.c.connection == connection,
                page_marks.c.stream == stream,
                page_marks.c.page.in_(pages),
            )
        )

    def _record(self, query: Select[Any]) -> RecordRow | None:
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else RecordRow(**row)


def _page(
    ids: Select[Any],
    position: ColumnElement[int],
    kinds: Collection[str] | None,
    reason_codes: Collection[str] | None,
    after_id: int,
    limit: int,
) -> Select[Any]:
    if kinds is not None:
        ids = ids.where(source_records.c.outcome_kind.in_(kinds))
    if reason_codes is not None:
        ids = ids.where(source_records.c.reason_code.in_(reason_codes))
    return ids.where(position > after_id).order_by(position).limit(limit)


def _version(row: dict[str, Any]) -> VersionRow:
    return VersionRow(**(row | {"is_echo": bool(row["is_echo"])}))
