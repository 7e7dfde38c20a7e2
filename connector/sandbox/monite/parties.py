"""One counterpart of the seeded world, and how a payable carries it."""

from __future__ import annotations

import random
from datetime import datetime

from connector.sandbox.monite.settings import MoniteSettings
from connector.sandbox.monite.world import monite_time, monite_uuid
from connector.sandbox.people import Company
from connector.sandbox.wire import JsonObject


def counterpart_body(
    settings: MoniteSettings, number: int, company: Company, entity_id: str, at: datetime
) -> JsonObject:
    """An organisation, or every sixth time a person; addresses, contacts and VAT ids are lists of their own."""

    dice = random.Random(f"counterpart:{settings.seed}:{entity_id}:{number}")
    own_id, address_id, contact_id, vat_id = (
        monite_uuid(settings.seed, f"{kind}:{entity_id}", number)
        for kind in ("counterpart", "address", "contact", "vat")
    )
    person = number % 6 == 0
    sides = {"is_vendor": number % 2 == 1 or person, "is_customer": number % 2 == 0 or person}
    part = {"email": company.email, "phone": company.phone, "tags": [], **sides}
    part |= {**_names(company), "title": None} if person else {"legal_name": company.name}
    vat_kind = "us_ein" if company.country == "US" else "ca_bn"
    owned = {"counterpart_id": own_id}
    return {
        "id": own_id,
        "created_at": monite_time(at),
        "updated_at": monite_time(at),
        "type": "individual" if person else "organization",
        "individual" if person else "organization": part,
        "created_automatically": False,
        "created_by_entity_user_id": None,
        "default_billing_address_id": address_id,
        "default_shipping_address_id": None,
        "external_reference": f"CP-{number:04d}" if number % 4 else None,
        "language": None,
        "reminders_enabled": False,
        "tax_id": f"{dice.randrange(10**9):09d}" if number % 5 else None,
        "_entity": entity_id,
        "_counterpart_name": company.person if person else company.name,
        "_email": company.email,
        "_sides": sides,
        "_address": _address(company),
        "_addresses": [{"id": address_id, **owned, **_address(company)}],
        "_vat_ids": [
            {
                "id": vat_id,
                **owned,
                "country": company.country,
                "type": vat_kind,
                "value": f"{number:09d}",
            }
        ],
        "_contacts": [{"id": contact_id, **owned, **_contact(company)}],
        "_bank_accounts": [],
        "_metadata": {},
    }


def _address(company: Company) -> JsonObject:
    return {
        "city": company.city,
        "country": company.country,
        "line1": company.street,
        "line2": None,
        "postal_code": company.postal_code,
        "state": company.state,
    }


def _names(company: Company) -> JsonObject:
    first, _, last = company.person.partition(" ")
    return {"first_name": first, "last_name": last}


def _contact(company: Company) -> JsonObject:
    return {
        "address": _address(company),
        **_names(company),
        "email": company.email,
        "phone": company.phone,
        "title": None,
        "is_default": True,
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
