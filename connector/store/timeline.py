"""The status timeline: what a financier told about an invoice, in the order we came to know it; append-only.

Each row carries the hash of the row before it, so a changed or missing row is found by `broken_chains`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from connector.store.repository import Repository
from connector.store.schema import INSTANT_FORMAT, status_timeline

NO_HASH = b"\0" * 32


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One status as it was told: `status` in our words, `raw_status` in the platform's."""

    id: int
    financing_invoice_id: int
    seq: int
    status: str
    raw_status: str
    via: str
    inbox_id: int | None
    observed_at: datetime
    evidence: bytes
    hash: bytes


class Timeline(Repository):
    """The timeline, seen from inside one transaction."""

    def last(self, financing_invoice_id: int) -> TimelineRow | None:
        row = self._connection.execute(
            select(status_timeline)
            .where(status_timeline.c.financing_invoice_id == financing_invoice_id)
            .order_by(status_timeline.c.seq.desc())
            .limit(1)
        ).one_or_none()
        return None if row is None else _row(row)

    def of_invoice(self, financing_invoice_id: int) -> list[TimelineRow]:
        rows = self._connection.execute(
            select(status_timeline)
            .where(status_timeline.c.financing_invoice_id == financing_invoice_id)
            .order_by(status_timeline.c.seq)
        )
        return [_row(row) for row in rows]

    def append(
        self,
        *,
        row_id: int,
        financing_invoice_id: int,
        status: str,
        raw_status: str,
        via: str,
        inbox_id: int | None,
        evidence: bytes,
    ) -> TimelineRow:
        """Add what was just told. Two writers at once: the database refuses the second (unique seq)."""
        last = self.last(financing_invoice_id)
        seq = 1 if last is None else last.seq + 1
        previous = NO_HASH if last is None else last.hash
        now = self._now()
        digest = chained_hash(
            previous, financing_invoice_id, seq, status, raw_status, via, now, evidence
        )
        self._connection.execute(
            status_timeline.insert().values(
                id=row_id,
                financing_invoice_id=financing_invoice_id,
                seq=seq,
                status=status,
                raw_status=raw_status,
                via=via,
                inbox_id=inbox_id,
                observed_at=now,
                evidence=evidence,
                previous_hash=previous,
                hash=digest,
            )
        )
        return TimelineRow(
            row_id,
            financing_invoice_id,
            seq,
            status,
            raw_status,
            via,
            inbox_id,
            now,
            evidence,
            digest,
        )

    def broken_chains(self) -> list[str]:
        """One sentence for every row whose hash or predecessor does not fit."""
        broken = []
        expected: dict[int, tuple[int, bytes]] = {}
        rows = self._connection.execute(
            select(status_timeline).order_by(
                status_timeline.c.financing_invoice_id, status_timeline.c.seq
            )
        )
        for row in rows:
            seq, previous = expected.get(row.financing_invoice_id, (1, NO_HASH))
            digest = chained_hash(
                bytes(row.previous_hash),
                row.financing_invoice_id,
                row.seq,
                row.status,
                row.raw_status,
                row.via,
                row.observed_at,
                bytes(row.evidence),
            )
            if row.seq != seq or bytes(row.previous_hash) != previous or digest != bytes(row.hash):
                broken.append(
                    f"financing invoice {row.financing_invoice_id}: status {row.seq} was changed or "
                    "a status before it is missing"
                )
            expected[row.financing_invoice_id] = (row.seq + 1, bytes(row.hash))
        return broken


def chained_hash(
    previous: bytes,
    financing_invoice_id: int,
    seq: int,
    status: str,
    raw_status: str,
    via: str,
    observed_at: datetime,
    evidence: bytes,
) -> bytes:
    """SHA-256 over the previous hash and every column, each length-prefixed so that no two rows collide."""
    digest = hashlib.sha256(previous)
    for part in (
        str(financing_invoice_id),
        str(seq),
        status,
        raw_status,
        via,
        observed_at.strftime(INSTANT_FORMAT),
    ):
        digest.update(f"{len(part)}:{part}".encode())
    digest.update(evidence)
    return digest.digest()


def _row(row: Row[Any]) -> TimelineRow:
    return TimelineRow(
        row.id,
        row.financing_invoice_id,
        row.seq,
        row.status,
        row.raw_status,
        row.via,
        row.inbox_id,
        row.observed_at,
        bytes(row.evidence),
        bytes(row.hash),
    )
