"""What must be said to others: one row per intended effect, durable before the first byte leaves.

A row is claimed with a lease, one row per stream at a time (the database refuses a second), and completed only with
the lease it was claimed with: a worker that comes back from a pause cannot complete what another took over.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select

from connector.errors import ConnectorError, InvariantBroken
from connector.store.outbox_reading import FINISHED, OPEN, OutboxReading, OutboxRow, payload_sha256
from connector.store.schema import attempts, financing_invoices, outbox, source_records


class Outbox(OutboxReading):
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
        # The newest attempt is ours; an older one that is open belongs to a worker that never came back.
        ours = select(outbox.c.attempts).where(outbox.c.id == row_id).scalar_subquery()
        self._connection.execute(
            attempts.update()
            .where(attempts.c.outbox_id == row_id, attempts.c.attempt_no == ours)
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

    def park(self, row: OutboxRow, error: ConnectorError) -> bool:
        """Let an unclaimed row wait for a person: it must not be sent as things are. False when somebody else was
        faster."""
        changed = self._connection.execute(
            outbox.update()
            .where(
                outbox.c.id == row.id,
                outbox.c.state == row.state,
                outbox.c.attempts == row.attempts,
            )
            .values(
                state="parked",
                next_attempt_at=None,
                error_class=type(error).__name__,
                error=str(error),
            )
        ).rowcount
        return changed == 1

    def decide(
        self, row_id: int, *, state: str, reason: str, result: Mapping[str, Any] | None = None
    ) -> None:
        """A person's decision about a parked row: `pending` sends it again, `unknown` looks it up first, `dead` gives
        it up, `done` says that it took effect and left `result`."""
        changed = self._connection.execute(
            outbox.update()
            .where(outbox.c.id == row_id, outbox.c.state == "parked")
            .values(
                state=state,
                result=None if result is None else json.dumps(result, sort_keys=True),
                error=None if state == "done" else reason,
                next_attempt_at=None if state in FINISHED else self._now(),
                finished_at=self._now() if state in FINISHED else None,
            )
        ).rowcount
        if changed != 1:
            raise InvariantBroken(f"Outbox row {row_id} is not parked; nothing was changed.")
