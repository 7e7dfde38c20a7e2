"""What a profile may say: every table and key with its kind and, where platforms seldom differ, its default.

The defaults of names are those of the documents that the first such financier published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from connector.financier import FinancingStatus, LimitStatus, SessionStatus

NAMES: Mapping[str, Mapping[str, str]] = {
    "company": {
        "id": "id",
        "name": "name",
        "street": "address.street",
        "city": "address.city",
        "state": "address.state",
        "country": "address.country_code",
        "contacts": "contacts",
        "limit": "buyer_limit",
    },
    "contact": {
        "first_name": "first_name",
        "last_name": "last_name",
        "email": "email",
        "phone": "phone",
        "is_signatory": "is_signatory",
        "is_request_recipient": "is_request_recipient",
    },
    "limit": {
        "company": "company",
        "status": "status",
        "requested": "requested_limit",
        "total": "total_limit",
        "available": "available_limit",
        "source": "business_information_source",
        "business_id": "business_information_id",
        "registration_number": "company_registration_number",
        "contact": "contact",
    },
    "document": {
        "id": "id",
        "name": "name",
        "purpose": "purpose",
        "file_format": "file_format",
        "file": "file",
    },
    "invoice": {
        "id": "id",
        "invoice_number": "invoice_number",
        "client_reference_id": "client_reference_id",
        "document": "invoice_document",
        "currency": "currency",
        "amount": "amount",
        "due_date": "due_date",
        "buyer": "buyer",
        "supplier": "supplier",
        "type_of_goods": "type_of_goods",
        "status": "status",
        "financing": "financing",
        "sessions": "financing.sessions",
    },
    "session": {
        "id": "id",
        "status": "status",
        "buyer": "buyer",
        "supplier": "supplier",
        "invoices": "invoices",
        "success_url": "success_url",
        "cancel_url": "cancel_url",
        "session_url": "session_url",
        "submitted_by": "submitted_by",
        "locale": "locale",
        "supporting_documents": "supporting_documents",
        "supporting_document": "document_id",
        "supporting_invoice": "invoice_id",
    },
    "event": {"id": "id", "type": "type", "created": "created", "resource": "data.object"},
}
"""By object: our name of a field, and the platform's where a profile does not say another."""

_PATH = re.compile(r"/[A-Za-z0-9_/{}-]*[A-Za-z0-9_}]\Z")
_FIELD = re.compile(r"[A-Za-z0-9_-]{1,60}(\.[A-Za-z0-9_-]{1,60}){0,3}\Z")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}\Z")


def path_field(**kwargs: Any) -> fields.String:
    """A path below the base URL."""
    error = "A path begins with `/` and does not end with it."
    return fields.String(validate=validate.Regexp(_PATH, error=error), **kwargs)


def header_field(**kwargs: Any) -> fields.String:
    """The name of an HTTP header."""
    error = "Give the name of an HTTP header."
    return fields.String(validate=validate.Regexp(_HEADER, error=error), **kwargs)


def token_url_field(**kwargs: Any) -> fields.String:
    """A path below the base URL, or a whole URL."""
    error = "Give a path (`/...`) or a whole URL."
    return fields.String(validate=validate.Regexp(r"(https?:/)?/[^\s?#]+\Z", error=error), **kwargs)


def currencies_field(**kwargs: Any) -> fields.List[str]:
    """ISO codes, at least one."""
    code = fields.String(validate=validate.Regexp(r"[A-Z]{3}\Z", error="Give codes such as USD."))
    return fields.List(code, validate=validate.Length(min=1), **kwargs)


def _name_field(default: str) -> fields.String:
    error = "Give the name of a field; a field inside an object is written OBJECT.FIELD."
    return fields.String(load_default=default, validate=validate.Regexp(_FIELD, error=error))


class WordsField(fields.Dict):
    """A table of the platform's words and what each means in ours. Loads with the words in lower case."""

    def __init__(self, meanings: type[StrEnum], **kwargs: Any) -> None:
        super().__init__(keys=fields.String(), values=fields.String(), **kwargs)
        self._meanings = meanings

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, StrEnum]:
        if not isinstance(value, dict):
            raise ValidationError("expected a table of words.")
        allowed = {meaning.value for meaning in self._meanings} - {"unknown"}
        wrong = {
            word: [f"expected one of: {', '.join(sorted(allowed))}."]
            for word, meaning in value.items()
            if not isinstance(meaning, str) or meaning not in allowed
        }
        if wrong:
            raise ValidationError(wrong)
        return {word.strip().lower(): self._meanings(meaning) for word, meaning in value.items()}


class AccessSchema(Schema):
    """[access]"""

    scheme = fields.String(
        required=True,
        validate=validate.OneOf(("client_credentials", "basic", "bearer", "api_key")),
    )
    header = header_field(load_default="X-Api-Key")
    prefix = fields.String(load_default="", validate=validate.Length(max=50))
    token_url = token_url_field(load_default="/oauth/token")
    token_early_seconds = fields.Integer(
        load_default=300, strict=True, validate=validate.Range(min=0)
    )
    token_life_seconds_max = fields.Integer(
        load_default=72_000, strict=True, validate=validate.Range(min=60)
    )


class PathsSchema(Schema):
    """[paths]"""

    companies = path_field(required=True)
    documents = path_field(required=True)
    invoices = path_field(required=True)
    sessions = path_field(required=True)
    buyer_limits = path_field(load_default=None)
    cancel_session = path_field(load_default=None)


class RequestsSchema(Schema):
    """[requests]"""

    amount = fields.String(
        load_default="major", validate=validate.OneOf(("major", "major_text", "minor"))
    )
    currency_case = fields.String(load_default="upper", validate=validate.OneOf(("upper", "lower")))
    currencies = currencies_field(required=True)
    document_encoding = fields.String(
        load_default="multipart", validate=validate.OneOf(("multipart", "json_base64"))
    )
    idempotency_header = header_field(load_default=None)
    invoice_filter = fields.String(load_default=None)
    session_filter = fields.String(load_default=None)
    locales = fields.List(fields.String(), load_default=list)
    types_of_goods = fields.List(fields.String(), load_default=list)
    company_contacts = fields.Boolean(load_default=False)
    required_of_flow = fields.List(
        fields.String(validate=validate.OneOf(("success_url", "cancel_url"))), load_default=list
    )


class AnswersSchema(Schema):
    """[answers]"""

    list_items = _name_field("data")
    list_goes_on = fields.List(fields.String(), load_default=lambda: ["has_more", "next"])
    kind = _name_field("object")
    invoice_kind = fields.String(load_default="invoice")
    session_kind = fields.String(load_default="session")
    invoice_event_prefix = fields.String(load_default="invoice.")


class LimitsSchema(Schema):
    """[limits]"""

    required = fields.Boolean(load_default=False)
    currency = fields.String(
        load_default="USD",
        validate=validate.Regexp(r"[A-Z]{3}\Z", error="Give a code such as USD."),
    )


class WebhooksSchema(Schema):
    """[webhooks]; what stands in `signature` is checked where the account's own table is."""

    signed = fields.Boolean(load_default=False)
    signature = fields.Dict(keys=fields.String(), load_default=dict)


class PartsSchema(Schema):
    """[parts]"""

    names = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)


class WordsSchema(Schema):
    """[words]"""

    invoice = WordsField(FinancingStatus, required=True)
    session = WordsField(SessionStatus, required=True)
    limit = WordsField(LimitStatus, load_default=dict)


def _names_schema() -> type[Schema]:
    tables: dict[str, fields.Field[Any]] = {}
    for thing, names in NAMES.items():
        known: dict[str, fields.Field[Any]] = {
            ours: _name_field(theirs) for ours, theirs in names.items()
        }
        one = Schema.from_dict(known, name=f"{thing.title()}NamesSchema")
        tables[thing] = fields.Nested(one, load_default=lambda one=one: one().load({}))
    return Schema.from_dict(tables, name="NamesSchema")


TABLES: Mapping[str, type[Schema]] = {
    "access": AccessSchema,
    "paths": PathsSchema,
    "requests": RequestsSchema,
    "answers": AnswersSchema,
    "limits": LimitsSchema,
    "webhooks": WebhooksSchema,
    "fields": _names_schema(),
    "parts": PartsSchema,
    "words": WordsSchema,
}
"""The tables of a profile. Beside them stands `sentence`: which platform this is, in words."""
