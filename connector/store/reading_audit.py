"""The audit log as people look at it: newest first, with filters, and what concerns one invoice."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from connector.store.audit import AuditRow
from connector.store.repository import Repository
from connector.store.schema import audit_log


class AuditReading(Repository):
    """Selections of the audit log."""

    def page(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        since: date | None = None,
        until: date | None = None,
        before_seq: int | None = None,
        limit: int = 100,
    ) -> list[AuditRow]:
        """The newest entries older than `before_seq`. `action`: itself, or all that begin with it and a point;
        `subject`: itself, or all below it (`REFERENCE` finds `REFERENCE/1`); both ends of the days included (UTC)."""
        query = select(audit_log).order_by(audit_log.c.seq.desc()).limit(limit)
        if actor is not None:
            query = query.where(audit_log.c.actor == actor)
        if action is not None:
            query = query.where(_itself_or_below(audit_log.c.action, action, "."))
        if subject is not None:
            query = query.where(_itself_or_below(audit_log.c.subject, subject, "/"))
        if since is not None:
            query = query.where(audit_log.c.at >= _midnight(since))
        if until is not None:
            query = query.where(audit_log.c.at < _midnight(until + timedelta(days=1)))
        if before_seq is not None:
            query = query.where(audit_log.c.seq < before_seq)
        return self._rows(query)

    def about(self, subjects: Collection[str], limit: int = 200) -> list[AuditRow]:
        """The newest entries about any of the subjects, or anything below them, oldest first."""
        # A statement each, ordered by subject: the index serves it, which it does not where `seq` is to be the order.
        found: dict[int, AuditRow] = {}
        for subject in subjects:
            query = select(audit_log).where(_itself_or_below(audit_log.c.subject, subject, "/"))
            for row in self._rows(query.order_by(audit_log.c.subject, audit_log.c.seq).limit(1000)):
                found[row.seq] = row
        return [found[seq] for seq in sorted(found)[-limit:]]

    def _rows(self, query: Select[Any]) -> list[AuditRow]:
        return [
            AuditRow(**{**row, "detail": json.loads(row["detail"])})
            for row in self._connection.execute(query).mappings()
        ]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _itself_or_below(column: ColumnElement[str], text: str, mark: str) -> ColumnElement[bool]:
    """Equal, or beginning with the text and the mark: as a range, so that an index serves it on both databases."""
    return or_(column == text, and_(column > text + mark, column < text + chr(ord(mark) + 1)))
