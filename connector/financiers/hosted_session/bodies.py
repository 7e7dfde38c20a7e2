"""What is said to the platform, in the words of its profile: exact amounts, no empty texts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connector import strict_json
from connector.errors import InvariantBroken, Refused
from connector.financier import InvoiceDocument, LimitRequest, StepResult, Submission
from connector.financiers.hosted_session.profile import Profile
from connector.system import Counterparty
from connector.transport import JSON, multipart
from mappings.money import to_decimal, to_text

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

_DUNS = "dnb"
"""What the source of a D-U-N-S number is called; the documents know no other source."""


class Writer:
    """Makes the bodies for a platform with this profile."""

    def __init__(self, profile: Profile) -> None:
        self._requests = profile.requests
        self._fields = profile.fields

    def company(self, counterparty: Counterparty) -> dict[str, Any]:
        """A company to be made. Which fields are required is not documented; what is known is given, people only
        where the profile says so."""
        said: dict[str, Any] = {
            "name": counterparty.name,
            "street": counterparty.address.get("street"),
            "city": counterparty.address.get("city"),
            "state": counterparty.address.get("state"),
            "country": counterparty.country,
        }
        if self._requests.company_contacts and counterparty.email:
            person = {"email": counterparty.email, "is_request_recipient": True}
            said["contacts"] = [self._named("contact", person)]
        return self._named("company", _stated(said))

    def document(self, document: InvoiceDocument | None) -> tuple[bytes, str]:
        """The upload of a document and its content type. Raises Refused when there is none."""
        if document is None or not document.content:
            raise Refused("The invoice document is missing.", remedy="Attach the invoice document.")
        suffix = f".{document.file_format}"
        name = document.name if document.name.lower().endswith(suffix) else document.name + suffix
        said = {"name": name, "purpose": document.purpose}
        if self._requests.document_encoding == "multipart":
            kind = _CONTENT_TYPES.get(document.file_format, "application/octet-stream")
            file_field = self._fields["document"]["file"]
            texts = self._named("document", said)
            return multipart(texts, {file_field: (name, document.content, kind)})
        content = base64.b64encode(document.content).decode("ascii")
        form = {**said, "file_format": document.file_format, "file": content}
        return strict_json.write(self._named("document", form)), JSON

    def invoice(
        self, submission: Submission, done: Mapping[str, StepResult], default_goods: Sequence[str]
    ) -> dict[str, Any]:
        """An invoice to be made, its amount digit for digit. Raises Refused when something is missing."""
        currency = submission.currency
        said: dict[str, Any] = {
            "invoice_number": submission.invoice_number,
            "client_reference_id": submission.client_reference_id,
            "document": result_of(done, DOCUMENT).remote_id,
            "currency": currency.lower() if self._requests.currency_case == "lower" else currency,
            "amount": self._amount(submission.amount_minor_units, currency),
            "due_date": submission.due_date.isoformat(),
            "buyer": submission.buyer_company_id,
            "supplier": submission.supplier_company_id,
        }
        _refuse_missing(said)
        goods = list(submission.type_of_goods or default_goods)
        return self._named("invoice", {**said, "type_of_goods": goods} if goods else said)

    def session(
        self,
        submission: Submission,
        done: Mapping[str, StepResult],
        supporting_ids: Sequence[str],
        default_locale: str | None,
    ) -> dict[str, Any]:
        """A session to be opened, for the one invoice. Raises Refused when something is missing.

        `supporting_ids` are uploaded documents.
        """
        names = self._fields["session"]
        invoice_id = result_of(done, INVOICE).remote_id
        said: dict[str, Any] = {
            "supplier": submission.supplier_company_id,
            "buyer": submission.buyer_company_id,
            "invoices": [invoice_id],
            "success_url": submission.success_url,
            "cancel_url": submission.cancel_url,
            "submitted_by": submission.submitted_by,
        }
        _refuse_missing(said)
        if self._requests.locales:
            said["locale"] = submission.locale or default_locale or self._requests.locales[0]
        if supporting_ids:
            said["supporting_documents"] = [
                {names["supporting_invoice"]: invoice_id, names["supporting_document"]: document_id}
                for document_id in supporting_ids
            ]
        return self._named("session", said)

    def limit(self, company_id: str, request: LimitRequest) -> dict[str, Any]:
        """A limit to be asked for. Raises Refused for another currency than the platform's own."""
        if request.currency != self._requests.limit_currency:
            raise Refused(f"Limits are asked for in {self._requests.limit_currency}.")
        said: dict[str, Any] = {
            "company": company_id,
            "requested": self._amount(request.amount_minor_units, request.currency),
            "source": _DUNS if request.duns else None,
            "business_id": request.duns,
            "registration_number": request.registration_number,
        }
        if request.contact is not None:
            person = request.contact
            said["contact"] = self._named(
                "contact",
                _stated(
                    {
                        "first_name": person.first_name,
                        "last_name": person.last_name,
                        "email": person.email,
                        "phone": person.phone,
                    }
                ),
            )
        return self._named("limit", _stated(said))

    def _amount(self, amount_minor_units: int, currency: str) -> Decimal | str | int:
        match self._requests.amount:
            case "minor":
                return amount_minor_units
            case "major_text":
                return to_text(amount_minor_units, currency)
            case _:
                return to_decimal(amount_minor_units, currency)

    def _named(self, thing: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """Our names replaced by the platform's; a dotted one becomes an object in an object."""
        body: dict[str, Any] = {}
        for ours, value in said.items():
            *around, name = self._fields[thing][ours].split(".")
            holder = body
            for part in around:
                holder = holder.setdefault(part, {})
            holder[name] = value
        return body


def result_of(done: Mapping[str, StepResult], step: str) -> StepResult:
    """What an earlier step made. Raises InvariantBroken when it is not done."""
    if step not in done:
        raise InvariantBroken(f"The step {step} is not done, so the next one cannot be.")
    return done[step]


def _refuse_missing(said: Mapping[str, Any]) -> None:
    missing = sorted(name for name, value in said.items() if value is None or value == "")
    if missing:
        raise Refused(f"The platform requires {', '.join(missing)}.")


def _stated(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value}
