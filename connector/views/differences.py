"""What changed between two versions of a record, field by field, and what must not be shown of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from connector.evaluating import readable
from mappings.explanation_text import MASK, is_secret

MOST_FIELDS = 500
LONGEST_VALUE = 400


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: `before` None where it was not there, `after` None where it no longer is."""

    path: str
    before: str | None
    after: str | None


def masked(value: Any, secret_fields: Collection[str] = (), path: str = "") -> Any:
    """A decoded record without its secrets: those the system names, and those whose names sound like one."""
    if isinstance(value, dict):
        return {
            key: MASK
            if inner is not None and (key in secret_fields or is_secret(key))
            else masked(inner, (), f"{path}.{key}")
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner, (), path) for inner in value]
    return value


def shown_record(raw: bytes, secret_fields: Collection[str] = ()) -> Any:
    """A stored record for showing; text where it is no JSON object."""
    record = readable(raw)
    if record is None:
        return raw[:2000].decode("utf-8", "replace")
    return masked(record, secret_fields)


def differences(before: Any, after: Any) -> list[Difference]:
    """What is different between two masked records, in the order of the later one; moved entries of a list count as
    changed places."""
    old, new = dict(_flat(before)), dict(_flat(after))
    paths = [*new, *(path for path in old if path not in new)]
    return [
        Difference(path, old.get(path), new.get(path))
        for path in paths
        if old.get(path) != new.get(path)
    ]


def fields(record: Any) -> list[tuple[str, str]]:
    """Every field of a masked record as (path, text)."""
    return list(_flat(record))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for number, pair in enumerate(_leaves(value, path)):
        if number >= MOST_FIELDS:
            return
        yield pair


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value, 1):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        said = value
    elif value is None:
        said = "no value"
    else:
        said = json.dumps(value, ensure_ascii=False, default=str)
    return said if len(said) <= LONGEST_VALUE else said[:LONGEST_VALUE] + "…"
