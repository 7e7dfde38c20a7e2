"""A form out of a marshmallow schema: which fields a system declares, and what was typed into them.

A field's `metadata` may give a `label` and a `description`; without them the key itself is the label.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields, missing, validate

from connector.config.fields import SecretField, WebAddressField

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_KEY = re.compile(r"`(\w+)(?: = (true|false))?`")
_WORDS = {"url": "address", "id": "ID", "api": "API", "ca": "CA", "http": "HTTP"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. `kind`: text, secret, number, decimal, choice, yes_no, list, address or email."""

    name: str
    label: str
    kind: str
    required: bool
    default: str
    """As it would be typed; empty where there is none."""
    choices: tuple[str, ...] = ()
    hint: str = ""


def fields_of(schema: type[Schema], leave: Collection[str] = ()) -> list[Field]:
    """The fields of a schema that a form can hold, the required ones first. Tables within the table are left out: they
    are for the configuration file."""
    found = [
        field
        for name, each in schema().fields.items()
        if name not in leave and (field := _field(name, each)) is not None
    ]
    return sorted(found, key=lambda field: not field.required)


def _field(name: str, each: fields.Field[Any]) -> Field | None:
    kind = _kind(each)
    if kind is None:
        return None
    one_of = each.inner if isinstance(each, fields.List) else each
    choices = next(
        (
            tuple(map(str, check.choices))
            for check in one_of.validators
            if isinstance(check, validate.OneOf)
        ),
        (),
    )
    told = [str(each.metadata.get("description", "")).strip(), _bounds(each)]
    if kind == "list":
        words = f"One or more of {', '.join(choices)}." if choices else ""
        told += [words, "Separate several by commas."]
    if kind == "text" and choices:
        kind = "choice"
    default = None if each.load_default is missing else each.load_default
    default = default() if callable(default) else default
    return Field(
        name=name,
        label=str(each.metadata.get("label") or label_of(name)),
        kind=kind,
        required=each.required,
        default=typed(default),
        choices=choices,
        hint=" ".join(part for part in told if part),
    )


def _kind(each: fields.Field[Any]) -> str | None:
    if isinstance(each, SecretField):
        return "secret"
    if isinstance(each, WebAddressField | fields.Url):
        return "address"
    if isinstance(each, fields.Email):
        return "email"
    if isinstance(each, fields.Boolean):
        return "yes_no"
    if isinstance(each, fields.Integer):
        return "number"
    if isinstance(each, fields.Float | fields.Decimal):
        return "decimal"
    if isinstance(each, fields.String):
        return "text"
    if isinstance(each, fields.List) and isinstance(each.inner, fields.String):
        return "list"
    return None


def _bounds(each: fields.Field[Any]) -> str:
    for check in each.validators:
        if isinstance(check, validate.Range) and check.min is not None:
            above = "" if check.max is None else f" to {check.max}"
            return f"From {check.min}{above}."
    return ""


def label_of(name: str) -> str:
    """`base_url` as `Base address`, `interval_seconds` as `Interval (seconds)`."""
    words, unit = name.split("_"), ""
    if len(words) > 1 and words[-1] in ("seconds", "bytes"):
        unit = f" ({words.pop()})"
    text = " ".join(_WORDS.get(word, word) for word in words)
    return text[:1].upper() + text[1:] + unit


def in_form_words(text: str, form: Iterable[Field]) -> str:
    """A sentence that was written for the configuration file, with the form's labels in place of its keys."""
    labels = {field.name: field.label for field in form}

    def worded(found: re.Match[str]) -> str:
        key, value = found.groups()
        if key not in labels:
            return found[0]
        return f"“{labels[key]}”" + ("" if value is None else f" to {typed(value == 'true')}")

    return _KEY.sub(worded, text)


def typed(value: Any) -> str:
    """A value as one would type it into its field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def read(
    form: list[Field], given: Mapping[str, str], prefix: str
) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """(values for the table, secrets by key, a sentence by field name for what cannot be read).

    A field that was left empty is left out: its default counts. Secrets are not values: they rest in files of their own.
    """
    values: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    errors: dict[str, str] = {}
    for field in form:
        text = given.get(prefix + field.name, "").strip().replace("\0", "")
        if not text:
            continue
        if field.kind == "secret":
            secrets[field.name] = text
            continue
        try:
            values[field.name] = _value(field, text)
        except ValueError as error:
            errors[prefix + field.name] = f"{field.label}: {error}"
    return values, secrets, errors


def _value(field: Field, text: str) -> Any:
    if field.kind == "number":
        if not _WHOLE.fullmatch(text):
            raise ValueError("expected a whole number.")
        return int(text)
    if field.kind == "decimal":
        if not _NUMBER.fullmatch(text):
            raise ValueError("expected a number like 2.5.")
        return Decimal(text) if "." in text else int(text)
    if field.kind == "yes_no":
        return text == "yes"
    if field.kind == "list":
        return [part.strip() for part in text.split(",") if part.strip()]
    return text
