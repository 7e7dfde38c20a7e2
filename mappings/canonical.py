"""The financing invoice as this program understands it, independent of any system or financier."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Direction(StrEnum):
    """Which side of the invoice our company stands on."""

    PAYABLE = "payable"
    """Our company owes: it is the buyer, the counterparty is the supplier."""
    RECEIVABLE = "receivable"
    """Our company is owed: it is the supplier, the counterparty is the buyer."""


@dataclass(frozen=True, slots=True)
class FinancingInvoice:
    """One invoice as it will be offered for financing.

    `amount_minor_units` is what is owed, in the smallest unit of `currency` (ISO 4217, upper case here;
    a financier's adapter writes its own case). `buyer_id` and `supplier_id` are the *source system's*
    identifiers; the machine turns them into the financier's companies through the link table.
    """

    direction: Direction
    invoice_number: str
    currency: str
    amount_minor_units: int
    due_date: date
    buyer_id: str
    supplier_id: str
    issue_date: date | None = None
    type_of_goods: tuple[str, ...] = ()
    note: str | None = None
