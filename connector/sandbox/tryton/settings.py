"""What can be set on the Tryton sandbox, and what it had to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class TrytonSettings:
    """All of it can be changed while the sandbox runs (`POST /sandbox/settings`); the seeded data not."""

    seed: int = 1
    invoices: int = 200
    parties: int = 24
    dirty_percent: int = 4
    """Share of seeded posted invoices that cannot be right."""
    document_percent: int = 70
    """Share of seeded invoices with a PDF of the invoice."""
    database: str = "books"
    """Not `sandbox`: calls of paths below `/sandbox/` are for people, and are never disturbed."""
    username: str = "sandbox-user"
    password: str = "sandbox-password"
    series: Literal["8.0", "8.2"] = "8.0"
    """8.2 lets nobody change comment or reference of a posted invoice."""
    gzip_bug: bool = True
    """A long answer says gzip though it is plain, to a client that does not accept gzip (8.0.12; not in 8.2.1)."""
    company_filter: Literal["all", "one"] = "all"
    """`one`: the user's own company is another one, so every invoice is hidden without a word."""


SANDBOX_CHOICES = (
    "Only JSON-RPC, and of it the calls a reader of invoices and a writer of notes makes; anything else is an unknown "
    "method (403) or model.",
    "Invoices cannot be posted, paid or created over the API: people do that, under /sandbox/.",
    "Some drafts have no write_date; Tryton 8.0 writes one on most invoices when it makes them.",
    "The fifth wrong password in a row answers 429, without the growing delays of the real server.",
    "The dirty invoices are ones a real Tryton would hardly let anybody post.",
    "Amounts in the company's currency are those of the invoice's: nothing is converted.",
)
