"""The hosted-session financier as the port wants it.

Source: Stenn's API documents (reference/invoices, reference/financing-sessions and the guides beside them); what
such platforms say otherwise stands in a profile. A submission is three requests: the invoice's document, the invoice,
and a session in which a person completes the application at `session_url`. The documents name no idempotency header
and no list filter, so whether an invoice is already there is found by its `client_reference_id` in the list of all
invoices. A document that is stored twice moves no money and is visible to nobody; that step is simply repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from connector import strict_json
from connector.errors import (
    ConnectorError,
    Refused,
    Unsupported,
)
from connector.financier import (
    BuyerLimit,
    EventHint,
    InvoiceDocument,
    LimitRequest,
    LimitStatus,
    Needs,
    RemoteCompany,
    RemoteInvoice,
    SessionStatus,
    StepResult,
    Submission,
)
from connector.financier_answers import after_conflict, agreeing, an_object, read_reply, the_one
from connector.financiers.hosted_session.access import authorization, key_headers
from connector.financiers.hosted_session.answers import Reader
from connector.financiers.hosted_session.bodies import (
    DOCUMENT,
    INVOICE,
    SESSION,
    Writer,
    result_of,
)
from connector.financiers.hosted_session.profile import Profile
from connector.financiers.hosted_session.settings import HostedSessionSchema
from connector.proof import Proof, Proofs
from connector.system import Counterparty, Finding
from connector.transport import AdapterContext, Reply, reveal, segment, transport_settings

_READ = TypeVar("_READ")


class HostedSession:
    """One account at the platform. Fulfils `connector.financier.Financier`."""

    name: ClassVar[str] = "hosted_session"
    settings_schema: ClassVar[type[HostedSessionSchema]] = HostedSessionSchema
    steps: ClassVar[tuple[str, ...]] = (DOCUMENT, INVOICE, SESSION)
    repeatable_steps: ClassVar[frozenset[str]] = frozenset({DOCUMENT})
    needs: ClassVar[Needs] = Needs()
    proofs: ClassVar[Proofs] = Proofs(Proof.DOCUMENTS)

    def __init__(self, settings: Mapping[str, Any], context: AdapterContext) -> None:
        """`settings` is what `HostedSessionSchema` loaded. Raises ConfigError for an address that may not be used."""
        profile: Profile = settings["profile"]
        self.currencies: frozenset[str] = frozenset(profile.requests.currencies)
        self.signs_webhooks: bool = profile.signs_webhooks
        self.requires_buyer_limits: bool = profile.limits_required
        self.limit_currency: str = profile.requests.limit_currency
        self._profile = profile
        self._paths = profile.paths
        self._reader = Reader(profile)
        self._writer = Writer(profile)
        self._default_goods: Sequence[str] = settings["type_of_goods"]
        self._default_locale: str | None = settings["locale"]
        self._headers = key_headers(profile.access, settings)
        token_url = profile.access.token_url
        is_elsewhere = profile.access.scheme == "client_credentials" and token_url[0] != "/"
        # 403 is documented as "not allowed for this key": the key itself is good.
        self._transport = context.transport(
            transport_settings(
                settings,
                other_urls=(token_url,) if is_elsewhere else (),
                forbidden_means_reconnect=False,
            ),
            authorization(profile.access, settings, context.clock),
            secrets=[reveal(settings["api_key"])] if settings["api_key"] else [],
        )

    def check(self) -> list[Finding]:
        """Ask for a token and for the companies."""
        what = "sign in and read the companies"
        try:
            found = self.companies()
        except ConnectorError as error:
            return [Finding.of_error(what, error)]
        told = f"{len(found)} there"
        if self.requires_buyer_limits:
            limits = [company.buyer_limit for company in found if company.buyer_limit is not None]
            approved = sum(limit.status is LimitStatus.APPROVED for limit in limits)
            told += f", {approved} with an approved buyer limit"
        return [Finding(True, what, told)]

    # -- companies ------------------------------------------------------------------------------------------------

    def companies(self) -> Sequence[RemoteCompany]:
        """All companies of the account."""
        return read_reply(self._get(self._paths.companies), self._reader.companies)

    def create_company(self, counterparty: Counterparty) -> RemoteCompany:
        """Make a company, unless one of the same name and country is there already."""
        wanted = _likeness(counterparty.name, counterparty.country)
        for company in self.companies():
            if _likeness(company.name, company.country) == wanted:
                return company
        made = self._create(self._paths.companies, self._writer.company(counterparty))
        return read_reply(made, self._reader.company)

    def request_limit(self, company_id: str, request: LimitRequest) -> BuyerLimit:
        """Ask for a buyer's limit. Raises Unsupported where the profile names no path for it."""
        path = self._paths.buyer_limits
        if path is None:
            raise Unsupported(
                "This platform takes no requests for buyer limits.",
                remedy="Ask your account manager there.",
            )
        reply = self._create(path, self._writer.limit(company_id, request))
        limit = read_reply(reply, lambda value: self._reader.limit(an_object(value, "limit")))
        if limit is None:
            raise reply.misshapen("the limit has no status.")
        return limit

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
            body = self._writer.session(submission, done, uploaded, self._default_locale)
            reply = self._create(self._paths.sessions, body, may_be_there=True)
        if reply.status == 409:
            return after_conflict(reply, lambda: self.look_up(step, submission, done))
        if step == SESSION:
            return read_reply(reply, self._reader.session_result)
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
        reply = self._get(f"{self._paths.invoices}/{segment(remote_invoice_id)}")
        invoice = read_reply(reply, lambda value: self._reader.invoice(value, reply.body))
        if invoice.remote_id != remote_invoice_id:
            raise reply.misshapen("the answer is another invoice than the one asked for.")
        return invoice

    def session(self, session_id: str) -> SessionStatus:
        """Where a hosted session stands."""
        return read_reply(self._session_reply(session_id), self._reader.session_status)

    def cancel_session(self, session_id: str) -> SessionStatus:
        """Cancel an open session. One that is not open any more stays as it is. Raises Unsupported where the profile
        names no path for it."""
        path = self._paths.cancel_session
        if path is None:
            raise Unsupported(
                "This platform offers no way to cancel a session for somebody else.",
                remedy="Cancel it on the session's own page.",
            )
        self._transport.request(
            "POST",
            path.replace("{session}", segment(session_id)),
            safe=False,
            body=strict_json.write({}),
            headers=self._headers,
            returned_statuses=(409,),
        )
        return self.session(session_id)

    def read_event(self, body: Mapping[str, Any]) -> EventHint:
        """Read a webhook body. Raises ContractDrift when it is not an event of this platform."""
        return self._reader.event(body)

    def close(self) -> None:
        """Give back connections."""
        self._transport.close()

    # -- the three steps ------------------------------------------------------------------------------------------

    def _upload(self, document: InvoiceDocument | None) -> StepResult:
        body, content_type = self._writer.document(document)
        reply = self._transport.request(
            "POST",
            self._paths.documents,
            safe=False,
            body=body,
            content_type=content_type,
            headers=self._headers,
        )
        return read_reply(reply, lambda value: StepResult(self._reader.id_of(value, DOCUMENT)))

    def _create_invoice(self, submission: Submission, done: Mapping[str, StepResult]) -> Reply:
        if submission.currency not in self.currencies:
            raise Refused(f"The platform does not finance {submission.currency}.")
        header = self._profile.requests.idempotency_header
        return self._create(
            self._paths.invoices,
            self._writer.invoice(submission, done, self._default_goods),
            headers={header: submission.client_reference_id} if header else {},
            may_be_there=True,
        )

    def _created_invoice(self, reply: Reply, submission: Submission) -> StepResult:
        """What was created must be what was asked for, as far as the answer tells."""
        created = read_reply(reply, lambda value: an_object(value, "invoice"))
        if self._reader.tells_content(created):
            invoice = read_reply(reply, lambda value: self._reader.invoice(value, reply.body))
            return agreeing(invoice, submission)
        return StepResult(read_reply(reply, lambda value: self._reader.id_of(value, INVOICE)))

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
            path,
            safe=False,
            body=strict_json.write(body),
            headers={**self._headers, **(headers or {})},
            returned_statuses=(409,) if may_be_there else (),
        )

    def _get(self, path: str, filter_name: str | None = None, value: str = "") -> Reply:
        """GET; a list only of what the filter lets through, where there is one."""
        params = [(filter_name, value)] if filter_name else []
        return self._transport.get(path, params, headers=self._headers)

    # -- looking up -----------------------------------------------------------------------------------------------

    def _find_invoice(self, submission: Submission) -> StepResult | None:
        reference = submission.client_reference_id
        reply = self._get(self._paths.invoices, self._profile.requests.invoice_filter, reference)
        found = self._read_list(
            reply, "invoices", lambda value: self._reader.invoice_with(value, reference)
        )
        return the_one(found, submission)

    def _find_session(self, invoice_id: str) -> StepResult | None:
        for session_id, status in reversed(self.fetch(invoice_id).sessions):
            if status in _ALIVE:
                return read_reply(self._session_reply(session_id), self._reader.session_result)
        # An invoice tells its sessions only once one of them was completed.
        try:
            reply = self._get(
                self._paths.sessions, self._profile.requests.session_filter, invoice_id
            )
        except Refused as error:
            raise Unsupported(f"The platform gives no list of sessions: {error.message}") from None

        def alive(value: Any) -> list[StepResult]:
            return [
                self._reader.session_result(one)
                for status, one in self._reader.sessions_of(value, invoice_id)
                if status in _ALIVE
            ]

        found = self._read_list(reply, "sessions", alive)
        return found[-1] if found else None

    def _session_reply(self, session_id: str) -> Reply:
        return self._get(f"{self._paths.sessions}/{segment(session_id)}")

    def _read_list(
        self, reply: Reply, of_what: str, read: Callable[[Any], list[_READ]]
    ) -> list[_READ]:
        """Read what is looked for out of a list. Not finding it in a part of the list proves nothing: Unsupported."""
        value = reply.json()
        found = read_reply(reply, read)
        if not found and self._reader.says_there_is_more(value):
            raise Unsupported(f"The platform gives only a part of its {of_what}.")
        return found


_ALIVE = frozenset({SessionStatus.OPEN, SessionStatus.COMPLETE, SessionStatus.UNKNOWN})
"""Statuses of a session that keeps its invoice. A word we do not know is not taken for an end."""


def _likeness(name: str, country: str | None) -> tuple[str, str]:
    """Equal for the same company: its name, however spaced and cased, and its country."""
    return " ".join(name.split()).casefold(), (country or "").upper()
