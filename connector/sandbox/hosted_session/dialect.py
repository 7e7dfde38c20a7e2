"""Another hosted-session platform over the same desk: other paths, other words, another way to sign in.

It is made up, so that what an adapter knows of one platform by heart is found out: a key in a header instead of
tokens, amounts in minor units instead of major ones, upper-case currencies, flat addresses, another list wrapper.
`Interpreter` stands before the platform and translates each request and each answer. Unknown fields are refused.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

from connector.sandbox.fault_catalogue import Answer, WsgiApp, run, status_line
from connector.sandbox.hosted_session.settings import HostedSessionSettings
from connector.sandbox.wire import JsonObject, NotJsonError, from_json, major_units, to_json

KEY_HEADER = "X-Api-Key"
_ID = r"([A-Za-z0-9_%-]+)"
_PATHS = tuple(
    (re.compile(theirs + r"\Z"), ours)
    for theirs, ours in (
        (r"/api/partners", "/v1/companies"),
        (rf"/api/partners/{_ID}", "/v1/companies/{}"),
        (r"/api/credit-lines", "/v1/buyer_limits"),
        (r"/api/files", "/v1/documents"),
        (r"/api/receivables", "/v1/invoices"),
        (rf"/api/receivables/{_ID}", "/v1/invoices/{}"),
        (r"/api/applications", "/v1/financing_sessions"),
        (rf"/api/applications/{_ID}", "/v1/financing_sessions/{}"),
        (rf"/api/applications/{_ID}/withdrawal", "/v1/financing_sessions/{}/cancel"),
    )
)
_QUERY = {"external_id": "client_reference_id", "receivable": "invoice"}

INVOICE_WORDS = {
    "draft": "created",
    "new": "received",
    "additional_info_required": "papers_wanted",
    "declined": "turned_down",
    "requesting_signatures": "signing",
    "approved": "accepted",
    "financed": "paid_out",
    "overdue": "late",
    "repaid": "settled",
}
SESSION_WORDS = {
    "open": "started",
    "complete": "finished",
    "completed": "finished",
    "expired": "lapsed",
    "canceled": "withdrawn",
}
LIMIT_WORDS = {"under_review": "pending", "approved": "granted", "denied": "refused"}
PARTS = {
    "first_payment": "advance",
    "second_payment": "remainder",
    "discount": "price",
    "volume_adjument_fees": "volume_fee",
    "insurance_charges": "insurance",
    "late_payment_fees": "late_fee",
}
_LOCALES = {"english": "en_UK", "chinese": "zh_CN"}

# Fields of requests: theirs to ours. What is not here is refused.
_ASKED: Mapping[str, Mapping[str, str]] = {
    "/v1/companies": {
        "title": "name",
        "street": "address.street",
        "city": "address.city",
        "state": "address.state",
        "country": "address.country_code",
        "people": "contacts",
    },
    "/v1/buyer_limits": {
        "partner": "company",
        "wanted": "requested_limit",
        "identifier_kind": "business_information_source",
        "identifier": "business_information_id",
        "registration": "company_registration_number",
        "asks": "contact",
    },
    "/v1/documents": {
        "title": "name",
        "proof_of": "purpose",
        "format": "file_format",
        "content": "file",
    },
    "/v1/invoices": {
        "number": "invoice_number",
        "external_id": "client_reference_id",
        "file": "invoice_document",
        "currency_code": "currency",
        "value": "amount",
        "payable_on": "due_date",
        "debtor": "buyer",
        "creditor": "supplier",
        "goods": "type_of_goods",
    },
    "/v1/financing_sessions": {
        "debtor": "buyer",
        "creditor": "supplier",
        "receivables": "invoices",
        "return_url": "success_url",
        "abort_url": "cancel_url",
        "applicant": "submitted_by",
        "language": "locale",
        "attachments": "supporting_documents",
    },
}


class UntranslatableError(Exception):
    """What was asked is not of this dialect."""


class Interpreter:
    """Stands before the platform while it speaks the second dialect."""

    def __init__(self, app: WsgiApp, settings: HostedSessionSettings) -> None:
        self._app = app
        self._settings = settings

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if (
            self._settings.dialect == "stenn"
            or path == "/"
            or path.startswith(("/sandbox/", "/hosted/"))
        ):
            return self._app(environ, start_response)
        try:
            answer = self._translated(run(self._app, self._understood(environ)))
        except UntranslatableError as error:
            body = to_json({"error": str(error)})
            answer = Answer(400, (("Content-Type", "application/json"),), body)
        headers = [(n, v) for n, v in answer.headers if n.lower() != "content-length"]
        start_response(
            status_line(answer.status), [*headers, ("Content-Length", str(len(answer.body)))]
        )
        return [answer.body]

    def _understood(self, environ: dict[str, Any]) -> dict[str, Any]:
        path = _our_path(environ["PATH_INFO"])
        query = [
            (_QUERY.get(name, name), value)
            for name, value in parse_qsl(environ.get("QUERY_STRING", ""))
        ]
        known = {**environ, "PATH_INFO": path, "QUERY_STRING": urlencode(query)}
        # The platform itself speaks to whoever has a key.
        if environ["REQUEST_METHOD"] != "POST" or path not in _ASKED:
            return known
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = to_json(_our_body(path, environ["wsgi.input"].read(length)))
        return {**known, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}

    def _translated(self, answer: Answer) -> Answer:
        body = to_json(told(from_json(answer.body)))
        return Answer(answer.status, answer.headers, body)


def told_event(event: JsonObject) -> JsonObject:
    """An event as this platform prints it."""
    invoice = event["data"]["object"]
    state = INVOICE_WORDS[invoice["status"]]
    return {
        "event_id": event["id"],
        "what": f"receivable.{state}",
        "at": event["created"],
        "about": {
            "type": "receivable",
            "uid": invoice["id"],
            "external_id": invoice["client_reference_id"],
            "state": state,
        },
    }


def told(value: Any) -> Any:
    """An answer as this platform prints it."""
    if not isinstance(value, dict):
        return value
    kind = value.get("object")
    if kind == "list":
        return {"items": [told(one) for one in value["data"]], "complete": True}
    if "exception_key" in value:
        return {"error": value["message"]}
    teller = _TELLERS.get(str(kind))
    return value if teller is None else teller(value)


def _company(ours: JsonObject) -> JsonObject:
    limit, address = ours["buyer_limit"], ours["address"] or {}
    return {
        "type": "partner",
        "uid": ours["id"],
        "title": ours["name"],
        "country": address.get("country_code"),
        "credit": None if limit is None else _limit(limit),
        "people": told(ours["contacts"]),
    }


def _limit(ours: JsonObject) -> JsonObject:
    amounts = ("requested_limit", "total_limit", "available_limit")
    wanted, granted, left = (_minor(ours[name]) for name in amounts)
    return {
        "type": "credit_line",
        "partner": ours["company"],
        "state": LIMIT_WORDS[ours["status"]],
        "wanted": wanted,
        "granted": granted,
        "left": left,
    }


def _contact(ours: JsonObject) -> JsonObject:
    return {"uid": ours["id"], "mail": ours["email"], "asks_us": ours["is_request_recipient"]}


def _document(ours: JsonObject) -> JsonObject:
    return {"type": "file", "uid": ours["id"], "title": ours["name"], "proof_of": ours["purpose"]}


def _invoice(ours: JsonObject) -> JsonObject:
    return {
        "type": "receivable",
        "uid": ours["id"],
        "number": ours["invoice_number"],
        "external_id": ours["client_reference_id"],
        "value": _minor(ours["amount"]),
        "currency_code": ours["currency"].upper(),
        "payable_on": ours["due_date"],
        "debtor": ours["buyer"],
        "creditor": ours["supplier"],
        "state": INVOICE_WORDS[ours["status"]],
        "funding": _funding(ours["financing"]),
    }


def _funding(ours: JsonObject | None) -> JsonObject | None:
    if ours is None:
        return None
    parts = {theirs: _minor(ours[name]) for name, theirs in PARTS.items()}
    return {**parts, "applications": told(ours["sessions"])}


def _session(ours: JsonObject) -> JsonObject:
    state = SESSION_WORDS[ours["status"]]
    if "session_url" not in ours:
        return {"type": "application", "uid": ours["id"], "state": state}
    return {
        "type": "application",
        "uid": ours["id"],
        "state": state,
        "receivables": {"items": [one["id"] for one in ours["invoices"]["data"]]},
        "link": ours["session_url"],
        "debtor": ours["buyer"],
        "creditor": ours["supplier"],
    }


_TELLERS: Mapping[str, Callable[[JsonObject], JsonObject]] = {
    "company": _company,
    "buyer_limit": _limit,
    "contact": _contact,
    "document": _document,
    "invoice": _invoice,
    "invoice.financing.session": _session,
}


def _our_path(theirs: str) -> str:
    for pattern, ours in _PATHS:
        found = pattern.match(theirs)
        if found:
            return ours.format(*found.groups())
    return "/no/such/path"


def _our_body(path: str, data: bytes) -> JsonObject:
    try:
        asked = from_json(data)
    except NotJsonError as error:
        raise UntranslatableError("The request is not JSON.") from error
    if not isinstance(asked, dict):
        raise UntranslatableError("The request is not a JSON object.")
    body: JsonObject = {}
    for theirs, value in asked.items():
        ours = _ASKED[path].get(theirs)
        if ours is None:
            raise UntranslatableError(f"{theirs} is no field of this request.")
        holder, _, name = ours.rpartition(".")
        place = body.setdefault(holder, {}) if holder else body
        place[name] = _our_value(name, value)
    return body


def _our_value(name: str, value: Any) -> Any:
    if name in ("amount", "requested_limit"):
        if type(value) is not int:
            raise UntranslatableError("Amounts are whole numbers of minor units.")
        return major_units(value)
    if name == "currency":
        if value != str(value).upper():
            raise UntranslatableError("Currencies are written in upper case.")
        return str(value).lower()
    if name == "locale":
        return _LOCALES.get(value, value)
    if name == "supporting_documents":
        return [{"invoice": one["receivable"], "document": one["file"]} for one in value]
    if name == "contacts":
        return [_our_contact(one) for one in value]
    return _our_contact(value) if name == "contact" else value


def _our_contact(theirs: JsonObject) -> JsonObject:
    asks = theirs.get("asks_us", False)
    return {"email": theirs.get("mail"), "is_request_recipient": asks}


def _minor(amount: Any) -> int | None:
    return None if amount is None else int(Decimal(amount) * 100)
