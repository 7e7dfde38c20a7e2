"""How a financing platform is declared. An adapter in `connector/financiers/NAME.py` fulfils `Financier`.

Submitting is a fixed list of named steps. Each is one request that makes one thing; the submission engine keeps a
durable row per step, looks up before it repeats, and hands a step the results of those before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

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
    REPAID = "repaid"
    DECLINED = "declined"
    DEFAULTED = "defaulted"
    UNKNOWN = "unknown"
    """A word we do not know: shown raw, never taken for success."""


TERMINAL_STATUSES = frozenset(
    {FinancingStatus.REPAID, FinancingStatus.DECLINED, FinancingStatus.DEFAULTED}
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


@dataclass(frozen=True, slots=True)
class RemoteCompany:
    """A company as the platform knows it."""

    company_id: str
    name: str
    country: str | None = None
    buyer_limit_status: str | None = None


@dataclass(frozen=True, slots=True)
class EventHint:
    """What a verified webhook body says. A hint: it may cause a fetch, never a state change by its content."""

    event_id: str
    event_type: str
    remote_invoice_id: str | None
    client_reference_id: str | None
    created_at: datetime | None


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
