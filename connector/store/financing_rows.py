"""The columns of a financing invoice: its terms, their digest, and the row as it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, TypedDict

import msgspec

from connector.financier import TERMINAL_STATUSES
from connector.store.repository import Value
from connector.store.schema import REPLACEABLE
from mappings.money import to_text


class Terms(NamedTuple):
    """What the money depends on. `amount_minor_units` in the smallest unit of `currency` (ISO 4217, upper case);
    `buyer_id` and `supplier_id` are the source system's."""

    direction: str
    invoice_number: str
    currency: str
    amount_minor_units: int
    issue_date: date | None
    due_date: date
    buyer_id: str
    supplier_id: str
    type_of_goods: tuple[str, ...]

    def difference(self, other: Terms) -> str | None:
        """The first term in which `other` differs, in words; None when they are the same."""
        for name, label in _LABELS.items():
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                if name == "amount_minor_units" and self.currency == other.currency:
                    mine, theirs = (
                        f"{to_text(value, self.currency)} {self.currency}"
                        for value in (mine, theirs)
                    )
                return f"{label} was {_word(mine)} and is now {_word(theirs)}"
        return None


_LABELS = {
    "amount_minor_units": "the amount",
    "currency": "the currency",
    "due_date": "the due date",
    "invoice_number": "the invoice number",
    "direction": "the direction",
    "buyer_id": "the buyer",
    "supplier_id": "the supplier",
    "issue_date": "the issue date",
    "type_of_goods": "the type of goods",
}

NewFinancing = tuple[int, int, str, int, Terms]
"""(allocated id, record id, client reference, outcome id, terms)"""


@dataclass(frozen=True, slots=True)
class FinancingRow:
    """A stored financing invoice. `intact`: its terms are those that were written (the digest verifies)."""

    id: int
    record_id: int
    financier: str
    client_reference_id: str
    outcome_id: int
    direction: str
    invoice_number: str
    currency: str
    amount_minor_units: int
    issue_date: date | None
    due_date: date
    buyer_id: str
    supplier_id: str
    type_of_goods: tuple[str, ...]
    state: str
    state_reason: str | None
    remote_invoice_id: str | None
    remote_session_id: str | None
    session_url: str | None
    session_status: str | None
    status: str | None
    raw_status: str | None
    financing_json: str | None
    next_poll_at: datetime | None
    created_at: datetime
    updated_at: datetime
    intact: bool

    @property
    def terms(self) -> Terms:
        """The columns that move money."""
        return Terms(*(getattr(self, name) for name in Terms._fields))

    @property
    def is_sent(self) -> bool:
        """Whether a request may have left for it, so that its terms are fixed."""
        return self.state not in REPLACEABLE

    @property
    def is_under_way(self) -> bool:
        """Whether it was sent, and the platform has not told its end."""
        return self.is_sent and self.status not in TERMINAL_STATUSES

    @property
    def may_open_session(self) -> bool:
        """Whether all it lacks is another session, because the one before was canceled or has expired."""
        return (
            self.state == "parked"
            and self.session_status in ("canceled", "expired")
            and ((self.status or "draft") in ("draft", "unknown"))
        )

    @property
    def financing(self) -> Mapping[str, int]:
        """Parts of the financing in minor units, by the platform's names; empty when it told none."""
        return {} if self.financing_json is None else json.loads(self.financing_json)


class RemoteFacts(TypedDict, total=False):
    """What the platform told about a financing invoice; what is absent stays as it is. `financing` is a JSON object."""

    remote_invoice_id: str | None
    remote_session_id: str | None
    session_url: str | None
    session_status: str | None
    status: str | None
    raw_status: str | None
    financing: str | None
    next_poll_at: datetime | None


def insert_row(financier: str, new: NewFinancing, now: str) -> tuple[Value, ...]:
    """A new financing invoice as the database takes it, ready to be submitted."""
    financing_id, record_id, client_reference_id, outcome_id, terms = new
    return (
        financing_id,
        record_id,
        financier,
        client_reference_id,
        outcome_id,
        *_terms_row(terms),
        "ready",
        terms_digest(record_id, financier, client_reference_id, outcome_id, terms),
        now,
        now,
    )


def replaced_row(financier: str, new: NewFinancing, now: str) -> tuple[Value, ...]:
    """Other terms for a financing invoice, and then what it is found by."""
    financing_id, record_id, client_reference_id, outcome_id, terms = new
    return (
        financier,
        outcome_id,
        *_terms_row(terms),
        terms_digest(record_id, financier, client_reference_id, outcome_id, terms),
        now,
        financing_id,
        record_id,
        client_reference_id,
    )


def _terms_row(terms: Terms) -> tuple[Value, ...]:
    return (
        terms.direction,
        terms.invoice_number,
        terms.currency,
        terms.amount_minor_units,
        None if terms.issue_date is None else terms.issue_date.isoformat(),
        terms.due_date.isoformat(),
        terms.buyer_id,
        terms.supplier_id,
        _encoded(terms.type_of_goods),
    )


def terms_digest(
    record_id: int, financier: str, client_reference_id: str, outcome_id: int, terms: Terms
) -> bytes:
    """BLAKE2b-256 of the columns that move money, as a compact JSON list in fixed order, UTF-8."""
    content = msgspec.json.encode(
        (
            record_id,
            financier,
            client_reference_id,
            outcome_id,
            terms.direction,
            terms.invoice_number,
            terms.currency,
            terms.amount_minor_units,
            terms.issue_date,
            terms.due_date,
            terms.buyer_id,
            terms.supplier_id,
            terms.type_of_goods,
        )
    )
    return hashlib.blake2b(content, digest_size=32).digest()


def _encoded(words: tuple[str, ...]) -> str:
    return msgspec.json.encode(words).decode()


def decoded(row: Mapping[Any, Any]) -> FinancingRow:
    """A row as it is read, with whether its digest verifies."""
    columns = dict(row)
    stored_digest = columns.pop("digest")
    columns["type_of_goods"] = tuple(json.loads(columns["type_of_goods"]))
    columns["financing_json"] = columns.pop("financing")
    terms = Terms(*(columns[name] for name in Terms._fields))
    digest = terms_digest(
        columns["record_id"],
        columns["financier"],
        columns["client_reference_id"],
        columns["outcome_id"],
        terms,
    )
    return FinancingRow(**columns, intact=digest == stored_digest)


def _word(value: Any) -> str:
    if value is None:
        return "not given"
    if isinstance(value, tuple):
        return ", ".join(value) or "not given"
    return str(value)
