"""Control totals of what is stored now: counts and money by connection, currency and outcome, and by status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from connector.store.outbox_reading import is_stopped
from connector.store.repository import Repository
from connector.store.schema import (
    financing_invoices,
    outcomes,
    source_records,
    status_timeline,
)
from mappings.currencies import NO_CURRENCY


@dataclass(frozen=True, slots=True)
class OutcomeTotal:
    """`amount_minor_units` is the gross amount the records say, in the smallest unit of `currency` (XXX: none said)."""

    connection: str
    currency: str
    kind: str
    reason_code: str | None
    count: int
    amount_minor_units: int


@dataclass(frozen=True, slots=True)
class FinancingTotal:
    """`amount_minor_units` is what is offered for financing. `status` is None before the platform knew the invoice."""

    financier: str
    currency: str
    state: str
    status: str | None
    count: int
    amount_minor_units: int


class CurrentTotals(Repository):
    """Sums over current outcomes and financing invoices."""

    def by_outcome(self, connection: str | None = None) -> list[OutcomeTotal]:
        """What is stored now, of every connection or of one, by connection, currency, outcome and reason. One statement
        for each outcome and reason there is: grouping by all of them at once sorts every record."""
        records, made = source_records.c, outcomes.c
        currency = func.coalesce(made.currency, NO_CURRENCY)
        sums = (
            select(
                records.connection,
                currency,
                func.count(),
                func.coalesce(func.sum(made.amount_minor_units), 0),
            )
            .join(outcomes, made.id == records.outcome_id)
            .group_by(records.connection, currency)
        )
        if connection is not None:
            sums = sums.where(records.connection == connection)
        found = [
            OutcomeTotal(of, money, kind, reason, count, int(amount))
            for kind, reason in self._outcomes_there_are()
            for of, money, count, amount in self._connection.execute(
                sums.where(records.outcome_kind == kind, records.reason_code.is_(None))
                if reason is None
                else sums.where(records.outcome_kind == kind, records.reason_code == reason)
            )
        ]
        return sorted(
            found, key=lambda row: (row.connection, row.currency, row.kind, row.reason_code or "")
        )

    def _outcomes_there_are(self) -> Sequence[tuple[str, str | None]]:
        columns = source_records.c
        rows = self._connection.execute(
            select(columns.outcome_kind, columns.reason_code)
            .where(columns.outcome_kind.is_not(None))
            .distinct()
        )
        return [(kind, reason) for kind, reason in rows]

    def by_status(self) -> list[FinancingTotal]:
        columns = financing_invoices.c
        rows = self._connection.execute(
            select(
                columns.financier,
                columns.currency,
                columns.state,
                columns.status,
                func.count(),
                func.sum(columns.amount_minor_units),
            )
            .group_by(columns.financier, columns.currency, columns.state, columns.status)
            .order_by(columns.financier, columns.currency, columns.state, columns.status)
        )
        return [
            FinancingTotal(financier, money, state, status, count, int(amount))
            for financier, money, state, status, count, amount in rows
        ]

    def stopped(self) -> list[tuple[str, int, int, datetime]]:
        """(currency, count, amount, since when the oldest waits) of financing invoices whose submission stopped
        (`is_stopped`)."""
        columns = financing_invoices.c
        rows = self._connection.execute(
            select(
                columns.currency,
                func.count(),
                func.sum(columns.amount_minor_units),
                func.min(columns.updated_at, type_=columns.updated_at.type),
            )
            .where(is_stopped())
            .group_by(columns.currency)
            .order_by(columns.currency)
        )
        return [(currency, count, int(amount), since) for currency, count, amount, since in rows]

    def moved_on(self) -> list[tuple[str, str, int, int, datetime]]:
        """(reason code, currency, count, amount, when the oldest was excluded) of invoices that are with a financier, not at their end, and whose
        record is excluded meanwhile: paid there, canceled there, ..."""
        columns, made = financing_invoices.c, outcomes.c
        rows = self._connection.execute(
            select(
                made.reason_code,
                columns.currency,
                func.count(),
                func.sum(columns.amount_minor_units),
                func.min(made.decided_at, type_=made.decided_at.type),
            )
            .join(source_records, source_records.c.id == columns.record_id)
            .join(outcomes, made.id == source_records.c.outcome_id)
            .where(
                source_records.c.outcome_kind == "excluded",
                columns.state.in_(("submitting", "submitted")),
                func.coalesce(columns.status, "").not_in(
                    ("returned", "repaid", "declined", "defaulted")
                ),
            )
            .group_by(made.reason_code, columns.currency)
            .order_by(made.reason_code, columns.currency)
        )
        return [
            (reason, money, count, int(amount), since)
            for reason, money, count, amount, since in rows
        ]

    def timeline_rows(self) -> int:
        """How many statuses were applied."""
        return self._connection.execute(
            select(func.count()).select_from(status_timeline)
        ).scalar_one()
