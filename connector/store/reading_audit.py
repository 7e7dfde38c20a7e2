"""The audit log as people look at it: newest first, with filters, and what concerns one invoice."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal, or_, select

from connector.store.audit import AuditRow
from connector.store.repository import Repository
from connector.store.schema import (
    audit_log,
    counterparties,
    financing_invoices,
    invoice_facts,
    source_records,
)


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

    def names(self, subjects: Collection[str], streams: Mapping[str, str]) -> dict[str, str]:
        """What subjects are called, of those that are invoices (by client reference, message or record) or companies.
        `streams`: by connection, the stream its invoices are read from."""
        found: dict[str, str] = {}
        by_reference: dict[str, list[str]] = {}
        below: dict[str, list[str]] = {}
        for subject in subjects:
            by_reference.setdefault(_reference(subject), []).append(subject)
            connection, _, identifier = subject.partition("/")
            if identifier and connection in streams:
                below.setdefault(connection, []).append(identifier)
        columns = financing_invoices.c
        for reference, number in self._connection.execute(
            select(columns.client_reference_id, columns.invoice_number).where(
                self._among(columns.client_reference_id, sorted(by_reference))
            )
        ):
            found |= dict.fromkeys(by_reference[reference], f"Invoice {number}")
        for connection, identifiers in below.items():
            named = self._names_below(connection, streams[connection], identifiers)
            found |= {f"{connection}/{identifier}": name for identifier, name in named.items()}
        return found

    def _names_below(
        self, connection: str, stream: str, identifiers: Collection[str]
    ) -> dict[str, str]:
        """Companies and invoices of a connection, by its own identifiers."""
        parties, records, facts = counterparties.c, source_records.c, invoice_facts.c
        companies = select(parties.counterparty_id, parties.name).where(
            parties.connection == connection, self._among(parties.counterparty_id, identifiers)
        )
        numbers = (
            select(records.source_id, literal("Invoice ") + facts.invoice_number)
            .join(invoice_facts, facts.record_id == records.id)
            .where(
                records.connection == connection,
                records.stream == stream,
                self._among(records.source_id, identifiers),
                facts.invoice_number.is_not(None),
            )
        )
        found = {row[0]: row[1] for row in self._connection.execute(companies)}
        return found | {row[0]: row[1] for row in self._connection.execute(numbers)}

    def _rows(self, query: Select[Any]) -> list[AuditRow]:
        return [
            AuditRow(**{**row, "detail": json.loads(row["detail"])})
            for row in self._connection.execute(query).mappings()
        ]


def _reference(subject: str) -> str:
    """The client reference in a subject: `REFERENCE`, `REFERENCE:session`, `REFERENCE/1`, `write_back:REFERENCE/1`."""
    return subject.removeprefix("write_back:").partition(":")[0].partition("/")[0]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _itself_or_below(column: ColumnElement[str], text: str, mark: str) -> ColumnElement[bool]:
    """Equal, or beginning with the text and the mark: as a range, so that an index serves it on both databases."""
    return or_(column == text, and_(column > text + mark, column < text + chr(ord(mark) + 1)))
