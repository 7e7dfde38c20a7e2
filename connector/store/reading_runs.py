"""Runs as people look at them: lists with their totals, and the records behind a total."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from connector.store.reading import OutcomeRow
from connector.store.reading_invoices import Sum
from connector.store.repository import Repository
from connector.store.runs import RunRow, RunTotal
from connector.store.schema import outcomes, run_totals, runs
from mappings.currencies import NO_CURRENCY

_runs, _made = runs.c, outcomes.c


class RunReading(Repository):
    """Selections of runs, newest first."""

    def page(
        self,
        *,
        connection: str | None = None,
        task: str | None = None,
        state: str | None = None,
        changed_only: bool = False,
        before_id: int | None = None,
        limit: int = 50,
    ) -> list[RunRow]:
        """The newest runs that are older than `before_id`. `changed_only`: those that stored something."""
        query = select(runs).order_by(_runs.id.desc()).limit(limit)
        if connection is not None:
            query = query.where(_runs.connection == connection)
        if task is not None:
            query = query.where(_runs.task == task)
        if state is not None:
            query = query.where(_runs.state == state)
        if changed_only:
            query = query.where(_runs.records_changed > 0)
        if before_id is not None:
            query = query.where(_runs.id < before_id)
        rows = self._connection.execute(query).mappings()
        return [RunRow(**{**row, "drifted": bool(row["drifted"])}) for row in rows]

    def totals_of(self, run_ids: Sequence[int]) -> dict[int, list[RunTotal]]:
        """The control totals of runs, by run; those without any are absent."""
        columns = run_totals.c
        rows = self._connection.execute(
            select(
                columns.run_id,
                columns.currency,
                columns.kind,
                columns.count,
                columns.amount_minor_units,
            )
            .where(self._among(columns.run_id, run_ids))
            .order_by(columns.run_id, columns.currency, columns.kind)
        )
        found: dict[int, list[RunTotal]] = {}
        for run_id, *total in rows:
            found.setdefault(run_id, []).append(RunTotal(*total))
        return found

    def record_ids(
        self, run_id: int, currency: str, kind: str, after_id: int = 0, limit: int = 50
    ) -> list[tuple[int, int]]:
        """(outcome id, record id) behind a control total, by outcome; `kind` `pulled` means all of them."""
        query = (
            select(_made.id, _made.record_id)
            .where(
                _made.run_id == run_id,
                func.coalesce(_made.currency, NO_CURRENCY) == currency,
                _made.id > after_id,
            )
            .order_by(_made.id)
            .limit(limit)
        )
        if kind != "pulled":
            query = query.where(_made.kind == kind)
        return [
            (outcome_id, record_id) for outcome_id, record_id in self._connection.execute(query)
        ]

    def outcomes(self, outcome_ids: Sequence[int]) -> dict[int, OutcomeRow]:
        """Outcomes by their identifiers."""
        rows = self._connection.execute(select(outcomes).where(self._among(_made.id, outcome_ids)))
        return {row["id"]: OutcomeRow(**row) for row in rows.mappings()}

    def sum_of(self, run_id: int, currency: str, kind: str) -> Sum:
        """What the outcomes of a run in one currency add up to, reckoned from the outcomes themselves."""
        query = select(func.count(), func.coalesce(func.sum(_made.amount_minor_units), 0)).where(
            _made.run_id == run_id, func.coalesce(_made.currency, NO_CURRENCY) == currency
        )
        if kind != "pulled":
            query = query.where(_made.kind == kind)
        count, amount = self._connection.execute(query).one()
        return Sum(currency, count, int(amount))

    def last_of_streams(self) -> list[RunRow]:
        """The newest pull of each connection and stream."""
        newest = (
            select(func.max(_runs.id))
            .where(_runs.task == "pull")
            .group_by(_runs.connection, _runs.stream)
        )
        rows = self._connection.execute(select(runs).where(_runs.id.in_(newest)))
        return [RunRow(**{**row, "drifted": bool(row["drifted"])}) for row in rows.mappings()]

    def last_changes(self) -> dict[tuple[str, str], datetime]:
        """When a pull of each (connection, stream) last stored something new or changed."""
        rows = self._connection.execute(
            select(_runs.connection, _runs.stream, func.max(_runs.started_at))
            .where(_runs.task == "pull", _runs.records_changed > 0)
            .group_by(_runs.connection, _runs.stream)
        )
        return {(connection, stream): at for connection, stream, at in rows}
