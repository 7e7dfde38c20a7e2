"""Finexio v2 invoices and counterparties, a pure function of (seed, first day, index).

Every invoice satisfies the vendor's documented constraints and fills all 24 fields of the list answer; its compact
JSON is `RECORD_BYTES` long (the note is padded), so that cases of different seeds move the same number of bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec

RECORD_BYTES = 1032
COUNTERPARTIES = 40
BUYERS = 2
PAGE_SIZE = 100

_MASK = (1 << 64) - 1
_STEP = timedelta(seconds=1.7)
_STATUSES = (
    ("pending",) * 90 + ("in-progress",) * 4 + ("complete",) * 3 + ("sent",) * 2 + ("failed",)
)
_PADDING = b"Delivered against the yearly frame agreement; see the order for the terms. " * 14

encode_json = msgspec.json.Encoder().encode


def _mixed(value: int) -> int:
    """splitmix64: 64 well-spread bits of a counter."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@dataclass(frozen=True, slots=True)
class Change:
    """A later state of an invoice: how often it changed, and when it last did (naive UTC, as Finexio writes it)."""

    revision: int
    at: str


def stamp(instant: datetime) -> str:
    """A naive timestamp with microseconds, as Finexio prints them."""
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds")


class Ledger:
    """The invoices of one simulated Finexio account."""

    def __init__(self, seed: int, today: date) -> None:
        self._seed = _mixed(seed)
        self._today = today
        self._start = datetime.combine(today - timedelta(days=60), time())
        self._dates = [(today + timedelta(days=n)).isoformat() for n in range(-30, 121)]

        self._companies = [self.counterparty_id(number) for number in range(COUNTERPARTIES)]

    def counterparty_id(self, number: int) -> str:
        """The identifier of a counterparty, 0 to 39; the first two are buyers."""
        high, low = _mixed(self._seed ^ (number + 1)), _mixed(self._seed ^ (number + 1001))
        text = f"{high:016x}{low:016x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def counterparty(self, number: int) -> dict[str, Any]:
        """A counterparty of the list answer."""
        buyer = number < BUYERS
        created = stamp(self._start - timedelta(days=200))
        return {
            "id": self.counterparty_id(number),
            "type": "Buyer" if buyer else "Supplier",
            "name": f"{'Buyer' if buyer else 'Supplier'} {number:02d} Inc.",
            "created": created,
            "updated": created,
            "address_1": f"{number + 1} Main Street",
            "address_2": None,
            "city": "Tampa",
            "state": "FL",
            "zipcode": "33602",
            "country": "USA",
            "primary_contact_email": f"accounts{number}@example.com",
            "remit_email": f"remit{number}@example.com",
            "primary_contact_name": "Accounts",
            "primary_contact_phone": "8135550100",
            "bank_account_number": None,
            "bank_routing_number": None,
            "payment_method": "ACH",
            "internal_id": f"CP-{number:04d}",
            "twelve_month_spend": None,
            "twelve_month_payment_count": None,
        }

    def invoice_id(self, index: int) -> str:
        """`inv_` and 20 letters and digits, of which the last 8 are the index in hexadecimal."""
        return f"inv_{_mixed(self._seed + index) >> 16:012x}{index:08x}"

    def updated(self, index: int) -> str:
        """When an invoice that was never changed was last updated; grows with the index."""
        return stamp(self._start + index * _STEP)

    def invoice(self, index: int, change: Change | None = None) -> dict[str, Any]:
        """An invoice of the list answer: 24 fields, one or two installments that add up to the amount."""
        invoice: dict[str, Any] = msgspec.json.decode(self.invoice_json(index, change))
        return invoice

    def invoice_json(self, index: int, change: Change | None = None) -> bytes:
        """The same as compact JSON of exactly `RECORD_BYTES`."""
        encoded = encode_json(self._invoice_without_note(index, change))
        note = _PADDING[: RECORD_BYTES - len(encoded)]
        return encoded.replace(b'"note":""', b'"note":"' + note + b'"', 1)

    def _invoice_without_note(self, index: int, change: Change | None) -> dict[str, Any]:
        bits = _mixed(self._seed ^ (index * 0x2545F4914F6CDD1D & _MASK))
        status = _STATUSES[bits % 100]
        amount_cents = 10_000 + (bits >> 8) % 4_990_000
        if change is not None:
            amount_cents += 100 * change.revision
        day = (bits >> 32) % 30
        updated = self.updated(index)
        due_date = self._dates[45 + (bits >> 40) % 90]
        return {
            "id": self.invoice_id(index),
            "created": updated,
            "updated": change.at if change is not None else updated,
            "amount_cents": amount_cents,
            "currency": "USD",
            "discount_amount_cents": 0 if bits >> 63 else amount_cents // 50,
            "invoice_number": f"INV-{self._today.year}-{index:08d}",
            "invoice_date": self._dates[day],
            "invoice_due_date": due_date,
            "note": "",
            "originating_counterparty_id": self._companies[(bits >> 50) % BUYERS],
            "receiving_counterparty_id": self._companies[
                BUYERS + (bits >> 44) % (COUNTERPARTIES - BUYERS)
            ],
            "metadata": {"order": f"PO-{index:08d}"},
            "payment_id": None if status == "pending" else f"pmt_{bits:016x}{index:08x}"[:24],
            "reconciliation_id": f"REC-{index:08d}",
            "account_number": f"{bits % 10**12:012d}",
            "payment_group_id": f"PG-{index // 50:06d}",
            "can_be_resubmitted": False,
            "accounting_id": f"AC-{index:08d}",
            "status": status,
            "status_detail": {},
            "line_items": [],
            "installments": self._installments(bits, index, amount_cents, due_date, updated),
            "documentationPresented": True,
        }

    def _installments(
        self, bits: int, index: int, amount_cents: int, due_date: str, created: str
    ) -> list[dict[str, Any]]:
        half = amount_cents // 2
        parts = (half, amount_cents - half) if bits & (1 << 62) else (amount_cents,)
        return [
            {
                "id": f"inst_{bits & 0xFFFFFF:06x}{index:08x}{number:02d}",
                "created": created,
                "amount_cents": part,
                "due_date": due_date,
                "payment_id": None,
            }
            for number, part in enumerate(parts)
        ]

    def payment(self, index: int, change: Change) -> dict[str, Any]:
        """The payment that shows a changed invoice in `GET /payments/`."""
        invoice = self.invoice(index, change)
        return {
            "id": f"pmt_{index:020d}",
            "created": invoice["created"],
            "updated": change.at,
            "amount_cents": invoice["amount_cents"],
            "payment_method": "ach",
            "delivery_method": "email",
            "status": "in-progress",
            "events": [],
            "invoices": [
                {
                    "id": invoice["id"],
                    "invoice_number": invoice["invoice_number"],
                    "payment_amount_cents": invoice["amount_cents"],
                    "metadata": {},
                    "reconciliation_id": invoice["reconciliation_id"],
                }
            ],
        }
