"""`connector verify`: every invariant that can be checked from the store alone, each able to fail."""

from __future__ import annotations

from collections.abc import Callable

from connector.corrections import corrected, differing, from_json
from connector.deciding import Decider
from connector.evaluating import readable
from connector.store.corrections import Correction
from connector.store.database import Database
from connector.store.invariants import EXAMPLES, Violation
from connector.store.transaction import Transaction


class Verifier:
    """Checks a store. `decider` gives the decider of a connection, or None."""

    def __init__(self, database: Database, decider: Callable[[str], Decider | None]) -> None:
        self._database = database
        self._decider = decider

    def run(self, *, at_rest: bool = False) -> list[Violation]:
        """All violations: from SQL, digests, hash chains, guards, and from mapping every financed record again."""
        with self._database.read() as tx:
            found = tx.invariants.violations(at_rest=at_rest)
            checks = [
                ("I2", "A guard of the database is missing.", self._database.missing_guards()),
                ("I19", "The file is damaged.", self._database.quick_check()),
                (
                    "I19",
                    "A financing invoice was changed outside the connector.",
                    [str(i) for i in tx.financing.damaged()],
                ),
                ("I19", "The status timeline was changed.", tx.timeline.broken_chains()),
                ("I19", "The audit log was changed.", tx.audit.verify_chain()),
                ("I3", "An idempotency key has another payload.", tx.outbox.changed_payloads()),
                ("I4", "A financing invoice is not what its record says.", self._unlike_source()),
                (
                    "I4",
                    "A correction is in force although its source says otherwise.",
                    _overtaken(tx),
                ),
            ]
        if at_rest:
            waiting = "An invoice of an automatic flow is ready, and was not submitted."
            checks.append(("I13", waiting, self._not_submitted()))
        found += [
            Violation(number, sentence, tuple(rows[:EXAMPLES]))
            for number, sentence, rows in checks
            if rows
        ]
        return sorted(found, key=lambda violation: int(violation.number[1:]))

    def _not_submitted(self) -> list[str]:
        """I13, of what no message was written for yet: only the flow says whether it goes by itself."""
        waiting: list[str] = []
        before_id: int | None = None
        while len(waiting) < EXAMPLES:
            with self._database.read() as tx:
                batch = tx.financing.recent(200, before_id, state="ready")
                for row in batch:
                    decider = self._decider(tx.records.get(row.record_id).connection)
                    if decider is not None and decider.flow.submit == "automatic":
                        waiting.append(str(row.id))
            if not batch:
                break
            before_id = batch[-1].id
        return waiting

    def _unlike_source(self) -> list[str]:
        """I4, from the source's own bytes: maps the version each financing invoice rests on once more."""
        unlike = []
        before_id: int | None = None
        while True:
            with self._database.read() as tx:
                batch = tx.financing.recent(200, before_id)
                corrections = tx.corrections.of_outcomes([row.outcome_id for row in batch])
                for row in batch:
                    record = tx.records.get(row.record_id)
                    outcome = tx.records.outcome(row.outcome_id)
                    decider = self._decider(record.connection)
                    if decider is None or outcome.mapping_version_id != decider.mapping_version_id:
                        continue  # decided by an earlier mapping; its document may say otherwise
                    version = tx.records.version(outcome.version_id)
                    raw = version.raw if version else b""
                    correction = corrections.get(row.outcome_id)
                    if correction is not None:
                        raw = _as_corrected(raw, correction, decider)
                    record_then = readable(raw)
                    invoice = decider.evaluate_as_of(
                        record_then or {}, outcome.decided_at.date()
                    ).invoice
                    terms = row.terms
                    if invoice is None or (
                        (invoice.amount_minor_units, invoice.currency, invoice.due_date)
                        != (terms.amount_minor_units, terms.currency, terms.due_date)
                    ):
                        unlike.append(str(row.id))
            if not batch:
                return unlike
            before_id = batch[-1].id


def _overtaken(tx: Transaction) -> list[str]:
    """Corrections that should have ended: their source says something else of a corrected field by now."""
    overtaken, after_id = [], 0
    while batch := tx.corrections.next_in_force(after_id, 200):
        after_id = batch[-1].id
        for correction in batch:
            record = readable(tx.records.latest_raw(correction.record_id))
            overlay = from_json(correction.fields)
            if isinstance(record, dict) and differing(record, overlay) is not None:
                overtaken.append(str(correction.id))
    return overtaken


def _as_corrected(raw: bytes, correction: Correction, decider: Decider) -> bytes:
    """The record as it was corrected; as its source had it where the correction would change the money."""
    found = corrected(raw, from_json(correction.fields), decider.mapping)
    return raw if found is None else found
