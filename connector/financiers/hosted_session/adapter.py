"""The hosted-session financier as the port wants it.

Source: Stenn's API documents (reference/invoices, reference/financing-sessions and the guides beside them). A
submission is three requests: the invoice's document, the invoice, and a session in which a person completes the
application at `session_url`. The documents name no idempotency header and no list filter, so whether an invoice is
already there is found by its `client_reference_id` in the list of all invoices. A document that is stored twice moves
no money and is visible to nobody; that step is simply repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from connector import strict_json
from connector.errors import (
    ConnectorError,
    InvariantBroken,
    OutcomeUnknown,
    Refused,
    Unsupported,
)
from connector.financier import (
    EventHint,
    InvoiceDocument,
    RemoteCompany,
    RemoteInvoice,
    SessionStatus,
    StepResult,
    Submission,
)
from connector.financiers.hosted_session import answers
from connector.financiers.hosted_session.answers import Misshapen
from connector.financiers.hosted_session.bodies import (
    DOCUMENT,
    INVOICE,
    SESSION,
    company_body,
    document_body,
    invoice_body,
    result_of,
    session_body,
)
from connector.financiers.hosted_session.settings import HostedSessionSchema
from connector.system import Counterparty, Finding
from connector.transport import (
    AdapterContext,
    ClientCredentials,
    Reply,
    reveal,
    segment,
    transport_settings,
)

_READ = TypeVar("_READ")


class HostedSession:
    """One account at the platform. Fulfils `connector.financier.Financier`."""

    name: ClassVar[str] = "hosted_session"
    settings_schema: ClassVar[type[HostedSessionSchema]] = HostedSessionSchema
    steps: ClassVar[tuple[str, ...]] = (DOCUMENT, INVOICE, SESSION)
    repeatable_steps: ClassVar[frozenset[str]] = frozenset({DOCUMENT})

    def __init__(self, settings: Mapping[str, Any], context: AdapterContext) -> None:
        """`settings` is what `HostedSessionSchema` loaded. Raises ConfigError for an address that may not be used."""
        self.currencies: frozenset[str] = frozenset(settings["currencies"])
        self.signs_webhooks: bool = settings["signs_webhooks"]
        self._settings = settings
        token_url: str = settings["token_url"]
        proof = ClientCredentials(
            token_url,
            settings["client_id"],
            reveal(settings["client_secret"]),
            context.clock,
            early_seconds=settings["token_early_seconds"],
            max_life_seconds=settings["token_life_seconds_max"],
        )
        other_urls = () if token_url.startswith("/") else (token_url,)
        # 403 is documented as "not allowed for this key": the key itself is good.
        self._transport = context.transport(
            transport_settings(settings, other_urls=other_urls, forbidden_means_reconnect=False),
            proof,
        )

    def check(self) -> list[Finding]:
        """Ask for a token and for the companies."""
        what = "sign in and read the companies"
        try:
            found = len(self.companies())
        except ConnectorError as error:
            return [Finding(False, what, error.message, error.remedy)]
        return [Finding(True, what, f"{found} there")]

    # -- companies ------------------------------------------------------------------------------------------------

    def companies(self) -> Sequence[RemoteCompany]:
        """All companies of the account."""
        reply = self._transport.get(self._settings["companies_path"])
        return _read(
            reply,
            lambda value: [answers.read_company(one) for one in answers.list_of(value, "data")],
        )

    def create_company(self, counterparty: Counterparty) -> RemoteCompany:
        """Make a company, unless one of the same name and country is there already."""
        wanted = _likeness(counterparty.name, counterparty.country)
        for company in self.companies():
            if _likeness(company.name, company.country) == wanted:
                return company
        made = self._create("companies_path", company_body(counterparty))
        return _read(made, answers.read_company)

    # -- submitting -----------------------------------------------------------------------------------------------

    def perform(
        self,
        step: str,
        submission: Submission,
        done: Mapping[str, StepResult],
        document: InvoiceDocument | None,
        supporting: Sequence[InvoiceDocument] = (),
    ) -> StepResult:
        """Do one step. A 409 on an invoice or a session means that it may be there: it is looked up."""
        if step == DOCUMENT:
            return self._upload(document)
        if step == INVOICE:
            reply = self._create_invoice(submission, done)
        else:
            uploaded = [self._upload(file).remote_id for file in supporting]
            body = session_body(submission, done, uploaded, self._settings)
            reply = self._create("sessions_path", body, may_be_there=True)
        if reply.status == 409:
            return self._after_conflict(step, submission, done, reply)
        if step == SESSION:
            return _read(reply, _session_result)
        return self._created_invoice(reply, submission)

    def look_up(
        self, step: str, submission: Submission, done: Mapping[str, StepResult]
    ) -> StepResult | None:
        """Whether the step has taken effect. Raises Unsupported for documents: the platform lists none."""
        if step == INVOICE:
            return self._find_invoice(submission)
        if step == SESSION:
            return self._find_session(result_of(done, INVOICE).remote_id)
        raise Unsupported("The platform offers no list of documents.")

    # -- statuses -------------------------------------------------------------------------------------------------

    def fetch(self, remote_invoice_id: str) -> RemoteInvoice:
        """The truth about one invoice, now."""
        reply = self._transport.get(
            f"{self._settings['invoices_path']}/{segment(remote_invoice_id)}"
        )
        invoice = _read(reply, lambda value: answers.read_invoice(value, reply.body))
        if invoice.remote_id != remote_invoice_id:
            raise reply.misshapen("the answer is another invoice than the one asked for.")
        return invoice

    def session(self, session_id: str) -> SessionStatus:
        """Where a hosted session stands."""
        return _read(
            self._session_reply(session_id),
            lambda value: answers.session_status(answers.an_object(value, "session").get("status")),
        )

    def read_event(self, body: Mapping[str, Any]) -> EventHint:
        """Read a webhook body. Raises ContractDrift when it is not an event of this platform."""
        return answers.read_event(body)

    def close(self) -> None:
        """Give back connections."""
        self._transport.close()

    # -- the three steps ------------------------------------------------------------------------------------------

    def _upload(self, document: InvoiceDocument | None) -> StepResult:
        body, content_type = document_body(document, self._settings["document_encoding"])
        reply = self._transport.request(
            "POST",
            self._settings["documents_path"],
            safe=False,
            body=body,
            content_type=content_type,
        )
        return _read(reply, lambda value: StepResult(_id_of(value)))

    def _create_invoice(self, submission: Submission, done: Mapping[str, StepResult]) -> Reply:
        if submission.currency not in self.currencies:
            raise Refused(f"The platform does not finance {submission.currency}.")
        header = self._settings["idempotency_header"]
        return self._create(
            "invoices_path",
            invoice_body(submission, done, self._settings["type_of_goods"]),
            headers={header: submission.client_reference_id} if header else None,
            may_be_there=True,
        )

    def _created_invoice(self, reply: Reply, submission: Submission) -> StepResult:
        """What was created must be what was asked for, as far as the answer tells."""
        created = _read(reply, lambda value: answers.an_object(value, "invoice"))
        if "amount" in created and "currency" in created and "status" in created:
            invoice = _read(reply, lambda value: answers.read_invoice(value, reply.body))
            return _agreeing(invoice, submission)
        return StepResult(_read(reply, _id_of))

    def _after_conflict(
        self, step: str, submission: Submission, done: Mapping[str, StepResult], reply: Reply
    ) -> StepResult:
        found = self.look_up(step, submission, done)
        if found is None:
            # The other request may still be on its way into the list.
            raise OutcomeUnknown(
                f"{reply.what} was answered with a conflict, and nothing is found."
            )
        return found

    def _create(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        may_be_there: bool = False,
    ) -> Reply:
        return self._transport.request(
            "POST",
            self._settings[path],
            safe=False,
            body=strict_json.write(body),
            headers=headers,
            returned_statuses=(409,) if may_be_there else (),
        )

    # -- looking up -----------------------------------------------------------------------------------------------

    def _find_invoice(self, submission: Submission) -> StepResult | None:
        reference = submission.client_reference_id
        filter_name = self._settings["invoice_filter"]
        reply = self._transport.get(
            self._settings["invoices_path"], [(filter_name, reference)] if filter_name else []
        )

        def mine(value: Any) -> list[RemoteInvoice]:
            return [
                answers.read_invoice(one, b"")
                for one in answers.objects_of(value, "data")
                if one.get("client_reference_id") == reference
            ]

        found = _read_list(reply, "invoices", mine)
        if len(found) > 1:
            raise InvariantBroken(
                f"The platform has {len(found)} invoices with the reference {reference}."
            )
        return _agreeing(found[0], submission) if found else None

    def _find_session(self, invoice_id: str) -> StepResult | None:
        for session_id, status in reversed(self.fetch(invoice_id).sessions):
            if status in _ALIVE:
                return _read(self._session_reply(session_id), _session_result)
        # An invoice tells its sessions only once one of them was completed.
        filter_name = self._settings["session_filter"]
        try:
            reply = self._transport.get(
                self._settings["sessions_path"], [(filter_name, invoice_id)] if filter_name else []
            )
        except Refused as error:
            raise Unsupported(f"The platform gives no list of sessions: {error.message}") from None

        def alive(value: Any) -> list[StepResult]:
            return [
                _session_result(one)
                for one in answers.objects_of(value, "data")
                if invoice_id in answers.invoices_of(one)
                and answers.session_status(one.get("status")) in _ALIVE
            ]

        found = _read_list(reply, "sessions", alive)
        return found[-1] if found else None

    def _session_reply(self, session_id: str) -> Reply:
        return self._transport.get(f"{self._settings['sessions_path']}/{segment(session_id)}")


_ALIVE = frozenset({SessionStatus.OPEN, SessionStatus.COMPLETE, SessionStatus.UNKNOWN})
"""Statuses of a session that keeps its invoice. A word we do not know is not taken for an end."""


def _read(reply: Reply, read: Callable[[Any], _READ]) -> _READ:
    """Read an answer. Raises ContractDrift, or OutcomeUnknown where the request may have had effect."""
    try:
        return read(reply.json())
    except Misshapen as error:
        raise reply.misshapen(f"{error}.") from None


def _read_list(reply: Reply, of_what: str, read: Callable[[Any], list[_READ]]) -> list[_READ]:
    """Read what is looked for out of a list. Not finding it in a part of the list proves nothing: Unsupported."""
    value = reply.json()
    found = _read(reply, read)
    if not found and answers.says_there_is_more(value):
        raise Unsupported(f"The platform gives only a part of its {of_what}.")
    return found


def _session_result(value: Any) -> StepResult:
    session = answers.an_object(value, "session")
    url = answers.a_web_address(session, "session_url")
    return StepResult(answers.a_text(session, "id"), {"session_url": url})


def _agreeing(invoice: RemoteInvoice, submission: Submission) -> StepResult:
    """The invoice as the result of its step. Raises InvariantBroken when it is not the one we mean."""
    there = (invoice.currency, invoice.amount_minor_units)
    if there != (submission.currency, submission.amount_minor_units):
        raise InvariantBroken(
            f"The platform's invoice {submission.client_reference_id} has another amount or currency "
            "than the one to be submitted."
        )
    return StepResult(invoice.remote_id, {"status": invoice.raw_status})


def _id_of(value: Any) -> str:
    return answers.a_text(answers.an_object(value, "answer"), "id")


def _likeness(name: str, country: str | None) -> tuple[str, str]:
    """Equal for the same company: its name, however spaced and cased, and its country."""
    return " ".join(name.split()).casefold(), (country or "").upper()
