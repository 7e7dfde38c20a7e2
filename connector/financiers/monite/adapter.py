"""Monite's invoice financing as the port wants it.

Source: the vendor's OpenAPI of 2024-05-25 (`/financing_invoices`, `/financing_offers`, `/financing_tokens`) and its guide
on invoice financing. Only invoices that live in Monite can be financed, so what is submitted is the invoice's own
identifier there. The request finances nothing yet: it answers with the tokens of the lending partner's widget, in which
a person confirms. Those tokens are thrown away here and asked for anew when a person opens the widget.

A financing invoice has no identifier and no timestamp: it is known by its type and the invoice's identifier
(`receivable:UUID`, our remote identifier), and a change is seen by its value. There are no webhooks about financing; the
list is polled. A 409 means that something is there already: it is looked at, never sent again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from connector import strict_json
from connector.errors import (
    ConnectorError,
    ContractDrift,
    InvariantBroken,
    NotFound,
    Refused,
    Unavailable,
    Unsupported,
)
from connector.financier import (
    EventHint,
    InvoiceDocument,
    Needs,
    RemoteCompany,
    RemoteInvoice,
    SessionStatus,
    StepResult,
    Submission,
    Widget,
)
from connector.financier_answers import (
    Misshapen,
    a_text,
    after_conflict,
    agreeing,
    an_object,
    objects_of,
    read_reply,
)
from connector.financiers.monite import answers
from connector.financiers.monite.settings import MoniteFinancingSchema
from connector.monite_access import (
    entity_headers,
    grant,
    is_identifier,
    version_header,
    versioned,
)
from connector.proof import Proof, Proofs
from connector.system import Counterparty, Finding
from connector.transport import AdapterContext, Reply, transport_settings

INVOICE = "invoice"
COLLECTIONS = {"receivable": "/receivables", "payable": "/payables"}
FINANCED_COUNTRY = "US"
PAGE_SIZE = 100
MOST_PAGES = 1000


class MoniteFinancing:
    """One entity's financing. Fulfils `connector.financier.Financier` and `OffersWidget`."""

    name: ClassVar[str] = "monite"
    settings_schema: ClassVar[type[MoniteFinancingSchema]] = MoniteFinancingSchema
    steps: ClassVar[tuple[str, ...]] = (INVOICE,)
    repeatable_steps: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[Needs] = Needs(linked_companies=False, document=False)
    signs_webhooks: bool = False
    proofs: ClassVar[Proofs] = Proofs(Proof.VENDOR_OPENAPI, {"webhooks": Proof.NOT_OFFERED})

    def __init__(self, settings: Mapping[str, Any], context: AdapterContext) -> None:
        """`settings` is what `MoniteFinancingSchema` loaded. Raises ConfigError for an address that may not be used."""
        self.currencies: frozenset[str] = frozenset(settings["currencies"])
        self._clock = context.clock
        self._entity_id: str = settings["entity_id"]
        self._token_life = timedelta(seconds=settings["token_life_seconds"])
        self._headers = version_header(settings["version"])
        self._entity_headers = entity_headers(settings["version"], self._entity_id)
        # 403 is a missing permission: the credentials themselves are refused where the token is asked for.
        base_url = versioned(settings["base_url"])
        self._transport = context.transport(
            transport_settings(settings, base_url=base_url, forbidden_means_reconnect=False),
            grant(settings, context.clock),
        )

    def check(self) -> list[Finding]:
        """Read the entity, which must be in the US, and what the lending partner offers it."""
        what = "read the entity"
        try:
            (entity,) = self.companies()
            offers = read_reply(self._get("/financing_offers"), answers.read_offers)
        except ConnectorError as error:
            return [Finding.of_error(what, error)]
        in_us = entity.country in (None, FINANCED_COUNTRY)
        remedy = "Monite finances invoices of entities in the US only. Take another financier."
        findings = [Finding(in_us, what, entity.name, None if in_us else remedy)]
        what = "read the financing offers"
        told = "; ".join((f"the business is {offers.business_status}", *offers.lines))
        if offers.business_status != answers.ONBOARDED:
            remedy = "Let a person of the company complete the onboarding in the financing widget."
            return [*findings, Finding(False, what, told, remedy)]
        remedy = "Let a person of the company accept an offer in the financing widget."
        return [*findings, Finding(offers.usable, what, told, None if offers.usable else remedy)]

    # -- companies ------------------------------------------------------------------------------------------------

    def companies(self) -> Sequence[RemoteCompany]:
        """The entity itself: the other party of an invoice is known to Monite by the invoice."""
        reply = self._transport.get(f"/entities/{self._entity_id}", headers=self._headers)
        return [read_reply(reply, answers.read_entity)]

    def create_company(self, counterparty: Counterparty) -> RemoteCompany:
        """Raises Unsupported: there are no companies to be made."""
        raise Unsupported("Monite's financing knows the parties of an invoice by the invoice.")

    # -- submitting -----------------------------------------------------------------------------------------------

    def perform(
        self,
        step: str,
        submission: Submission,
        done: Mapping[str, StepResult],
        document: InvoiceDocument | None,
        supporting: Sequence[InvoiceDocument] = (),
    ) -> StepResult:
        """Ask for financing, unless it was asked for already. A person then confirms in the widget."""
        remote_id = self._remote_id(submission)
        if submission.currency not in self.currencies:
            raise Refused(f"The platform does not finance {submission.currency}.")
        try:
            known = self.look_up(step, submission, done)
        except ContractDrift as error:
            # Nothing was sent yet, and it concerns every invoice: none is parked for it.
            raise Unavailable(f"The list cannot be read. {error.message}") from None
        if known is not None:
            return known
        reply = self._push(remote_id, returned_statuses=(409,))
        if reply.status == 409:
            return after_conflict(reply, lambda: self.look_up(step, submission, done))
        read_reply(reply, _tokens)
        return StepResult(remote_id)

    def look_up(
        self, step: str, submission: Submission, done: Mapping[str, StepResult]
    ) -> StepResult | None:
        """Whether Monite lists the invoice. Raises InvariantBroken when it says another amount or currency."""
        remote_id = self._remote_id(submission)
        found, _ = self._listed(remote_id)
        return None if found is None else agreeing(found, submission)

    def _remote_id(self, submission: Submission) -> str:
        """Raises Refused for an invoice that does not live in Monite. The connection to Monite names an invoice by its
        type and identifier, as here; the identifier alone is taken, too."""
        given, direction = submission.source_id or "", f"{submission.direction}:"
        remote_id = given if given.startswith(direction) else direction + given
        if _parts(remote_id) is None:
            raise Refused(
                "Monite finances only invoices that live in Monite, and this one comes from elsewhere.",
                remedy="Let the flow's connection be the Monite entity, or take another financier.",
            )
        return remote_id

    def _push(self, remote_id: str, *, returned_statuses: Collection[int]) -> Reply:
        """One invoice a call: one that is refused then refuses no other."""
        kind, _, invoice_id = remote_id.partition(":")
        return self._post(
            "/financing_invoices",
            {"invoices": [{"id": invoice_id, "type": kind}]},
            returned_statuses=returned_statuses,
        )

    # -- statuses -------------------------------------------------------------------------------------------------

    def fetch(self, remote_invoice_id: str) -> RemoteInvoice:
        """The truth about one invoice, now. Whether one that nobody confirmed yet is listed is not documented: while
        it is not, its own record is read, and its status is unknown."""
        parts = _parts(remote_invoice_id)
        if parts is None:
            raise NotFound("What is asked for has no identifier of this platform's form.")
        found, raw = self._listed(remote_invoice_id)
        if found is not None:
            return found
        kind, invoice_id = parts
        reply = self._get(f"{COLLECTIONS[kind]}/{invoice_id}")
        return read_reply(reply, lambda value: answers.read_unlisted(value, remote_invoice_id, raw))

    def session(self, session_id: str) -> SessionStatus:
        """Raises Unsupported: Monite tells nothing about its widget's sessions."""
        raise Unsupported("Monite offers no way to ask about a session of its widget.")

    def read_event(self, body: Mapping[str, Any]) -> EventHint:
        """Raises ContractDrift: Monite sends no events about financing."""
        raise ContractDrift("Monite sends no events about financing; statuses are polled.")

    # -- the widget -----------------------------------------------------------------------------------------------

    def open_widget(self, remote_invoice_id: str | None) -> Widget:
        """The widget's tokens: for one invoice that is still to be confirmed, else for offers and onboarding."""
        asked_at = self._clock.now()
        reply = None
        if remote_invoice_id is not None and _parts(remote_invoice_id) is not None:
            reply = self._push(remote_invoice_id, returned_statuses=(409,))
        if reply is None or reply.status == 409:
            # What was confirmed already is shown among everything else.
            reply = self._post("/financing_tokens", None)
            tokens = read_reply(reply, _connect_token)
        else:
            tokens = read_reply(reply, _tokens)
        return Widget("kanmon", tokens, asked_at + self._token_life)

    def close(self) -> None:
        """Give back connections."""
        self._transport.close()

    # -- requests -------------------------------------------------------------------------------------------------

    def _get(self, path: str, query: Collection[tuple[str, str]] = ()) -> Reply:
        return self._transport.get(path, query, headers=self._entity_headers)

    def _post(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        returned_statuses: Collection[int] = (),
    ) -> Reply:
        return self._transport.request(
            "POST",
            path,
            safe=False,
            body=None if body is None else strict_json.write(body),
            headers=self._entity_headers,
            returned_statuses=returned_statuses,
        )

    def _listed(self, remote_id: str) -> tuple[RemoteInvoice | None, bytes]:
        """The entry of an invoice in the list, and the last answer as it came. Raises InvariantBroken for two."""
        kind, _, invoice_id = remote_id.partition(":")
        limit = ("limit", str(PAGE_SIZE))
        query = [("invoice_id", invoice_id), ("type", kind), limit]
        found: list[RemoteInvoice] = []
        for _ in range(MOST_PAGES):
            reply = self._get("/financing_invoices", query)
            entries, token = _entries(reply, kind, invoice_id)
            found += entries
            if token is None:
                break
            # With a token every other parameter is taken from the first call.
            query = [("pagination_token", token), limit]
        else:
            raise reply.misshapen(f"the list has more than {MOST_PAGES} pages.")
        if len(found) > 1:
            raise InvariantBroken(f"The platform lists the {kind} {invoice_id} {len(found)} times.")
        return (found[0] if found else None), reply.body


def _parts(remote_id: str) -> tuple[str, str] | None:
    """Type and identifier of the invoice; None for what is no remote identifier of ours."""
    kind, _, invoice_id = remote_id.partition(":")
    fits = kind in COLLECTIONS and is_identifier(invoice_id)
    return (kind, invoice_id) if fits else None


def _entries(reply: Reply, kind: str, invoice_id: str) -> tuple[list[RemoteInvoice], str | None]:
    """Those of a page that are about one invoice, and the token of the next page."""

    def read(value: Any) -> tuple[list[RemoteInvoice], str | None]:
        page = an_object(value, "list")
        token = page.get("next_pagination_token")
        if token is not None and not isinstance(token, str):
            raise Misshapen("`next_pagination_token` is not a text")
        mine = [
            answers.read_financing(entry, f"{kind}:{invoice_id}", reply.body)
            for entry in objects_of(page, "data")
            if (entry.get("type"), entry.get("invoice_id")) == (kind, invoice_id)
        ]
        return mine, token or None

    return read_reply(reply, read)


def _tokens(value: Any) -> dict[str, str]:
    return {
        **_connect_token(value),
        "session_token": a_text(an_object(value, "answer"), "session_token"),
    }


def _connect_token(value: Any) -> dict[str, str]:
    answer = an_object(value, "answer")
    return {"connect_token": a_text(answer, "connect_token")}
