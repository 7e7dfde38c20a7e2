"""What is wrong with a configuration, in sentences for the person who wrote it. Values are never repeated."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from connector.config.fields import HOW_TO_GIVE_A_SECRET, SecretField, StoreUrlField
from connector.config.lines import KeyPath

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (int, "a whole number"),
    (Decimal, "a number with a fraction"),
    (str, "text"),
    (list, "a list"),
    (dict, "a table"),
    ((datetime, date, time), "a date or time"),
)
_REQUIRED = fields.Field.default_error_messages["required"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `path` leads to it, `sentence` says what is expected there."""

    path: KeyPath
    sentence: str


def dotted(path: KeyPath) -> str:
    """`flows[1].connection`: array elements counted from 1, as people count them."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


def kind_of(value: object) -> str:
    """What sort of value a file holds, in words."""
    for types, words in _KINDS:
        if isinstance(value, types):
            return words
    return "something else"


def nearest(word: object, allowed: Collection[str]) -> str:
    """` Did you mean X?`, or nothing."""
    near = difflib.get_close_matches(str(word), list(allowed), n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""


def unknown_key(path: KeyPath, allowed: Collection[str]) -> Problem:
    """A key that nothing reads."""
    listed = ", ".join(sorted(allowed)) or "none"
    hint = nearest(path[-1], allowed)
    return Problem(path, f"unknown key.{hint} Allowed here: {listed}.")


def load_table(schema: Schema, table: object, path: KeyPath, problems: list[Problem]) -> Any | None:
    """What the schema makes of a table. Adds to `problems` and returns None where it cannot be used."""
    if not isinstance(table, dict):
        problems.append(Problem(path, f"expected a table, found {kind_of(table)}."))
        return None
    found = list(_kind_problems(schema, table, path))
    loaded = None
    try:
        loaded = schema.load(table, unknown=RAISE)
    except ValidationError as error:
        known = {problem.path for problem in found}
        for where, message in _flat(error.messages, ()):
            if not any((*path, *where)[:depth] in known for depth in range(1 + len(path + where))):
                found.append(_worded(schema, table, path, where, message))
    problems += found
    return None if found else loaded


def _kind_problems(schema: Schema, table: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    """Values of another kind than their field wants. marshmallow itself would take `"5"` for 5 and 1 for true."""
    for name, each in schema.fields.items():
        key = each.data_key or name
        if key in table:
            yield from _field_kind_problems(each, table[key], (*path, key))


def _field_kind_problems(each: fields.Field[Any], value: Any, path: KeyPath) -> Iterator[Problem]:
    wanted, expected = _wanted(each)
    if wanted and (
        not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted)
    ):
        yield Problem(path, f"expected {expected}, found {kind_of(value)}.")
    elif isinstance(each, fields.List):
        for index, item in enumerate(value):
            yield from _field_kind_problems(each.inner, item, (*path, index))
    elif isinstance(each, fields.Nested):
        yield from _kind_problems(each.schema, value, path)


def _wanted(each: fields.Field[Any]) -> tuple[tuple[type, ...], str]:
    """The Python types a field takes from TOML, and how they are called; no types where the field judges itself."""
    if isinstance(each, SecretField):
        if isinstance(each, StoreUrlField):
            return (str, dict), f"a database URL, or {HOW_TO_GIVE_A_SECRET}"
        return (str, dict), f"a secret ({HOW_TO_GIVE_A_SECRET})"
    if isinstance(each, fields.Boolean):
        return (bool,), "true or false"
    if isinstance(each, fields.Integer):
        return (int,), "a whole number" + _bounds(each)
    if isinstance(each, fields.Float | fields.Decimal):
        return (int, Decimal), "a number" + _bounds(each)
    if isinstance(each, fields.String):
        return (str,), "text" + _choices(each)
    if isinstance(each, fields.List):
        return (list,), "a list"
    if isinstance(each, fields.Nested | fields.Dict):
        return (dict,), "a table"
    return (), ""


def _bounds(each: fields.Field[Any]) -> str:
    for check in each.validators:
        if isinstance(check, validate.Range):
            if check.min is not None and check.max is not None:
                return f" from {check.min} to {check.max}"
            if check.min is not None:
                return f" of at least {check.min}"
            if check.max is not None:
                return f" of at most {check.max}"
    return ""


def _choices(each: fields.Field[Any]) -> str:
    for check in each.validators:
        if isinstance(check, validate.OneOf):
            return ": one of " + ", ".join(map(str, check.choices))
    return ""


def _flat(messages: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(messages, dict):
        for key, below in messages.items():
            yield from _flat(below, path if key == "_schema" else (*path, key))
    elif isinstance(messages, list):
        for below in messages:
            yield from _flat(below, path)
    else:
        yield path, str(messages)


def _worded(
    schema: Schema, table: Mapping[str, Any], path: KeyPath, where: KeyPath, message: str
) -> Problem:
    """marshmallow's refusal of the value at `where`, in our words where we know better."""
    whole = (*path, *where)
    around, each = _field_at(schema, where)
    if message == "Unknown field." and around is not None:
        return unknown_key(whole, [f.data_key or name for name, f in around.fields.items()])
    if each is None:
        return Problem(whole, message)
    if message == _REQUIRED:
        _, expected = _wanted(each)
        return Problem(whole, f"this key is missing: expected {expected or 'a value'}.")
    if isinstance(each, fields.Url):
        return Problem(whole, "expected a web address like https://host/path.")
    bounds, choices = _bounds(each), _choices(each)
    if choices:
        value = _value_at(table, where)
        allowed = next(c.choices for c in each.validators if isinstance(c, validate.OneOf))
        return Problem(
            whole, f"expected{choices.lstrip(':')}.{nearest(value, list(map(str, allowed)))}"
        )
    if bounds and message.startswith("Must be"):
        return Problem(whole, f"expected {_wanted(each)[1]}.")
    return Problem(whole, message)


def _field_at(schema: Schema, where: KeyPath) -> tuple[Schema | None, fields.Field[Any] | None]:
    """The schema around a place, and the field at it (None for a key the schema does not have)."""
    around: Schema | None = schema
    each: fields.Field[Any] | None = None
    for part in where:
        if isinstance(part, int):
            each = each.inner if isinstance(each, fields.List) else None
            continue
        if isinstance(each, fields.Nested):
            around = each.schema
        if around is None:
            return None, None
        each = next((f for name, f in around.fields.items() if (f.data_key or name) == part), None)
    return around, each


def _value_at(table: Any, where: KeyPath) -> Any:
    for part in where:
        try:
            table = table[part]
        except (KeyError, IndexError, TypeError):
            return None
    return table
