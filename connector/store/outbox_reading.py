"""Reading the outbox: rows, their attempts, and what they add up to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select

from connector.errors import NotFound
from connector.store.repository import Repository
from connector.store.schema import attempts, financing_invoices, outbox

OPEN = ("pending", "sending", "unknown", "parked")
FINISHED = ("done", "unsupported", "dead")
_REFUSALS = ("Refused", "NotFound")
"""Errors that say that a request was understood and not followed (`connector.errors`)."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One intended effect. `payload` and `result` are decoded JSON objects."""

    id: int
    stream: str
    seq: int
    kind: str
    target: str
    financing_invoice_id: int
    timeline_id: int | None
    idempotency_key: str
    payload: dict[str, Any]
    state: str
    attempts: int
    next_attempt_at: datetime | None
    lease_token: str | None
    lease_expires_at: datetime | None
    result: dict[str, Any] | None
    error_class: str | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one row: `action` is send or look_up; `finished_at` None means the program ended during it."""

    attempt_no: int
    action: str
    started_at: datetime
    finished_at: datetime | None
    result: str | None
    detail: str | None


def nothing_took_effect() -> ColumnElement[bool]:
    """Of a parked row: that it never left, or that its last request was refused by the other side and none before it
    remained without an answer. Of every other one nobody knows."""
    tried = select(attempts.c.outbox_id).where(
        attempts.c.outbox_id == outbox.c.id, attempts.c.action == "send"
    )
    refused = tried.where(attempts.c.attempt_no == outbox.c.attempts, attempts.c.result == "parked")
    unanswered = tried.where(
        or_(attempts.c.result.is_(None), attempts.c.result == "no usable answer")
    )
    is_clear = or_(
        ~tried.exists(),
        and_(outbox.c.error_class.in_(_REFUSALS), refused.exists(), ~unanswered.exists()),
    )
    return case((is_clear, 1), else_=0) == 1  # an unknown of SQL would be neither


def is_stopped() -> ColumnElement[bool]:
    """That a financing invoice is parked although no message of its submission is parked or given up: its session ended,
    or something does not fit."""
    waiting = select(outbox.c.id).where(
        outbox.c.financing_invoice_id == financing_invoices.c.id,
        outbox.c.timeline_id.is_(None),
        outbox.c.state.in_(("parked", "dead")),
        ~is_replaced(),
    )
    return and_(financing_invoices.c.state == "parked", ~waiting.exists())


def is_replaced() -> ColumnElement[bool]:
    """That a later row of the stream says the same step anew."""
    later = outbox.alias("later")
    return (
        select(later.c.id)
        .where(
            later.c.stream == outbox.c.stream,
            later.c.seq > outbox.c.seq,
            later.c.kind == outbox.c.kind,
        )
        .exists()
    )


def payload_sha256(payload: str) -> str:
    """The fingerprint that ties an idempotency key to one payload."""
    return hashlib.sha256(payload.encode()).hexdigest()


class OutboxReading(Repository):
    """The reading half of `Outbox`."""

    def get(self, row_id: int) -> OutboxRow:
        """One row. Raises NotFound for an unknown identifier."""
        row = self._connection.execute(select(outbox).where(outbox.c.id == row_id)).one_or_none()
        if row is None:
            raise NotFound(
                f"There is no outbox row {row_id}.", remedy="The outbox lists those there are."
            )
        return _row(row)

    def by_key(self, key: str) -> OutboxRow | None:
        row = self._connection.execute(
            select(outbox).where(outbox.c.idempotency_key == key)
        ).one_or_none()
        return None if row is None else _row(row)

    def stream(self, stream: str) -> list[OutboxRow]:
        """All rows of a stream, in order."""
        return self._rows(select(outbox).where(outbox.c.stream == stream).order_by(outbox.c.seq))

    def of_invoice(self, financing_invoice_id: int) -> list[OutboxRow]:
        return self._rows(
            select(outbox)
            .where(outbox.c.financing_invoice_id == financing_invoice_id)
            .order_by(outbox.c.id)
        )

    def attempts_of(self, row_id: int) -> list[Attempt]:
        rows = self._connection.execute(
            select(attempts).where(attempts.c.outbox_id == row_id).order_by(attempts.c.attempt_no)
        )
        return [
            Attempt(r.attempt_no, r.action, r.started_at, r.finished_at, r.result, r.detail)
            for r in rows
        ]

    def last_send_started_at(self, row_id: int) -> datetime | None:
        """When the most recent request of this row may have left."""
        return self._connection.execute(
            select(attempts.c.started_at)
            .where(attempts.c.outbox_id == row_id, attempts.c.action == "send")
            .order_by(attempts.c.attempt_no.desc())
            .limit(1)
        ).scalar_one_or_none()

    def took_no_effect(self, row_id: int) -> bool:
        """Whether a parked row certainly changed nothing at the other side."""
        clear = select(outbox.c.id).where(outbox.c.id == row_id, nothing_took_effect())
        return self._connection.execute(clear).one_or_none() is not None

    def changed_payloads(self) -> list[str]:
        """Keys whose stored payload is not the one they were made for."""
        rows = self._connection.execute(
            select(outbox.c.idempotency_key, outbox.c.payload, outbox.c.payload_sha256)
        )
        return [key for key, payload, sha256 in rows if payload_sha256(payload) != sha256]

    def counts(self) -> dict[tuple[str, str], int]:
        """Rows by (target, state)."""
        rows = self._connection.execute(
            select(outbox.c.target, outbox.c.state, func.count()).group_by(
                outbox.c.target, outbox.c.state
            )
        )
        return {(target, state): count for target, state, count in rows}

    def listing(
        self, *, states: Sequence[str] | None = None, after_id: int = 0, limit: int = 100
    ) -> list[OutboxRow]:
        query = select(outbox).where(outbox.c.id > after_id).order_by(outbox.c.id).limit(limit)
        return self._rows(query if states is None else query.where(outbox.c.state.in_(states)))

    def written_fields(self, record_stream: Mapping[str, int]) -> dict[int, dict[str, Any]]:
        """Per record: the fields our finished write-backs changed in the source. `record_stream` is
        {stream name of the write-backs: record id}."""
        rows = self._connection.execute(
            select(outbox.c.stream, outbox.c.result)
            .where(outbox.c.stream.in_(list(record_stream)), outbox.c.state == "done")
            .order_by(outbox.c.seq)
        )
        fields: dict[int, dict[str, Any]] = {}
        for stream, result in rows:
            written = json.loads(result).get("fields") if result else None
            if written:
                fields.setdefault(record_stream[stream], {}).update(written)
        return fields

    def _rows(self, query: Select[Any]) -> list[OutboxRow]:
        return [_row(row) for row in self._connection.execute(query)]


def _row(row: Row[Any]) -> OutboxRow:
    return OutboxRow(
        id=row.id,
        stream=row.stream,
        seq=row.seq,
        kind=row.kind,
        target=row.target,
        financing_invoice_id=row.financing_invoice_id,
        timeline_id=row.timeline_id,
        idempotency_key=row.idempotency_key,
        payload=json.loads(row.payload),
        state=row.state,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        lease_token=row.lease_token,
        lease_expires_at=row.lease_expires_at,
        result=None if row.result is None else json.loads(row.result),
        error_class=row.error_class,
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
