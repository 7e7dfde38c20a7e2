"""Correct and retry: a person's word for single fields of a record, over what the accounting system says of them.

For a record that waits because of a slip which the books cannot be rid of at once. The source's bytes stay as they are; the
mapping looks at the record with the correction laid over it, until the source says something else of these fields or
somebody takes the correction back. Nobody's money becomes another by it, and nothing that was sent is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from connector.corrections import (
    Overlay,
    as_json,
    changed_money,
    from_json,
    is_same,
    money_of,
    overlaid,
    shown,
)
from connector.deciding import Candidate, Decider
from connector.errors import ConnectorError, RecordRejected, Refused
from connector.evaluating import readable
from connector.facts import FactKeeper
from connector.inbox_actions.entering import IN_THE_BOOKS, Correctable, Given, RecordField
from connector.inbox_actions.excluding import reason_given, subject
from connector.store.corrections import Correction
from connector.store.database import Database
from connector.store.reading import RecordRow
from connector.store.transaction import Transaction
from connector.strict_json import write
from connector.system import Record, Stream
from mappings import Outcome, OutcomeKind

MOST_FIELDS = 10
"""A record of which more than so many fields are wrong is not a slip."""

TAKEN_BACK = "Taken back."
REPLACED = "Replaced by another correction."


class DecideInside(Protocol):
    """Decides one stored record anew, within a transaction that writes."""

    def __call__(self, tx: Transaction, decider: Decider, record_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Preview:
    """What a correction would do. `before` is the outcome in force, `after` what it would be; `reads` is what each field of
    the financing invoice says before and after. With `refusals` (by path; "" for the record as a whole) it is not done."""

    overlay: Overlay
    before: Outcome
    after: Outcome
    reads: tuple[tuple[str, Any, Any], ...]
    refusals: Mapping[str, ConnectorError]


@dataclass(frozen=True, slots=True)
class Form:
    """What is shown of a record before anything is entered. `why_not`: why nothing can be, where that is so."""

    record: RecordRow
    fields: tuple[RecordField, ...]
    standing: Correction | None
    outcome: Outcome | None
    why_not: ConnectorError | None


@dataclass(frozen=True, slots=True)
class _Place:
    """One record, as far as it can be corrected at all."""

    record: RecordRow
    source: Record
    raw: bytes
    alone: Outcome
    """What the mapping says of the source alone."""
    standing: Correction | None
    correctable: Correctable

    @property
    def overlay(self) -> Overlay:
        return () if self.standing is None else from_json(self.standing.fields)


class Correcting:
    """Corrects records, and takes that back."""

    def __init__(
        self,
        database: Database,
        decider: Callable[[str], Decider | None],
        stream: Callable[[str], Stream],
        decide_inside: DecideInside,
    ) -> None:
        """`decider` and `stream` are those of a connection's invoices."""
        self._database = database
        self._decider = decider
        self._stream = stream
        self._decide_inside = decide_inside

    # -- looking ------------------------------------------------------------------------------------------------------

    def form(self, record_id: int) -> Form:
        """What may be entered. Raises NotFound."""
        with self._database.read() as tx:
            record = tx.records.get(record_id)
        decider = self._decider(record.connection)
        with self._database.read() as tx:
            standing = tx.corrections.in_force([record_id]).get(record_id)
            try:
                place = self._place(tx, decider, record_id)
            except ConnectorError as why_not:
                return Form(record, (), standing, None, why_not)
            fields = place.correctable.fields(place.alone.problems, place.overlay)
            return Form(record, tuple(fields), standing, place.alone, None)

    def preview(self, record_id: int, given: Mapping[str, Given]) -> Preview:
        """What it would do to enter these values, by path. Raises NotFound, and Refused where the record is not one that
        can be corrected here; what is wrong with what was entered is in the answer."""
        decider = self._decider_of(record_id)
        with self._database.read() as tx:
            return self._preview(tx, decider, self._place(tx, decider, record_id), given)

    # -- doing --------------------------------------------------------------------------------------------------------

    def correct(
        self, record_id: int, given: Mapping[str, Given], reason: str, *, by: str
    ) -> Preview:
        """Enter these values, in place of an earlier correction, and decide the record anew: in one transaction. Raises
        NotFound, Refused, and RecordRejected for a field that cannot be corrected so."""
        text = reason_given(reason)
        decider = self._decider_of(record_id)
        with self._database.write() as tx:
            tx.corrections.lock([record_id])
            place = self._place(tx, decider, record_id)
            found = self._preview(tx, decider, place, given)
            for refusal in found.refusals.values():
                raise refusal
            if place.standing is not None:
                tx.corrections.end(place.standing.id, by, REPLACED)
            tx.corrections.add(record_id, as_json(found.overlay), text, by)
            tx.audit.append(
                by,
                "record.corrected",
                subject(place.record),
                {"fields": _told(found.overlay), "reason": text},
            )
            self._decide(tx, decider, record_id)
        return found

    def take_back(self, record_id: int, *, by: str) -> None:
        """Let the source alone speak again. Raises NotFound, and Refused where no correction is in force, or where the
        invoice was sent as corrected."""
        decider = self._decider_of(record_id)
        with self._database.write() as tx:
            tx.corrections.lock([record_id])
            standing = tx.corrections.in_force([record_id]).get(record_id)
            record = tx.records.get(record_id)
            if standing is None:
                raise Refused("No correction of this invoice is in force.")
            if any(row.is_sent for row in tx.financing.of_record(record_id)):
                raise Refused(
                    "The invoice was sent to the financier as corrected, so the correction stays with it.",
                    remedy="Settle what is wrong with the financier, or correct the books.",
                )
            tx.corrections.end(standing.id, by, TAKEN_BACK)
            overlay = from_json(standing.fields)
            tx.audit.append(
                by,
                "record.correction_taken_back",
                subject(record),
                {"fields": _told(overlay)},
            )
            self._decide(tx, decider, record_id)

    def _decide(self, tx: Transaction, decider: Decider, record_id: int) -> None:
        if not decider.is_current(tx):
            raise Refused(
                "The mapping was changed at this very moment.",
                remedy="Look again, and enter it anew.",
            )
        self._decide_inside(tx, decider, record_id)
        FactKeeper.read_again(tx, decider, record_id)

    # -- what stands against it -------------------------------------------------------------------------------------------

    def _decider_of(self, record_id: int) -> Decider:
        with self._database.read() as tx:
            connection = tx.records.get(record_id).connection
        decider = self._decider(connection)
        if decider is None:
            raise _no_flow(connection)
        return decider

    def _place(self, tx: Transaction, decider: Decider | None, record_id: int) -> _Place:
        """The record with what is needed to correct it. Raises Refused where it cannot be corrected here at all."""
        standing = tx.corrections.in_force([record_id]).get(record_id)
        record = tx.records.get(record_id)
        if decider is None:
            raise _no_flow(record.connection)
        stream = self._stream(record.connection)
        if record.stream != stream.name or record.outcome_id is None:
            raise Refused("Only invoices are corrected here.", remedy=IN_THE_BOOKS)
        if any(row.is_sent for row in tx.financing.of_record(record_id)):
            raise Refused(
                "The invoice was sent to the financier, so it is not corrected here any more.",
                remedy="Correct the books, and settle the difference with the financier.",
            )
        if record_id in tx.exclusions.in_force([record_id]):
            raise Refused("Somebody left this invoice out.", remedy="Take that back first.")
        raw = tx.records.latest_raw(record_id)
        source = readable(raw)
        if not isinstance(source, dict):
            raise Refused(
                "The record cannot be read, so no field of it can be corrected.",
                remedy="Show it to whoever looks after the accounting system.",
            )
        alone = decider.evaluate_raw(raw)
        if alone.kind is OutcomeKind.EXCLUDED:
            raise Refused(
                "A rule of the mapping leaves this invoice out, and a correction does not overrule it.",
                remedy="Correct the books, or let a mapping author change the rule.",
            )
        money = money_of(decider.mapping, source)
        unread = [name for name in ("amount", "currency", "direction") if money[name] is None]
        if unread or None in money["gross"]:
            raise Refused(
                f"The record does not say its {(unread or ['amount'])[0]} readably, and money is never entered here.",
                remedy=IN_THE_BOOKS,
            )
        correctable = Correctable(decider.mapping, stream, record.source_id, source)
        return _Place(record, source, raw, alone, standing, correctable)

    def _preview(
        self, tx: Transaction, decider: Decider, place: _Place, given: Mapping[str, Given]
    ) -> Preview:
        refusals: dict[str, ConnectorError] = {}
        overlay: Overlay = ()
        for path, value in given.items():
            try:
                entered = place.correctable.entered(path, value)
            except RecordRejected as refusal:
                refusals[path] = refusal
                continue
            if any(each.path == entered.path for each in overlay):
                refusals[path] = RecordRejected("It is named twice.", field_path=path)
            elif not is_same(entered.was, entered.now):
                overlay = (*overlay, entered)
        after_record = overlaid(place.source, overlay)
        before = self._outcome(tx, decider, place, place.overlay)
        after = self._outcome(tx, decider, place, overlay)
        if not refusals:
            refusals |= self._refusals(decider, place, overlay, after_record, after)
        was, now = (decider.mapping.read(each) for each in (place.source, after_record))
        names = dict.fromkeys((*was, *now))
        reads = tuple((n, was.get(n), now.get(n)) for n in names if was.get(n) != now.get(n))
        return Preview(overlay, before, after, reads, refusals)

    def _outcome(
        self, tx: Transaction, decider: Decider, place: _Place, overlay: Overlay
    ) -> Outcome:
        """What becomes of the record with a correction, links and documents looked at."""
        record = place.record
        judged, _ = decider.evaluate_corrected(place.raw, overlay)
        candidate = Candidate(record.id, record.latest_version_id, record.source_id, known=True)
        return decider.decide(tx, [(candidate, judged)])[0].outcome

    def _refusals(
        self, decider: Decider, place: _Place, overlay: Overlay, after: Record, outcome: Outcome
    ) -> dict[str, ConnectorError]:
        """Why a correction whose values are of the right kinds is not made after all."""
        if not overlay:
            return {"": Refused("Nothing differs from what the accounting system says.")}
        if len(overlay) > MOST_FIELDS:
            remedy = (
                f"At most {MOST_FIELDS} fields at once; more than that is corrected in the books."
            )
            return {"": Refused("These are too many fields for a correction.", remedy=remedy)}
        if place.overlay == overlay:
            return {"": Refused("The invoice is corrected so already.")}
        money = changed_money(decider.mapping, place.source, after)
        if money is not None:
            return {"": Refused(f"It would change the {_WORDS[money]}.", remedy=IN_THE_BOOKS)}
        bytes_now = write(after)
        if readable(bytes_now) is None:
            return {
                "": Refused("The record could not be read any more.", remedy="Enter plain text.")
            }
        judged = decider.evaluate_raw(bytes_now)
        paths = {each.path for each in overlay}
        wrong: dict[str, ConnectorError] = {
            problem.field_path: RecordRejected(problem.sentence, field_path=problem.field_path)
            for problem in judged.problems
            if judged.kind is OutcomeKind.REJECTED and problem.field_path in paths
        }
        if not wrong and judged == place.alone:
            return {"": Refused("It changes nothing about what becomes of the invoice.")}
        return wrong


_WORDS = {
    "amount": "amount",
    "gross": "amount",
    "currency": "currency",
    "direction": "direction of the invoice",
    "buyer": "buyer",
    "supplier": "supplier",
}


def _no_flow(connection: str) -> Refused:
    return Refused(f"No flow takes the invoices of {connection!r} anywhere.")


def _told(overlay: Overlay) -> list[dict[str, str]]:
    """The fields as the audit log keeps them: none of them is a secret."""
    return [{"path": each.path, "was": shown(each.was), "now": shown(each.now)} for each in overlay]
