"""What to do about each cause of the error inbox, and who does it: the connector's own causes by name, every other one by
its kind."""

from __future__ import annotations

from dataclasses import dataclass

from connector.deciding import (
    CHANGED_AFTER_SUBMISSION,
    DOCUMENT_MISSING,
    NO_BUYER_LIMIT,
    NOT_LINKED,
    OTHER_FINANCIER,
)
from connector.store.reading_inbox import Cause

WHO = {
    "books": "Accountant, in the books",
    "here": "Operator, here",
    "financier": "The financier",
    "mapping": "Mapping author",
    "support": "Support",
}
"""Who must act, in words."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What is the matter, who acts (a key of WHO), and what they do; `otherwise` where that is not it. `action` names
    what this console offers for it."""

    title: str
    who: str
    remedy: str
    action: str | None = None
    otherwise: str | None = None


_OWN = {
    NOT_LINKED: Advice(
        "A company is not linked to the financier's",
        "here",
        "Link the company. Its invoices go on by themselves, without being read again.",
        "link",
    ),
    NO_BUYER_LIMIT: Advice(
        "The buyer has no approved limit at the financier",
        "financier",
        "Request a limit for the buyer if none was requested; otherwise wait for the financier's decision. The invoices "
        "go on by themselves once it is approved.",
        "limit",
    ),
    DOCUMENT_MISSING: Advice(
        "The invoice document is missing",
        "here",
        "Attach the invoice here, or in the accounting system where documents are taken from there.",
        "attach",
    ),
    CHANGED_AFTER_SUBMISSION: Advice(
        "The invoice changed after it was sent for financing",
        "books",
        "Settle the difference with the financier, or set the invoice back to what was sent. What is being financed is "
        "never changed from here.",
    ),
    OTHER_FINANCIER: Advice(
        "The invoice was sent to another financier",
        "financier",
        "Settle it where it was sent. An invoice has one financing for all time.",
    ),
    "malformed_record": Advice(
        "The record cannot be read",
        "support",
        "Show the record to whoever looks after the accounting system: what it sent is not what it promises.",
    ),
    "not_a_record": Advice(
        "The record cannot be read",
        "support",
        "Show the record to whoever looks after the accounting system: what it sent is not what it promises.",
    ),
}


def of_reason(reason_code: str) -> str:
    """A reason in words, where nothing more is known of the cause."""
    own = _OWN.get(reason_code)
    words = reason_code.replace("_", " ")
    return own.title if own is not None else words[:1].upper() + words[1:]


def advice(
    cause: Cause, sentence: str | None, *, is_one_sentence: bool, rule: str | None = None
) -> Advice:
    """What to do about a cause; `sentence` is that of one of its records, `rule` the mapping's rule that speaks."""
    own = _OWN.get(cause.reason_code)
    if own is not None:
        return own
    title = sentence if sentence and is_one_sentence else of_reason(cause.reason_code)
    if rule is not None or not cause.detail or cause.detail == "$":
        return Advice(
            title,
            "books",
            "Put it right in the accounting system; the invoice leaves this list at the next pull.",
            otherwise="Where the rule is too strict, a mapping author changes it.",
        )
    return Advice(
        title,
        "books",
        f"Correct “{cause.detail}” in the accounting system; the invoice leaves this list at the next pull.",
        otherwise="Where the books are right, the mapping reads them wrongly, and a mapping author changes it.",
    )


def cause_subject(cause: Cause) -> str:
    """A cause as it is named where it is given to somebody."""
    return f"cause {cause.connection} {cause.kind} {cause.reason_code} {cause.detail}".rstrip()
