"""A draft beside the active mapping on live traffic: what it would have made of everything that is pulled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from connector.authoring.life import MappingLife
from connector.clock import Clock
from connector.comparing import EXAMPLES, LISTED
from connector.corrections import judged_corrected
from connector.evaluating import judged_raw
from connector.intake import Judged
from connector.store.database import Database
from connector.store.mapping_trials import Trial
from connector.store.transaction import Transaction
from mappings import Comparison
from mappings import Mapping as CompiledMapping


class Shadow:
    """One shadow run during one pull (fulfils `intake.Observer`). Differences are kept in the transaction that stores
    the records they are about, so none is counted twice or lost."""

    def __init__(self, trial: Trial, draft: CompiledMapping, today: date) -> None:
        self._trial = trial
        self._draft = draft
        self._today = today

    def observe(self, tx: Transaction, judged: Sequence[Judged]) -> None:
        """Count a batch."""
        report = tx.mapping_trials.report(self._trial.id)
        if report is None:
            comparison = Comparison(examples=EXAMPLES, listed=LISTED)
        else:
            comparison = Comparison.from_dict(report)
        for source_id, raw, outcome, state, overlay in judged:
            if overlay:
                draft, _ = judged_corrected(raw, overlay, self._draft, self._today)
            else:
                draft = judged_raw(raw, self._draft, self._today)
            comparison.add(source_id, outcome, draft, state=state)
        tx.mapping_trials.progress(self._trial.id, comparison.records, comparison.as_dict())


class Shadows:
    """Finds the shadow run of a connection (fulfils `pull.Observers`), and ends those whose time is over."""

    def __init__(self, database: Database, life: MappingLife, clock: Clock) -> None:
        self._database = database
        self._life = life
        self._clock = clock

    def __call__(self, connection: str) -> Shadow | None:
        with self._database.read() as tx:
            trial = tx.mapping_trials.shadow(connection)
        if trial is None:
            return None
        if trial.until is not None and self._clock.now() >= trial.until:
            self._end(trial, None)
            return None
        for stack, draft, active in self._life.drafts(trial.document_id):
            if stack.connection == connection and active.id == trial.active_version_id:
                return Shadow(trial, draft, self._clock.today())
        self._end(trial, "Another mapping became active; what was compared until then stays.")
        return None

    def _end(self, trial: Trial, why: str | None) -> None:
        with self._database.write() as tx:
            tx.mapping_trials.finish(trial.id, "finished", error=why)
