"""What is sent to the platform: exact amounts, lower-case currencies, no empty texts."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from connector import strict_json
from connector.errors import InvariantBroken, Refused
from connector.financier import InvoiceDocument, StepResult, Submission
from connector.system import Counterparty
from connector.transport import JSON, multipart
from mappings.money import to_decimal

DOCUMENT = "document"
INVOICE = "invoice"
SESSION = "session"

_CONTENT_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "csv": "text/csv",
}


def company_body(counterparty: Counterparty) -> dict[str, Any]:
    """A company to be made. Which fields are required is not documented; all that is known is given."""
    address = {
        "street": counterparty.address.get("street"),
        "city": counterparty.address.get("city"),
        "state": counterparty.address.get("state"),
        "country_code": counterparty.country,
    }
    return _stated({"name": counterparty.name, "address": _stated(address)})


def document_body(document: InvoiceDocument | None, encoding: str) -> tuple[bytes, str]:
    """The upload of an invoice document and its content type. Raises Refused when there is none.

    The documents do not say how a file is sent: `multipart` is the usual way, `json_base64` the other one.
    """
    if document is None or not document.content:
        raise Refused("The invoice document is missing.", remedy="Attach the invoice document.")
    suffix = f".{document.file_format}"
    name = document.name if document.name.lower().endswith(suffix) else document.name + suffix
    about = {"name": name, "purpose": document.purpose}
    if encoding == "multipart":
        kind = _CONTENT_TYPES.get(document.file_format, "application/octet-stream")
        return multipart(about, {"file": (name, document.content, kind)})
    content = base64.b64encode(document.content).decode("ascii")
    form = {**about, "file_format": document.file_format, "file": content}
    return strict_json.write(form), JSON


def invoice_body(
    submission: Submission, done: Mapping[str, StepResult], default_goods: list[str]
) -> dict[str, Any]:
    """An invoice to be made; the amount in major units, digit for digit. Raises Refused when something is missing."""
    body = {
        "invoice_number": submission.invoice_number,
        "client_reference_id": submission.client_reference_id,
        "invoice_document": result_of(done, DOCUMENT).remote_id,
        "currency": submission.currency.lower(),
        "amount": to_decimal(submission.amount_minor_units, submission.currency),
        "due_date": submission.due_date.isoformat(),
        "buyer": submission.buyer_company_id,
        "supplier": submission.supplier_company_id,
    }
    _refuse_missing(body)
    goods = list(submission.type_of_goods) or default_goods
    return {**body, "type_of_goods": goods} if goods else body


def session_body(
    submission: Submission,
    done: Mapping[str, StepResult],
    supporting_ids: list[str],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """A session to be opened, for the one invoice. Raises Refused when something is missing.

    `supporting_ids` are uploaded documents. The names inside `supporting_documents` are not documented: settings.
    """
    invoice_id = result_of(done, INVOICE).remote_id
    body: dict[str, Any] = {
        "supplier": submission.supplier_company_id,
        "buyer": submission.buyer_company_id,
        "invoices": [invoice_id],
        "success_url": submission.success_url,
        "cancel_url": submission.cancel_url,
        "submitted_by": submission.submitted_by,
        "locale": submission.locale or settings["locale"],
    }
    _refuse_missing(body)
    if supporting_ids:
        document_key = settings["supporting_document_key"]
        invoice_key = settings["supporting_invoice_key"]
        body["supporting_documents"] = [
            {invoice_key: invoice_id, document_key: document_id} for document_id in supporting_ids
        ]
    return body


def result_of(done: Mapping[str, StepResult], step: str) -> StepResult:
    """What an earlier step made. Raises InvariantBroken when it is not done."""
    if step not in done:
        raise InvariantBroken(f"The step {step} is not done, so the next one cannot be.")
    return done[step]


def _refuse_missing(body: Mapping[str, Any]) -> None:
    missing = sorted(name for name, value in body.items() if value is None or value == "")
    if missing:
        raise Refused(f"The platform requires {', '.join(missing)}.")


def _stated(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value}
