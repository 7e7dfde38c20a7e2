"""Inbox and outbox as people look at them: newest first, with filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, text

from connector.store.financing_rows import FinancingRow, decoded
from connector.store.inbox import InboxRow
from connector.store.outbox_reading import (
    OPEN,
    Attempt,
    OutboxReading,
    OutboxRow,
    is_replaced,
    nothing_took_effect,
)
from connector.store.schema import (
    attempts,
    financing_invoices,
    inbox,
    outbox,
    source_records,
    status_timeline,
)

STUCK = ("parked", "dead")
"""States of a message that waits for a person."""

# In the words of the partial indexes, letter by letter: only then does SQLite use them.
_SENT_AND_STUCK = text("outbox.state in ('parked', 'dead')")
_QUARANTINED = text("inbox.state = 'quarantined'")


@dataclass(frozen=True, slots=True)
class ParkedSum:
    """Parked messages of one sort. `amount_minor_units` is that of their invoices."""

    is_refused: bool
    """They certainly changed nothing; of the others nobody knows."""
    submits: bool
    """They submit invoices; the others write statuses back."""
    currency: str
    count: int
    amount_minor_units: int
    since: datetime


class DeliveryReading(OutboxReading):
    """Selections of deliveries."""

    def sent(
        self,
        *,
        target: str | None = None,
        state: str | None = None,
        kind: str | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> list[OutboxRow]:
        """The newest rows of the outbox that are older than `before_id`."""
        query = select(outbox).order_by(outbox.c.id.desc()).limit(limit)
        for column, value in (
            (outbox.c.target, target),
            (outbox.c.state, state),
            (outbox.c.kind, kind),
        ):
            if value is not None:
                query = query.where(column == value)
        if state in STUCK:
            query = query.where(_SENT_AND_STUCK)
        if before_id is not None:
            query = query.where(outbox.c.id < before_id)
        return self._rows(query)

    def parked(self, *, is_refused: bool, limit: int) -> list[OutboxRow]:
        """The newest parked messages: those that certainly changed nothing, or those of which nobody knows."""
        clear = nothing_took_effect()
        query = select(outbox).where(_SENT_AND_STUCK, outbox.c.state == "parked")
        query = query.where(clear if is_refused else ~clear)
        return self._rows(query.order_by(outbox.c.id.desc()).limit(limit))

    def parked_sums(self) -> list[ParkedSum]:
        """Parked messages by whether they certainly changed nothing and whether they submit an invoice, and by currency."""
        clear, submits = nothing_took_effect(), outbox.c.timeline_id.is_(None)
        money = financing_invoices.c
        made = (
            select(
                clear.label("is_refused"),
                submits.label("submits"),
                money.currency,
                money.amount_minor_units,
                outbox.c.created_at,
            )
            .join(financing_invoices, money.id == outbox.c.financing_invoice_id)
            .where(_SENT_AND_STUCK, outbox.c.state == "parked")
            .subquery()
        )
        keys = (made.c.is_refused, made.c.submits, made.c.currency)
        rows = self._connection.execute(
            select(
                *keys,
                func.count(),
                func.sum(made.c.amount_minor_units),
                func.min(made.c.created_at, type_=outbox.c.created_at.type),
            )
            .group_by(*keys)
            .order_by(made.c.currency)
        )
        return [
            ParkedSum(bool(refused), bool(submits), currency, count, int(amount), since)
            for refused, submits, currency, count, amount, since in rows
        ]

    def heard(
        self,
        *,
        endpoint: str | None = None,
        state: str | None = None,
        event_id: str | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> list[InboxRow]:
        """The newest events that are older than `before_id`."""
        query = select(inbox).order_by(inbox.c.id.desc()).limit(limit)
        for column, value in (
            (inbox.c.endpoint, endpoint),
            (inbox.c.state, state),
            (inbox.c.event_id, event_id),
        ):
            if value is not None:
                query = query.where(column == value)
        if state == "quarantined":
            query = query.where(_QUARANTINED)
        if before_id is not None:
            query = query.where(inbox.c.id < before_id)
        return [InboxRow(**row) for row in self._connection.execute(query).mappings()]

    def open_sent(self) -> dict[tuple[str, str], int]:
        """Rows of the outbox by (target, state) in which something is still to be done, by us or by a person."""
        counted = select(outbox.c.target, outbox.c.state, func.count())
        due = counted.where(outbox.c.next_attempt_at.is_not(None))
        stuck = counted.where(_SENT_AND_STUCK, or_(outbox.c.state == "parked", ~is_replaced()))
        found: dict[tuple[str, str], int] = {}
        for query in (due, stuck):
            grouped = query.group_by(outbox.c.target, outbox.c.state)
            found.update({(name, state): n for name, state, n in self._connection.execute(grouped)})
        return found

    def open_heard(self) -> dict[tuple[str, str], int]:
        """Events by (endpoint, state) that wait for us, or for a person."""
        counted = select(inbox.c.endpoint, func.count()).group_by(inbox.c.endpoint)
        found: dict[tuple[str, str], int] = {}
        for state, chosen in (
            ("received", inbox.c.next_attempt_at.is_not(None)),
            ("quarantined", _QUARANTINED),
        ):
            for endpoint, count in self._connection.execute(counted.where(chosen)):
                found[endpoint, state] = count
        return found

    def stuck_since(self) -> dict[str, datetime]:
        """When the oldest message that is `parked` or `dead` was written, and the oldest `quarantined` event came."""
        written = func.min(outbox.c.created_at, type_=outbox.c.created_at.type)
        stuck = (
            select(outbox.c.state, written)
            .where(_SENT_AND_STUCK, or_(outbox.c.state == "parked", ~is_replaced()))
            .group_by(outbox.c.state)
        )
        found: dict[str, datetime] = {row[0]: row[1] for row in self._connection.execute(stuck)}
        came = func.min(inbox.c.received_at, type_=inbox.c.received_at.type)
        at = self._connection.execute(select(came).where(_QUARANTINED)).scalar_one()
        return found if at is None else {**found, "quarantined": at}

    def heard_between(
        self,
        since: datetime | None,
        before: datetime | None,
        *,
        endpoint: str | None = None,
        state: str | None = None,
        limit: int,
    ) -> list[tuple[int, str, str]]:
        """(id, endpoint, state) of finished and quarantined events that came from `since` on and before `before`, oldest
        first."""
        states = ("done", "quarantined") if state is None else (state,)
        query = select(inbox.c.id, inbox.c.endpoint, inbox.c.state).where(inbox.c.state.in_(states))
        if endpoint is not None:
            query = query.where(inbox.c.endpoint == endpoint)
        if since is not None:
            query = query.where(inbox.c.received_at >= since)
        if before is not None:
            query = query.where(inbox.c.received_at < before)
        rows = self._connection.execute(query.order_by(inbox.c.id).limit(limit))
        return [(row.id, row.endpoint, row.state) for row in rows]

    def parked_between(
        self,
        since: datetime | None,
        before: datetime | None,
        *,
        target: str | None = None,
        kind: str | None = None,
        limit: int,
    ) -> list[OutboxRow]:
        """Parked messages that were written from `since` on and before `before`, oldest first."""
        query = select(outbox).where(_SENT_AND_STUCK, outbox.c.state == "parked")
        for column, value in ((outbox.c.target, target), (outbox.c.kind, kind)):
            if value is not None:
                query = query.where(column == value)
        if since is not None:
            query = query.where(outbox.c.created_at >= since)
        if before is not None:
            query = query.where(outbox.c.created_at < before)
        return self._rows(query.order_by(outbox.c.id).limit(limit))

    def sums_of(self, financing_ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """(currency, count, minor units) of financing invoices, each counted once."""
        columns = financing_invoices.c
        rows = self._connection.execute(
            select(columns.currency, func.count(), func.sum(columns.amount_minor_units))
            .where(self._among(columns.id, sorted(set(financing_ids))))
            .group_by(columns.currency)
            .order_by(columns.currency)
        )
        return [(currency, count, int(amount)) for currency, count, amount in rows]

    def open_of_connection(self, connection: str) -> int:
        """Messages about a connection's invoices that are still to be sent, looked up or decided about by a person."""
        query = (
            select(func.count())
            .select_from(outbox)
            .join(financing_invoices, financing_invoices.c.id == outbox.c.financing_invoice_id)
            .join(source_records, source_records.c.id == financing_invoices.c.record_id)
            .where(outbox.c.state.in_(OPEN), source_records.c.connection == connection)
        )
        return self._connection.execute(query).scalar_one()

    def attempts_of_rows(self, row_ids: Sequence[int]) -> dict[int, list[Attempt]]:
        """The attempts of outbox rows, by row, in order."""
        rows = self._connection.execute(
            select(attempts)
            .where(self._among(attempts.c.outbox_id, row_ids))
            .order_by(attempts.c.outbox_id, attempts.c.attempt_no)
        )
        found: dict[int, list[Attempt]] = {}
        for row in rows:
            found.setdefault(row.outbox_id, []).append(
                Attempt(row.attempt_no, row.action, row.started_at, row.finished_at, row.result, row.detail)
            )  # fmt: skip
        return found

    def invoices_of(self, financing_ids: Sequence[int]) -> dict[int, tuple[str, int]]:
        """(invoice number, record id) of financing invoices, by their identifiers."""
        columns = financing_invoices.c
        rows = self._connection.execute(
            select(columns.id, columns.invoice_number, columns.record_id).where(
                self._among(columns.id, financing_ids)
            )
        )
        return {row.id: (row.invoice_number, row.record_id) for row in rows}

    def statuses_of_event(self, inbox_id: int) -> list[tuple[str, str, FinancingRow]]:
        """(status, the platform's word, financing invoice) of what was applied because of an event."""
        applied = status_timeline.c
        rows = self._connection.execute(
            select(applied.status, applied.raw_status, applied.financing_invoice_id)
            .where(applied.inbox_id == inbox_id)
            .order_by(applied.id)
        ).all()
        wanted = self._among(financing_invoices.c.id, [row[2] for row in rows])
        found = {
            row["id"]: decoded(row)
            for row in self._connection.execute(select(financing_invoices).where(wanted)).mappings()
        }
        return [(status, raw, found[invoice_id]) for status, raw, invoice_id in rows]
