"""Decide stored records anew, without asking the source: after a link, a document, a new mapping, or a new day.

An outcome that comes out the same is not stored again, so running this twice changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import date

from connector.corrections import from_json
from connector.deciding import NOT_LINKED, Candidate, Decider, Totals, as_row, count
from connector.standing_corrections import StandingCorrections
from connector.store.database import Database
from connector.store.reading import RecordForDecision
from connector.store.records import Decision as StoredDecision
from connector.store.transaction import Transaction
from mappings.outcome import Outcome

log = logging.getLogger(__name__)

BATCH = 400
"""How many records are decided in one transaction: it holds the write lock for some 50 ms."""

Progress = Callable[[int], None]
"""Is told how many records were looked at so far."""


class Redecider:
    """Runs stored records of one mapped stream through a decider again."""

    def __init__(self, database: Database, stream: str) -> None:
        self._database = database
        self._stream = stream

    def run(
        self,
        decider: Decider,
        task: str,
        *,
        reason_codes: Sequence[str] | None = None,
        recheck_due: date | None = None,
        only: Sequence[int] | None = None,
        by_other_mapping: bool = False,
        stored_since: date | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Decide again what matches; the number of records whose outcome changed. `task` is `remap` or `recheck`.

        `only`: none but these records. `by_other_mapping`: only what another mapping version decided, so that an interrupted re-mapping goes on where
        it ended. `stored_since`: only records whose latest version was stored on that day or later. Ends early when
        another mapping version becomes active: what that one demands is another run's work.
        """
        connection = decider.flow.connection
        run_id: int | None = None
        seen = changed = 0
        state = "succeeded"
        after_id = 0
        while True:
            with self._database.read() as tx:
                batch = tx.records.iter_latest(
                    connection,
                    self._stream,
                    reason_codes=reason_codes,
                    recheck_due=recheck_due,
                    not_by_mapping=decider.mapping_version_id if by_other_mapping else None,
                    stored_since=stored_since,
                    only=only,
                    after_id=after_id,
                    limit=BATCH,
                )
            if not batch:
                break
            after_id = batch[-1].record_id
            evaluated = [(row, decider.evaluate_raw(row.raw)) for row in batch]
            with self._database.write() as tx:
                if not decider.is_current(tx):
                    state = "interrupted"
                    break
                if run_id is None:
                    run_id = tx.runs.start(connection, self._stream, task)
                seen += len(evaluated)
                changed += self._batch(tx, decider, run_id, evaluated)
                tx.runs.progress(run_id, 0, seen, changed)
            if progress is not None:
                progress(seen)
        if run_id is not None:
            with self._database.write() as tx:
                tx.runs.finish(run_id, state, drifted=False)
        if changed:
            log.info(
                "redecide.finished task=%s connection=%s changed=%d", task, connection, changed
            )
        return changed

    def decide_inside(self, tx: Transaction, decider: Decider, record_id: int) -> None:
        """Decide one record anew, in a transaction that changed what counts of it: its outcome is stored whether or not
        it is another one. `decider` is current."""
        connection = decider.flow.connection
        rows = tx.records.iter_latest(connection, self._stream, after_id=record_id - 1, limit=1)
        run_id = tx.runs.start(connection, self._stream, "recheck")
        evaluated = [(row, decider.evaluate_raw(row.raw)) for row in rows]
        self._batch(tx, decider, run_id, evaluated, anew={record_id})
        tx.runs.progress(run_id, 0, 1, 1)
        tx.runs.finish(run_id, "succeeded", drifted=False)

    def any_held(self, decider: Decider, reason_code: str) -> bool:
        """Whether a record is held for that reason."""
        with self._database.read() as tx:
            connection = decider.flow.connection
            return bool(
                tx.records.iter_latest(
                    connection, self._stream, reason_codes=[reason_code], after_id=0, limit=1
                )
            )

    def parties_waited_for(
        self, decider: Decider, reason_code: str = NOT_LINKED
    ) -> set[tuple[str, str]]:
        """Buyer and supplier of each record that is held for that reason: pairs of counterparty identifiers."""
        parties: set[tuple[str, str]] = set()
        after_id = 0
        while True:
            with self._database.read() as tx:
                batch = tx.records.iter_latest(
                    decider.flow.connection,
                    self._stream,
                    reason_codes=[reason_code],
                    after_id=after_id,
                    limit=BATCH,
                )
                corrections = tx.corrections.in_force([row.record_id for row in batch])
            if not batch:
                return parties
            after_id = batch[-1].record_id
            for row in batch:
                correction = corrections.get(row.record_id)
                overlay = () if correction is None else from_json(correction.fields)
                outcome = decider.evaluate_raw(row.raw)
                if overlay:
                    outcome, _ = decider.evaluate_corrected(row.raw, overlay)
                invoice = outcome.invoice
                if invoice is not None:
                    parties.add((invoice.buyer_id, invoice.supplier_id))

    def _batch(
        self,
        tx: Transaction,
        decider: Decider,
        run_id: int,
        evaluated: Sequence[tuple[RecordForDecision, Outcome]],
        anew: Collection[int] = (),
    ) -> int:
        """`anew`: records whose outcome is stored also where it is the same."""
        corrections = StandingCorrections(tx, [row.record_id for row, _ in evaluated])
        if corrections:
            evaluated, otherwise = corrections.again(decider, evaluated)
            anew = {*anew, *otherwise}
        decisions = decider.decide(
            tx,
            [
                (Candidate(row.record_id, row.version_id, row.source_id, known=True), outcome)
                for row, outcome in evaluated
            ],
        )
        different = [
            (row, decision)
            for (row, _), decision in zip(evaluated, decisions, strict=True)
            if not _same(row, decision.outcome, decider.mapping_version_id)
            or decision.must_be_offered
            or row.record_id in anew
        ]
        ids = tx.allocate("outcomes", len(different))
        tx.records.decide_many(
            decider.mapping_version_id,
            run_id,
            [
                StoredDecision(
                    row.record_id,
                    row.version_id,
                    as_row(outcome_id, decision.outcome),
                    decision.outcome.recheck_on,
                )
                for outcome_id, (row, decision) in zip(ids, different, strict=True)
            ],
        )
        stored = {row.record_id: i for i, (row, _) in zip(ids, different, strict=True)}
        corrections.note(stored)
        decider.offer(tx, self._stream, [decision for _, decision in different], stored)
        totals: Totals = {}
        for _, decision in different:
            outcome = decision.outcome
            count(totals, outcome.kind.value, outcome.currency, outcome.amount_minor_units)
            count(totals, "pulled", outcome.currency, outcome.amount_minor_units)
        tx.runs.add_totals(run_id, totals)
        return len(different)


class WaitingForCompany:
    """The records of one connection that wait for something about a company: that it is linked, or that it has an
    approved limit (fulfils `linking.Waiting`)."""

    def __init__(
        self,
        redecider: Redecider,
        decider: Callable[[], Decider | None],
        reason_code: str,
        *decided_too: str,
    ) -> None:
        """`decided_too`: reasons that may be gone, too, when the one is."""
        self._redecider = redecider
        self._decider = decider
        self._reason_code = reason_code
        self._decided = [reason_code, *decided_too]

    def parties(self) -> set[tuple[str, str]]:
        decider = self._decider()
        if decider is None:
            return set()
        return self._redecider.parties_waited_for(decider, self._reason_code)

    def decide_again(self) -> None:
        decider = self._decider()
        if decider is not None:
            self._redecider.run(decider, "recheck", reason_codes=self._decided)

    def is_anything_held(self) -> bool:
        """Whether a record waits."""
        decider = self._decider()
        return decider is not None and self._redecider.any_held(decider, self._reason_code)


def _same(row: RecordForDecision, outcome: Outcome, mapping_version_id: int) -> bool:
    """Whether the current outcome already says this."""
    return (
        row.mapping_version_id == mapping_version_id
        and row.outcome_kind == outcome.kind.value
        and row.reason_code == outcome.reason_code
        and row.field_path == outcome.field_path
        and row.sentence == outcome.sentence
        and row.recheck_on == outcome.recheck_on
    )
