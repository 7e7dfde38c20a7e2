"""The models of the Tryton sandbox: which fields there are, of what type, and how they travel."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from connector.sandbox.ledger import Ledger
from connector.sandbox.wire import JsonObject

INVOICE = "account.invoice"

_STAMPS = {"create_date": "datetime", "write_date": "datetime"}

MODELS: dict[str, dict[str, str]] = {
    INVOICE: {
        "number": "text",
        "reference": "text",
        "type": "text",
        "state": "text",
        "company": "one company.company",
        "party": "one party.party",
        "currency": "one currency.currency",
        "invoice_date": "date",
        "total_amount": "decimal",
        "untaxed_amount": "decimal",
        "tax_amount": "decimal",
        "amount_to_pay": "decimal",
        "lines_to_pay": "many account.move.line",
        "move": "one account.move",
        "additional_moves": "many account.move",
        "comment": "text",
    },
    "account.move": {"lines": "many account.move.line"},
    "account.move.line": {
        "maturity_date": "date",
        "debit": "decimal",
        "credit": "decimal",
        "amount_second_currency": "decimal",
        "reconciliation": "number",
    },
    "party.party": {
        "name": "text",
        "code": "text",
        "email": "text",
        "addresses": "many party.address",
        "contact_mechanisms": "many party.contact_mechanism",
        "identifiers": "many party.identifier",
        "tax_identifier": "one party.identifier",
    },
    "party.address": {
        "party": "one party.party",
        "street": "text",
        "city": "text",
        "postal_code": "text",
        "country": "one country.country",
        "subdivision": "one country.subdivision",
    },
    "party.contact_mechanism": {"value": "text"},
    "party.identifier": {"code": "text"},
    "country.country": {"code": "text"},
    "country.subdivision": {"name": "text"},
    "company.company": {"party": "one party.party", "rec_name": "text"},
    "currency.currency": {"code": "text", "digits": "number"},
    "ir.attachment": {
        "resource": "text",
        "name": "text",
        "type": "text",
        "data": "bytes",
        "data_size": "number",
    },
    "ir.note": {"resource": "text", "message": "text"},
    "ir.module": {"name": "text", "state": "text", "version": "text"},
}


class UnknownNameError(KeyError):
    """A model or field that there is not; Tryton answers with the bare name."""


def field_type(model: str, name: str) -> str:
    """The type of a field: a word, or `one MODEL` or `many MODEL`."""
    if model not in MODELS:
        raise UnknownNameError(model)
    known = {"id": "number", **_STAMPS, **MODELS[model]}
    if name not in known:
        raise UnknownNameError(name)
    return known[name]


class Tables:
    """The rows of every model, by id; read from the ledger anew when it has changed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._rows: dict[str, dict[int, JsonObject]] = {}
        self._generation = -1

    def rows(self, model: str) -> dict[int, JsonObject]:
        """All rows of a model. Raises UnknownNameError."""
        if model not in MODELS:
            raise UnknownNameError(model)
        if self._ledger.generation != self._generation:
            self._rows, self._generation = {}, self._ledger.generation
        if model not in self._rows:
            self._rows[model] = {int(o.id): o.body for o in self._ledger.select(model)}
        return self._rows[model]

    def values(self, model: str, row: JsonObject, path: str) -> list[Any]:
        """All values at a dotted path; through a `many` field there are as many as rows."""
        name, _, rest = path.partition(".")
        kind = field_type(model, name)
        value = row.get(name)
        cardinality, _, target = kind.partition(" ")
        if not rest:
            return list(value or ()) if cardinality == "many" else [value]
        keys = value or [] if cardinality == "many" else [value] if value is not None else []
        found: list[Any] = []
        for key in keys:
            found += self.values(target, self.rows(target)[key], rest)
        return found

    def read(self, model: str, row: JsonObject, fields: list[str]) -> JsonObject:
        """A row as an answer holds it: typed values, and related rows under their field's name and a dot."""
        answer: JsonObject = {"id": row["id"]}
        nested: dict[str, list[str]] = {}
        for name in fields:
            first, dot, rest = name.partition(".")
            if dot:
                nested.setdefault(first, []).append(rest)
            elif name == "_timestamp":
                answer[name] = timestamp(row)
            else:
                answer[name] = encoded(field_type(model, name), row.get(name))
        for name, inner in nested.items():
            target = field_type(model, name).partition(" ")[2]
            key = row.get(name)
            related = None if key is None else self.rows(target)[key]
            answer[f"{name}."] = None if related is None else self.read(target, related, inner)
        return answer


def timestamp(row: JsonObject) -> str:
    """The number Tryton's optimistic lock compares: seconds since 1970 of the last change, as text."""
    return str(as_instant(row["write_date"] or row["create_date"]).timestamp())


def as_instant(text: str) -> datetime:
    """An instant from the form rows hold: ISO, naive, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def row_instant(at: datetime) -> str:
    """An instant in the form rows hold, which sorts as it is."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def encoded(kind: str, value: Any) -> Any:
    """A stored value as it travels."""
    encoder = _ENCODERS.get(kind)
    return value if value is None or encoder is None else encoder(value)


def _date_parts(value: str) -> JsonObject:
    day = date.fromisoformat(value)
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


def _datetime_parts(value: str) -> JsonObject:
    at = as_instant(value)
    clock = {name: getattr(at, name) for name in ("hour", "minute", "second", "microsecond")}
    return {**_date_parts(value[:10]), **clock, "__class__": "datetime"}


def _lines_of_base64(value: str) -> JsonObject:
    broken = base64.encodebytes(base64.b64decode(value)).decode("ascii")
    return {"__class__": "bytes", "base64": broken}


_ENCODERS: dict[str, Callable[[Any], Any]] = {
    "date": _date_parts,
    "datetime": _datetime_parts,
    "decimal": lambda value: {"__class__": "Decimal", "decimal": value},
    "bytes": _lines_of_base64,
}
