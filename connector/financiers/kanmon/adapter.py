"""Kanmon as the port wants it.

Source: Kanmon's public platform API, version 2. A submission is one request, `POST /invoices/finance`, which asks for
the whole amount to be financed without a page in between. There is no idempotency key: the platform takes each
`platformInvoiceId` once, ours is the client reference, and whether it is there is found in the list of invoices by it.
The same code of refusal is printed under different HTTP statuses, so the code alone is looked at.

The envelope, the events and the signature of its webhooks are not public. What is documented is polled: the invoices,
and the activity logs of the business, which tell early that something happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from connector.errors import (
    ConnectorError,
    ContractDrift,
    InvariantBroken,
    Refused,
    Unavailable,
    Unsupported,
)
from connector.financier import (
    Changes,
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
    instant_or_none,
    read_reply,
    the_one,
)
from connector.financiers.kanmon import answers
from connector.financiers.kanmon.answers import USD
from connector.financiers.kanmon.client import KanmonClient, error_code
from connector.financiers.kanmon.products import PRODUCT_TYPES, Product, choose, read_product
from connector.financiers.kanmon.settings import KanmonSchema
from connector.proof import Proof, Proofs
from connector.system import Counterparty, Finding
from connector.transport import AdapterContext, segment

INVOICE = "invoice"
LEAST_CENTS = 100
REFUSALS = frozenset({400, 404, 409, 422})
"""Statuses whose meaning is told by the code in the answer."""
ALREADY_EXISTS = "PlatformInvoiceIdAlreadyExistsException"
CONNECT_TOKEN_LIFE = timedelta(hours=24)
FIRST_LOOK_BACK = timedelta(days=1)
OVERLAP = timedelta(minutes=5)
"""How far before the newest activity log seen the next reading begins: one may become visible late."""


class Kanmon:
    """One business at Kanmon. Fulfils `connector.financier.Financier`, `OffersWidget` and `TellsChanges`."""

    name: ClassVar[str] = "kanmon"
    settings_schema: ClassVar[type[KanmonSchema]] = KanmonSchema
    steps: ClassVar[tuple[str, ...]] = (INVOICE,)
    repeatable_steps: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[Needs] = Needs(linked_companies=False, document=False)
    currencies: frozenset[str] = frozenset({USD})
    signs_webhooks: bool = False
    # The envelope of its webhooks is in no public document.
    proofs: ClassVar[Proofs] = Proofs(Proof.DOCUMENTS, {"webhooks": Proof.NOT_OFFERED})

    def __init__(self, settings: Mapping[str, Any], context: AdapterContext) -> None:
        """`settings` is what `KanmonSchema` loaded. Raises ConfigError for an address that may not be used."""
        self._settings = settings
        self._clock = context.clock
        self._client = KanmonClient(settings, context)

    def check(self) -> list[Finding]:
        """Read the businesses, and the products under which invoices would be financed."""
        what = "read the businesses"
        try:
            known = {company.company_id: company for company in self.companies()}
        except ConnectorError as error:
            return [Finding.of_error(what, error)]
        mine = self._settings["business_id"]
        if mine not in known:
            listed = ", ".join(f"{c.company_id} ({c.name})" for c in known.values())[:300]
            remedy = f"Set business_id to one of: {listed or 'none there'}."
            return [Finding(False, what, f"{mine} is not among {len(known)}", remedy)]
        return [Finding(True, what, known[mine].name), self._check_products()]

    def _check_products(self) -> Finding:
        """One direction is enough: a company may have its receivables financed and not its payables."""
        what = "find an issued product"
        usable, problems = [], []
        try:
            products = self._products()
        except ConnectorError as error:
            return Finding.of_error(what, error)
        for direction in PRODUCT_TYPES:
            try:
                product_id, plan_id = choose(products, direction, self._settings)
            except Refused as error:
                problems.append(error)
                continue
            usable.append(f"{direction}: product {product_id}, plan {plan_id}")
        if usable:
            return Finding(True, what, "; ".join(usable))
        return Finding(False, what, problems[0].message, problems[0].remedy)

    # -- companies ------------------------------------------------------------------------------------------------

    def companies(self) -> Sequence[RemoteCompany]:
        """All businesses of the key."""
        return self._client.walk("/businesses", "businesses", (), answers.read_business)

    def create_company(self, counterparty: Counterparty) -> RemoteCompany:
        """Raises Unsupported: a business is made by its own onboarding, and counterparties are known by name alone."""
        raise Unsupported(
            "Kanmon keeps no companies of ours: the other party of an invoice is told by its name."
        )

    # -- submitting -----------------------------------------------------------------------------------------------

    def perform(
        self,
        step: str,
        submission: Submission,
        done: Mapping[str, StepResult],
        document: InvoiceDocument | None,
        supporting: Sequence[InvoiceDocument] = (),
    ) -> StepResult:
        """Ask for financing. An invoice that is there already is taken for ours when its amount is the same."""
        body = self._body(submission)
        reply = self._client.post("/invoices/finance", body, returned_statuses=REFUSALS)
        if reply.status not in REFUSALS:
            created = read_reply(reply, lambda value: answers.read_invoice(value, reply.body))
            return agreeing(created, submission)
        if error_code(reply) != ALREADY_EXISTS:
            raise self._client.refusal(reply)
        return after_conflict(reply, lambda: self.look_up(step, submission, done))

    def look_up(
        self, step: str, submission: Submission, done: Mapping[str, StepResult]
    ) -> StepResult | None:
        """Whether the invoice is there, by its platformInvoiceId. Raises InvariantBroken when it says another amount."""
        reference = submission.client_reference_id
        listed = self._client.walk(
            "/invoices",
            "invoices",
            (("platformInvoiceIds", reference),),
            lambda value: answers.read_invoice(value, b""),
        )
        found = [invoice for invoice in listed if invoice.client_reference_id == reference]
        return the_one(found, submission)

    def _body(self, submission: Submission) -> dict[str, Any]:
        """The request. Raises Refused for what cannot be right, before anything is sent."""
        direction, amount = submission.direction or "", submission.amount_minor_units
        party = submission.buyer_name if direction == "receivable" else submission.supplier_name
        _refuse_unfit(submission, direction, party)
        product_id, plan_id = self._product_and_plan(direction)
        body: dict[str, Any] = {
            "issuedProductId": product_id,
            "invoicePaymentPlanId": plan_id,
            "platformInvoiceId": submission.client_reference_id,
            "platformInvoiceNumber": submission.invoice_number,
            "invoiceAmountCents": amount,
            "amountRequestedForFinancingCents": amount,
            "invoiceDueDate": submission.due_date.isoformat(),
            "description": f"Invoice {submission.invoice_number}",
        }
        side = "payor" if direction == "receivable" else "payee"
        body |= {f"{side}Type": "BUSINESS", f"{side}BusinessName": party}
        if submission.issue_date is not None:
            body["invoiceIssuedDate"] = submission.issue_date.isoformat()
        return body

    def _product_and_plan(self, direction: str) -> tuple[str, str]:
        product_id = self._settings[f"{direction}_product_id"]
        plan_id = self._settings[f"{direction}_plan_id"]
        if product_id is not None and plan_id is not None:
            return product_id, plan_id
        try:
            products = self._products()
        except ContractDrift as error:
            # Nothing was sent yet, and it concerns every invoice: none is parked for it.
            raise Unavailable(f"The issued products cannot be read. {error.message}") from None
        return choose(products, direction, self._settings)

    def _products(self) -> Sequence[Product]:
        business = self._settings["business_id"]
        query = (("businessIds", business),)

        def mine(value: Any) -> Product | None:
            # Where the filter is not known to the platform, all businesses of the key are told.
            of = an_object(value, "issued product").get("businessId")
            return read_product(value) if of in (None, business) else None

        found = self._client.walk("/issued-products", "issuedProducts", query, mine)
        return [product for product in found if product is not None]

    # -- statuses -------------------------------------------------------------------------------------------------

    def fetch(self, remote_invoice_id: str) -> RemoteInvoice:
        """The truth about one invoice, now."""
        reply = self._client.get(f"/invoices/{segment(remote_invoice_id)}", [("idType", "KANMON")])
        invoice = read_reply(reply, lambda value: answers.read_invoice(value, reply.body))
        if invoice.remote_id != remote_invoice_id:
            raise reply.misshapen("the answer is another invoice than the one asked for.")
        return invoice

    def session(self, session_id: str) -> SessionStatus:
        """Raises Unsupported: nothing is confirmed in a hosted session here."""
        raise Unsupported("Kanmon is asked without a hosted session.")

    def read_event(self, body: Mapping[str, Any]) -> EventHint:
        """Read a webhook body. Raises ContractDrift when it is not an event of this platform."""
        return answers.read_event(body)

    def changes(self, cursor: Mapping[str, str] | None) -> Changes:
        """What the activity logs of the business tell since `cursor`: keys `since` (ISO 8601) and `seen` (identifiers
        of the logs from there on that were read already)."""
        start = None if cursor is None else instant_or_none(cursor.get("since"))
        since = start or self._clock.now() - FIRST_LOOK_BACK
        seen = frozenset((cursor or {}).get("seen", "").split())
        path = f"/businesses/{segment(self._settings['business_id'])}/activity-logs"
        logs = self._client.walk(path, None, (("createdAtStart", since.isoformat()),), _read_log)
        new = [hint for hint in logs if hint.event_id not in seen]
        latest = max((hint.created_at for hint in logs if hint.created_at), default=since)
        # Never past our own time: one log dated years ahead would hide all that follow.
        begin = max(min(latest, self._clock.now()) - OVERLAP, since)
        again = [h.event_id for h in logs if h.created_at is None or h.created_at >= begin]
        return Changes(
            frozenset(h.remote_invoice_id for h in new if h.remote_invoice_id is not None),
            any(h.remote_invoice_id is None and "INVOICE" in h.event_type.upper() for h in new),
            {"since": begin.isoformat(), "seen": " ".join(sorted(again))},
        )

    # -- the widget -----------------------------------------------------------------------------------------------

    def open_widget(self, remote_invoice_id: str | None) -> Widget:
        """A connect token for the configured user: used once, dead after 24 hours, kept nowhere."""
        named = {
            "userId": self._settings["user_id"],
            "platformUserId": self._settings["platform_user_id"],
        }
        user = next(({key: value} for key, value in named.items() if value is not None), None)
        if user is None:
            raise Unsupported(
                "It is not known on whose behalf Kanmon's widget is opened.",
                remedy="Set user_id or platform_user_id of this financier.",
            )
        asked_at = self._clock.now()
        reply = self._client.post("/connect-tokens", user)
        token = read_reply(
            reply,
            lambda value: a_text(an_object(value, "answer"), "connectToken"),
        )
        return Widget("kanmon", {"connect_token": token}, asked_at + CONNECT_TOKEN_LIFE)

    def close(self) -> None:
        """Give back connections."""
        self._client.close()


def _refuse_unfit(submission: Submission, direction: str, party: str | None) -> None:
    """Raises Refused for an invoice that the platform could only refuse, or misread."""
    if direction not in PRODUCT_TYPES:
        raise Refused("It is not known whether the invoice is to be paid or to be received.")
    if submission.currency != USD:
        raise Refused(f"The platform does not finance {submission.currency}, only US dollars.")
    if submission.amount_minor_units < LEAST_CENTS:
        raise Refused("The platform finances invoices of one US dollar and more.")
    if not submission.invoice_number:
        raise Refused("The platform requires an invoice number.")
    if "," in submission.client_reference_id:
        raise InvariantBroken("A client reference with a comma could not be looked up.")
    if not party:
        whose = "buyer" if direction == "receivable" else "supplier"
        raise Refused(
            f"The platform requires the name of the {whose}, and the accounting system told none.",
            remedy="Pull the counterparties, or enter the name in the accounting system.",
        )
    if direction == "receivable" and submission.issue_date is None:
        raise Refused(
            "The platform requires the date of issue of a receivable.",
            remedy="Map issue_date, or enter it in the accounting system.",
        )


def _read_log(value: Any) -> EventHint:
    try:
        return answers.read_event(an_object(value, "activity log"))
    except ConnectorError as error:
        raise Misshapen(f"an activity log cannot be read: {error.message.rstrip('.')}") from None
