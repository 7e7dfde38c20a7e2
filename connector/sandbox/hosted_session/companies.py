"""Companies and buyer limits."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.sandbox.hosted_session.refusal import RefusalError
from connector.sandbox.hosted_session.world import World, listed, platform_time, text
from connector.sandbox.ledger import NewObject, StoredObject
from connector.sandbox.people import companies
from connector.sandbox.wire import JsonObject, major_units

_DENIED_DUNS = "000000000"


def populate(world: World) -> None:
    """The companies that exist from the beginning."""
    for company in companies(world.settings.seed, world.settings.companies):
        address = {
            "street": company.street,
            "city": company.city,
            "state": company.state,
            "country_code": company.country,
        }
        contact = {
            "first_name": company.person.split()[0],
            "email": company.email,
            "is_signatory": True,
        }
        create_company(world, {"name": company.name, "address": address, "contacts": [contact]})


def create_company(world: World, body: JsonObject) -> JsonObject:
    """POST /v1/companies"""
    name = text(body, "name")
    address = body.get("address")
    if address is not None and not isinstance(address, dict):
        raise RefusalError("address must be an object.")
    with world.ledger.transaction():
        now = world.now()
        company_id = world.new_id("company")
        limit = (
            _limit(world, company_id, None, "approved", now)
            if world.settings.auto_approve_limits
            else None
        )
        company = {
            "id": company_id,
            "object": "company",
            "name": name,
            "address": address,
            "website": body.get("website"),
            "buyer_limit": limit,
            "contacts": listed([_contact(world, contact) for contact in _contacts(body)]),
            "created": platform_time(now),
        }
        world.ledger.add("company", NewObject(company_id, company, now, reference=name))
    return company


def list_companies(world: World) -> JsonObject:
    """GET /v1/companies"""
    return listed([stored.body for stored in world.ledger.select("company")])


def request_limit(world: World, body: JsonObject) -> JsonObject:
    """POST /v1/buyer_limits: the limit is under review until the desk decides."""
    company = world.referenced("company", "company", body.get("company"))
    amount = body.get("requested_limit")
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal) or amount <= 0:
        raise RefusalError("requested_limit must be a number of US dollars greater than 0.")
    if amount * 100 != int(amount * 100):
        raise RefusalError("requested_limit must have at most two decimals.")
    body = {**body, "requested_limit": major_units(int(amount * 100))}
    limit = _limit(world, company.id, body, "under_review", world.now())
    _set_limit(world, company, limit)
    return limit


def decide_limits(world: World, *, only_due: bool = False) -> int:
    """Decide the limits under review (those whose review time has passed, with `only_due`). Returns how many."""
    decided = 0
    review = world.settings.limit_review_seconds
    with world.ledger.transaction():
        for company in world.ledger.select("company", status="under_review"):
            limit = company.body["buyer_limit"]
            age = world.seconds_since(company.updated_at)
            if only_due and (review is None or age < review):
                continue
            denied = limit["business_information_id"] == _DENIED_DUNS
            total = 0 if denied else limit["requested_limit"]
            status = "denied" if denied else "approved"
            _set_limit(
                world,
                company,
                {**limit, "status": status, "total_limit": total, "available_limit": total},
            )
            decided += 1
    return decided


def set_limit(world: World, company_id: str, status: str) -> None:
    """The desk gives a company's latest limit a status; a company without one gets one."""
    with world.ledger.transaction():
        company = world.required("company", company_id)
        limit = company.body["buyer_limit"] or _limit(world, company_id, None, status, world.now())
        total = limit["requested_limit"] if status == "approved" else 0
        amounts = {"total_limit": total, "available_limit": total}
        _set_limit(world, company, {**limit, **amounts, "status": status})


def _limit(
    world: World, company_id: str, body: JsonObject | None, status: str, now: datetime
) -> JsonObject:
    asked: dict[str, Any] = body or {}
    requested = asked.get("requested_limit", 1_000_000_000)
    granted = requested if status == "approved" else None
    return {
        "id": world.new_id("limit"),
        "object": "buyer_limit",
        "company": company_id,
        "business_information_source": asked.get("business_information_source", "dnb"),
        "business_information_id": asked.get("business_information_id"),
        "company_registration_number": asked.get("company_registration_number"),
        "requested_limit": requested,
        "business_information": [],
        "total_limit": granted,
        "available_limit": granted,
        "status": status,
        "contact": asked.get("contact"),
        "supporting_documents": [],
        "created": platform_time(now),
    }


def _set_limit(world: World, company: StoredObject, limit: JsonObject) -> None:
    body = {**company.body, "buyer_limit": limit}
    status = limit["status"]
    world.ledger.change(company, body, at=world.now(), cause=f"buyer limit {status}", status=status)


def _contacts(body: JsonObject) -> list[JsonObject]:
    contacts = body.get("contacts") or []
    if not isinstance(contacts, list) or not all(isinstance(contact, dict) for contact in contacts):
        raise RefusalError("contacts must be a list of objects.")
    return contacts


def _contact(world: World, given: JsonObject) -> JsonObject:
    return {
        "id": world.new_id("contact"),
        "object": "contact",
        "first_name": given.get("first_name"),
        "last_name": given.get("last_name"),
        "email": given.get("email"),
        "phone": given.get("phone"),
        "is_signatory": bool(given.get("is_signatory", False)),
        "is_request_recipient": bool(given.get("is_request_recipient", False)),
    }
