"""Which fields of a record a mapping knows, and for what it reads each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mappings.expressions import Path, parse_expression, parse_path
from mappings.plan import Plan
from mappings.vocabulary import ANY

_FINANCING: Final = "financing."
_NAMES_NO_FIELD: Final = ("lookup", "option")
"""Functions whose argument without quotation marks is a table or an option."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A field of the record. `path` is written as in a mapping (`installments[].due_date`, `parts[0].due`), `kind` is
    one of `mappings.vocabulary`, `targets` are the fields of the financing invoice made of it (`currency` and `amount`
    also where the control totals are), `rules` the names of the rules that look at it."""

    path: str
    kind: str
    targets: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


def readings(plan: Plan) -> tuple[Reading, ...]:
    """Everything a plan reads, in the order of its fields and rules, then what it only describes."""
    targets: dict[str, list[str]] = {}
    rules: dict[str, list[str]] = {}
    for target, pipeline in (*plan.fields.items(), *plan.totals.items()):
        for path in _paths(pipeline.text):
            _add(targets, path, target)
    for rule in plan.rules:
        for condition in rule.conditions:
            if condition.field.startswith(_FINANCING):
                made_by = plan.fields[condition.field.removeprefix(_FINANCING)].text
                found = list(_paths(made_by))
            else:
                found = [parse_path(condition.field)]
            for path in found:
                _add(rules, path, rule.name)
    named = dict.fromkeys((*targets, *rules, *plan.kinds))
    return tuple(
        Reading(
            path,
            plan.kinds.get(parse_path(path).name, ANY),
            tuple(targets.get(path, ())),
            tuple(rules.get(path, ())),
        )
        for path in named
    )


def _paths(expression: str) -> Iterator[Path]:
    read = parse_expression(expression, with_head=True)
    if read.head is not None:
        yield read.head
    for call in read.calls:
        if call.name not in _NAMES_NO_FIELD:
            yield from (argument for argument in call.arguments if isinstance(argument, Path))


def _add(found: dict[str, list[str]], path: Path, name: str) -> None:
    names = found.setdefault(path.text, [])
    if name not in names:
        names.append(name)
