"""Reading the platform's answers: exact in money, tolerant where its documents contradict themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from connector.errors import ContractDrift
from connector.financier import (
    EventHint,
    FinancingStatus,
    RemoteCompany,
    RemoteInvoice,
    SessionStatus,
)
from mappings.money import MoneyError, minor_units

STATUSES = {
    "draft": FinancingStatus.DRAFT,
    "new": FinancingStatus.SUBMITTED,
    "additional_info_required": FinancingStatus.INFORMATION_REQUIRED,
    "requesting_signatures": FinancingStatus.AWAITING_SIGNATURES,
    "approved": FinancingStatus.APPROVED,
    "financed": FinancingStatus.FUNDED,
    "overdue": FinancingStatus.OVERDUE,
    "repaid": FinancingStatus.REPAID,
    "declined": FinancingStatus.DECLINED,
}
SESSION_STATUSES = {
    "open": SessionStatus.OPEN,
    "complete": SessionStatus.COMPLETE,
    "completed": SessionStatus.COMPLETE,  # inside an invoice's `financing.sessions`
    "expired": SessionStatus.EXPIRED,
    "canceled": SessionStatus.CANCELED,
    "cancelled": SessionStatus.CANCELED,
}


class Misshapen(Exception):
    """An answer has not the promised shape. The message names the field, without its value."""


def read_invoice(value: Any, raw: bytes) -> RemoteInvoice:
    """An invoice object. Raises Misshapen."""
    invoice = an_object(value, "invoice")
    currency = a_text(invoice, "currency").upper()
    status = a_text(invoice, "status")
    financing = invoice.get("financing") or {}
    if not isinstance(financing, Mapping):
        raise Misshapen("`financing` is not an object")
    return RemoteInvoice(
        remote_id=a_text(invoice, "id"),
        client_reference_id=text_or_none(invoice.get("client_reference_id")),
        currency=currency,
        amount_minor_units=_money(invoice.get("amount"), currency, "amount"),
        due_date=_date(invoice.get("due_date")),
        raw_status=status,
        status=STATUSES.get(status.lower(), FinancingStatus.UNKNOWN),
        sessions=tuple(
            (a_text(session, "id"), session_status(session.get("status")))
            for session in objects_of(financing.get("sessions"), "financing.sessions")
        ),
        financing={
            name: _money(part, currency, f"financing.{name}")
            for name, part in financing.items()
            if isinstance(part, int | Decimal) and not isinstance(part, bool)
        },
        raw=raw,
    )


def read_company(value: Any) -> RemoteCompany:
    """A company object. Raises Misshapen."""
    company = an_object(value, "company")
    address = company.get("address")
    limit = company.get("buyer_limit")
    country = address.get("country_code") if isinstance(address, Mapping) else None
    return RemoteCompany(
        company_id=a_text(company, "id"),
        name=a_text(company, "name"),
        country=(text_or_none(country) or "").upper() or None,
        buyer_limit_status=text_or_none(limit.get("status"))
        if isinstance(limit, Mapping)
        else None,
    )


def read_event(body: Mapping[str, Any]) -> EventHint:
    """A webhook body. `data` holds the resource under `object`; one directly in `data` is taken, too.

    Raises ContractDrift when it is no event of this platform.
    """
    try:
        event_id, event_type = a_text(body, "id"), a_text(body, "type")
    except Misshapen as error:
        raise ContractDrift(f"The webhook is no event of this financier: {error}.") from None
    data = body.get("data")
    resource = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(resource, Mapping):
        resource = data if isinstance(data, Mapping) else {}
    return EventHint(
        event_id=event_id,
        event_type=event_type,
        remote_invoice_id=_invoice_named(resource, event_type),
        client_reference_id=text_or_none(resource.get("client_reference_id")),
        created_at=_instant(body.get("created")),
    )


def session_status(word: Any) -> SessionStatus:
    """A session's status in our words."""
    return SESSION_STATUSES.get(str(word).strip().lower(), SessionStatus.UNKNOWN)


def invoices_of(session: Mapping[str, Any]) -> set[str]:
    """The ids of a session's invoices: a list of hashes or of ids, in a list wrapper or bare."""
    listed = list_of(session.get("invoices"), "invoices")
    named = [entry.get("id") if isinstance(entry, Mapping) else entry for entry in listed]
    return {name for name in named if isinstance(name, str)}


def list_of(value: Any, what: str) -> list[Any]:
    """A list, bare or as `{"object": "list", "data": [...]}`; nothing is an empty one. Raises Misshapen."""
    listed = value.get("data") if isinstance(value, Mapping) else value
    if listed is None and (value is None or "data" in value):
        return []
    if not isinstance(listed, list):
        raise Misshapen(f"`{what}` is not a list")
    return listed


def objects_of(value: Any, what: str) -> list[Mapping[str, Any]]:
    """A list of objects, as `list_of` takes it. Raises Misshapen."""
    return [an_object(entry, what) for entry in list_of(value, what)]


def says_there_is_more(value: Any) -> bool:
    """Whether a list says that it is not whole. The documents know no paging; an account may still have it."""
    return isinstance(value, Mapping) and bool(value.get("has_more") or value.get("next"))


def an_object(value: Any, what: str) -> Mapping[str, Any]:
    """An object. Raises Misshapen."""
    if not isinstance(value, Mapping):
        raise Misshapen(f"the {what} is not an object")
    return value


def a_text(holder: Mapping[str, Any], name: str) -> str:
    """A text that is not empty. Raises Misshapen."""
    value = text_or_none(holder.get(name))
    if value is None:
        raise Misshapen(f"`{name}` is missing or not a text")
    return value


def text_or_none(value: Any) -> str | None:
    """A text without the white space around it, None for anything else and for an empty one."""
    return (value.strip() or None) if isinstance(value, str) else None


def a_web_address(holder: Mapping[str, Any], name: str) -> str:
    """An http(s) URL that a person will be sent to. Raises Misshapen."""
    value = a_text(holder, name)
    try:
        parts = urlsplit(value)
    except ValueError:
        raise Misshapen(f"`{name}` is not a web address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Misshapen(f"`{name}` is not a web address")
    return value


def _money(value: Any, currency: str, name: str) -> int:
    try:
        return minor_units(value, currency, field=f"`{name}`", signed=name != "amount")
    except MoneyError as error:
        raise Misshapen(f"{error.field} {error.requirement}") from None


def _date(value: Any) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Misshapen("`due_date` is not a date") from None


def _instant(value: Any) -> datetime | None:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _invoice_named(resource: Mapping[str, Any], event_type: str) -> str | None:
    """The invoice an event is about, None where it is about something else."""
    kind = text_or_none(resource.get("object"))
    if kind == "invoice" or (kind is None and event_type.startswith("invoice.")):
        return text_or_none(resource.get("id"))
    if kind == "invoice.financing.session":
        try:
            named = invoices_of(resource)
        except Misshapen:
            return None
        return named.pop() if len(named) == 1 else None
    return None
