"""What must be said to others: one row per intended effect, durable before the first byte leaves.

A row is claimed with a lease, one row per stream at a time (the database refuses a second), and completed only with
the lease it was claimed with: a worker that comes back from a pause cannot complete what another took over.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, func, select

from connector.errors import InvariantBroken
from connector.store.repository import Repository
from connector.store.schema import attempts, financing_invoices, outbox, source_records

IN_FLIGHT = ("sending", "unknown")
OPEN = ("pending", "sending", "unknown", "parked")
FINISHED = ("done", "unsupported", "dead")


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


def payload_sha256(payload: str) -> str:
    """The fingerprint that ties an idempotency key to one payload."""
    return hashlib.sha256(payload.encode()).hexdigest()


class Outbox(Repository):
    """The outbox, seen from inside one transaction."""

    def add(
        self,
        *,
        row_id: int,
        stream: str,
        kind: str,
        target: str,
        financing_invoice_id: int,
        idempotency_key: str,
        payload: Mapping[str, Any],
        timeline_id: int | None = None,
        unsupported: str | None = None,
    ) -> OutboxRow:
        """Append the next row of `stream`. The same key with the same payload gives the row that is already there;
        with another payload it raises InvariantBroken. `unsupported` says, by name, that the target offers no way."""
        text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
        existing = self.by_key(idempotency_key)
        if existing is not None:
            self._same_payload(idempotency_key, text)
            return existing
        last = self._connection.scalar(
            select(func.max(outbox.c.seq)).where(outbox.c.stream == stream)
        )
        now = self._now()
        self._connection.execute(
            outbox.insert().values(
                id=row_id,
                stream=stream,
                seq=(last or 0) + 1,
                kind=kind,
                target=target,
                financing_invoice_id=financing_invoice_id,
                timeline_id=timeline_id,
                idempotency_key=idempotency_key,
                payload=text,
                payload_sha256=payload_sha256(text),
                state="unsupported" if unsupported else "pending",
                attempts=0,
                next_attempt_at=None if unsupported else now,
                error_class="Unsupported" if unsupported else None,
                error=unsupported,
                created_at=now,
                finished_at=now if unsupported else None,
            )
        )
        return self.get(row_id)

    def _same_payload(self, key: str, text: str) -> None:
        stored = self._connection.scalar(
            select(outbox.c.payload_sha256).where(outbox.c.idempotency_key == key)
        )
        if stored != payload_sha256(text):
            raise InvariantBroken(f"The idempotency key {key} was used for another payload before.")

    def get(self, row_id: int) -> OutboxRow:
        row = self._connection.execute(select(outbox).where(outbox.c.id == row_id)).one()
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

    def due(
        self, target: str, *, kinds: Sequence[str], limit: int, connection: str | None = None
    ) -> list[OutboxRow]:
        """The first unfinished row of each stream towards `target`, where it is time to act on it.

        A parked row keeps its stream waiting: what comes after it must not overtake it. `connection` narrows it to
        invoices of one connection.
        """
        ours = (
            select(financing_invoices.c.id)
            .join(source_records, source_records.c.id == financing_invoices.c.record_id)
            .where(
                financing_invoices.c.id == outbox.c.financing_invoice_id,
                source_records.c.connection == connection,
            )
            .exists()
        )
        earlier = outbox.alias("earlier")
        blocked = (
            select(earlier.c.id)
            .where(
                and_(
                    earlier.c.stream == outbox.c.stream,
                    earlier.c.seq < outbox.c.seq,
                    earlier.c.state.in_(OPEN),
                )
            )
            .exists()
        )
        due = (
            select(outbox)
            .where(
                outbox.c.target == target,
                outbox.c.kind.in_(kinds),
                outbox.c.next_attempt_at <= self._now(),
                outbox.c.state.in_(("pending", "sending", "unknown")),
                ~blocked,
            )
            .order_by(outbox.c.next_attempt_at, outbox.c.id)
            .limit(limit)
        )
        return self._rows(due if connection is None else due.where(ours))

    def claim(self, row: OutboxRow, *, action: str, lease_seconds: float) -> str | None:
        """Take `row` for one attempt and write the attempt down. None when somebody else was faster.

        A send puts the row in flight (`sending`); a look-up leaves its state as it is, under a lease.
        """
        now = self._now()
        token = secrets.token_hex(8)
        state = "sending" if action == "send" else row.state
        expires = now + timedelta(seconds=lease_seconds)
        changed = self._connection.execute(
            outbox.update()
            .where(
                outbox.c.id == row.id,
                outbox.c.state == row.state,
                outbox.c.attempts == row.attempts,
                (outbox.c.lease_expires_at.is_(None)) | (outbox.c.lease_expires_at <= now),
            )
            .values(
                state=state,
                attempts=row.attempts + 1,
                lease_token=token,
                lease_expires_at=expires,
                next_attempt_at=expires,  # a sweep finds it again if we never come back
            )
        ).rowcount
        if changed != 1:
            return None
        self._connection.execute(
            attempts.insert().values(
                outbox_id=row.id,
                attempt_no=row.attempts + 1,
                action=action,
                started_at=now,
            )
        )
        return token

    def complete(
        self,
        row_id: int,
        token: str,
        *,
        state: str,
        result: Mapping[str, Any] | None = None,
        next_attempt_at: datetime | None = None,
        error_class: str | None = None,
        error: str | None = None,
        attempt_result: str,
    ) -> None:
        """End the attempt that holds `token`. Raises InvariantBroken when the lease was taken over meanwhile."""
        now = self._now()
        changed = self._connection.execute(
            outbox.update()
            .where(outbox.c.id == row_id, outbox.c.lease_token == token)
            .values(
                state=state,
                result=None if result is None else json.dumps(result, sort_keys=True),
                next_attempt_at=next_attempt_at,
                lease_token=None,
                lease_expires_at=None,
                error_class=error_class,
                error=error,
                finished_at=now if state in FINISHED else None,
            )
        ).rowcount
        if changed != 1:
            raise InvariantBroken(
                f"The lease on outbox row {row_id} was taken over; this completion is void."
            )
        self._connection.execute(
            attempts.update()
            .where(
                attempts.c.outbox_id == row_id,
                attempts.c.finished_at.is_(None),
            )
            .values(finished_at=now, result=attempt_result, detail=error)
        )

    def release_leases(self) -> int:
        """End every lease now: for the one program that may work on this store, when it starts."""
        now = self._now()
        return self._connection.execute(
            outbox.update()
            .where(outbox.c.lease_token.is_not(None))
            .values(lease_expires_at=now, next_attempt_at=now)
        ).rowcount

    def lease_ran_out(self, row: OutboxRow) -> bool:
        """Whether `row` was being worked on by somebody who did not come back."""
        expires = row.lease_expires_at
        return expires is not None and expires <= self._now()

    def take_over(self, row: OutboxRow, *, state: str, next_attempt_at: datetime) -> bool:
        """Give a row whose lease ran out another state. The open attempt stays unfinished, as evidence."""
        changed = self._connection.execute(
            outbox.update()
            .where(
                outbox.c.id == row.id,
                outbox.c.lease_token == row.lease_token,
                outbox.c.lease_expires_at <= self._now(),
            )
            .values(
                state=state,
                next_attempt_at=next_attempt_at,
                lease_token=None,
                lease_expires_at=None,
            )
        ).rowcount
        return changed == 1

    def postpone(self, row: OutboxRow, until: datetime, reason: str) -> None:
        """Leave an unclaimed row for later, with the reason: its financing invoice cannot be trusted at present."""
        self._connection.execute(
            outbox.update()
            .where(outbox.c.id == row.id, outbox.c.state == row.state)
            .values(next_attempt_at=until, error_class="InvariantBroken", error=reason)
        )

    def decide(self, row_id: int, *, state: str, reason: str) -> None:
        """A person's decision about a parked row: `pending` sends it again, `dead` gives it up."""
        changed = self._connection.execute(
            outbox.update()
            .where(outbox.c.id == row_id, outbox.c.state == "parked")
            .values(
                state=state,
                error=reason,
                next_attempt_at=self._now() if state == "pending" else None,
                finished_at=self._now() if state in FINISHED else None,
            )
        ).rowcount
        if changed != 1:
            raise InvariantBroken(f"Outbox row {row_id} is not parked; nothing was changed.")

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
