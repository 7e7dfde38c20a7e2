"""How a financing platform is declared. An adapter in `connector/financiers/NAME.py` fulfils `Financier`.

Submitting is a fixed list of named steps. Each is one request that makes one thing; the submission engine keeps a
durable row per step, looks up before it repeats, and hands a step the results of those before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from marshmallow import Schema

from connector.system import Counterparty, Finding


class FinancingStatus(StrEnum):
    """Where a financing stands, in our words. The platform's own word is always kept beside it."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    INFORMATION_REQUIRED = "information_required"
    AWAITING_SIGNATURES = "awaiting_signatures"
    APPROVED = "approved"
    FUNDED = "funded"
    OVERDUE = "overdue"
    RETURNING = "returning"
    """What was paid out is being taken back: the financing is undone."""
    RETURNED = "returned"
    REPAID = "repaid"
    DECLINED = "declined"
    DEFAULTED = "defaulted"
    UNKNOWN = "unknown"
    """A word we do not know: shown raw, never taken for success."""


TERMINAL_STATUSES = frozenset(
    {
        FinancingStatus.RETURNED,
        FinancingStatus.REPAID,
        FinancingStatus.DECLINED,
        FinancingStatus.DEFAULTED,
    }
)


class SessionStatus(StrEnum):
    """A hosted session, in which a person completes the application."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


DOCUMENT_PURPOSES = (
    "invoice",
    "transport",
    "packing_list",
    "purchase_order",
    "shipping_bill",
    "sales_contract",
    "financial_statement",
    "trade_history",
)
"""What a file proves, in the words of the hosted-session documents; all but the first support an application."""


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """A file about the invoice; `file_format` is a lower-case extension without the dot, `purpose` what it proves
    (`invoice`, `transport`, `purchase_order`, ...)."""

    name: str
    file_format: str
    content: bytes
    purpose: str = "invoice"


@dataclass(frozen=True, slots=True)
class Submission:
    """All that a financier needs to know about one invoice. Amounts in minor units of `currency` (ISO, upper case)."""

    client_reference_id: str
    invoice_number: str
    currency: str
    amount_minor_units: int
    due_date: date
    buyer_company_id: str
    supplier_company_id: str
    submitted_by: str
    """E-mail address of the person on whose behalf the session is opened."""
    issue_date: date | None = None
    type_of_goods: tuple[str, ...] = ()
    locale: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    direction: str | None = None
    """`payable` or `receivable`."""
    source_id: str | None = None
    """The invoice's identifier in the accounting system, for a financier who reads it there."""
    buyer_name: str | None = None
    supplier_name: str | None = None
    """Names as the accounting system tells them; None where it does not."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step made: `remote_id` is the platform's identifier, `detail` what later steps and people need
    (for example `session_url`): strings only, no secrets."""

    remote_id: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemoteInvoice:
    """An invoice as the platform tells it now. Money in minor units, by currency exponent, exact."""

    remote_id: str
    client_reference_id: str | None
    currency: str
    amount_minor_units: int
    due_date: date | None
    raw_status: str
    status: FinancingStatus
    sessions: tuple[tuple[str, SessionStatus], ...] = ()
    """(session id, status), newest last."""
    financing: Mapping[str, int] = field(default_factory=dict)
    """Parts of the financing in minor units, by the platform's own names (`first_payment`, ...); absent = not told."""
    raw: bytes = b""
    """The answer as it came, kept as evidence."""


class LimitStatus(StrEnum):
    """Whether a financier finances invoices to a buyer. The platform's own word is always kept beside it."""

    UNDER_REVIEW = "under_review"
    APPROVED = "approved"
    DENIED = "denied"
    UNKNOWN = "unknown"
    """A word we do not know: shown raw, never taken for an approval."""


@dataclass(frozen=True, slots=True)
class BuyerLimit:
    """The latest limit of a buyer, or the request for one. Amounts in minor units of `currency`; None: not told."""

    status: LimitStatus
    raw_status: str
    currency: str
    requested_minor_units: int | None = None
    total_minor_units: int | None = None
    available_minor_units: int | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A person of a company, for questions (`is_request_recipient`) and signatures (`is_signatory`)."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    is_signatory: bool = False
    is_request_recipient: bool = False


@dataclass(frozen=True, slots=True)
class LimitRequest:
    """A wish that invoices to a buyer be financed up to an amount (minor units of `currency`), and who the buyer is."""

    amount_minor_units: int
    currency: str
    duns: str | None = None
    """The buyer's D-U-N-S number."""
    registration_number: str | None = None
    contact: Contact | None = None
    """Who is asked for what is missing."""


@dataclass(frozen=True, slots=True)
class RemoteCompany:
    """A company as the platform knows it."""

    company_id: str
    name: str
    country: str | None = None
    buyer_limit_status: str | None = None
    buyer_limit: BuyerLimit | None = None
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True)
class EventHint:
    """What a verified webhook body says. A hint: it may cause a fetch, never a state change by its content."""

    event_id: str
    event_type: str
    remote_invoice_id: str | None
    client_reference_id: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be there before an invoice is offered to a financier."""

    linked_companies: bool = True
    """Buyer and supplier are linked to companies of the financier."""
    document: bool = True
    """A file of the invoice is there; otherwise none is asked for and none is sent."""


@dataclass(frozen=True, slots=True)
class Widget:
    """What a page hands to a platform's own browser widget. Made for one opening, and short-lived: it is given to the
    page that asked, and neither stored nor logged."""

    kind: str
    """Whose widget it is, for example `kanmon`."""
    tokens: Mapping[str, str] = field(repr=False)
    """By the widget's own names: `connect_token`, and `session_token` where it opens at an invoice. Secret."""
    expires_at: datetime
    """When they are of no more use at the latest."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a feed told. `cursor` is where the next reading begins: strings only. It never passes what was not read."""

    remote_invoice_ids: frozenset[str]
    everything: bool
    """Whether something happened that may concern any invoice."""
    cursor: Mapping[str, str]


class Financier(Protocol):
    """One account at one financing platform.

    Every method may raise ReconnectRequired, RateLimited, Unavailable, ContractDrift, NotFound, Refused;
    `perform` and `create_company` also OutcomeUnknown, when the request left and no usable answer came.
    """

    name: ClassVar[str]
    settings_schema: ClassVar[type[Schema]]
    currencies: frozenset[str]
    """ISO codes the platform finances, upper case."""
    steps: ClassVar[tuple[str, ...]]
    """Names of the submission's steps, in order."""
    repeatable_steps: ClassVar[frozenset[str]]
    """Steps whose repetition moves no money and is harmless where `look_up` is not offered."""
    signs_webhooks: bool
    needs: ClassVar[Needs]

    def check(self) -> list[Finding]:
        """Try the account read-only."""

    def companies(self) -> Sequence[RemoteCompany]:
        """All companies of the account."""

    def create_company(self, counterparty: Counterparty) -> RemoteCompany:
        """Make a company. Looks for the same one first: a repeated call gives the company already made."""

    def perform(
        self,
        step: str,
        submission: Submission,
        done: Mapping[str, StepResult],
        document: InvoiceDocument | None,
        supporting: Sequence[InvoiceDocument] = (),
    ) -> StepResult:
        """Do one step. `done` holds the results of the earlier steps by name, `supporting` the files that go with the
        application besides the invoice's own."""

    def look_up(
        self, step: str, submission: Submission, done: Mapping[str, StepResult]
    ) -> StepResult | None:
        """Whether the step has already taken effect. Raises InvariantBroken when it did with other content
        (another amount or currency), Unsupported where the platform offers no way to know."""

    def fetch(self, remote_invoice_id: str) -> RemoteInvoice:
        """The truth about one invoice, now."""

    def session(self, session_id: str) -> SessionStatus:
        """Where a hosted session stands."""

    def read_event(self, body: Mapping[str, Any]) -> EventHint:
        """Read a webhook body. Raises ContractDrift when it is not an event of this platform."""

    def close(self) -> None:
        """Give back connections."""


# -- what a financier may offer beside -----------------------------------------------------------------------------


@runtime_checkable
class OffersWidget(Protocol):
    """A financier whose offers and confirmations are shown by a widget of its own in the browser."""

    def open_widget(self, remote_invoice_id: str | None) -> Widget:
        """Ask for what the widget is opened with: at one invoice, or (None) at the account's onboarding and offers.

        Called on demand, when a signed-in person asks for the page, and never ahead of time. Raises what every method of
        a financier may, OutcomeUnknown (asking again does no harm), and Unsupported where the account is not set up
        for it.
        """


@runtime_checkable
class TellsChanges(Protocol):
    """A financier with a feed of what happened, so that changes are found without asking about every invoice."""

    def changes(self, cursor: Mapping[str, str] | None) -> Changes:
        """What happened since `cursor`; None begins now: the invoices under way are polled anyhow."""


@runtime_checkable
class LimitsBuyers(Protocol):
    """A financier who finances invoices to a buyer only up to a limit, which must be approved first."""

    requires_buyer_limits: bool
    """Whether this account's platform refuses invoices to a buyer without an approved limit."""
    limit_currency: str
    """The ISO code in which limits are told and asked for."""

    def companies(self) -> Sequence[RemoteCompany]:
        """All companies of the account, each with its latest limit."""

    def request_limit(self, company_id: str, request: LimitRequest) -> BuyerLimit:
        """Ask for a limit. Moves no money. Raises also OutcomeUnknown (then `companies` tells whether it arrived), and
        Unsupported where the platform takes no such requests."""


@runtime_checkable
class CancelsSessions(Protocol):
    """A financier at whom an open session can be canceled without the person on its page."""

    def cancel_session(self, session_id: str) -> SessionStatus:
        """Cancel an open session; where it stands then. Repeating it does no harm. Raises also OutcomeUnknown, and
        Unsupported where the account's platform offers no way."""
