"""Runs of pulls and re-mappings, and their control totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select, update

from connector.errors import InvariantBroken
from connector.store.repository import Repository
from connector.store.schema import run_totals, runs

_PROGRESS = "update runs set pages = ?, records_seen = ?, records_changed = ? where id = ?"

_ADD_TOTALS = """
insert into run_totals (run_id, currency, kind, count, amount_minor_units) values (?, ?, ?, ?, ?)
on conflict (run_id, currency, kind) do update set count = run_totals.count + excluded.count,
  amount_minor_units = run_totals.amount_minor_units + excluded.amount_minor_units"""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of a task over a stream. `drifted`: the pages of a numbered walk moved while it was read."""

    id: int
    connection: str
    stream: str
    task: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    pages: int
    records_seen: int
    records_changed: int
    drifted: bool
    error_class: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class RunTotal:
    """Records and money of one outcome kind in one currency (`XXX` where the record names none)."""

    currency: str
    kind: str
    count: int
    amount_minor_units: int


class Runs(Repository):
    """Writing and reading runs."""

    def start(self, connection: str, stream: str, task: str) -> int:
        """Begin a run (`pull`, `hear`, `remap` or `recheck`); gives its identifier."""
        (run_id,) = self._transaction.allocate("runs", 1)
        self._connection.execute(
            insert(runs).values(
                id=run_id,
                connection=connection,
                stream=stream,
                task=task,
                state="running",
                started_at=self._now(),
                pages=0,
                records_seen=0,
                records_changed=0,
                drifted=0,
            )
        )
        return run_id

    def progress(self, run_id: int, pages: int, seen: int, changed: int) -> None:
        """Set how far the run has come: totals since its start, not additions."""
        self._run_plain(_PROGRESS, (pages, seen, changed, run_id))

    def add_totals(self, run_id: int, totals: Mapping[tuple[str, str], tuple[int, int]]) -> None:
        """Add (count, minor units) to the run's totals by (currency, outcome kind)."""
        self._execute_many(
            _ADD_TOTALS,
            [
                (run_id, currency, kind, count, amount)
                for (currency, kind), (count, amount) in sorted(totals.items())
            ],
        )

    def finish(
        self,
        run_id: int,
        state: str,
        drifted: bool = False,
        error_class: str | None = None,
        error: str | None = None,
    ) -> None:
        """End a running run. Raises InvariantBroken when it had ended already."""
        ended = self._connection.execute(
            update(runs)
            .where(runs.c.id == run_id, runs.c.state == "running")
            .values(
                state=state,
                finished_at=self._now(),
                drifted=int(drifted),
                error_class=error_class,
                error=error,
            )
        )
        if ended.rowcount != 1:
            raise InvariantBroken(f"Run {run_id} is not running, so that it cannot end.")

    def interrupt_left_over(self) -> int:
        """Mark runs that a stopped program left running. Returns how many."""
        return self._connection.execute(
            update(runs)
            .where(runs.c.state == "running")
            .values(state="interrupted", finished_at=self._now())
        ).rowcount

    def get(self, run_id: int) -> RunRow | None:
        """One run."""
        return next(iter(self._rows(select(runs).where(runs.c.id == run_id))), None)

    def recent(self, limit: int) -> list[RunRow]:
        """The newest runs, newest first."""
        return self._rows(select(runs).order_by(runs.c.id.desc()).limit(limit))

    def last(self, connection: str, stream: str, *, task: str | None = None) -> RunRow | None:
        """The newest run of a stream, of any task or of one."""
        query = select(runs).where(runs.c.connection == connection, runs.c.stream == stream)
        query = query if task is None else query.where(runs.c.task == task)
        return next(iter(self._rows(query.order_by(runs.c.id.desc()).limit(1))), None)

    def totals(self, run_id: int) -> list[RunTotal]:
        """The control totals of a run, by currency and kind."""
        columns = run_totals.c
        rows = self._connection.execute(
            select(columns.currency, columns.kind, columns.count, columns.amount_minor_units)
            .where(columns.run_id == run_id)
            .order_by(columns.currency, columns.kind)
        )
        return [RunTotal(*row) for row in rows]

    def _rows(self, query: Select[Any]) -> list[RunRow]:
        rows = self._connection.execute(query).mappings()
        return [RunRow(**{**row, "drifted": bool(row["drifted"])}) for row in rows]
