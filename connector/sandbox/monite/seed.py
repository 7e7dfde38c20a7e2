"""The seeded world of the Monite sandbox: entities, counterparts, payables, receivables, files."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from connector.sandbox.ledger import NewObject
from connector.sandbox.monite import bodies
from connector.sandbox.monite.files import (
    attachment_of_receivable,
    file_body,
    file_of_payable,
    printed,
)
from connector.sandbox.monite.oracle import outcome_of
from connector.sandbox.monite.parties import counterpart_body
from connector.sandbox.monite.settings import MoniteSettings
from connector.sandbox.monite.world import World, monite_time, monite_uuid
from connector.sandbox.people import companies
from connector.sandbox.wire import JsonObject

_OTHERS_INVOICES = 5
_FIRST_SPOILT = 20
"""The first numbers of each side show every status, edge amount and currency."""


@dataclass(frozen=True, slots=True)
class Defect:
    """`spoil` makes a clean, financeable record of `side` one that cannot be right; `outcome` is what follows."""

    name: str
    side: str
    spoil: Callable[[JsonObject], None]
    outcome: tuple[str, str]


def _set(name: str, side: str, field: str, value: object, outcome: tuple[str, str]) -> Defect:
    return Defect(name, side, lambda body: body.update({field: value}), outcome)


DEFECTS = (
    _set("payable_without_amount", "payable", "total_amount", None, ("rejected", "total_amount")),
    _set("receivable_of_zero", "receivable", "total_amount", 0, ("rejected", "total_amount")),
    _set("payable_without_currency", "payable", "currency", None, ("rejected", "currency")),
    _set(
        "receivable_without_number", "receivable", "document_id", None, ("held", "number_missing")
    ),
    _set("payable_without_number", "payable", "document_id", None, ("held", "number_missing")),
    _set(
        "receivable_without_due_date", "receivable", "due_date", None, ("held", "due_date_missing")
    ),
    _set("payable_without_due_date", "payable", "due_date", None, ("held", "due_date_missing")),
    _set("negative_receivable", "receivable", "total_amount", -500, ("rejected", "total_amount")),
    _set("negative_payable", "payable", "total_amount", -500, ("rejected", "total_amount")),
    _set("empty_number", "receivable", "document_id", "", ("held", "number_missing")),
)


def populate(world: World) -> None:
    """Fill the ledger, the expectations too. The other entity is small and clean."""
    settings = world.settings
    half = settings.invoices // 2
    for entity_id, country, payables, receivables, others in (
        (settings.entity_id, settings.entity_country, settings.invoices - half, half, False),
        (settings.other_entity_id, "DE", _OTHERS_INVOICES, _OTHERS_INVOICES, True),
    ):
        _Seeding(world, entity_id, country, others).fill(payables, receivables)
    world.ledger.set_meta("business_status", settings.business_status)


class _Seeding:
    """One entity's books."""

    def __init__(self, world: World, entity_id: str, country: str, others: bool) -> None:
        self.world = world
        self.settings: MoniteSettings = world.settings
        self.entity_id = entity_id
        self.others = others
        self.name = "other" if others else "own"
        self.now = world.now()
        self.dice = random.Random(f"monite:{self.settings.seed}:{self.name}")
        self.entity = self._entity(country)
        self.files: list[NewObject] = []

    def fill(self, payables: int, receivables: int) -> None:
        ledger, at = self.world.ledger, self.now - timedelta(days=30)
        people = companies(self.settings.seed, self.settings.counterparts)
        counterparts = [
            counterpart_body(
                self.settings, number, company, self.entity_id, at + timedelta(seconds=number)
            )
            for number, company in enumerate(people, start=1)
        ]
        vendors = [c for c in counterparts if c["_sides"]["is_vendor"]]
        customers = [c for c in counterparts if c["_sides"]["is_customer"]]
        ledger.add("entity", NewObject(self.entity_id, self.entity, at), cause="seeded")
        ledger.add_many(
            "counterpart", [NewObject(c["id"], c, at) for c in counterparts], cause="seeded"
        )
        spoilt = self._spoilt(payables, receivables)
        made_payables = [
            self._payable(number, vendors, spoilt) for number in range(1, payables + 1)
        ]
        made_receivables: list[JsonObject] = []
        for number in range(1, receivables + 1):
            made_receivables.append(self._receivable(number, customers, spoilt, made_receivables))
        ledger.add_many("file", self.files, cause="seeded")
        for kind, made in (("payable", made_payables), ("receivable", made_receivables)):
            ledger.add_many(kind, [new_invoice(body, self.now) for body in made], cause="seeded")
            self._expect(kind, made, spoilt)

    def _payable(
        self, number: int, vendors: list[JsonObject], spoilt: dict[tuple[str, int], Defect]
    ) -> JsonObject:
        drawn = bodies.draw_invoice(self.settings, "payable", number, self.now, self.name)
        defect = spoilt.get(("payable", number))
        if defect is not None:
            drawn = self._clean(drawn, "waiting_to_be_paid")
        own_id = self._id("payable", number)
        body = bodies.payable_body(drawn, own_id, self.entity_id, self.dice.choice(vendors))
        if drawn.dice.randrange(100) < self.settings.document_percent or drawn.status == "draft":
            body |= self._with_file(number, body)
        if defect is not None:
            defect.spoil(body)
        return body

    def _with_file(self, number: int, body: JsonObject) -> JsonObject:
        file = self._file(f"payables:{number}", "payables", f"invoice-{number}.pdf", body)
        return {"file": file_of_payable(file), "file_id": file["id"]}

    def _receivable(
        self,
        number: int,
        customers: list[JsonObject],
        spoilt: dict[tuple[str, int], Defect],
        before: list[JsonObject],
    ) -> JsonObject:
        drawn = bodies.draw_invoice(self.settings, "receivable", number, self.now, self.name)
        defect = spoilt.get(("receivable", number))
        if defect is not None:
            drawn = self._clean(drawn, "issued")
        own_id, customer = self._id("receivable", number), self.dice.choice(customers)
        body = bodies.receivable_body(self.settings, drawn, own_id, self.entity, customer)
        if number % 11 == 0:
            file = self._file(
                f"attachments:{number}", "attachments", f"delivery-{number}.pdf", body
            )
            body["attachments"] = [attachment_of_receivable(file)]
        if defect is not None:
            defect.spoil(body)
        elif number >= 16 and number % 8 == 0:
            invoice = self._to_credit(before, spoilt)
            body = body if invoice is None else bodies.credit_note_of(body, invoice)
        return body

    @staticmethod
    def _to_credit(
        before: list[JsonObject], spoilt: dict[tuple[str, int], Defect]
    ) -> JsonObject | None:
        """The newest issued invoice without a credit note and without a defect."""
        for number in range(len(before), 0, -1):
            body = before[number - 1]
            plain = body["type"] == "invoice" and body["status"] == "issued"
            clean = plain and ("receivable", number) not in spoilt
            if clean and not body["related_documents"]["credit_note_ids"]:
                return body
        return None

    def _file(self, key: str, kind: str, name: str, body: JsonObject) -> JsonObject:
        file_id, at = self._id(f"file:{key}", 0), body["created_at"]
        file = file_body(file_id, kind, name, printed(body), at, entity=self.entity_id)
        self.files.append(NewObject(file_id, file, self.now))
        return file

    def _clean(self, drawn: bodies.Draw, status: str) -> bodies.Draw:
        """Ready, in dollars and not yet due: the violation is the one thing that speaks against it."""
        due = (self.now.date() + timedelta(days=30)).isoformat()
        return replace(drawn, status=status, paid=0, currency="USD", due=due)

    def _spoilt(self, payables: int, receivables: int) -> dict[tuple[str, int], Defect]:
        """Which numbers of which side are spoilt, and how: the defects in turn, the numbers drawn."""
        if self.others:
            return {}
        dice = random.Random(f"spoilt:{self.settings.seed}")
        free: dict[str, list[int]] = {}
        for side, count in (("payable", payables), ("receivable", receivables)):
            free[side] = list(range(_FIRST_SPOILT, count + 1))
            dice.shuffle(free[side])
        wanted = self.settings.invoices * self.settings.dirty_percent // 100
        chosen = (DEFECTS[i % len(DEFECTS)] for i in range(wanted))
        return {(d.side, free[d.side].pop()): d for d in chosen if free[d.side]}

    def _expect(
        self, kind: str, made: list[JsonObject], spoilt: dict[tuple[str, int], Defect]
    ) -> None:
        today: date = self.now.date()
        rows = []
        for number, body in enumerate(made, start=1):
            outcome, reason = outcome_of(kind, body, today)
            detail: dict[str, object] = {"number": number, "entity_id": self.entity_id}
            defect = spoilt.get((kind, number))
            if defect is not None:
                detail["defect"] = defect.name
                outcome, reason = defect.outcome
            rows.append((body["id"], outcome, reason, detail))
        self.world.ledger.expect(kind, rows)

    def _id(self, kind: str, number: int) -> str:
        return monite_uuid(self.settings.seed, f"{self.name}:{kind}", number)

    def _entity(self, country: str) -> JsonObject:
        at = monite_time(self.now - timedelta(days=60))
        name = "Sandbox Handels GmbH" if self.others else "Sandbox Trading Inc."
        city, state, code = (
            ("Berlin", None, "10115") if country == "DE" else ("Springfield", "IL", "62701")
        )
        return {
            "id": self.entity_id,
            "created_at": at,
            "updated_at": at,
            "type": "organization",
            "status": "active",
            "address": {
                "city": city,
                "country": country,
                "line1": "1 Market Street",
                "line2": None,
                "postal_code": code,
                "state": state,
            },
            "email": "office@example.com",
            "logo": None,
            "organization": {"legal_name": name, "legal_entity_id": None},
            "phone": None,
            "registration_authority": None,
            "registration_number": None,
            "tax_id": "123456789",
            "website": None,
            "_entity": self.entity_id,
        }


def new_invoice(body: JsonObject, at: datetime) -> NewObject:
    """A payable or receivable for the ledger; its amount only where it is a whole number."""
    amount = body.get("total_amount")
    whole = amount if type(amount) is int else None
    return NewObject(
        body["id"],
        body,
        at,
        body.get("document_id"),
        body.get("status"),
        body.get("currency"),
        whole,
    )
