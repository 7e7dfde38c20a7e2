"""Financing sessions, and the person who completes or cancels them."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlsplit

from connector.sandbox.hosted_session.desk import begin
from connector.sandbox.hosted_session.refusal import RefusalError
from connector.sandbox.hosted_session.world import World, listed, platform_time, text
from connector.sandbox.ledger import NewObject, StoredObject
from connector.sandbox.people import draw
from connector.sandbox.wire import JsonObject

LOCALES = ("en_UK", "zh_CN")


def create_session(world: World, body: JsonObject, base_url: str) -> JsonObject:
    """POST /v1/financing_sessions"""
    success_url, cancel_url = _url(body, "success_url"), _url(body, "cancel_url")
    submitted_by = text(body, "submitted_by")
    local, at, host = submitted_by.partition("@")
    if not (local and at and "." in host) or " " in submitted_by:
        raise RefusalError("submitted_by must be an e-mail address.")
    locale = body.get("locale") or LOCALES[0]
    if locale not in LOCALES:
        raise RefusalError(f"locale must be one of: {', '.join(LOCALES)}.")
    with world.ledger.transaction():
        invoice = _invoice(world, body)
        _check_rules(world, body, invoice)
        documents = _supporting(world, body.get("supporting_documents"), invoice)
        now = world.now()
        session_id = world.new_id("session")
        session: JsonObject = {
            "id": session_id,
            "supplier": invoice.body["supplier"],
            "buyer": invoice.body["buyer"],
            "invoice": invoice.id,
            "supporting_documents": documents,
            "success_url": success_url,
            "cancel_url": cancel_url,
            "session_url": f"{world.settings.public_base_url or base_url}/hosted/{session_id}",
            "submitted_by": submitted_by,
            "locale": locale,
            "created": platform_time(now),
        }
        stored = world.ledger.add(
            "session", NewObject(session_id, session, now, invoice.id, "open")
        )
        _note_session(world, invoice.id, session_id, "open")
    return shown(world, stored)


def retrieve_session(world: World, session_id: str) -> JsonObject:
    """GET /v1/financing_sessions/{id}"""
    stored = world.required("session", session_id)
    return shown(world, expire_if_due(world, stored))


def list_sessions(world: World, invoice_id: str | None) -> JsonObject:
    """GET /v1/financing_sessions, all or those of one invoice."""
    select = world.ledger
    found = select.by_reference("session", invoice_id) if invoice_id else select.select("session")
    return listed([shown(world, expire_if_due(world, stored)) for stored in found])


def shown(world: World, stored: StoredObject) -> JsonObject:
    """A session as the platform prints it."""
    body = stored.body
    invoice = world.required("invoice", body["invoice"])
    return {
        "id": stored.id,
        "object": "invoice.financing.session",
        "supplier": body["supplier"],
        "buyer": body["buyer"],
        "invoices": listed([{"id": invoice.id, "status": invoice.status}]),
        "supporting_documents": listed(body["supporting_documents"]),
        "success_url": body["success_url"],
        "cancel_url": body["cancel_url"],
        "session_url": body["session_url"],
        "submitted_by": body["submitted_by"],
        "locale": body["locale"],
        "status": stored.status,
        "created": body["created"],
    }


def complete(world: World, session_id: str) -> StoredObject:
    """The person submits. Raises RefusalError 409 when the session is not open any more."""
    with world.ledger.transaction():
        stored = _open(world, session_id)
        done = _set_status(world, stored, "complete")
        begin(world, world.required("invoice", stored.body["invoice"]))
    return done


def cancel(world: World, session_id: str) -> StoredObject:
    """The person cancels. Raises RefusalError 409 when the session is not open any more."""
    with world.ledger.transaction():
        return _set_status(world, _open(world, session_id), "canceled")


def handle_open_sessions(world: World, *, older_than_seconds: float = 0.0) -> dict[str, int]:
    """The person handles every open session of that age: completes it, or cancels it by the seeded share."""
    counts = {"completed": 0, "canceled": 0}
    for stored in world.ledger.select("session", status="open"):
        age = world.seconds_since(stored.created_at)
        if age < older_than_seconds or expire_if_due(world, stored).status != "open":
            continue
        with world.ledger.transaction():
            current = world.required("session", stored.id)
            if current.status != "open":
                continue
            if _person_cancels(world, current):
                cancel(world, stored.id)
                counts["canceled"] += 1
            else:
                complete(world, stored.id)
                counts["completed"] += 1
    return counts


def expire_if_due(world: World, stored: StoredObject) -> StoredObject:
    """The session as it is now: an open one past its life is expired first."""
    with world.ledger.transaction():
        current = world.required("session", stored.id)
        age = world.seconds_since(current.created_at)
        if current.status == "open" and age >= world.settings.session_life_seconds:
            return _set_status(world, current, "expired")
        return current


def expire_due(world: World) -> None:
    """Expire every open session past its life."""
    for stored in world.ledger.select("session", status="open"):
        expire_if_due(world, stored)


def _person_cancels(world: World, session: StoredObject) -> bool:
    invoice = world.required("invoice", session.body["invoice"])
    first = world.ledger.by_reference("session", invoice.id)[0].id == session.id
    share = world.settings.person_cancel_percent
    return first and draw(world.settings.seed, f"person:{invoice.reference}") < share


def _open(world: World, session_id: str) -> StoredObject:
    stored = expire_if_due(world, world.required("session", session_id))
    if stored.status != "open":
        raise RefusalError(f"The session is {stored.status}.", 409)
    return stored


def _set_status(world: World, stored: StoredObject, status: str) -> StoredObject:
    changed = world.ledger.change(stored, stored.body, at=world.now(), cause=status, status=status)
    _note_session(world, stored.body["invoice"], stored.id, status)
    return changed


def _note_session(world: World, invoice_id: str, session_id: str, status: str) -> None:
    invoice = world.required("invoice", invoice_id)
    others = [s for s in invoice.body["sessions"] if s["id"] != session_id]
    body = {**invoice.body, "sessions": [*others, {"id": session_id, "status": status}]}
    world.ledger.change(invoice, body, at=world.now(), cause=f"session {status}")


def _invoice(world: World, body: JsonObject) -> StoredObject:
    ids = body.get("invoices")
    if not isinstance(ids, list) or len(ids) != 1:
        raise RefusalError("invoices must hold exactly one invoice id.")
    return world.referenced("invoice", "invoices", ids[0])


def _check_rules(world: World, body: JsonObject, invoice: StoredObject) -> None:
    for side in ("buyer", "supplier"):
        if body.get(side) != invoice.body[side]:
            raise RefusalError(f"{side} must be the {side} of the invoice.")
    for other in world.ledger.by_reference("session", invoice.id):
        if expire_if_due(world, other).status == "open":
            raise RefusalError("Another open financing session holds this invoice.", 409)
    if world.required("invoice", invoice.id).status != "draft":
        raise RefusalError("The invoice was already submitted for financing.")
    if date.fromisoformat(invoice.body["due_date"]) < world.sandbox.clock.today():
        raise RefusalError("The due date of the invoice is in the past.")
    limit = world.required("company", invoice.body["buyer"]).body["buyer_limit"]
    if limit is None or limit["status"] != "approved":
        raise RefusalError("The buyer's latest buyer limit is not approved.")


def _supporting(world: World, value: Any, invoice: StoredObject) -> list[JsonObject]:
    """The supporting documents; inner keys `document` and `invoice` are the sandbox's choice."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise RefusalError("supporting_documents must be a list of objects.")
    documents = []
    for entry in value:
        given = entry.get("document") or entry.get("document_id")
        if (entry.get("invoice") or entry.get("invoice_id")) != invoice.id:
            raise RefusalError("supporting_documents must name the invoice of the session.")
        documents.append(world.referenced("document", "supporting_documents", given).body)
    return [{"invoice_id": invoice.id, "documents": listed(documents)}] if documents else []


def _url(body: JsonObject, field: str) -> str:
    value = text(body, field)
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RefusalError(f"{field} must be a valid http or https URL.")
    return value
