"""Trials of a document: back-tests on what is stored, and shadow runs beside the live traffic. Reports are kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.authoring.life import MappingLife
from connector.backtest import Progress, Scope, backtest
from connector.clock import Clock
from connector.comparing import Pair
from connector.errors import ConnectorError, Refused
from connector.store.database import Database
from mappings import Mapping as CompiledMapping

Report = Mapping[str, Any]
"""As `mappings.Comparison.as_dict` gives it."""

log = logging.getLogger(__name__)

PROGRESS_EVERY = 5_000
"""After how many versions the count in the store is brought up to date."""

LONGEST_SHADOW = timedelta(days=90)


class Trials:
    """Runs trials and keeps their reports. `stream_of` gives the mapped stream of a connection."""

    def __init__(
        self,
        database: Database,
        life: MappingLife,
        clock: Clock,
        stream_of: Callable[[str], str],
    ) -> None:
        self._database = database
        self._life = life
        self._clock = clock
        self._stream_of = stream_of

    def backtest(
        self,
        document_id: int,
        by: str,
        scope: Scope | None = None,
        progress: Progress | None = None,
    ) -> list[int]:
        """Try a document on the stored records of every connection it would decide for; gives the trials' identifiers.
        It is checked on the way. Raises Refused when it cannot be used."""
        trial_ids = self.prepare_backtest(document_id, by, scope)
        for trial_id in trial_ids:
            self.run_backtest(trial_id, progress)
        return trial_ids

    def prepare_backtest(self, document_id: int, by: str, scope: Scope | None = None) -> list[int]:
        """Check the document and open a trial for each connection, to be run by `run_backtest`."""
        wrong = self._life.check(document_id, by)
        if wrong:
            connection, told = next(iter(wrong.items()))
            raise Refused(f"The mapping of {connection!r} cannot be used:\n{told}")
        scope = scope or Scope(as_of=self._clock.today())
        drafts = self._life.drafts(document_id)
        with self._database.write() as tx:
            return [
                tx.mapping_trials.start(
                    "backtest", document_id, stack.connection, active.id, by, scope.as_dict()
                )
                for stack, _, active in drafts
            ]

    def run_waiting(self) -> None:
        """Run the back-tests that were asked for in the browser or by the API."""
        with self._database.read() as tx:
            waiting = tx.mapping_trials.waiting()
        for trial_id in waiting:
            try:
                self.run_backtest(trial_id)
            except ConnectorError as error:
                log.warning("backtest.failed trial=%d error=%s", trial_id, error)

    def run_backtest(self, trial_id: int, progress: Progress | None = None) -> None:
        """Run a prepared back-test to its end and keep the report, unless somebody else runs it. An error is kept with
        it and raised."""
        with self._database.write() as tx:
            if not tx.mapping_trials.claim(trial_id):
                return
            trial = tx.mapping_trials.get(trial_id)
        counted = 0

        def told(compared: int) -> None:
            nonlocal counted
            if progress is not None:
                progress(compared)
            if compared // PROGRESS_EVERY > counted // PROGRESS_EVERY:
                with self._database.write() as tx:
                    tx.mapping_trials.progress(trial_id, compared, None)
            counted = compared

        try:
            draft, active = self._documents(trial.document_id, trial.connection)
            day = datetime.fromisoformat(trial.scope["as_of"]).date()
            since, until = (
                None
                if trial.scope[key] is None
                else datetime.fromisoformat(trial.scope[key]).date()
                for key in ("since", "until")
            )
            sums = backtest(
                self._database,
                trial.connection,
                self._stream_of(trial.connection),
                Pair(active, draft.document, trial.connection, day),
                Scope(day, since, until, trial.scope["older_versions"]),
                told,
            )
        except Exception as error:
            known = error if isinstance(error, ConnectorError) else "An internal error."
            with self._database.write() as tx:
                tx.mapping_trials.finish(trial_id, "failed", error=str(known))
            raise
        with self._database.write() as tx:
            tx.mapping_trials.finish(
                trial_id, "finished", records=sums.records, report=sums.as_dict()
            )
            self._life.tried(tx, trial.document_id, trial.started_by)

    def reports_of(self, document_id: int) -> dict[str, Report | None]:
        """What the widest back-test said of a document, by connection, beside the mapping in force there; None where it
        was not back-tested so."""
        found: dict[str, Report | None] = {}
        drafts = self._life.drafts(document_id)
        with self._database.read() as tx:
            trials = [
                trial
                for trial in tx.mapping_trials.of(document_id)
                if trial.kind == "backtest" and trial.state == "finished"
            ]
            for stack, _, active in drafts:
                of_this = [
                    (trial.records, trial.id)
                    for trial in trials
                    if (trial.connection, trial.active_version_id) == (stack.connection, active.id)
                ]
                widest = max(of_this, default=None)
                found[stack.connection] = (
                    None if widest is None else tx.mapping_trials.report(widest[1])
                )
        return found

    def _documents(self, document_id: int, connection: str) -> tuple[CompiledMapping, str]:
        for stack, draft, active in self._life.drafts(document_id):
            if stack.connection == connection:
                return draft, active.document
        raise Refused(f"The document {document_id} is no part of the mapping of {connection!r}.")

    # -- shadow ---------------------------------------------------------------------------------------------------

    def start_shadow(self, document_id: int, by: str, period: timedelta) -> list[int]:
        """Let a document run beside the active mapping on everything that is pulled, for a period. Raises Refused when
        one is running for the connection already."""
        if not timedelta(0) < period <= LONGEST_SHADOW:
            raise Refused(f"A shadow run lasts up to {LONGEST_SHADOW.days} days.")
        wrong = self._life.check(document_id, by)
        if wrong:
            connection, told = next(iter(wrong.items()))
            raise Refused(f"The mapping of {connection!r} cannot be used:\n{told}")
        drafts = self._life.drafts(document_id)
        until = self._clock.now() + period
        with self._database.write() as tx:
            for stack, _, _ in drafts:
                running = tx.mapping_trials.shadow(stack.connection)
                if running is not None:
                    raise Refused(
                        f"The document {running.document_id} runs in shadow on {stack.connection!r} already.",
                        remedy="Stop that run first.",
                    )
            scope = {"as_of": None, "since": self._clock.today().isoformat(), "until": None}
            ids = [
                tx.mapping_trials.start(
                    "shadow", document_id, stack.connection, active.id, by, scope, until
                )
                for stack, _, active in drafts
            ]
            title = tx.mapping_documents.get(document_id).title
            tx.audit.append(by, "mapping.shadow_started", title, {"until": until.isoformat()})
            return ids

    def stop_shadow(self, trial_id: int, by: str) -> None:
        """End a shadow run before its time; its report stays."""
        with self._database.write() as tx:
            trial = tx.mapping_trials.get(trial_id)
            if trial.kind != "shadow" or trial.state != "running":
                raise Refused(f"Trial {trial_id} is no shadow run under way.")
            tx.mapping_trials.finish(trial_id, "finished")
            title = tx.mapping_documents.get(trial.document_id).title
            tx.audit.append(by, "mapping.shadow_stopped", title, {"trial": trial_id})
