"""What can be set on the hosted-session sandbox, and what it had to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connector.sandbox.webhook import WebhookSettings


@dataclass
class HostedSessionSettings(WebhookSettings):
    """All of it can be changed while the sandbox runs (`POST /sandbox/settings`)."""

    seed: int = 1
    companies: int = 0
    """How many companies exist from the beginning: the first ones of `people.companies(seed)`, limits approved."""
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-client-secret"
    dialect: Literal["stenn", "second"] = "stenn"
    """`second`: the same platform with other paths, words, units and an API key (see `dialect.py`)."""
    api_key: str = "sandbox-api-key"
    """What the second dialect is signed in to with."""
    token_paths: tuple[str, ...] = ("/auth/v1/token",)
    token_life_seconds: int = 86_400
    create_mode: Literal["unique", "key", "dumb"] = "unique"
    """`unique`: a known client_reference_id is refused with 409; `key`: an Idempotency-Key header repeats the
    earlier answer for 24 h; `dumb`: everything is accepted."""
    created_status: int = 200
    list_filter: bool = True
    """The list of invoices understands `?client_reference_id=`; False ignores it."""
    list_lag_seconds: float = 0.0
    """A new invoice appears in the list only after this time."""
    auto_approve_limits: bool = True
    limit_review_seconds: float | None = None
    """A requested buyer limit is decided after this time; None waits for `POST /sandbox/desk/limits`."""
    cancel_sessions: bool = True
    """Whether an open session can be canceled at POST /v1/financing_sessions/ID/cancel."""
    session_life_seconds: float = 86_400.0
    public_base_url: str | None = None
    """What `session_url` begins with; None takes the address the request came to."""
    person_delay_seconds: float | None = None
    """A person handles each open session after this time; None waits for `POST /sandbox/person/complete-all`."""
    person_cancel_percent: int = 0
    """Share of first sessions that the person cancels."""
    desk_interval_seconds: float | None = None
    """The desk moves each invoice on after this time; None waits for `POST /sandbox/desk/advance`."""
    decline_percent: int = 8
    information_percent: int = 15
    overdue_percent: int = 15
    reveal_revision: bool = True
    """Add the unknown field `sandbox_revision`, which rises with each change, to every invoice."""
    tick_seconds: float = 0.2


SANDBOX_CHOICES = (
    "The token is issued at /auth/v1/token; the setting token_paths names others.",
    (
        "Paths: /v1/companies, /v1/buyer_limits, /v1/documents, /v1/invoices, "
        "/v1/financing_sessions (also /v1/financing-sessions)."
    ),
    (
        "Request bodies are JSON, except the token (form) and documents (multipart form with "
        "file, purpose, name, or JSON with the file in base64)."
    ),
    "A created object is answered with status 200; the setting created_status changes it.",
    (
        "A known client_reference_id is refused with 409 (create_mode unique); modes key and "
        "dumb are settings."
    ),
    (
        "Lists hold everything: no pages. The list of invoices can be filtered by "
        "client_reference_id, that of sessions by invoice."
    ),
    "A company needs a name; everything else of it may be absent.",
    (
        "A new company gets an approved buyer limit at once (auto_approve_limits); otherwise it"
        " has none until one is requested at POST /v1/buyer_limits."
    ),
    (
        "Buyer limit statuses are under_review, approved and denied; business_information_id "
        "000000000 is denied."
    ),
    "An invoice may be created with a past due date; the session is what is refused.",
    (
        "Another open session on the invoice is refused with 409, every other rule of a session"
        " with 400."
    ),
    (
        "Only an invoice in status draft can be put into a session; its buyer and supplier must"
        " be the session's."
    ),
    "A session lives 24 hours. After it is canceled or expired the invoice is still a draft.",
    "success_url and cancel_url are opened as they are: no parameter is added.",
    (
        "first_payment is 90 % of the amount, rounded down to the cent; discount is 1 %, "
        "insurance_charges 0.2 %, late_payment_fees 0.5 % when overdue, second_payment the rest"
        " when repaid; fees are rounded down to the cent."
    ),
    (
        "first_payment and the completed session are shown from the completion on, the other "
        "parts from financed on."
    ),
    "Amounts are printed without trailing zeros: 88000, 123.5, 123.53.",
    (
        "A delivery may be signed: Stenn-Signature: t=<unix>,v1=<hex>, HMAC-SHA-256 over "
        "t.body. The documents that could be read mention no signature."
    ),
    (
        "An open session is canceled at POST /v1/financing_sessions/ID/cancel (cancel_sessions); one that "
        "is not open any more is refused with 409."
    ),
    (
        "The setting dialect = second gives the same platform other paths, words and units, and a key in "
        "the header X-Api-Key instead of tokens: a platform that does not exist."
    ),
    "Only invoices cause events; sessions and buyer limits cause none.",
    (
        "Deliveries are retried after 1 min, 5 min, 30 min, 2 h, 6 h, 12 h, 24 h and 24 h, then"
        " given up."
    ),
    "Every invoice carries the extra field sandbox_revision, which rises with each change.",
    "There is no rate limit except by a fault.",
)
