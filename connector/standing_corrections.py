"""Corrections while records are decided: laid over what is judged, ended where the source says otherwise, and noted beside
the outcomes that came about by them. All of it in the transaction that stores these."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from connector.corrections import Overlay, differing, from_json
from connector.deciding import Decider
from connector.evaluating import readable
from connector.store.corrections import Correction
from connector.store.reading import RecordForDecision
from connector.store.transaction import Transaction
from mappings.outcome import Outcome

ACTOR = "connector"

Judged = tuple[RecordForDecision, Outcome]
"""A stored record, and what a mapping says of it."""


class StandingCorrections:
    """The corrections in force of some records. One query for all of them; where there are none, that is all it costs."""

    def __init__(self, tx: Transaction, record_ids: Collection[int]) -> None:
        self._tx = tx
        tx.corrections.lock(record_ids)
        self._standing = tx.corrections.in_force(record_ids)
        self._applied: dict[int, Correction] = {}
        self.ended: set[int] = set()
        """Records whose correction ended here."""

    def __bool__(self) -> bool:
        return bool(self._standing)

    def overlay(self, record_id: int) -> Overlay:
        """What people say of a record; empty where nobody says anything."""
        standing = self._standing.get(record_id)
        return () if standing is None else from_json(standing.fields)

    def compare(self, record_id: int, subject: str, raw: bytes) -> None:
        """Compare a record's latest version with what its source said when the record was corrected. The correction ends
        where the source says something else by now: somebody corrected the books. `subject` is for the audit log."""
        standing = self._standing.get(record_id)
        if standing is None:
            return
        record = readable(raw)
        if not isinstance(record, dict):
            return  # it says nothing at all; perhaps its next version does
        differs = differing(record, self.overlay(record_id))
        if differs is None:
            return
        reason = f"The accounting system says something else of {differs.path} by now."
        self._tx.corrections.end(standing.id, ACTOR, reason)
        self._tx.audit.append(
            ACTOR, "record.correction_ended", subject, {"path": differs.path, "reason": reason}
        )
        del self._standing[record_id]
        self.ended.add(record_id)

    def judged(self, decider: Decider, record_id: int, raw: bytes, alone: Outcome) -> Outcome:
        """The outcome of a record as it is corrected; `alone`, what becomes of the source's own word, where it is not, or
        where its correction does not apply under this mapping."""
        standing = self._standing.get(record_id)
        if standing is None:
            return alone
        outcome, applies = decider.evaluate_corrected(raw, self.overlay(record_id))
        if applies:
            self._applied[record_id] = standing
        return outcome

    def again(self, decider: Decider, evaluated: Sequence[Judged]) -> tuple[list[Judged], set[int]]:
        """Stored records with what the mapping says of each as it is corrected; and those among them whose outcome in force
        came about by another correction, or by one that counts no more."""
        connection = decider.flow.connection
        judged = []
        for row, alone in evaluated:
            self.compare(row.record_id, f"{connection}/{row.source_id}", row.raw)
            judged.append((row, self.judged(decider, row.record_id, row.raw, alone)))
        ids = [row.outcome_id for row, _ in evaluated if row.outcome_id is not None]
        by = self._tx.corrections.of_outcomes(ids)
        otherwise = set(self.ended)
        for row, _ in evaluated:
            before = by.get(row.outcome_id or 0)
            if (None if before is None else before.id) != self.by(row.record_id):
                otherwise.add(row.record_id)
        return judged, otherwise

    def by(self, record_id: int) -> int | None:
        """The identifier of the correction by which a record was judged; None for the source's own word."""
        applied = self._applied.get(record_id)
        return None if applied is None else applied.id

    def note(self, outcome_ids: Mapping[int, int]) -> None:
        """Note by which corrections the stored outcomes (by record) came about."""
        self._tx.corrections.note_outcomes(
            {
                outcome_ids[record_id]: correction.id
                for record_id, correction in self._applied.items()
                if record_id in outcome_ids
            }
        )
