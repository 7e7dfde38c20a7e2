"""What a mapped record is still looked at for, and what an admin reads while a buyer has no approved limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from connector.financier import LimitStatus
from connector.store.companies import LimitRow
from connector.store.inbox_work import ManualExclusion


class Standing(NamedTuple):
    """What the gates look at, for the records that are decided together."""

    links: Mapping[str, str]
    """Companies at the financier by counterparty."""
    limits: Mapping[str, LimitRow]
    """Their limits by company."""
    names: Mapping[str, str]
    documents: set[int] | None
    """Records that have their document; None where the flow does not wait for one."""
    kept: set[int]
    """Records that stay financed as they were sent, whatever the mapping says now."""
    dropped: set[int]
    """Records under way at the financier that another mapping does not offer any more."""
    left_out: Mapping[int, ManualExclusion]
    """What people decided to leave out, by record."""

    def called(self, party: str) -> str:
        """A counterparty as people know it."""
        return f"{self.names[party]} ({party})" if party in self.names else party

    def limit_missing(self, buyer: str) -> str | None:
        """Why an invoice to this buyer cannot be financed yet, and what to do; None when its limit is approved."""
        limit = self.limits.get(self.links.get(buyer, ""))
        if is_approved(limit):
            return None
        status = "not asked" if limit is None else limit.status
        raw_status = "" if limit is None else (limit.raw_status or "")[:60]
        return LIMIT_SENTENCES.get(status, LIMIT_SENTENCES["unknown"]).format(
            buyer=self.called(buyer), word=raw_status
        )


LIMIT_SENTENCES = {
    "not asked": "Wait a moment: the financier is being asked about the limit of the buyer {buyer}.",
    "none": "Request a buyer limit: the financier finances invoices to {buyer} only once a limit for this buyer is "
    "approved, and it has none.",
    "under_review": "Wait for the financier: it is reviewing the limit of the buyer {buyer}. The invoice goes on by "
    "itself once the limit is approved.",
    "denied": "Ask the financier: it denied a limit for the buyer {buyer}. Request another one, or exclude the "
    "invoice in the mapping.",
    "unknown": "Ask the financier: it says {word!r} about the limit of the buyer {buyer}, a word that is not known. "
    "It is not taken for an approval.",
}
"""What an admin reads while a buyer has no approved limit, by the status of the limit."""


def is_approved(limit: LimitRow | None) -> bool:
    """Whether invoices to a buyer with this limit may be put into a session."""
    return limit is not None and limit.status == LimitStatus.APPROVED
