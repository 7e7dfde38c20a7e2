"""What can be set on the Kanmon sandbox, and what it had to choose."""

from __future__ import annotations

from dataclasses import dataclass

from connector.sandbox.webhook import WebhookSettings


@dataclass
class KanmonSettings(WebhookSettings):
    """All of it can be changed while the sandbox runs (`POST /sandbox/settings`)."""

    seed: int = 1
    api_key_secret: str = "sandbox-api-key"
    businesses: int = 1
    """How many businesses exist from the beginning, each with a user and an issued product of either type."""
    credit_limit_cents: int = 10**17
    """The limit of each issued product."""
    plans: int = 1
    """How many pricing plans each issued product has."""
    token_life_seconds: float = 86_400.0
    """How long a connect or session token can be used; documented for connect tokens."""
    already_exists_status: int = 400
    """HTTP status of PlatformInvoiceIdAlreadyExistsException: the documents say 400, the list of errors 409."""
    plan_not_found_status: int = 400
    """HTTP status of InvoicePaymentPlanNotFoundException: printed under 400 and under 404."""
    newest_first: bool = True
    """Whether lists begin with the newest."""
    list_lag_seconds: float = 0.0
    """A new invoice appears in lists only after this time."""
    requests_per_minute: int | None = None
    """More requests in a minute of the sandbox's clock are refused with 429; None refuses none."""
    desk_interval_seconds: float | None = None
    """The desk moves each invoice on after this time; None waits for `POST /sandbox/desk/advance`."""
    reject_percent: int = 8
    late_percent: int = 15
    default_percent: int = 3
    return_percent: int = 5
    tick_seconds: float = 0.2


SANDBOX_CHOICES = (
    "Businesses, users and issued products exist from the beginning: their onboarding is not played.",
    "A business also tells its legalName; the documents that could be read name no field for it.",
    "Lists are newest first (newest_first) and hold at most 100 entries a page.",
    "The activity log's collection is called activityLogs, its eventType is INVOICE. and the status.",
    "An activity log's payload holds the invoice's id, platformInvoiceId and status.",
    "The amount asked for is advanced at the plan's rate: principal = requested x advanceRatePercentage, rounded down.",
    "The fee is the principal x transactionFeePercentage, rounded down, and is kept back from the advance.",
    "All of the financing's amounts are told from the creation on; the principal is repaid in one sum at the due date.",
    "A platformInvoiceNumber that the issued product has already is refused with 400.",
    "An unknown invoice is refused with 404 InvoiceNotFoundException.",
    "An answer of 429 carries no Retry-After.",
    (
        "The desk moves each invoice: INVOICE_CREATED, IN_REVIEW, INVOICE_FUNDED, then repaid, late, defaulted or taken "
        "back, by seeded shares."
    ),
    "A connect token is issued for any user and is used up by POST /sandbox/person/open.",
    "An embedded session's invoices are kept as they are given: its flow of confirmation is not played.",
    (
        "With webhook_url each activity log is also delivered as a webhook, in its own shape; the real envelope and "
        "signature are not public."
    ),
)
