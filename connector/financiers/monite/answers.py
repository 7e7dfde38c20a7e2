"""Reading Monite's answers about financing. Amounts are whole minor units of the invoice's currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.financier import FinancingStatus, RemoteCompany, RemoteInvoice
from connector.financier_answers import (
    Misshapen,
    a_date,
    a_text,
    an_object,
    objects_of,
    text_or_none,
)
from mappings.currencies import EXPONENTS
from mappings.money import to_text

STATUSES = {
    "DRAFT": FinancingStatus.DRAFT,
    "NEW": FinancingStatus.SUBMITTED,
    "FUNDED": FinancingStatus.FUNDED,
    "PAID": FinancingStatus.REPAID,
    "LATE": FinancingStatus.OVERDUE,
    "REJECTED": FinancingStatus.DECLINED,
    "DEFAULTED": FinancingStatus.DEFAULTED,
}
NOT_LISTED = "(not listed)"
"""Our word, in place of the platform's, while it does not list the invoice."""
ONBOARDED = "ONBOARDED"
USABLE_OFFERS = ("ACCEPTED", "CURRENT")

_PARTS = (
    "requested_amount",
    "principal_amount",
    "advance_amount",
    "fee_amount",
    "repayment_amount",
)


@dataclass(frozen=True, slots=True)
class Offers:
    """What the lending partner offers the entity: `lines` in words, `usable` when one can be financed under."""

    business_status: str
    lines: tuple[str, ...]
    usable: bool


def read_financing(value: Mapping[str, Any], remote_id: str, raw: bytes) -> RemoteInvoice:
    """One entry of the list of financing invoices. Raises Misshapen."""
    currency, status = _currency(value), a_text(value, "status")
    return RemoteInvoice(
        remote_id=remote_id,
        client_reference_id=None,
        currency=currency,
        amount_minor_units=_minor_units(value, "total_amount"),
        due_date=a_date(value.get("due_date"), "due_date"),
        raw_status=status,
        status=STATUSES.get(status, FinancingStatus.UNKNOWN),
        financing={
            part: _minor_units(value, part) for part in _PARTS if value.get(part) is not None
        },
        raw=raw,
    )


def read_unlisted(value: Any, remote_id: str, raw: bytes) -> RemoteInvoice:
    """The invoice itself, while the list of financing invoices does not hold it. Raises Misshapen."""
    invoice = an_object(value, "invoice")
    due = invoice.get("due_date")
    return RemoteInvoice(
        remote_id=remote_id,
        client_reference_id=None,
        currency=_currency(invoice),
        amount_minor_units=_minor_units(invoice, "total_amount"),
        due_date=None if due is None else a_date(due, "due_date"),
        raw_status=NOT_LISTED,
        status=FinancingStatus.UNKNOWN,
        raw=raw,
    )


def read_entity(value: Any) -> RemoteCompany:
    """An entity, an organization or an individual. Raises Misshapen."""
    entity = an_object(value, "entity")
    entity_id = a_text(entity, "id")
    organization, person = entity.get("organization"), entity.get("individual")
    name: Any = None
    if isinstance(organization, Mapping):
        name = organization.get("legal_name")
    elif isinstance(person, Mapping):
        name = " ".join(str(person.get(part) or "") for part in ("first_name", "last_name"))
    address = entity.get("address")
    country = address.get("country") if isinstance(address, Mapping) else None
    return RemoteCompany(
        entity_id, text_or_none(name) or entity_id, (text_or_none(country) or "").upper() or None
    )


def read_offers(value: Any) -> Offers:
    """The answer about offers. Raises Misshapen."""
    answer = an_object(value, "answer")
    lines, usable = [], False
    for offer in objects_of(answer, "offers"):
        status, currency = a_text(offer, "status"), _currency(offer)
        total = to_text(_minor_units(offer, "total_amount"), currency)
        line = f"{status}: up to {total} {currency}"
        if offer.get("available_amount") is not None:
            left = offer["available_amount"]
            if type(left) is not int:
                raise Misshapen("`available_amount` is not a whole number of minor units")
            line += f", {to_text(left, currency)} left"
        lines.append(line)
        usable = usable or status in USABLE_OFFERS
    return Offers(a_text(answer, "business_status"), tuple(lines), usable)


def _currency(holder: Mapping[str, Any]) -> str:
    currency = a_text(holder, "currency").upper()
    if currency not in EXPONENTS:
        raise Misshapen("`currency` is not one of ISO 4217")
    return currency


def _minor_units(holder: Mapping[str, Any], name: str) -> int:
    value = holder.get(name)
    if type(value) is not int or value < 0:
        raise Misshapen(f"`{name}` is not a whole number of minor units")
    return value
