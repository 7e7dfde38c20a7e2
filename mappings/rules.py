"""Compiling the named rules of a document: reject, exclude, eligible and hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mappings.conditions import Subject, Test, find_comparison, split_condition, words_asked_for
from mappings.document import Document
from mappings.evaluation import Scope
from mappings.expressions import ExpressionError, Path, parse_path
from mappings.locations import KeyPath
from mappings.outcome import OutcomeKind, Problem
from mappings.pipelines import Pipeline
from mappings.vocabulary import ANY, Surroundings

MAX_RULES: Final = 200
MAX_CONDITIONS: Final = 300
MAX_CONDITIONS_ON_DAYS: Final = 50
MAX_CONDITIONS_OF_A_RULE: Final = 20

KINDS: Final = {
    "reject": OutcomeKind.REJECTED,
    "exclude": OutcomeKind.EXCLUDED,
    "eligible": OutcomeKind.EXCLUDED,
    "hold": OutcomeKind.HELD,
}
"""The sections of rules, and what a record becomes that a rule catches (`eligible`: that it does not catch)."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
_FINANCING: Final = "financing."


class Condition(NamedTuple):
    """One condition as it is written: a field, the words of its comparison and what it is compared with."""

    text: str
    field: str
    kind: str
    comparison: str
    argument: str
    argument_offset: int
    place: KeyPath


@dataclass(frozen=True, slots=True)
class Rule:
    """One named rule. `caught` says whether it changes the outcome; `problem` is what it then says."""

    section: str
    name: str
    when: str
    kind: OutcomeKind
    problem: Problem
    caught: Test
    on_day: bool
    """The verdict depends on the day."""
    of_financier: bool
    words: tuple[str, frozenset[str]] | None = None
    """Where the whole rule is that a field at the top of the record holds one of some words: that field and those
    words. Such rules, of which there are many, are found by the word and not tried one by one."""
    conditions: tuple[Condition, ...] = ()
    needs_all: bool = True


class RuleCompiler:
    """Compiles all rules of one mapping; counts what must be bounded over all of them."""

    def __init__(
        self,
        pipelines: dict[str, Pipeline],
        surroundings: Surroundings | None,
        *,
        of_financier: bool,
        kind_of_path: Callable[[Path], str] = lambda path: ANY,
    ) -> None:
        self.pipelines = pipelines
        self.kind_of_path = kind_of_path
        self.surroundings = surroundings
        self.of_financier = of_financier
        self.conditions = 0
        self.conditions_on_days = 0

    def compile(self, document: Document) -> list[Rule]:
        """All rules of a document, in its order. Mistakes are noted on the document."""
        rules: list[Rule] = []
        names: dict[str, str] = {}
        for section in KINDS:
            for name, entry in document.named_sections((section,), _NAME).items():
                path = (section, name)
                document.section(path, ("when", "when_any", "sentence"))
                if name in names:
                    document.note(path, f"There is a rule {name} under {names[name]} already")
                if len(names) >= MAX_RULES:
                    document.note(path, f"A document may have at most {MAX_RULES} rules")
                    return rules
                names[name] = section
                rule = self._rule(document, section, name, entry)
                if rule is not None:
                    rules.append(rule)
        return rules

    def _rule(
        self, document: Document, section: str, name: str, entry: dict[str, Any]
    ) -> Rule | None:
        sentence = document.text((section, name, "sentence"), limit=300)
        if ("when" in entry) == ("when_any" in entry):
            document.note(
                (section, name),
                "A rule has either when (all must hold) or when_any (one is enough)",
            )
            return None
        key = "when" if "when" in entry else "when_any"
        path = (section, name, key)
        texts = entry[key] if isinstance(entry[key], list) else [entry[key]]
        if not 1 <= len(texts) <= MAX_CONDITIONS_OF_A_RULE:
            document.note(path, f"A rule has 1 to {MAX_CONDITIONS_OF_A_RULE} conditions")
            return None
        self.conditions += len(texts)
        if self.conditions > MAX_CONDITIONS:
            if self.conditions - len(texts) <= MAX_CONDITIONS:
                document.note(path, f"A document may have at most {MAX_CONDITIONS} conditions")
            return None
        tests: list[Test] = []
        fields: list[str] = []
        conditions: list[Condition] = []
        words: tuple[str, frozenset[str]] | None = None
        conditions_on_days = self.conditions_on_days
        for index, text in enumerate(texts):
            place = (*path, index) if isinstance(entry[key], list) else path
            condition = document.checked_text(place, text)
            if condition is None:
                continue
            try:
                test, field, words, written = self._condition(condition, place)
            except ExpressionError as error:
                if error.text not in self._told_already(document):
                    document.note_expression(place, error)
                continue
            tests.append(test)
            fields.append(field)
            conditions.append(written)
        if sentence is None or len(tests) != len(texts):
            return None
        joined = (" and " if key == "when" else " or ").join(map(str, texts))
        caught = _joined(tests, need_all=key == "when")
        if section == "eligible":
            caught = _inverse(caught)
        problem = Problem(name, sentence, fields[0])
        return Rule(
            section,
            name,
            joined,
            KINDS[section],
            problem,
            caught,
            self.conditions_on_days > conditions_on_days,
            self.of_financier,
            words if len(tests) == 1 and section != "eligible" else None,
            tuple(conditions),
            key == "when",
        )

    def _told_already(self, document: Document) -> set[str]:
        """Fields that stand in the document with a mistake, which is told there."""
        fields = document.data.get("fields")
        names = fields if isinstance(fields, dict) else {}
        return {f"{_FINANCING}{name}" for name in names if name not in self.pipelines}

    def _condition(
        self, text: str, place: KeyPath
    ) -> tuple[Test, str, tuple[str, frozenset[str]] | None, Condition]:
        field, field_offset, rest, rest_offset = split_condition(text)
        comparison, argument, argument_offset = find_comparison(rest, rest_offset)
        if comparison.on_day:
            self.conditions_on_days += 1
            if self.conditions_on_days > MAX_CONDITIONS_ON_DAYS:
                raise ExpressionError(
                    f"A document may have at most {MAX_CONDITIONS_ON_DAYS} conditions on today",
                    rest_offset,
                    rest,
                )
        subject = self._subject(field, field_offset)
        if subject.kind not in comparison.accepts:
            raise ExpressionError(
                f"{comparison.words} cannot be asked of {subject.kind}", rest_offset, rest
            )
        written = Condition(
            text, field, subject.kind, comparison.words, argument, argument_offset, place
        )
        try:
            test = comparison.build(subject, argument)
            words = words_asked_for(comparison, argument) if subject.name else None
            return test, subject.path, (subject.path, words) if words else None, written
        except ExpressionError as error:
            error.offset += argument_offset
            raise

    def _subject(self, field: str, offset: int) -> Subject:
        if field.startswith(_FINANCING):
            target = field.removeprefix(_FINANCING)
            if target not in self.pipelines:
                raise ExpressionError(
                    "The fields section gives no such field",
                    offset,
                    field,
                    tuple(_FINANCING + known for known in self.pipelines),
                )
            pipeline = self.pipelines[target]
            return Subject(
                pipeline.path, _financing_value(target), target == "amount", kind=pipeline.kind
            )
        path = parse_path(field, offset)
        if self.surroundings is None or None in path.steps:
            raise ExpressionError("A field of the record cannot be looked at so", offset, field)
        read = self.surroundings.read(path)
        kind = self.kind_of_path(path)
        if len(path.steps) > 1:
            return Subject(path.text, lambda scope: read(scope.record), kind=kind)
        return Subject(path.text, _record_value(path.text), name=path.text, kind=kind)


def _record_value(name: str) -> Callable[[Scope], Any]:
    """A field of the record itself, without a call more than it takes: every rule reads one."""

    def read(scope: Scope) -> Any:
        value = scope.record.get(name)
        return None if value == "" else value

    return read


def _financing_value(target: str) -> Callable[[Scope], Any]:
    return lambda scope: scope.values.get(target)


def _joined(tests: list[Test], *, need_all: bool) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        if need_all:
            return lambda scope, day: first(scope, day) and second(scope, day)
        return lambda scope, day: first(scope, day) or second(scope, day)
    answers = tuple(tests)
    if need_all:
        return lambda scope, day: all(test(scope, day) for test in answers)
    return lambda scope, day: any(test(scope, day) for test in answers)


def _inverse(test: Test) -> Test:
    return lambda scope, day: not test(scope, day)
