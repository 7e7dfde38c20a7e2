"""Reading Kanmon's answers. Amounts are whole cents of US dollars: the platform knows no other currency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from connector.errors import ContractDrift
from connector.financier import EventHint, FinancingStatus, RemoteCompany, RemoteInvoice
from connector.financier_answers import (
    Misshapen,
    a_date,
    a_text,
    an_object,
    instant_or_none,
    text_or_none,
)

USD = "USD"

STATUSES = {
    "INVOICE_CREATED": FinancingStatus.SUBMITTED,
    "IN_REVIEW": FinancingStatus.SUBMITTED,
    "INVOICE_FUNDED": FinancingStatus.FUNDED,
    "LATE": FinancingStatus.OVERDUE,
    "INVOICE_PAID_IN_FULL": FinancingStatus.REPAID,
    "DEFAULTED": FinancingStatus.DEFAULTED,
    "REJECTED": FinancingStatus.DECLINED,
    "INVOICE_PENDING_RETURN": FinancingStatus.RETURNING,
    "INVOICE_RETURNED": FinancingStatus.RETURNED,
}

_PARTS = (
    "amountRequestedForFinancing",
    "principalAmount",
    "invoiceAdvanceAmount",
    "feeAmount",
    "repaymentAmount",
)
"""Parts of a financing by the platform's names, which end in `Cents` on the wire."""


def read_invoice(value: Any, raw: bytes) -> RemoteInvoice:
    """An invoice object. Raises Misshapen."""
    invoice = an_object(value, "invoice")
    if invoice.get("currency") not in (None, USD):
        raise Misshapen("`currency` is another one than US dollars")
    status = a_text(invoice, "status")
    return RemoteInvoice(
        remote_id=a_text(invoice, "id"),
        client_reference_id=text_or_none(invoice.get("platformInvoiceId")),
        currency=USD,
        amount_minor_units=cents(invoice, "invoiceAmountCents"),
        due_date=_date(invoice.get("invoiceDueDate")),
        raw_status=status,
        status=STATUSES.get(status, FinancingStatus.UNKNOWN),
        financing={
            part: cents(invoice, f"{part}Cents")
            for part in _PARTS
            if invoice.get(f"{part}Cents") is not None
        },
        raw=raw,
    )


def read_business(value: Any) -> RemoteCompany:
    """A business object. Raises Misshapen. The documents that could be read name no field for its name."""
    business = an_object(value, "business")
    business_id = a_text(business, "id")
    named = ("legalName", "businessLegalName", "name", "businessName", "platformBusinessId")
    name = next((text for key in named if (text := text_or_none(business.get(key)))), business_id)
    return RemoteCompany(business_id, name)


def read_event(body: Mapping[str, Any]) -> EventHint:
    """A webhook body or an activity log: the documents suggest that both have one shape.

    Raises ContractDrift when it is neither.
    """
    try:
        event_id = a_text(body, "id")
        event_type = text_or_none(body.get("eventType")) or a_text(body, "type")
    except Misshapen as error:
        raise ContractDrift(f"The webhook is no event of this financier: {error}.") from None
    payload = body.get("payload", body.get("data"))
    named = payload if isinstance(payload, Mapping) else {}
    inner = named.get("invoice")
    of_invoice = "INVOICE" in event_type.upper()
    if isinstance(inner, Mapping):
        named, of_invoice = inner, True
    reference = text_or_none(named.get("platformInvoiceId"))
    remote_id = text_or_none(named.get("invoiceId"))
    if remote_id is None and (of_invoice or reference):
        remote_id = text_or_none(named.get("id"))
    return EventHint(
        event_id, event_type, remote_id, reference, instant_or_none(body.get("createdAt"))
    )


def cents(holder: Mapping[str, Any], name: str) -> int:
    """A whole number of cents. A number such as `12353.0` is one, too. Raises Misshapen."""
    value = holder.get(name)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Misshapen(f"`{name}` is not a whole number of cents")
    return value


def _date(value: Any) -> date | None:
    if value is None:
        return None
    # A timestamp, where one comes: its date as it stands, through no time zone.
    text = value[:10] if isinstance(value, str) and value[10:11] == "T" else value
    return a_date(text, "invoiceDueDate")
