"""The version store: source records, their immutable versions, and what the mapping made of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import select, update

from connector.errors import InvariantBroken
from connector.store.reading import RecordReading
from connector.store.repository import Value
from connector.store.schema import outcomes, source_records

_INSERT_RECORD = """
insert into source_records (id, connection, stream, source_id, latest_version_id, latest_version_no, content_hash,
  page, outcome_id, outcome_kind, reason_code, recheck_on) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_ADVANCE_RECORD = """
update source_records set latest_version_id = ?, latest_version_no = ?, content_hash = ?, page = coalesce(?, page)
where id = ? and latest_version_no = ? and connection = ? and stream = ?"""

_DECIDE_RECORD = """
update source_records set outcome_id = ?, outcome_kind = ?, reason_code = ?, recheck_on = ?
where id = ? and latest_version_id = ?"""

_INSERT_VERSION = """
insert into record_versions (id, record_id, version_no, content_hash, raw, secrets, source_updated_at, is_echo,
  run_id, stored_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_INSERT_OUTCOME = """
insert into outcomes (id, record_id, version_id, mapping_version_id, run_id, kind, reason_code, sentence, field_path,
  rule, currency, amount_minor_units, problems, decided_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_KNOWN_SQLITE = """
select source_id, id, latest_version_no, content_hash, page, outcome_id, outcome_kind, latest_version_id
from source_records where connection = ? and stream = ? and source_id in (select value from json_each(?))"""

_KNOWN_POSTGRESQL = """
select source_id, id, latest_version_no, content_hash, page, outcome_id, outcome_kind, latest_version_id
from source_records where connection = ? and stream = ? and source_id = any(?::text[])"""

_KNOWN_BATCH = 500

# The rows below are made by the hundred for every page: named tuples, four times as fast to make as dataclasses.


class Known(NamedTuple):
    """What the store already holds of a source record."""

    id: int
    version_no: int
    content_hash: bytes
    page: int | None
    outcome_id: int | None
    outcome_kind: str | None
    latest_version_id: int


class NewOutcome(NamedTuple):
    """An outcome to be stored under an allocated `id`. `amount_minor_units` in the smallest unit of `currency`."""

    id: int
    kind: str
    reason_code: str | None = None
    sentence: str | None = None
    field_path: str | None = None
    rule: str | None = None
    currency: str | None = None
    amount_minor_units: int | None = None
    problems_json: str | None = None


class NewVersion(NamedTuple):
    """A version to be stored under allocated identifiers. `is_first`: the record itself is new.

    Without an `outcome` a known record keeps the current one (an echo, or a stream that is not mapped).
    """

    record_id: int
    version_id: int
    is_first: bool
    source_id: str
    version_no: int
    content_hash: bytes
    raw: bytes
    secrets: bytes | None = None
    source_updated_at: str | None = None
    is_echo: bool = False
    page: int | None = None
    outcome: NewOutcome | None = None
    recheck_on: date | None = None


class Decision(NamedTuple):
    """A new outcome for the latest version of a record."""

    record_id: int
    version_id: int
    outcome: NewOutcome
    recheck_on: date | None = None


class InForce(NamedTuple):
    """What a record's outcome in force says, and of what."""

    record_id: int
    version_id: int
    mapping_version_id: int
    kind: str
    reason_code: str | None
    recheck_on: date | None


class Records(RecordReading):
    """Writing versions and outcomes: the path of a pull."""

    def known(self, connection: str, stream: str, source_ids: Sequence[str]) -> dict[str, Known]:
        """The records of a stream that are stored already, by their source identifier."""
        found: dict[str, Known] = {}
        for start in range(0, len(source_ids), _KNOWN_BATCH):
            batch = list(source_ids[start : start + _KNOWN_BATCH])
            if self._is_sqlite:
                rows = self._query_plain(_KNOWN_SQLITE, (connection, stream, json.dumps(batch)))
            else:
                rows = self._query_plain(_KNOWN_POSTGRESQL, (connection, stream, batch))
            found.update((row[0], Known._make(row[1:])) for row in rows)
        return found

    def save(
        self,
        connection: str,
        stream: str,
        run_id: int | None,
        mapping_version_id: int | None,
        versions: Sequence[NewVersion],
    ) -> None:
        """Store versions with their outcomes and make both current.

        Raises InvariantBroken when a version is not the next one of its record, a record is there already, an
        outcome comes without a mapping version, or a constraint refuses a row. Then nothing may be committed.
        """
        now = self._now_text()
        self._execute_many(
            _INSERT_RECORD,
            [_first_row(connection, stream, new) for new in versions if new.is_first],
        )
        again = [new for new in versions if not new.is_first]
        self._change_all(
            _ADVANCE_RECORD,
            [
                (
                    new.version_id,
                    new.version_no,
                    new.content_hash,
                    new.page,
                    new.record_id,
                    new.version_no - 1,
                    connection,
                    stream,
                )
                for new in again
            ],
        )
        self._execute_many(_INSERT_VERSION, [_version_row(new, run_id, now) for new in versions])
        self._execute_many(
            _INSERT_OUTCOME,
            [
                _outcome_row(made, new.record_id, new.version_id, mapping_version_id, run_id, now)
                for new in versions
                if (made := new.outcome) is not None
            ],
        )
        self._change_all(
            _DECIDE_RECORD,
            [
                (*_current(new), new.record_id, new.version_id)
                for new in again
                if new.outcome is not None
            ],
        )

    def decide(
        self,
        record_id: int,
        version_id: int,
        mapping_version_id: int,
        run_id: int | None,
        outcome: NewOutcome,
        recheck_on: date | None,
    ) -> None:
        """Append an outcome to the latest version of a record and make it current."""
        self.decide_many(
            mapping_version_id, run_id, [Decision(record_id, version_id, outcome, recheck_on)]
        )

    def decide_many(
        self, mapping_version_id: int, run_id: int | None, decisions: Sequence[Decision]
    ) -> None:
        """`decide` in bulk. Raises InvariantBroken when a version is no longer the latest of its record."""
        now = self._now_text()
        outcomes: list[tuple[Value, ...]] = []
        current: list[tuple[Value, ...]] = []
        for made in decisions:
            outcome, recheck_on = made.outcome, made.recheck_on
            outcomes.append(
                _outcome_row(
                    outcome, made.record_id, made.version_id, mapping_version_id, run_id, now
                )
            )
            current.append(
                (
                    outcome.id,
                    outcome.kind,
                    outcome.reason_code,
                    None if recheck_on is None else recheck_on.isoformat(),
                    made.record_id,
                    made.version_id,
                )
            )
        self._execute_many(_INSERT_OUTCOME, outcomes)
        self._change_all(_DECIDE_RECORD, current)

    def in_force(self, record_ids: Sequence[int]) -> list[InForce]:
        """The outcomes in force of those of the records that were decided."""
        rows = self._connection.execute(
            select(
                source_records.c.id,
                outcomes.c.version_id,
                outcomes.c.mapping_version_id,
                outcomes.c.kind,
                outcomes.c.reason_code,
                source_records.c.recheck_on,
            )
            .join(outcomes, outcomes.c.id == source_records.c.outcome_id)
            .where(self._among(source_records.c.id, record_ids))
        )
        return [InForce(*row) for row in rows]

    def touch_page(self, record_ids: Sequence[int], page: int) -> None:
        """Remember on which page of a numbered walk these records were seen."""
        self._connection.execute(
            update(source_records)
            .where(self._among(source_records.c.id, record_ids))
            .values(page=page)
        )

    def _change_all(self, statement: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Every row must find what it changes: another writer was faster otherwise."""
        if self._execute_many(statement, rows) != len(rows):
            raise InvariantBroken(
                "A source record was changed by another writer at the same time.",
                remedy="Nothing was stored; the next run reads it again.",
            )


def _current(new: NewVersion) -> tuple[Value, ...]:
    """What the record itself repeats of its current outcome."""
    made, recheck_on = new.outcome, new.recheck_on
    if made is None:
        return (None, None, None, None)
    day = None if recheck_on is None else recheck_on.isoformat()
    return (made.id, made.kind, made.reason_code, day)


def _first_row(connection: str, stream: str, new: NewVersion) -> tuple[Value, ...]:
    return (
        new.record_id,
        connection,
        stream,
        new.source_id,
        new.version_id,
        new.version_no,
        new.content_hash,
        new.page,
        *_current(new),
    )


def _version_row(new: NewVersion, run_id: int | None, now: str) -> tuple[Value, ...]:
    return (
        new.version_id,
        new.record_id,
        new.version_no,
        new.content_hash,
        new.raw,
        new.secrets,
        new.source_updated_at,
        1 if new.is_echo else 0,
        run_id,
        now,
    )


def _outcome_row(
    made: NewOutcome,
    record_id: int,
    version_id: int,
    mapping_version_id: int | None,
    run_id: int | None,
    now: str,
) -> tuple[Value, ...]:
    return (
        made.id,
        record_id,
        version_id,
        mapping_version_id,
        run_id,
        made.kind,
        made.reason_code,
        made.sentence,
        made.field_path,
        made.rule,
        made.currency,
        made.amount_minor_units,
        made.problems_json,
        now,
    )
