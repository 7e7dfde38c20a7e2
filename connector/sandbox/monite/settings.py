"""What can be set on the Monite sandbox, and what it had to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connector.sandbox.webhook import WebhookSettings

VERSIONS = ("2024-01-31", "2024-05-25")
"""Versions of the API whose documents could be read."""


@dataclass
class MoniteSettings(WebhookSettings):
    """All of it can be changed while the sandbox runs (`POST /sandbox/settings`); the seeded data not.

    `webhook_url` and `webhook_secret` are not used: each subscription has its own.
    """

    seed: int = 1
    invoices: int = 200
    """Half of them payables, half receivables."""
    counterparts: int = 24
    dirty_percent: int = 4
    """Share of seeded invoices that cannot be right."""
    document_percent: int = 80
    """Share of seeded payables with a file."""
    client_id: str = "5f0c2c3a-0f5e-4b46-9d5a-3c1f4f7a1e01"
    client_secret: str = "sandbox-client-secret"
    entity_id: str = "9a1d7b52-6c6e-4c09-8c39-5b7c0a6a2b02"
    """The company whose invoices these are."""
    other_entity_id: str = "1c4f0c7e-2b8d-4f5a-9b1e-7d3a5e9c4f03"
    """Another company of the same partner, with five invoices of each side."""
    entity_user_id: str = "6e2b9d14-8a3c-4d7f-a5e6-2f8b1c9d3e04"
    """A user of `entity_id`."""
    entity_country: str = "US"
    token_life_seconds: int = 86_400
    versions: tuple[str, ...] = VERSIONS
    absent_fields: Literal["null", "absent"] = "null"
    """How a field without a value is shown."""
    bad_limit_status: Literal[422, 416] = 422
    pagination_token_life_seconds: float | None = None
    """None: a pagination token never ends."""
    metadata_patch: Literal["replace", "merge"] = "replace"
    """What PATCH makes of partner_metadata that was there before."""
    file_link_life_seconds: float | None = None
    """None: a link to a file never ends."""
    storage_base_url: str | None = None
    """What links to files begin with; None takes the address the request came to."""
    rate_limit_per_second: int = 30
    rate_limit_clock: Literal["machine", "sandbox"] = "sandbox"
    webhook_signature_header: str = "Monite-Signature"
    webhook_payload: Literal["object", "object_id"] = "object"
    """`object_id`: the older form of an event."""
    action_form: Literal["bare", "dotted"] = "bare"
    """`bare`: `paid`; `dotted`: `payable.paid`."""
    event_life_seconds: float = 90 * 86_400.0
    """An event is shown for three months."""
    business_status: Literal["NEW", "INPUT_REQUIRED", "ONBOARDED"] = "ONBOARDED"
    repeated_push: Literal["refuse", "accept"] = "refuse"
    """What becomes of an invoice that is pushed after it was submitted: 409, or new tokens and nothing else."""
    financing_list_lag_seconds: float = 0.0
    """A pushed invoice appears in the list of financing invoices only after this time."""
    session_life_seconds: float = 3600.0
    """How long the tokens of the financing widget are good."""
    person_delay_seconds: float | None = None
    """A person confirms each opened financing after this time; None waits for `POST /sandbox/person/complete-all`."""
    person_cancel_percent: int = 0
    """Share of first sessions that the person closes without confirming."""
    desk_interval_seconds: float | None = None
    """The financier's desk moves each invoice on after this time; None waits for `POST /sandbox/desk/advance`."""
    reject_percent: int = 10
    late_percent: int = 15
    default_percent: int = 20
    """Share of the late ones that are never repaid."""
    tick_seconds: float = 0.2


SANDBOX_CHOICES = (
    "The API is below /v1; links to files point below /storage of the same server and need no token.",
    "Both versions of the header answer alike; any other date is refused with 400.",
    "A missing or misspelt header, query parameter or body is refused with 422; an unknown query parameter is ignored.",
    "A wrong client, secret or user gets 401; an entity that is not the token's gets 403.",
    "A field without a value is null; the setting absent_fields leaves it out.",
    "A pagination token never ends (pagination_token_life_seconds); an unreadable or ended one is refused with 422.",
    "PATCH replaces partner_metadata as a whole (metadata_patch).",
    "Rate limits count all calls of a second together, by the sandbox's clock (rate_limit_clock).",
    "The limit of the rate is the same on every path.",
    "A receivable becomes overdue only when people say so under /sandbox/.",
    "Receivables' events are created, updated, issued, partially_paid, paid, overdue, uncollectible, canceled.",
    "An event's action is the bare verb (action_form); its object is only the id of what changed.",
    "An event is kept only where a subscription was enabled when it happened; one event for all subscriptions.",
    "The signed string of a webhook is t.body; the secret is used as it is written, with its prefix.",
    "A delivery is signed with the subscription's present secret, also when it is a retry.",
    "A delivery is acknowledged by 200 only, and retried after 1 min, 5 min, 30 min, 2 h, 6 h, 12 h, 24 h and 24 h.",
    "A payable is marked as paid from waiting_to_be_paid or partially_paid; canceled from draft or new; "
    "reopened from rejected or waiting_to_be_paid.",
    "A receivable is paid from issued, partially_paid or overdue; canceled from issued or overdue.",
    "A payment record in status succeeded moves the invoice at once; one of another currency is refused with 422.",
    "A payment record of more than is due, or on an invoice that cannot be paid, is refused with 409.",
    "Invoices that cannot be financed refuse the whole POST /financing_invoices with 422; payables follow the rule "
    "of the receivables with statuses new and waiting_to_be_paid.",
    "An invoice that is still DRAFT at the financier may be posted again and gets new tokens; any other is refused "
    "with 409 (repeated_push).",
    "The advance is 80 % of the total, the fee 3 % of the advance, both rounded down; repayment is due on the due date.",
    "One offer of 1,000,000 USD; what is funded and not repaid lowers the available amount.",
    "The connect and session tokens live one hour.",
)
