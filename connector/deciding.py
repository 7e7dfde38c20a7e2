"""From a record to its outcome, and from the outcome to a financing invoice that may be submitted.

The mapping decides from the record alone. What it cannot know stands here, as gates a mapped record still passes:
is the invoice already with the financier, are both companies linked, is the document there. Such a gate only ever turns
*mapped* into *held*. A person's decision to leave an invoice out makes it *excluded*, as long as nothing was sent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from connector.clock import Clock
from connector.config.model import Flow
from connector.corrections import Overlay, judged_corrected
from connector.evaluating import judged, judged_raw
from connector.financier import Needs
from connector.gates import Standing, is_approved
from connector.store.companies import LimitRow
from connector.store.financing_rows import FinancingRow, Terms
from connector.store.inbox_work import ManualExclusion
from connector.store.records import InForce, NewOutcome
from connector.store.transaction import Transaction
from mappings import Mapping as CompiledMapping
from mappings.canonical import FinancingInvoice
from mappings.currencies import NO_CURRENCY
from mappings.outcome import Outcome, OutcomeKind

REFERENCE_NAMESPACE = "invoice-financing-connector"
"""What every client reference begins from. Never change it: the reference of a source invoice is one for all time."""

NOT_LINKED = "company_not_linked"
NO_BUYER_LIMIT = "buyer_limit_missing"
DOCUMENT_MISSING = "document_missing"
CHANGED_AFTER_SUBMISSION = "changed_after_submission"
OTHER_FINANCIER = "sent_to_another_financier"
EXCLUDED_BY_PERSON = "excluded_by_person"

Totals = dict[tuple[str, str], tuple[int, int]]
"""(currency, kind) -> (count, amount in minor units); kind is an outcome or `pulled`."""


class Candidate(NamedTuple):
    """A record to be decided, by its latest version."""

    record_id: int
    version_id: int
    source_id: str
    known: bool
    """False for a record seen for the first time: then nothing about it can be in the store yet."""


class Decision(NamedTuple):
    """An outcome with the identifier it will be stored under, and what follows for the financing invoice."""

    candidate: Candidate
    outcome: Outcome
    terms: Terms | None
    """Set when the record is mapped and may be (re)offered: what the financing invoice must say."""
    financing: FinancingRow | None
    """The financing invoice there already is."""
    moved: bool = False
    """Whether that one waits, unsent, for another financier than the flow now names."""

    @property
    def must_be_offered(self) -> bool:
        """Whether the record is mapped, and nothing is ready for its financier."""
        return self.terms is not None and (
            self.financing is None or self.financing.state == "withdrawn" or self.moved
        )


def client_reference_id(connection: str, stream: str, source_id: str) -> str:
    """The one reference of a source invoice, the same on every machine and after every restore: a UUID of version 8
    (RFC 9562), made of a hash of the invoice's name."""
    # Names of connections and streams have no slash, so no two invoices share a name here.
    name = f"{REFERENCE_NAMESPACE}/{connection}/{stream}/{source_id}"
    digits = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


class Decider:
    """Decides the records of one flow by one mapping version, as of one date."""

    def __init__(
        self,
        flow: Flow,
        mapping: CompiledMapping,
        mapping_version_id: int,
        clock: Clock,
        needs: Needs,
        waits_for_limits: bool = False,
    ) -> None:
        """`waits_for_limits`: an invoice is held until its buyer has an approved limit at the financier."""
        self.flow = flow
        self.waits_for_limits = waits_for_limits
        self.needs = needs
        self.mapping_version_id = mapping_version_id
        self.mapping = mapping
        self.today: date = clock.today()

    def is_current(self, tx: Transaction) -> bool:
        """Whether this mapping version is (still) in force. True inside a transaction that writes: it stays so until
        that is committed, so that no outcome of an older version follows an activation."""
        return tx.mappings.is_active(self.mapping_version_id)

    def evaluate(self, record: Mapping[str, Any]) -> Outcome:
        """What the mapping alone says: pure, outside any transaction."""
        return judged(record, self.mapping, self.today)

    def evaluate_raw(self, raw: bytes) -> Outcome:
        """The same for a record's bytes."""
        return judged_raw(raw, self.mapping, self.today)

    def evaluate_corrected(self, raw: bytes, overlay: Overlay) -> tuple[Outcome, bool]:
        """The same with a correction laid over them, and whether that applies."""
        return judged_corrected(raw, overlay, self.mapping, self.today)

    def evaluate_as_of(self, record: Mapping[str, Any], day: date) -> Outcome:
        """What the mapping alone said on another day."""
        return self.mapping.evaluate(record, day)

    def decide(
        self, tx: Transaction, candidates: Sequence[tuple[Candidate, Outcome]]
    ) -> list[Decision]:
        """Pass evaluated records through the gates."""
        mapped = [(c, o.invoice) for c, o in candidates if o.invoice is not None]
        known = [c.record_id for c, _ in candidates if c.known]
        sent = tx.financing.by_record(known) if known else {}
        parties = {i for _, invoice in mapped for i in (invoice.buyer_id, invoice.supplier_id)}
        if not self.needs.linked_companies:
            parties = set()
        links = tx.companies.links(self.flow.connection, self.flow.financier, parties)
        documents = self._documents(tx, [c.record_id for c, _ in mapped if c.known])
        limits = self._limits(tx, links)
        unready = parties - links.keys()
        if self.waits_for_limits:
            unready |= {p for p, company in links.items() if not is_approved(limits.get(company))}
        names = tx.companies.names(self.flow.connection, sorted(unready)) if unready else {}
        kept = self._kept(tx, candidates, sent)
        left_out = tx.exclusions.in_force(known) if known else {}
        dropped = self._dropped(tx, candidates, sent, kept)
        standing = Standing(links, limits, names, documents, kept, dropped, left_out)
        return [
            self._gates(candidate, outcome, sent.get(candidate.record_id), standing)
            for candidate, outcome in candidates
        ]

    def _limits(self, tx: Transaction, links: Mapping[str, str]) -> dict[str, LimitRow]:
        """What is known about the limits of linked companies; nothing where the flow does not wait for limits."""
        if not self.waits_for_limits or not links:
            return {}
        return tx.companies.limits(self.flow.financier, sorted(set(links.values())))

    def _kept(
        self,
        tx: Transaction,
        candidates: Sequence[tuple[Candidate, Outcome]],
        sent: Mapping[int, FinancingRow],
    ) -> set[int]:
        """By policy `keep`: records that are still the version that was sent, so that only the mapping can say
        something else of them now."""
        if self.flow.amendments != "keep":
            return set()
        rows = [row for row in sent.values() if row.is_sent]
        decided = tx.records.versions_decided([row.outcome_id for row in rows])
        versions = {c.record_id: c.version_id for c, _ in candidates}
        return {r.record_id for r in rows if decided[r.outcome_id] == versions[r.record_id]}

    def _dropped(
        self,
        tx: Transaction,
        candidates: Sequence[tuple[Candidate, Outcome]],
        sent: Mapping[int, FinancingRow],
        kept: Collection[int],
    ) -> set[int]:
        """Records under way at the financier that only another mapping does not offer any more: they are what they were
        when they were last mapped."""
        versions = {
            c.record_id: c.version_id
            for c, outcome in candidates
            if outcome.invoice is None
            and c.record_id not in kept
            and (row := sent.get(c.record_id)) is not None
            and row.is_under_way
        }
        if not versions:
            return set()
        return {
            now.record_id
            for now in tx.records.in_force(list(versions))
            if now.version_id == versions[now.record_id] and self._was_offered(now)
        }

    def _was_offered(self, now: InForce) -> bool:
        """Whether another mapping offered it, and would today; or whether that was found, and nobody has settled it."""
        if now.kind != OutcomeKind.MAPPED:
            return now.reason_code == CHANGED_AFTER_SUBMISSION
        outlived = now.recheck_on is not None and now.recheck_on <= self.today
        return now.mapping_version_id != self.mapping_version_id and not outlived

    def _documents(self, tx: Transaction, record_ids: Sequence[int]) -> set[int] | None:
        """Records that have their document; None where the flow does not wait for one."""
        if self.flow.document != "wait" or not self.needs.document:
            return None
        return tx.documents.having_document(record_ids)

    def _gates(
        self,
        candidate: Candidate,
        outcome: Outcome,
        financing: FinancingRow | None,
        standing: Standing,
    ) -> Decision:
        if financing is not None and financing.is_sent:
            return self._already_sent(candidate, outcome, financing, standing)
        exclusion = standing.left_out.get(candidate.record_id)
        if exclusion is not None and outcome.kind is not OutcomeKind.EXCLUDED:
            return Decision(candidate, excluded(outcome, exclusion), None, financing)
        invoice = outcome.invoice
        if invoice is None:
            return Decision(candidate, outcome, None, financing)
        terms = self._terms(invoice)
        elsewhere = financing is not None and financing.financier != self.flow.financier
        for role, company in (("buyer", invoice.buyer_id), ("supplier", invoice.supplier_id)):
            if self.needs.linked_companies and company not in standing.links:
                sentence = (
                    f"Link this company: the {role} {standing.called(company)} is not yet linked to a company at "
                    "the financier."
                )
                return Decision(
                    candidate, held(outcome, NOT_LINKED, sentence, role), None, financing
                )
        if self.waits_for_limits:
            missing = standing.limit_missing(invoice.buyer_id)
            if missing is not None:
                waiting = held(outcome, NO_BUYER_LIMIT, missing, "buyer")
                return Decision(candidate, waiting, None, financing)
        documents = standing.documents
        if documents is not None and candidate.record_id not in documents:
            sentence = (
                "Attach the invoice document: the financier does not accept an invoice without one."
            )
            return Decision(candidate, held(outcome, DOCUMENT_MISSING, sentence), None, financing)
        return Decision(candidate, outcome, terms, financing, moved=elsewhere)

    def _already_sent(
        self,
        candidate: Candidate,
        outcome: Outcome,
        financing: FinancingRow,
        standing: Standing,
    ) -> Decision:
        """Nothing is sent again: what is another now is for a person, as long as the financing is under way."""
        invoice = outcome.invoice
        if invoice is None:
            if candidate.record_id not in standing.dropped:
                return Decision(candidate, outcome, None, financing)
            reason = outcome.sentence or "It is not for financing."
            difference = f"the mapping does not offer it any more ({reason.rstrip('.')})"
        elif financing.financier != self.flow.financier:
            sentence = (
                f"The invoice was sent to {financing.financier} before the flow was changed. An invoice has one "
                "financing for all time; settle it there."
            )
            return Decision(candidate, held(outcome, OTHER_FINANCIER, sentence), None, None)
        else:
            found = financing.terms.difference(self._terms(invoice))
            kept = candidate.record_id in standing.kept
            if found is None or kept or not financing.is_under_way:
                return Decision(candidate, outcome, None, financing)
            difference = found
        sentence = (
            f"The invoice changed after it was sent for financing: {difference}. "
            "Settle the difference with the financier, or correct the invoice."
        )
        return Decision(
            candidate, held(outcome, CHANGED_AFTER_SUBMISSION, sentence), None, financing
        )

    def _terms(self, invoice: FinancingInvoice) -> Terms:
        return Terms(
            direction=invoice.direction.value,
            invoice_number=invoice.invoice_number,
            currency=invoice.currency,
            amount_minor_units=invoice.amount_minor_units,
            issue_date=invoice.issue_date,
            due_date=invoice.due_date,
            buyer_id=invoice.buyer_id,
            supplier_id=invoice.supplier_id,
            type_of_goods=invoice.type_of_goods or tuple(self.flow.type_of_goods),
        )

    def offer(
        self,
        tx: Transaction,
        stream: str,
        decisions: Iterable[Decision],
        outcome_ids: Mapping[int, int],
    ) -> None:
        """Bring the financing invoices in line with decisions that were just stored.

        Unsent financing invoices follow the record; sent ones are never touched here. `outcome_ids` gives the
        stored outcome of each record.
        """
        new, replaced, withdrawn = [], [], []
        for decision in decisions:
            financing, terms = decision.financing, decision.terms
            outcome_id = outcome_ids[decision.candidate.record_id]
            if terms is None:
                if financing is not None and financing.state == "ready":
                    reason = decision.outcome.sentence or "The record is no longer for financing."
                    withdrawn.append((financing.id, reason))
            elif financing is None:
                new.append((decision.candidate, outcome_id, terms))
            else:
                reference = financing.client_reference_id
                replaced.append((financing.id, financing.record_id, reference, outcome_id, terms))
        tx.financing.withdraw_many(withdrawn)
        tx.financing.replace_many(self.flow.financier, replaced)
        self._insert(tx, stream, new)

    def _insert(
        self, tx: Transaction, stream: str, new: Sequence[tuple[Candidate, int, Terms]]
    ) -> None:
        connection = self.flow.connection
        ids = tx.allocate("financing_invoices", len(new))
        tx.financing.insert_many(
            self.flow.financier,
            [
                (
                    row_id,
                    candidate.record_id,
                    client_reference_id(connection, stream, candidate.source_id),
                    outcome_id,
                    terms,
                )
                for row_id, (candidate, outcome_id, terms) in zip(ids, new, strict=True)
            ],
        )


def held(outcome: Outcome, reason_code: str, sentence: str, field: str | None = None) -> Outcome:
    """A mapped outcome that waits at a gate."""
    return replace(
        outcome,
        kind=OutcomeKind.HELD,
        invoice=None,
        reason_code=reason_code,
        sentence=sentence,
        field_path=field,
    )


def excluded(outcome: Outcome, exclusion: ManualExclusion) -> Outcome:
    """An outcome that a person overruled: the invoice is not for financing."""
    return replace(
        outcome,
        kind=OutcomeKind.EXCLUDED,
        invoice=None,
        reason_code=EXCLUDED_BY_PERSON,
        sentence=f"{exclusion.excluded_by} left it out: {exclusion.reason}",
        field_path=None,
        rule=None,
        problems=(),
    )


def as_row(outcome_id: int, outcome: Outcome) -> NewOutcome:
    """The outcome as the store keeps it."""
    problems = None
    if len(outcome.problems) > 1:
        problems = json.dumps(
            [[p.reason_code, p.sentence, p.field_path] for p in outcome.problems],
            ensure_ascii=False,
        )
    return NewOutcome(
        id=outcome_id,
        kind=outcome.kind.value,
        reason_code=outcome.reason_code,
        sentence=outcome.sentence,
        field_path=outcome.field_path,
        rule=outcome.rule,
        currency=outcome.currency,
        amount_minor_units=outcome.amount_minor_units,
        problems_json=problems,
    )


def count(totals: Totals, kind: str, currency: str | None, amount_minor_units: int | None) -> None:
    """Add one record to control totals."""
    key = (currency or NO_CURRENCY, kind)
    number, amount = totals.get(key, (0, 0))
    totals[key] = (number + 1, amount + (amount_minor_units or 0))
