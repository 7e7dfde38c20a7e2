"""One payable or receivable of the seeded world. Everything follows from the seed and the number."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from connector.sandbox.monite.parties import raw_counterpart
from connector.sandbox.monite.settings import MoniteSettings
from connector.sandbox.monite.world import monite_time, monite_uuid
from connector.sandbox.wire import JsonObject

PAYABLE_STATUSES = (
    "draft",
    "new",
    "approve_in_progress",
    "waiting_to_be_paid",
    "partially_paid",
    "paid",
    "canceled",
    "rejected",
)
RECEIVABLE_STATUSES = (
    "draft",
    "issued",
    "partially_paid",
    "paid",
    "overdue",
    "uncollectible",
    "canceled",
)
_PAYABLE_WEIGHTS = (6, 30, 6, 40, 5, 6, 4, 3)
_RECEIVABLE_WEIGHTS = (6, 66, 10, 8, 5, 2, 3)
_CURRENCIES = ("USD", "EUR", "GBP", "JPY", "KWD")
_CURRENCY_WEIGHTS = (80, 8, 4, 4, 4)
EXPONENTS = {"JPY": 0, "KWD": 3}
_EDGE_AMOUNTS = (1, 100, 101, 12_353, 99, 9_007_199_254_740_991)
_NOTES = (
    None,
    "April's annual order",
    "Lieferung für Größe XL, 5 % Skonto",
    "発注番号 4711、東京倉庫",
    "فاتورة رقم ٤٧١١ \u200f(عاجل)",
    "Thanks! 🚚📦",
    '=HYPERLINK("http://example.invalid")',
)


@dataclass(frozen=True, slots=True)
class Draw:
    """What the seed says about one invoice, before it becomes a body. Amounts in minor units."""

    number: int
    at: datetime
    total: int
    paid: int
    currency: str
    status: str
    due: str
    issued: datetime
    document_id: str
    note: str | None
    dice: random.Random


def draw_invoice(
    settings: MoniteSettings, side: str, number: int, now: datetime, world: str
) -> Draw:
    """Decide about invoice `number` of a side (`payable`, `receivable`) in the world of one entity."""
    dice = random.Random(f"{side}:{world}:{settings.seed}:{number}")
    statuses, weights = (
        (PAYABLE_STATUSES, _PAYABLE_WEIGHTS)
        if side == "payable"
        else (RECEIVABLE_STATUSES, _RECEIVABLE_WEIGHTS)
    )
    edge = number - 1
    status = statuses[edge] if edge < len(statuses) else dice.choices(statuses, weights)[0]
    total = _EDGE_AMOUNTS[edge - 8] if 8 <= edge < 14 else int(10 ** dice.uniform(2.5, 7))
    currency = (
        _CURRENCIES[edge - 14]
        if 14 <= edge < 19
        else dice.choices(_CURRENCIES, _CURRENCY_WEIGHTS)[0]
    )
    paid = {"paid": total, "partially_paid": total // 3}.get(status, 0)
    when = dice.randrange(100)
    days = (
        dice.randint(8, 150)
        if when < 84
        else dice.randint(0, 6)
        if when < 92
        else -dice.randint(1, 40)
    )
    if status == "overdue":
        days = -dice.randint(1, 40)
    return Draw(
        number=number,
        at=now - timedelta(days=20) + timedelta(seconds=number, microseconds=dice.randrange(10**6)),
        total=total,
        paid=paid,
        currency=currency,
        status=status,
        due=(now.date() + timedelta(days=days)).isoformat(),
        issued=now - timedelta(days=dice.randint(20, 80), seconds=dice.randrange(86_400)),
        document_id=_document_id(dice, side, number),
        note=dice.choice(_NOTES),
        dice=dice,
    )


def payable_body(
    drawn: Draw, payable_id: str, entity_id: str, counterpart: JsonObject
) -> JsonObject:
    """A payable; a draft knows hardly anything yet, as right after its upload."""
    draft = drawn.status == "draft"
    submitted = drawn.status not in ("draft", "new")
    tax_amount = drawn.total // 10 if drawn.dice.randrange(3) == 0 else None
    raw = raw_counterpart(counterpart)
    due = drawn.total - drawn.paid
    return {
        "id": payable_id,
        "created_at": monite_time(drawn.at),
        "updated_at": monite_time(drawn.at),
        "amount_due": None if draft else due,
        "amount_paid": None if draft else drawn.paid,
        "amount_to_pay": None if draft else due,
        "approval_policy_id": None,
        "counterpart": raw if submitted else None,
        "counterpart_address_id": counterpart["default_billing_address_id"] if submitted else None,
        "counterpart_bank_account_id": None,
        "counterpart_id": None if draft and drawn.number % 2 else counterpart["id"],
        "counterpart_raw_data": {**raw, "address": None, "tax_id": None, "vat_id": None},
        "counterpart_vat_id_id": counterpart["_vat_ids"][0]["id"] if submitted else None,
        "created_by_role_id": None,
        "credit_notes": [],
        "currency": None if draft else drawn.currency,
        "currency_exchange": None,
        "description": drawn.note,
        "discount": None,
        "document_id": None if draft else drawn.document_id,
        "due_date": None if draft else drawn.due,
        "entity_id": entity_id,
        "file": None,
        "file_id": None,
        "issued_at": None if draft else drawn.issued.date().isoformat(),
        "marked_as_paid_by_entity_user_id": None,
        "marked_as_paid_with_comment": None,
        "ocr_request_id": None,
        "ocr_status": "processing" if draft else drawn.dice.choice(("success", None)),
        "other_extracted_data": None,
        "paid_at": monite_time(drawn.at) if drawn.status == "paid" else None,
        "partner_metadata": drawn.dice.choice(({}, {}, {"department": "Operations"}, None)),
        "payable_origin": drawn.dice.choice(("upload", "email")),
        "payment_terms": None,
        "project_id": None,
        "purchase_order_id": None,
        "sender": None,
        "source_of_payable_data": "ocr" if draft else drawn.dice.choice(("ocr", "user_specified")),
        "status": drawn.status,
        "subtotal": None if draft else drawn.total - (tax_amount or 0),
        "suggested_payment_term": None,
        "tags": [],
        "tax": None if draft or tax_amount is None else 1000,
        "tax_amount": None if draft else tax_amount,
        "total_amount": None if draft else drawn.total,
        "total_amount_with_credit_notes": None if draft else drawn.total,
        "was_created_by_user_id": None,
        "_entity": entity_id,
    }


def receivable_body(
    settings: MoniteSettings,
    drawn: Draw,
    receivable_id: str,
    entity: JsonObject,
    counterpart: JsonObject,
) -> JsonObject:
    """An invoice to a customer; `credit_note_of` makes a credit note of such a body."""
    draft = drawn.status == "draft"
    due = drawn.total - drawn.paid
    file_url = None if draft else f"/storage/receivables/{receivable_id}.pdf"
    return {
        "id": receivable_id,
        "type": "invoice",
        "created_at": monite_time(drawn.at),
        "updated_at": monite_time(drawn.at),
        "amount_due": due,
        "amount_paid": drawn.paid,
        "amount_to_pay": due,
        "attachments": [],
        "based_on": None,
        "based_on_document_id": None,
        "comment": None,
        **_customer(counterpart, draft),
        "currency": drawn.currency,
        "discount": None,
        "discounted_subtotal": drawn.total,
        "document_id": None if draft else drawn.document_id,
        "due_date": None if draft else drawn.due,
        "entity": {
            "type": "organization",
            "name": entity["organization"]["legal_name"],
            **{name: entity[name] for name in ("email", "phone", "tax_id")},
        },
        "entity_address": dict(entity["address"]),
        "entity_user_id": None,
        "file_language": "en",
        "file_url": file_url,
        "fulfillment_date": None,
        "issue_date": None if draft else monite_time(drawn.issued),
        "line_items": [_line_item(settings, drawn)],
        "memo": drawn.note,
        "original_file_language": "en",
        "original_file_url": file_url,
        "paid_at": monite_time(drawn.at) if drawn.status == "paid" else None,
        "partner_metadata": drawn.dice.choice(({}, {"region": "Québec"}, None)),
        "payment_page_url": None,
        "payment_terms": None,
        "purchase_order": f"PO-{drawn.number}" if drawn.dice.randrange(3) == 0 else None,
        "related_documents": {"credit_note_ids": [], "proforma_invoice_id": None},
        "status": drawn.status,
        "subtotal": drawn.total,
        "subtotal_after_vat": drawn.total,
        "tags": [],
        "total_amount": drawn.total,
        "total_amount_with_credit_notes": drawn.total,
        "total_vat_amount": 0,
        "total_vat_amounts": [],
        "_entity": entity["id"],
    }


def _customer(counterpart: JsonObject, draft: bool) -> JsonObject:
    address = counterpart["_addresses"][0]
    return {
        "counterpart_billing_address": {k: v for k, v in address.items() if k != "counterpart_id"},
        "counterpart_contact": None,
        "counterpart_id": counterpart["id"],
        "counterpart_name": counterpart["_counterpart_name"],
        "counterpart_tax_id": counterpart["tax_id"],
        "counterpart_type": counterpart["type"],
        "counterpart_vat_id": None if draft else counterpart["_vat_ids"][0],
    }


_ONLY_OF_INVOICES = (
    "amount_due",
    "amount_paid",
    "amount_to_pay",
    "comment",
    "entity_user_id",
    "fulfillment_date",
    "memo",
    "paid_at",
    "payment_page_url",
    "payment_terms",
    "related_documents",
    "total_amount_with_credit_notes",
)


def credit_note_of(body: JsonObject, invoice: JsonObject) -> JsonObject:
    """Turn a receivable's body into an issued credit note of a tenth of `invoice`, and note it there."""
    total = invoice["total_amount"] // 10
    note = {name: value for name, value in body.items() if name not in _ONLY_OF_INVOICES}
    note |= {
        "type": "credit_note",
        "status": "issued",
        "based_on": invoice["id"],
        "based_on_document_id": invoice["document_id"],
        "document_id": f"CN-{invoice['document_id']}",
        "currency": invoice["currency"],
        "due_date": None,
        "line_items": [],
        "total_amount": total,
        "subtotal": total,
        "subtotal_after_vat": total,
        "discounted_subtotal": total,
    }
    invoice["related_documents"]["credit_note_ids"].append(note["id"])
    invoice["total_amount_with_credit_notes"] -= total
    invoice["amount_due"] = max(invoice["amount_due"] - total, 0)
    invoice["amount_to_pay"] = invoice["amount_due"]
    return note


def major_text(minor_units: int, currency: str) -> str:
    """An amount in major units, all its decimals: 1000 KWD minor units are 1.000."""
    return str(Decimal(minor_units).scaleb(-EXPONENTS.get(currency, 2)))


def _line_item(settings: MoniteSettings, drawn: Draw) -> JsonObject:
    price = {"currency": drawn.currency, "value": drawn.total}
    kind = f"line:{drawn.document_id}"
    return {
        "discount": None,
        "product": {
            "id": monite_uuid(settings.seed, kind, 1),
            "name": "Goods as ordered",
            "description": None,
            "is_inline": True,
            "price": price,
            "price_after_vat": price,
            "type": "product",
            "vat_rate": {
                "id": monite_uuid(settings.seed, "vat rate", 0),
                "country": "US",
                "value": 0,
            },
        },
        "quantity": 1,
        "total_after_vat": drawn.total,
        "total_before_vat": drawn.total,
    }


def _document_id(dice: random.Random, side: str, number: int) -> str:
    letter = "P" if side == "payable" else "R"
    forms = (f"{letter}-{number:06d}", f"{number:08d}", f"Nº {number}/26", f"{letter}/{number}-ü")
    return forms[0] if dice.randrange(10) else dice.choice(forms)
