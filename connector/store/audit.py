"""The audit log: who did what to which, each row chained to the one before by its hash."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from connector.store.chain import GENESIS, canonical_json, link_hash
from connector.store.repository import Repository, instant_text
from connector.store.schema import audit_log

_CHAIN_LOCK = 0x61756469
"""PostgreSQL advisory lock: appending to the chain is one at a time until the transaction ends."""

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry. `detail` is a JSON object without secrets."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    previous_hash: bytes
    hash: bytes


class Audit(Repository):
    """Appending to and verifying the chain."""

    def append(self, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
        """Add an entry. `detail`: JSON values without floats (TypeError), and without secrets."""
        if not self._is_sqlite:
            self._connection.execute(select(func.pg_advisory_xact_lock(_CHAIN_LOCK)))
        last = self._connection.execute(
            select(audit_log.c.seq, audit_log.c.hash).order_by(audit_log.c.seq.desc()).limit(1)
        ).one_or_none()
        seq, previous_hash = (1, GENESIS) if last is None else (last.seq + 1, last.hash)
        at, text = self._now(), canonical_json(detail)
        self._connection.execute(
            insert(audit_log).values(
                seq=seq,
                at=at,
                actor=actor,
                action=action,
                subject=subject,
                detail=text,
                previous_hash=previous_hash,
                hash=_hash(previous_hash, seq, at, actor, action, subject, text),
            )
        )

    def verify_chain(self) -> list[str]:
        """One sentence for each broken link; empty when the whole log is as it was written."""
        broken = []
        expected_seq, previous_hash = 1, GENESIS
        for row in self._all():
            if row.seq != expected_seq:
                broken.append(f"Audit entry {expected_seq} is missing: {row.seq} comes next.")
            if row.previous_hash != previous_hash:
                broken.append(f"Audit entry {row.seq} does not continue the one before it.")
            if row.hash != _hash(
                row.previous_hash, row.seq, row.at, row.actor, row.action, row.subject, row.detail
            ):
                broken.append(f"Audit entry {row.seq} was changed after it was written.")
            expected_seq, previous_hash = row.seq + 1, row.hash
        return broken

    def recent(self, limit: int, before: int | None = None) -> list[AuditRow]:
        """The newest entries, newest first; only those with a lower number than `before`."""
        query = select(audit_log).order_by(audit_log.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(audit_log.c.seq < before)
        rows = self._connection.execute(query)
        return [AuditRow(**{**row, "detail": json.loads(row["detail"])}) for row in rows.mappings()]

    def _all(self) -> Iterator[Any]:
        after = -(2**63)
        while True:
            rows = self._connection.execute(
                select(audit_log)
                .where(audit_log.c.seq > after)
                .order_by(audit_log.c.seq)
                .limit(_BATCH)
            ).all()
            yield from rows
            if len(rows) < _BATCH:
                return
            after = rows[-1].seq


def _hash(
    previous_hash: bytes, seq: int, at: datetime, actor: str, action: str, subject: str, detail: str
) -> bytes:
    return link_hash(
        previous_hash,
        {
            "seq": seq,
            "at": instant_text(at),
            "actor": actor,
            "action": action,
            "subject": subject,
            "detail": detail,
        },
    )
