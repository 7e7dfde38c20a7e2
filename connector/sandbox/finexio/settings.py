"""What can be set on the Finexio sandbox, and what it had to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connector.sandbox.webhook import WebhookSettings


@dataclass
class FinexioSettings(WebhookSettings):
    """All of it can be changed while the sandbox runs (`POST /sandbox/settings`); the seeded data not.

    `webhook_url` and the signature's settings are not used: each subscription has an address, and deliveries carry
    its Basic credentials.
    """

    seed: int = 1
    invoices: int = 300
    buyers: int = 3
    suppliers: int = 40
    dirty_percent: int = 4
    """Share of seeded invoices that violate the documents."""
    username: str = "sandbox-user"
    password: str = "sandbox-password"
    page_size: int = 100
    newest_first: bool = False
    foreign_next_links: bool = False
    """`next` and `previous` point at another host, as in one of the vendor's samples."""
    id_style: Literal["hex32", "alnum20", "uuid"] = "hex32"
    reveal_revision: bool = False
    """Add the unknown field `sandbox_revision`, which rises with each change, to every invoice."""


SANDBOX_CHOICES = (
    "One server answers both versions, under /v1/ and /v2/, from the same invoices.",
    'A page past the last one answers 404 with {"detail": "Invalid page."}; page 1 of an empty list is empty.',
    "Lists are in order of creation; the setting newest_first turns them round. The vendor states no order.",
    "Naive timestamps are UTC.",
    "The field url of version 1 always names the vendor's staging host, so that the data do not depend on a port.",
    "Version 1 has no status canceled: such an invoice is shown as failed, with a message in status_detail.",
    "In a batch one invalid invoice refuses the whole batch.",
    "A posted invoice starts its payment when its status is advanced; the ledger notes payment_started at once.",
    "An id of an invoice is inv_ and 32 hexadecimal digits in both versions; the setting id_style changes it.",
    "A payment's time filters accept naive instants (UTC) and instants with an offset; both ends are inclusive.",
    "Counterparties can be read and not written. Images of payments are not offered.",
    "The history of a counterparty is a list of {id, object_id, changed_at, changed_fields}; no values are told.",
    "Webhooks can be subscribed to below /v1, below /v2 and below the host; the list is one page with an envelope.",
    "One event is sent for each payment that is made or changed, at once, and for nothing else.",
    "A subscription's flags add invoice_ids and payment_status to an event; the other flags change nothing.",
    "An event is acknowledged with 200 and sent again after 1 min, 5 min, 30 min, 2 h, 6 h, 12 h, 24 h and 24 h.",
    "A subscription's answer leaves out its password.",
    "There is no rate limit except by a fault.",
)
