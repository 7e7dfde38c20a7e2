"""The seeded world of the Tryton sandbox. Same seed and instant, same rows."""

from __future__ import annotations

import base64
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connector.sandbox.ledger import Ledger, NewObject
from connector.sandbox.people import Company, companies
from connector.sandbox.tryton.models import INVOICE, row_instant
from connector.sandbox.tryton.oracle import gross, outcome_of
from connector.sandbox.tryton.pdf import invoice_pdf
from connector.sandbox.tryton.settings import TrytonSettings
from connector.sandbox.wire import JsonObject

CURRENCIES = (("USD", 2), ("GBP", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3))
_CURRENCY_WEIGHTS = (40, 18, 26, 9, 7)
_STATES = ("posted", "draft", "validated", "paid", "cancelled")
_STATE_WEIGHTS = (76, 8, 3, 9, 4)
_DEFECTS = ("amount_digits", "currency_code", "no_party", "amount_text", "no_state")
_POSTED_TOGETHER = 25
_COMMENTS = (None, None, "", "Thanks! 🚚📦", "Bitte bis Freitag\nprüfen", "n" * 500)


def populate(ledger: Ledger, settings: TrytonSettings, now: datetime) -> None:
    """Fill an empty ledger, and write down what a correct connector must make of each invoice."""
    began = now - timedelta(days=20)
    with ledger.transaction():
        _base_data(ledger, settings, began)
        invoices: list[NewObject] = []
        lines: list[NewObject] = []
        attachments: list[NewObject] = []
        expectations: list[tuple[str, str, str, JsonObject]] = []
        for number in range(1, settings.invoices + 1):
            body, own_lines = invoice_rows(settings, number, now, first_line=len(lines) + 1)
            lines += [new_row(row, began) for row in own_lines]
            invoices.append(new_invoice(body, began))
            files = _attachments(settings, body, own_lines, began, len(attachments) + 1)
            attachments += [new_row(row, began, reference=row["resource"]) for row in files]
            outcome, reason = outcome_of(body, own_lines, _code(body), now.date())
            currency, amount = gross(body, _code(body))
            expectations.append(
                (str(number), outcome, reason, {"currency": currency, "gross_minor_units": amount})
            )
        moves = [
            new_row(
                {"id": new.body["move"], "lines": new.body["lines_to_pay"], **_stamps(began, None)},
                began,
            )
            for new in invoices
        ]
        ledger.add_many("account.move.line", lines, cause="seeded")
        ledger.add_many("account.move", moves, cause="seeded")
        ledger.add_many(INVOICE, invoices, cause="seeded")
        ledger.add_many("ir.attachment", attachments, cause="seeded")
        ledger.expect(INVOICE, expectations)


def invoice_rows(
    settings: TrytonSettings, number: int, now: datetime, first_line: int
) -> tuple[JsonObject, list[JsonObject]]:
    """One invoice and its lines to pay. Everything follows from the seed, the number and `now`."""
    dice = random.Random(f"tryton:{settings.seed}:{number}")
    kind = dice.choice(("out", "out", "in"))
    currency, (_, digits) = _drawn_currency(dice, number)
    state = dice.choices(_STATES, _STATE_WEIGHTS)[0] if number > 5 else _STATES[number - 1]
    minor = int(10 ** dice.uniform(3, 7.5))
    if dice.randrange(40) == 0:
        minor = -minor
    total = Decimal(minor).scaleb(-digits)
    tax = (total / 6).quantize(Decimal(1).scaleb(-digits)) if dice.randrange(3) else Decimal(0)
    settled = state in ("draft", "validated", "paid", "cancelled")
    part = total / 4 if state == "posted" and dice.randrange(9) == 0 else Decimal(0)
    paid = part.quantize(Decimal(1).scaleb(-digits))
    written = now - timedelta(days=10) + timedelta(minutes=number // _POSTED_TOGETHER * 37)
    never_written = state == "draft" and dice.randrange(2) == 0
    body: JsonObject = {
        "id": number,
        "number": None if state in ("draft", "cancelled") else f"{now.year}-{number:05d}",
        "reference": _reference(dice, kind, number),
        "type": kind,
        "state": state,
        "company": 1,
        "party": dice.randrange(2, settings.parties + 2),
        "currency": currency,
        "invoice_date": (now.date() - timedelta(days=dice.randint(0, 60))).isoformat(),
        "total_amount": f"{total}",
        "untaxed_amount": f"{total - tax}",
        "tax_amount": f"{tax}",
        "amount_to_pay": "0" if settled else f"{total - paid}",
        "lines_to_pay": [],
        "move": number,
        "additional_moves": [],
        "comment": dice.choice(_COMMENTS),
        **_stamps(now - timedelta(days=15, seconds=-number), None if never_written else written),
    }
    lines: list[JsonObject] = []
    if state in ("posted", "paid"):
        lines = _lines(dice, body, total, now, first_line)
        body["lines_to_pay"] = [line["id"] for line in lines]
    if state == "posted" and dice.randrange(100) < settings.dirty_percent:
        spoil(body, dice.choice(_DEFECTS))
    return body, lines


def spoil(body: JsonObject, defect: str) -> None:
    """Make an invoice one that cannot be right."""
    if defect == "amount_digits":
        body["total_amount"] += "1" if "." in body["total_amount"] else ".5"
    elif defect == "amount_text":
        body["total_amount"] = "n/a"
    elif defect == "currency_code":
        body["currency"] = len(CURRENCIES) + 1
    elif defect == "no_party":
        body["party"] = None
    else:
        body["state"] = None


def new_row(body: JsonObject, at: datetime, reference: str | None = None) -> NewObject:
    """A row of any model for the ledger."""
    return NewObject(str(body["id"]), body, at, reference=reference)


def new_invoice(body: JsonObject, at: datetime) -> NewObject:
    """An invoice for the ledger, with its money."""
    code = _code(body)
    currency, amount = gross(body, code)
    known = currency != "unreadable"
    return NewObject(
        str(body["id"]),
        body,
        at,
        reference=body["number"],
        status=body["state"],
        currency=currency if known else None,
        amount_minor_units=amount if known else None,
    )


def currency_code(currency_id: int) -> str:
    """The code of a seeded currency; the last one is not a currency of ISO 4217."""
    codes = [code for code, _ in CURRENCIES]
    return codes[currency_id - 1] if currency_id <= len(codes) else "Points"


def _code(body: JsonObject) -> str:
    return currency_code(body["currency"])


def _drawn_currency(dice: random.Random, number: int) -> tuple[int, tuple[str, int]]:
    place = (number - 1) % len(CURRENCIES)
    if number > 3 * len(CURRENCIES):
        place = dice.choices(range(len(CURRENCIES)), _CURRENCY_WEIGHTS)[0]
    return place + 1, CURRENCIES[place]


def _reference(dice: random.Random, kind: str, number: int) -> str | None:
    if kind == "in":
        return None if dice.randrange(30) == 0 else f"SUP/{dice.randrange(10**6):06d}-{number}"
    return dice.choice((None, f"PO-{number:05d}"))


def _lines(
    dice: random.Random, body: JsonObject, total: Decimal, now: datetime, first: int
) -> list[JsonObject]:
    """One line for each due date. A paid invoice's lines are reconciled."""
    when = dice.randrange(100)
    parts = 2 if dice.randrange(12) == 0 else 1
    days = dice.randint(10, 150) if when < 84 else -dice.randint(1, 60)
    amounts = [total] if parts == 1 else [total / 2]
    amounts = [amount.quantize(total) for amount in amounts]
    if parts == 2:
        amounts.append(total - amounts[0])
    lines = []
    for place, amount in enumerate(amounts):
        due = now.date() + timedelta(days=days + 30 * place)
        receivable = (body["type"] == "out") == (amount >= 0)
        lines.append(
            {
                "id": first + place,
                "maturity_date": None if when >= 95 else due.isoformat(),
                "debit": f"{abs(amount)}" if receivable else "0",
                "credit": "0" if receivable else f"{abs(amount)}",
                "amount_second_currency": None,
                "reconciliation": body["id"] if body["state"] == "paid" else None,
                **_stamps(now - timedelta(days=10), None),
            }
        )
    return lines


def _attachments(
    settings: TrytonSettings,
    body: JsonObject,
    lines: list[JsonObject],
    at: datetime,
    first: int,
) -> list[JsonObject]:
    dice = random.Random(f"tryton:attachments:{settings.seed}:{body['id']}")
    files: list[tuple[str, bytes]] = []
    if dice.randrange(100) < settings.document_percent:
        files.append((f"invoice {body['id']}.pdf", invoice_pdf(body, _code(body), lines)))
    if dice.randrange(6) == 0:
        files.append(("terms.txt", b"Terms of delivery."))
    return [
        {
            "id": first + place,
            "resource": f"{INVOICE},{body['id']}",
            "name": name,
            "type": "data",
            "data": base64.b64encode(data).decode("ascii"),
            "data_size": len(data),
            **_stamps(at, None),
        }
        for place, (name, data) in enumerate(files)
    ]


def _stamps(created: datetime, written: datetime | None) -> dict[str, Any]:
    return {
        "create_date": row_instant(created),
        "write_date": None if written is None else row_instant(written),
    }


def _base_data(ledger: Ledger, settings: TrytonSettings, at: datetime) -> None:
    """Currencies, countries, parties with an address each, our own company, modules."""
    stamps = _stamps(at, None)
    made = companies(settings.seed, settings.parties + 1)
    codes = sorted({company.country for company in made})
    rows: dict[str, list[JsonObject]] = {
        "currency.currency": [
            {"id": place, "code": code, "digits": digits}
            for place, (code, digits) in enumerate((*CURRENCIES, ("Points", 2)), start=1)
        ],
        "country.country": [{"id": p, "code": code} for p, code in enumerate(codes, start=1)],
        "country.subdivision": [
            {"id": place, "name": company.state} for place, company in enumerate(made, start=1)
        ],
        "party.party": [_party(place, company) for place, company in enumerate(made, start=1)],
        "party.address": [
            {
                "id": place,
                "party": place,
                "street": company.street,
                "city": company.city,
                "postal_code": company.postal_code,
                "country": codes.index(company.country) + 1,
                "subdivision": place,
            }
            for place, company in enumerate(made, start=1)
        ],
        "party.contact_mechanism": [],
        "party.identifier": [],
        "company.company": [{"id": 1, "party": 1, "rec_name": made[0].name}],
        "ir.module": [
            {"id": place, "name": name, "state": "activated", "version": f"{settings.series}.2"}
            for place, name in enumerate(
                ("party", "company", "account", "account_invoice"), start=1
            )
        ],
        "ir.note": [],
    }
    for model, bodies in rows.items():
        ledger.add_many(model, [new_row({**stamps, **b}, at) for b in bodies], cause="seeded")


def _party(place: int, company: Company) -> JsonObject:
    return {
        "id": place,
        "name": company.name,
        "code": str(place),
        "email": company.email,
        "addresses": [place],
        "contact_mechanisms": [],
        "identifiers": [],
        "tax_identifier": None,
    }
