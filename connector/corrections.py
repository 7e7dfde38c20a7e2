"""A person's correction of single fields of a record: what it says, and what becomes of the record by it. Pure.

The source's bytes stay as they came. A correction is laid over them whenever a mapping looks at the record, as long as the
source says of these fields what it said when the correction was made, and as long as nobody's money becomes another:
amount, currency and direction, and every company that the source names, are the source's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from connector.evaluating import judged_raw, readable
from connector.strict_json import loads, write
from connector.system import Record
from mappings import Mapping as CompiledMapping
from mappings import Outcome
from mappings.evaluation import Wrong
from mappings.expressions import parse_path
from mappings.paths import descend

Scalar = str | int | Decimal | bool | None
"""A value that may be corrected. None is no value: an absent field, null and the empty text are the same."""

MONEY = ("amount", "currency", "direction")
"""Fields of the financing invoice that no correction changes."""

PARTIES = ("buyer", "supplier")
"""Fields that a correction may fill in where the source names nobody, and never changes."""


@dataclass(frozen=True, slots=True)
class FieldCorrection:
    """One field: what the source says, and what a person says. `path` is written as in a mapping (`parts[0].due`)."""

    path: str
    was: Scalar
    now: Scalar


Overlay = tuple[FieldCorrection, ...]
"""A whole correction; no path stands in it twice."""


class NotScalar(ValueError):
    """A path that leads nowhere, or to a list or a group. The message is a clause whose subject is the field."""


def as_json(overlay: Overlay) -> str:
    """The correction as the store keeps it."""
    fields = [{"path": each.path, "was": each.was, "now": each.now} for each in overlay]
    return write(fields).decode()


@lru_cache(1024)
def from_json(text: str) -> Overlay:
    """The correction as it was kept, numbers digit for digit."""
    return tuple(FieldCorrection(**each) for each in loads(text.encode()))


def value_at(record: Record, path: str) -> Scalar:
    """What a record says at a path. Raises NotScalar."""
    try:
        value = descend(record, parse_path(path).steps, path)
    except Wrong as wrong:
        raise NotScalar(wrong.requirement) from None
    if isinstance(value, dict | list):
        raise NotScalar("holds several values")
    return None if value == "" else value


def is_same(one: Scalar, other: Scalar) -> bool:
    """Whether two values are the same; a number is never the same as yes or no, or as text."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def differing(record: Record, overlay: Overlay) -> FieldCorrection | None:
    """The first corrected field of which the source says something else than it did; None while there is none."""
    for each in overlay:
        try:
            if is_same(value_at(record, each.path), each.was):
                continue
        except NotScalar:
            pass
        return each
    return None


def overlaid(record: Record, overlay: Overlay) -> Record:
    """The record with every corrected field as the person says; `record` itself stays as it is. Raises NotScalar where a
    field has no place in it."""
    for each in overlay:
        record = _with(record, parse_path(each.path).steps, each.now)
    return record


def _with(value: Any, steps: tuple[str | int | None, ...], now: Scalar) -> Any:
    if not steps:
        return now
    step, *rest = steps
    if isinstance(step, str):
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise NotScalar("is not inside a group of fields")
        return {**value, step: _with(value.get(step), tuple(rest), now)}
    if not isinstance(value, list) or step is None or not -len(value) <= step < len(value):
        raise NotScalar("is no entry of the list")
    changed = list(value)
    changed[step] = _with(value[step], tuple(rest), now)
    return changed


def money_of(mapping: CompiledMapping, record: Record) -> dict[str, Any]:
    """What the money of a record depends on, as the mapping reads it; what cannot be read is None."""
    read = mapping.read(record)
    currency, amount = mapping.gross(record)
    names = (*MONEY, *PARTIES)
    return {**{name: read.get(name) for name in names}, "gross": (currency, amount)}


def changed_money(mapping: CompiledMapping, before: Record, after: Record) -> str | None:
    """The name of what would be another in `after` (`amount`, `currency`, `direction`, `buyer`, `supplier`, `gross`);
    None where the money is the same."""
    was, now = money_of(mapping, before), money_of(mapping, after)
    for name, value in was.items():
        fills = name in PARTIES and value is None
        if value != now[name] and not fills:
            return name
    return None


def corrected(raw: bytes, overlay: Overlay, mapping: CompiledMapping) -> bytes | None:
    """The bytes of a record with a correction laid over them, for `mapping` to look at. None where it does not apply:
    the record cannot be read, the source says something else by now, or the money would change."""
    record = readable(raw)
    if not isinstance(record, dict) or differing(record, overlay) is not None:
        return None
    try:
        after = overlaid(record, overlay)
    except NotScalar:
        return None
    if changed_money(mapping, record, after) is not None:
        return None
    return write(after)


def judged_corrected(
    raw: bytes, overlay: Overlay, mapping: CompiledMapping, day: date
) -> tuple[Outcome, bool]:
    """What the mapping says of a record with a correction, and whether that applies; where it does not, what the mapping
    says of the source alone."""
    bytes_now = corrected(raw, overlay, mapping)
    applies = bytes_now is not None
    return judged_raw(bytes_now if bytes_now is not None else raw, mapping, day), applies


def shown(value: Scalar) -> str:
    """A value as people read it."""
    if value is None:
        return "no value"
    return json.dumps(value) if isinstance(value, bool) else str(value)


def sentence(overlay: Iterable[FieldCorrection]) -> str:
    """What a correction says, in words: `due_date: no value -> 2026-05-01`."""
    return "; ".join(f"{each.path}: {shown(each.was)} -> {shown(each.now)}" for each in overlay)
