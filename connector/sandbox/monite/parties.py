"""One counterpart of the seeded world, and how a payable carries it."""

from __future__ import annotations

import random
from datetime import datetime

from connector.sandbox.monite.settings import MoniteSettings
from connector.sandbox.monite.world import made_up_uuid, monite_time
from connector.sandbox.people import Company
from connector.sandbox.wire import JsonObject


def counterpart_body(
    settings: MoniteSettings, number: int, company: Company, entity_id: str, at: datetime
) -> JsonObject:
    """An organisation, or every sixth time a person; addresses, contacts and VAT ids are lists of their own."""

    def new_id(kind: str) -> str:
        return made_up_uuid(settings.seed, f"{kind}:{entity_id}", number)

    dice = random.Random(f"counterpart:{settings.seed}:{entity_id}:{number}")
    own_id, address_id, person = new_id("counterpart"), new_id("address"), number % 6 == 0
    address = {
        "id": address_id,
        "counterpart_id": own_id,
        "city": company.city,
        "country": company.country,
        "line1": company.street,
        "line2": None,
        "postal_code": company.postal_code,
        "state": company.state,
    }
    first, _, last = company.person.partition(" ")
    sides = {"is_vendor": number % 2 == 1 or person, "is_customer": number % 2 == 0 or person}
    reach = {"email": company.email, "phone": company.phone, "tags": []}
    vat = {"id": new_id("vat"), "counterpart_id": own_id, "country": company.country}
    contact_address = {k: v for k, v in address.items() if k not in ("id", "counterpart_id")}
    name = company.person if person else company.name
    part = (
        {"individual": {"first_name": first, "last_name": last, "title": None, **reach, **sides}}
        if person
        else {"organization": {"legal_name": company.name, **reach, **sides}}
    )
    return {
        "id": own_id,
        "created_at": monite_time(at),
        "updated_at": monite_time(at),
        "type": "individual" if person else "organization",
        **part,
        "created_automatically": False,
        "created_by_entity_user_id": None,
        "default_billing_address_id": address_id,
        "default_shipping_address_id": None,
        "external_reference": f"CP-{number:04d}" if number % 4 else None,
        "language": None,
        "reminders_enabled": False,
        "tax_id": f"{dice.randrange(10**9):09d}" if number % 5 else None,
        "_entity": entity_id,
        "_counterpart_name": name,
        "_email": company.email,
        "_sides": sides,
        "_address": contact_address,
        "_addresses": [address],
        "_vat_ids": [
            {
                **vat,
                "type": "us_ein" if company.country == "US" else "ca_bn",
                "value": f"{number:09d}",
            }
        ],
        "_contacts": [
            {
                "id": new_id("contact"),
                "counterpart_id": own_id,
                "address": contact_address,
                "first_name": first,
                "last_name": last,
                "email": company.email,
                "phone": company.phone,
                "title": None,
                "is_default": True,
            }
        ],
        "_bank_accounts": [],
        "_metadata": {},
    }


def raw_counterpart(counterpart: JsonObject) -> JsonObject:
    """The counterpart as a payable carries it."""
    vat = counterpart["_vat_ids"][0]
    return {
        "name": counterpart["_counterpart_name"],
        "email": counterpart["_email"],
        "phone": None,
        "tax_id": counterpart["tax_id"],
        "address": counterpart["_address"],
        "bank_account": None,
        "vat_id": {name: vat[name] for name in ("country", "type", "value")},
    }
