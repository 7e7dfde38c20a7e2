"""Readers of values in a record, compiled from paths.

An absent field, null and the empty text are all "no value" (None). A path that goes through something other than
a group of fields or a list stops with `Wrong`, whatever the record holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mappings.evaluation import Wrong
from mappings.expressions import Path
from mappings.money import kind_of

Reader = Callable[[dict[str, Any]], Any]


def reader(path: Path) -> Reader:
    """Compile a path without `[]` into a function of the record."""
    steps = path.steps
    name = steps[0]
    if len(steps) == 1 and type(name) is str:

        def read_field(record: dict[str, Any]) -> Any:
            value = record.get(name)
            return None if value == "" else value

        return read_field

    def read_path(record: dict[str, Any]) -> Any:
        value = descend(record, steps, path.text)
        return None if value == "" else value

    return read_path


def descend(value: Any, steps: tuple[str | int | None, ...], text: str) -> Any:
    """Follow the steps from `value`; None when something on the way is absent. Raises Wrong."""
    for step in steps:
        if value is None:
            return None
        if type(step) is str:
            if type(value) is not dict:
                raise Wrong(
                    "not_a_group", f"must be inside a group of fields, not {kind_of(value)}", text
                )
            value = value.get(step)
        else:
            if type(value) is not list:
                raise Wrong("not_a_list", f"must be inside a list, not {kind_of(value)}", text)
            position = step if type(step) is int else 0
            value = value[position] if -len(value) <= position < len(value) else None
    return value


def each(value: Any, steps: tuple[str | int | None, ...], text: str) -> Iterator[tuple[str, Any]]:
    """Every value that a path with `[]` leads to, with its own path (`installments[2].amount_cents`)."""
    if None not in steps:
        yield text, descend(value, steps, text)
        return
    at = steps.index(None)
    before, _, after = text.partition("[]")
    entries = descend(value, steps[:at], before)
    if entries is None:
        return
    if type(entries) is not list:
        raise Wrong("not_a_list", f"must be a list, not {kind_of(entries)}", before)
    for number, entry in enumerate(entries):
        yield from each(entry, steps[at + 1 :], f"{before}[{number}]{after}")
