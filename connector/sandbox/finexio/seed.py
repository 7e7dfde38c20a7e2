"""The seeded world of the Finexio sandbox: counterparties, invoices, payments. Same seed and instant, same bytes."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from connector.sandbox.finexio.defects import DEFECTS
from connector.sandbox.finexio.oracle import outcome_of
from connector.sandbox.finexio.settings import FinexioSettings
from connector.sandbox.ledger import Ledger, NewObject
from connector.sandbox.people import Company, companies, made_up_id
from connector.sandbox.wire import JsonObject

STATUSES = ("pending", "in-progress", "sent", "complete", "failed", "canceled")
_WEIGHTS = (72, 8, 4, 9, 4, 3)
_NOTES = (
    "",
    "April's Annual Tire Order",
    "Lieferung für Größe XL, 5 % Skonto",
    "発注番号 4711、東京倉庫",
    "فاتورة رقم ٤٧١١ \u200f(عاجل)",
    "Thanks! 🚚📦 👩‍👩‍👧",
    "Line one\nLine two\ttabbed",
    '=HYPERLINK("http://example.invalid")',
    "n" * 1000,
)
_EDGE_AMOUNTS = (1, 999_999_900, 100, 101, 12_353, 99)


def finexio_time(instant: datetime) -> str:
    """A timestamp as Finexio prints it: naive, microseconds."""
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds")


def counterparty_body(dice: random.Random, company: Company, own: bool, at: datetime) -> JsonObject:
    """One counterparty as version 2 shows it; `own` makes it our company (Buyer)."""
    return {
        "id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        "type": "Buyer" if own else "Supplier",
        "name": company.name[:40],
        "created": finexio_time(at),
        "updated": finexio_time(at),
        "address_1": company.street,
        "address_2": None,
        "city": company.city,
        "state": company.state,
        "zipcode": company.postal_code,
        "country": "CAN" if company.country == "CA" else "USA",
        "primary_contact_name": company.person,
        "primary_contact_email": company.email,
        "primary_contact_phone": company.phone[:16],
        "remit_email": company.email,
        "bank_account_number": None,
        "bank_routing_number": None,
        "payment_method": "ACH",
        "internal_id": f"{'B' if own else 'S'}-{dice.randrange(10**9):09d}",
        "twelve_month_spend": None,
        "twelve_month_payment_count": None,
        "payment_terms": dice.choice((None, 30, 60)),
        "tax_id": None,
        "ineligible_for_conversion": False,
        "business_type": None,
        "notes": None,
    }


def invoice_id(settings: FinexioSettings, number: int, dice: random.Random) -> str:
    """A new invoice's id in the chosen style."""
    if settings.id_style == "uuid":
        return str(uuid.UUID(int=dice.getrandbits(128), version=4))
    if settings.id_style == "alnum20":
        return "inv_" + made_up_id(settings.seed, "invoice", number, 20)
    return f"inv_{dice.getrandbits(128):032x}"


def invoice_body(
    settings: FinexioSettings, number: int, now: datetime, buyers: list[str], suppliers: list[str]
) -> JsonObject:
    """One clean invoice. Everything about it follows from the seed, its number and `now`."""
    dice = random.Random(f"invoice:{settings.seed}:{number}")
    edge = number - 1
    amount = _EDGE_AMOUNTS[edge] if edge < len(_EDGE_AMOUNTS) else int(10 ** dice.uniform(2, 7.3))
    status = STATUSES[edge // 6 % 6] if edge < 36 else dice.choices(STATUSES, _WEIGHTS)[0]
    created = (
        now - timedelta(days=20) + timedelta(seconds=number, microseconds=dice.randrange(1_000_000))
    )
    updated = created + timedelta(microseconds=dice.randrange(10))
    discount = dice.randint(1, amount // 20) if amount >= 20 and dice.randrange(4) == 0 else 0
    when = dice.randrange(100)
    days = dice.randint(10, 200) if when < 86 else -dice.randint(1, 60)
    due = None if when >= 93 else (now.date() + timedelta(days=days)).isoformat()
    return {
        "id": invoice_id(settings, number, dice),
        "created": finexio_time(created),
        "updated": finexio_time(updated),
        "amount_cents": amount,
        "currency": "USD",
        "discount_amount_cents": discount,
        "invoice_number": _number(dice, number),
        "invoice_date": (now.date() - timedelta(days=dice.randint(0, 90))).isoformat(),
        "invoice_due_date": due,
        "note": _NOTES[edge] if edge < len(_NOTES) else dice.choice(_NOTES[:8]),
        "originating_counterparty_id": dice.choice(buyers),
        "receiving_counterparty_id": dice.choice(suppliers),
        "metadata": dice.choice(
            ({}, {}, {"department": "Operations", "cost_center": 4711}, {"région": "Québec"})
        ),
        "payment_id": None,
        "status": status,
        "status_detail": {},
        "line_items": [],
        "installments": _installments(dice, amount, due, created),
        "reconciliation_id": f"REC-{number:07d}" if dice.randrange(3) == 0 else None,
        "account_number": f"sandbox-account-{number:08d}" if dice.randrange(5) == 0 else None,
        "payment_group_id": f"group-{number % 7}" if dice.randrange(12) == 0 else None,
        "can_be_resubmitted": status == "failed",
        "accounting_id": f"ACC-{number:07d}" if dice.randrange(4) == 0 else None,
        **({"documentationPresented": False} if dice.randrange(10) == 0 else {}),
    }


def payment_body(invoice: JsonObject, payment_id: str, at: datetime) -> JsonObject:
    """The payment of one invoice, with the fields of both versions."""
    words = {"in-progress": "in-progress", "sent": "in-progress", "complete": "settled"}
    amount = invoice["amount_cents"]
    return {
        "id": payment_id,
        "created": finexio_time(at),
        "updated": finexio_time(at),
        "amount_cents": amount,
        "originating_counterparty_id": invoice["originating_counterparty_id"],
        "receiving_counterparty_id": invoice["receiving_counterparty_id"],
        "payment_method": "ach",
        "delivery_method": "email",
        "instrument_number": None,
        "status": words.get(str(invoice["status"]), str(invoice["status"])),
        "refunded": False,
        "tracking_id": None,
        "events": [],
        "invoices": [
            {
                "id": invoice["id"],
                "invoice_number": invoice["invoice_number"],
                "payment_amount_cents": amount,
                "metadata": invoice["metadata"],
                "reconciliation_id": invoice.get("reconciliation_id"),
                "payment_group_id": invoice.get("payment_group_id"),
                "public_account_number": None,
            }
        ],
    }


def populate(ledger: Ledger, settings: FinexioSettings, now: datetime) -> None:
    """Fill the ledger: counterparties, invoices (some spoilt), the payments of those under way, the expectations."""
    dice = random.Random(f"finexio:{settings.seed}")
    own, number = settings.buyers, settings.buyers + settings.suppliers
    at = now - timedelta(days=30)
    people = companies(settings.seed, number)
    bodies = [
        counterparty_body(dice, c, i < own, at + timedelta(seconds=i)) for i, c in enumerate(people)
    ]
    ledger.add_many("counterparty", [NewObject(b["id"], b, at) for b in bodies], cause="seeded")
    buyers = [b["id"] for b in bodies[:own]]
    suppliers = [b["id"] for b in bodies[own:]]
    spoilt = _spoilt_numbers(settings, dice)
    invoices = list(_invoices(settings, now, buyers, suppliers, spoilt))
    payments = []
    for number, body in enumerate(invoices, start=1):
        if body["status"] != "pending":
            body["payment_id"] = "pmt_" + made_up_id(settings.seed, "payment", number, 20)
            payments.append(
                payment_body(body, body["payment_id"], now - timedelta(days=5, seconds=-number))
            )
    ledger.add_many("invoice", (new_invoice(b, now) for b in invoices), cause="seeded")
    ledger.add_many(
        "payment",
        [NewObject(p["id"], p, now, status=p["status"]) for p in payments],
        cause="seeded",
    )
    _write_expectations(ledger, invoices, spoilt, now)


def new_invoice(body: JsonObject, at: datetime) -> NewObject:
    """An invoice for the ledger; its amount only where it is a whole number."""
    amount = body.get("amount_cents")
    whole = amount if type(amount) is int else None
    return NewObject(
        body["id"],
        body,
        at,
        body.get("invoice_number"),
        body["status"],
        body.get("currency"),
        whole,
    )


def _invoices(
    settings: FinexioSettings,
    now: datetime,
    buyers: list[str],
    suppliers: list[str],
    spoilt: dict[int, int],
) -> Iterator[JsonObject]:
    for number in range(1, settings.invoices + 1):
        body = invoice_body(settings, number, now, buyers, suppliers)
        if number in spoilt:
            # A spoilt record is pending and not yet due: the violation is the one thing that speaks against it.
            body["status"] = "pending"
            body["can_be_resubmitted"] = False
            body["invoice_due_date"] = (now.date() + timedelta(days=30)).isoformat()
            DEFECTS[spoilt[number]].spoil(body)
        yield body


def _spoilt_numbers(settings: FinexioSettings, dice: random.Random) -> dict[int, int]:
    candidates = range(len(STATUSES) * 6 + 1, settings.invoices + 1)
    count = min(settings.invoices * settings.dirty_percent // 100, len(candidates))
    numbers = sorted(dice.sample(candidates, count))
    return {number: i % len(DEFECTS) for i, number in enumerate(numbers)}


def _write_expectations(
    ledger: Ledger, invoices: list[JsonObject], spoilt: dict[int, int], now: datetime
) -> None:
    rows = []
    for number, body in enumerate(invoices, start=1):
        outcome, reason = outcome_of(body, "v2", now.date())
        detail: dict[str, object] = {"number": number}
        if number in spoilt:
            defect = DEFECTS[spoilt[number]]
            outcome, reason = "rejected", defect.field
            detail |= {"defect": defect.name, "versions": list(defect.versions)}
        rows.append((body["id"], outcome, reason, detail))
    ledger.expect("invoice", rows)


def _number(dice: random.Random, number: int) -> str:
    forms = (f"INV-{number:06d}", f"{number:08d}", f"Nº {number}/26", f"R-{number:06d}-ü")
    return forms[0] if dice.randrange(10) else dice.choice(forms)


def _installments(
    dice: random.Random, amount: int, due: str | None, created: datetime
) -> list[JsonObject]:
    """Both spellings the vendor shows: snake_case as in its sample, camelCase as in its specification."""
    parts = [amount] if amount < 2 or dice.randrange(8) else [amount // 2, amount - amount // 2]
    keys = (
        ("amount_cents", "due_date", "payment_id")
        if dice.randrange(4)
        else ("amountCents", "dueDate", "paymentId")
    )
    head = {"created": finexio_time(created)}
    return [
        {
            "id": f"inst_{dice.getrandbits(128):032x}",
            **head,
            keys[0]: part,
            keys[1]: due,
            keys[2]: None,
        }
        for part in parts
    ]
