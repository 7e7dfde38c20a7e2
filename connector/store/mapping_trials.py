"""Back-tests and shadow runs of mapping documents, and the reports they leave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select, update

from connector.errors import InvariantBroken, NotFound
from connector.store.repository import Repository
from connector.store.schema import mapping_trials


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial of a document on the records of one connection, beside the version that was active then.

    `kind` is `backtest` or `shadow`, `state` is `waiting` (to be run), `running`, `finished` or `failed`; `until` is when
    a shadow run ends.
    """

    id: int
    kind: str
    document_id: int
    connection: str
    active_version_id: int
    state: str
    scope: Mapping[str, Any]
    started_at: datetime
    started_by: str
    until: datetime | None
    finished_at: datetime | None
    records: int
    error: str | None


class MappingTrials(Repository):
    """Writing and reading trials."""

    def start(
        self,
        kind: str,
        document_id: int,
        connection: str,
        active_version_id: int,
        by: str,
        scope: Mapping[str, Any],
        until: datetime | None = None,
    ) -> int:
        """Note a trial, a back-test as one that waits to be run; gives its identifier."""
        (trial_id,) = self._transaction.allocate("mapping_trials", 1)
        self._connection.execute(
            insert(mapping_trials).values(
                id=trial_id,
                kind=kind,
                document_id=document_id,
                connection=connection,
                active_version_id=active_version_id,
                state="waiting" if kind == "backtest" else "running",
                scope=json.dumps(scope, sort_keys=True),
                started_at=self._now(),
                started_by=by,
                until=until,
                records=0,
            )
        )
        return trial_id

    def claim(self, trial_id: int) -> bool:
        """Take a waiting back-test to run it; False when somebody else did."""
        taken = self._connection.execute(
            update(mapping_trials)
            .where(mapping_trials.c.id == trial_id, mapping_trials.c.state == "waiting")
            .values(state="running")
        )
        return taken.rowcount == 1

    def waiting(self) -> list[int]:
        """Back-tests that nobody runs yet, oldest first."""
        rows = self._connection.execute(
            select(mapping_trials.c.id)
            .where(mapping_trials.c.state == "waiting")
            .order_by(mapping_trials.c.id)
        )
        return list(rows.scalars())

    def get(self, trial_id: int) -> Trial:
        """One trial. Raises NotFound."""
        found = self._all(select(mapping_trials).where(mapping_trials.c.id == trial_id))
        if not found:
            raise NotFound(f"There is no trial {trial_id} of a mapping.")
        return found[0]

    def of(self, document_id: int) -> list[Trial]:
        """All trials of a document, newest first."""
        return self._all(
            select(mapping_trials)
            .where(mapping_trials.c.document_id == document_id)
            .order_by(mapping_trials.c.id.desc())
        )

    def recent(self, limit: int = 50) -> list[Trial]:
        """The newest trials, newest first."""
        return self._all(select(mapping_trials).order_by(mapping_trials.c.id.desc()).limit(limit))

    def shadow(self, connection: str) -> Trial | None:
        """The shadow run of a connection that is under way."""
        found = self._all(
            select(mapping_trials).where(
                mapping_trials.c.connection == connection,
                mapping_trials.c.kind == "shadow",
                mapping_trials.c.state == "running",
            )
        )
        return found[0] if found else None

    def report(self, trial_id: int) -> dict[str, Any] | None:
        """What a trial found so far, in the form of `mappings.Comparison.as_dict`."""
        text = self._connection.execute(
            select(mapping_trials.c.report).where(mapping_trials.c.id == trial_id)
        ).scalar_one_or_none()
        return None if text is None else json.loads(text)

    def progress(self, trial_id: int, records: int, report: Mapping[str, Any] | None) -> None:
        """Note how many records were compared, and what was found until now."""
        values: dict[str, Any] = {"records": records}
        if report is not None:
            values["report"] = json.dumps(report, ensure_ascii=False)
        self._connection.execute(
            update(mapping_trials)
            .where(mapping_trials.c.id == trial_id, mapping_trials.c.state == "running")
            .values(**values)
        )

    def finish(
        self,
        trial_id: int,
        state: str,
        *,
        records: int | None = None,
        report: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """End a running trial. What is not given stays as it is. Raises InvariantBroken when it had ended already."""
        values: dict[str, Any] = {"state": state, "finished_at": self._now(), "error": error}
        if records is not None:
            values["records"] = records
        if report is not None:
            values["report"] = json.dumps(report, ensure_ascii=False)
        ended = self._connection.execute(
            update(mapping_trials)
            .where(mapping_trials.c.id == trial_id, mapping_trials.c.state == "running")
            .values(**values)
        )
        if ended.rowcount != 1:
            raise InvariantBroken(f"Trial {trial_id} is not running, so that it cannot end.")

    def fail_left_over(self) -> int:
        """Mark back-tests that a stopped program left running. Shadow runs go on. Returns how many."""
        return self._connection.execute(
            update(mapping_trials)
            .where(mapping_trials.c.state == "running", mapping_trials.c.kind == "backtest")
            .values(
                state="failed",
                finished_at=self._now(),
                error="The program was stopped before it ended.",
            )
        ).rowcount

    def _all(self, query: Select[Any]) -> list[Trial]:
        columns = [c for c in mapping_trials.c if c.name != "report"]
        rows = self._connection.execute(query.with_only_columns(*columns))
        return [Trial(**{**row, "scope": json.loads(row["scope"])}) for row in rows.mappings()]
