"""Submit: a financing invoice goes to its financier step by step, once and only once.

Each step is one outbox row (see `delivery` for what may happen to it). The row of the next step is made in the
transaction that completes the one before, so the outbox alone says what is to be done.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from connector.clock import Clock
from connector.config.model import Flow
from connector.confirming import Confirmable, Confirmed, confirmed_step
from connector.delivery import Delivery, Patience, Result
from connector.errors import InvariantBroken, Refused
from connector.financier import Financier, InvoiceDocument, StepResult, Submission
from connector.store.database import Database
from connector.store.documents import Document
from connector.store.financing_rows import FinancingRow
from connector.store.outbox_reading import OutboxRow
from connector.store.transaction import Transaction


def stream_name(financing_id: int) -> str:
    """The outbox stream of one financing invoice's submission."""
    return f"submit:{financing_id}"


class Submitter:
    """Moves the financing invoices of one flow forward."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        flow: Flow,
        financier: Financier,
        patience: Patience,
    ) -> None:
        self._database = database
        self._clock = clock
        self._flow = flow
        self._financier = financier
        self._delivery = Delivery(database, clock, patience)

    def open(self, offered: FinancingRow, document: Document | None) -> None:
        """Make the first step's intent durable: from here on the invoice is being submitted. Nothing is sent yet.

        `document` is None only where the financier needs none.

        Does nothing when the invoice is no longer the one that `document` was got for.
        """
        financing_id = offered.id
        with self._database.write() as tx:
            tx.financing.lock(financing_id)
            financing = tx.financing.get(financing_id)
            if financing.state != "ready" or financing.terms != offered.terms:
                return
            payload = self._payload(tx, financing, document)
            self.add_step(tx, financing_id, self._financier.steps[0], payload)
            tx.financing.set_state(financing_id, "submitting", None, allowed_from=("ready",))

    def reopen_session(self, financing_id: int) -> None:
        """Open another session for an invoice whose session was canceled or has expired: a person asked for it."""
        with self._database.write() as tx:
            rows = tx.outbox.stream(stream_name(financing_id))
            last = self._financier.steps[-1]
            tx.financing.set_state(financing_id, "submitting", None, allowed_from=("parked",))
            tried = sum(1 for row in rows if row.kind == last)
            payload = self._as_today(rows[-1].payload)
            if payload["document_id"] is not None:
                # What was attached since then goes along, too: it may be why the first session came to nothing.
                record_id = tx.financing.get(financing_id).record_id
                supporting = tx.documents.supporting(record_id)
                payload["supporting_document_ids"] = [each.id for each in supporting]
            self.add_step(tx, financing_id, last, payload, tried=tried)

    def renew(self, tx: Transaction, row: OutboxRow, reason: str) -> bool:
        """Give a parked message that certainly changed nothing up for one that says what the flow says today. Does nothing
        where that would be the same; whether it did. What is said of the invoice itself stays as it was fixed."""
        payload = self._as_today(row.payload)
        if payload == row.payload:
            return False
        rows = tx.outbox.stream(row.stream)
        tx.outbox.decide(row.id, state="dead", reason=reason)
        tried = sum(1 for each in rows if each.kind == row.kind)
        self.add_step(tx, row.financing_invoice_id, row.kind, payload, tried=tried)
        return True

    def _as_today(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What a new message says after one that is over: of the flow what is so today, of the invoice the same."""
        today = self._said_by_flow()
        return {key: today.get(key, said) for key, said in payload.items()}

    def work(self, row: OutboxRow) -> None:
        """One attempt at one row of ours; raises as `Delivery.work` does."""
        self._delivery.work(row, _Step(self, self._financier, self._clock, row.kind))

    def effect(self, step: str) -> Confirmable:
        """A step's message, for a person who knows that it took effect."""
        return _Step(self, self._financier, self._clock, step)

    def step_after(self, step: str) -> str | None:
        """The name of the step that follows."""
        steps = self._financier.steps
        following = steps.index(step) + 1
        return steps[following] if following < len(steps) else None

    def add_step(
        self,
        tx: Transaction,
        financing_id: int,
        step: str,
        payload: Mapping[str, Any],
        *,
        tried: int = 0,
    ) -> None:
        """The row of one step; `tried` is how often a person has had the step done before."""
        reference = payload["client_reference_id"]
        tx.outbox.add(
            row_id=tx.allocate("outbox", 1)[0],
            stream=stream_name(financing_id),
            kind=step,
            target=self._flow.financier,
            financing_invoice_id=financing_id,
            idempotency_key=f"{reference}:{step}" + (f":{tried + 1}" if tried else ""),
            payload=payload,
        )

    def _payload(
        self, tx: Transaction, financing: FinancingRow, document: Document | None
    ) -> dict[str, Any]:
        """All that will be said about this invoice, fixed before it is said: a retry says the same."""
        companies = {financing.buyer_id, financing.supplier_id}
        links = tx.companies.links(self._flow.connection, self._flow.financier, companies)
        if self._financier.needs.linked_companies and companies - links.keys():
            raise InvariantBroken("A company of this invoice is no longer linked. Link it again.")
        names = tx.companies.names(self._flow.connection, sorted(companies))
        supporting = [] if document is None else tx.documents.supporting(financing.record_id)
        issued = financing.issue_date
        return {
            "client_reference_id": financing.client_reference_id,
            "invoice_number": financing.invoice_number,
            "currency": financing.currency,
            "amount_minor_units": financing.amount_minor_units,
            "due_date": financing.due_date.isoformat(),
            "issue_date": None if issued is None else issued.isoformat(),
            "buyer_company_id": links.get(financing.buyer_id, ""),
            "supplier_company_id": links.get(financing.supplier_id, ""),
            "buyer_name": names.get(financing.buyer_id),
            "supplier_name": names.get(financing.supplier_id),
            "direction": financing.direction,
            "source_id": tx.records.get(financing.record_id).source_id,
            "type_of_goods": list(financing.type_of_goods),
            **self._said_by_flow(),
            "document_id": None if document is None else document.id,
            "supporting_document_ids": [each.id for each in supporting],
            "document_sha256": None if document is None else document.sha256,
        }

    def _said_by_flow(self) -> dict[str, Any]:
        """What is said of every invoice of the flow."""
        return {
            "submitted_by": self._flow.submitted_by,
            "locale": self._flow.locale,
            "success_url": self._flow.success_url,
            "cancel_url": self._flow.cancel_url,
        }


class _Step:
    """One step of one submission, as an effect of the delivery rules."""

    unsupported_state = "parked"

    def __init__(self, submitter: Submitter, financier: Financier, clock: Clock, step: str) -> None:
        self._submitter = submitter
        self._financier = financier
        self._clock = clock
        self._step = step
        self.repeatable = step in financier.repeatable_steps

    def prepare(self, tx: Transaction, row: OutboxRow, action: str) -> None:
        financing = tx.financing.get(
            row.financing_invoice_id
        )  # raises when its digest does not verify
        if action == "send" and financing.state != "submitting":
            raise Refused(
                f"The invoice is {financing.state} meanwhile: {financing.state_reason or 'see its life'}"
            )
        if action == "send" and not _still_offered(tx, financing):
            raise Refused(
                "The invoice changed in the accounting system before this was sent.",
                remedy="See its outcome; then decide whether it is sent as it was, or dropped.",
            )
        self._look_first = tx.connections.get(row.target).reconcile_first and not self.repeatable
        self._submission = submission_of(row.payload)
        document_id = row.payload["document_id"]
        self._document = None if document_id is None else _file(tx.documents.get(document_id))
        self._supporting = [
            _file(tx.documents.get(i)) for i in row.payload["supporting_document_ids"]
        ]
        self._done_before = {
            step.kind: StepResult(step.result["remote_id"], step.result["detail"])
            for step in tx.outbox.stream(row.stream)
            if step.seq < row.seq and step.result is not None
        }

    def send(self) -> Result:
        if self._look_first:
            # After a restore the platform may know more than we do (I21).
            known = self.look_up()
            if known is not None:
                return known
        return _as_json(
            self._financier.perform(
                self._step,
                self._submission,
                self._done_before,
                self._document,
                self._supporting,
            )
        )

    def look_up(self) -> Result | None:
        found = self._financier.look_up(self._step, self._submission, self._done_before)
        return None if found is None else _as_json(found)

    def confirm(self, remote_id: str | None) -> Confirmed:
        made, checked = confirmed_step(
            self._financier, self._step, self._submission, self._done_before, remote_id
        )
        return Confirmed(_as_json(made), checked)

    def done(self, tx: Transaction, row: OutboxRow, result: Result, how: str) -> None:
        financing_id, detail = row.financing_invoice_id, result["detail"]
        if self._step == "invoice":
            tx.financing.set_remote(financing_id, remote_invoice_id=result["remote_id"])
        elif self._step == "session":
            tx.financing.set_remote(
                financing_id,
                remote_session_id=result["remote_id"],
                session_url=detail.get("session_url"),
                session_status="open",
            )
        following = self._submitter.step_after(self._step)
        if tx.financing.get(financing_id).state != "submitting":
            pass  # parked meanwhile: a person decides how it goes on
        elif following is not None:
            self._submitter.add_step(tx, financing_id, following, row.payload)
        else:
            tx.financing.set_state(financing_id, "submitted", None, allowed_from=("submitting",))
            tx.financing.set_remote(financing_id, next_poll_at=self._clock.now())
        tx.audit.append(
            "connector",
            f"submit.{self._step}.{how}",
            row.payload["client_reference_id"],
            {
                "financier": row.target,
                "remote_id": result["remote_id"],
                "currency": row.payload["currency"],
                "amount_minor_units": row.payload["amount_minor_units"],
            },
        )

    def parked(self, tx: Transaction, row: OutboxRow, reason: str) -> None:
        if tx.financing.state_of(row.financing_invoice_id) == "submitting":
            tx.financing.set_state(
                row.financing_invoice_id, "parked", reason, allowed_from=("submitting",)
            )


def _still_offered(tx: Transaction, financing: FinancingRow) -> bool:
    """Whether the record still says what is about to be sent. A person's decision to send it all the same is kept as
    the reason of the state."""
    if financing.state_reason:
        return True
    return tx.records.current_outcome(financing.record_id).kind == "mapped"


def _file(stored: Document) -> InvoiceDocument:
    return InvoiceDocument(stored.name, stored.file_format, stored.content, stored.purpose)


def _as_json(result: StepResult) -> Result:
    return {"remote_id": result.remote_id, "detail": dict(result.detail)}


def submission_of(payload: Mapping[str, Any]) -> Submission:
    """The submission as it was fixed in the outbox row."""
    issued = payload["issue_date"]
    return Submission(
        client_reference_id=payload["client_reference_id"],
        invoice_number=payload["invoice_number"],
        currency=payload["currency"],
        amount_minor_units=payload["amount_minor_units"],
        due_date=date.fromisoformat(payload["due_date"]),
        buyer_company_id=payload["buyer_company_id"],
        supplier_company_id=payload["supplier_company_id"],
        submitted_by=payload["submitted_by"],
        issue_date=None if issued is None else date.fromisoformat(issued),
        type_of_goods=tuple(payload["type_of_goods"]),
        locale=payload["locale"],
        success_url=payload["success_url"],
        cancel_url=payload["cancel_url"],
        direction=payload["direction"],
        source_id=payload["source_id"],
        buyer_name=payload["buyer_name"],
        supplier_name=payload["supplier_name"],
    )
