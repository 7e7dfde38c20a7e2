"""Rules that can never act: found when a document is loaded, because their author meant something else.

Only what is certain is told: conditions that no record can meet, and rules that another one always comes before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from typing import Final

from mappings.document import Document
from mappings.possible import Possible, asked_for, refused_by
from mappings.rules import Condition, Rule

MAX_STEPS: Final = 2_000
"""Comparisons of rules with rules. Beyond that nothing more is looked for: no document of that size was meant well."""
MAX_WORDS: Final = 4_000
"""Words and conditions of all rules together that are looked into."""
_MAX_CASES: Final = 64

Domain = Callable[[str], Possible]
Case = dict[str, Possible]
"""One way for a rule to act: what each field is. A rule acts when one of its cases holds."""


def check_rules(
    document: Document, rules: Sequence[Rule], domain: Domain, layer_names: Sequence[str] = ()
) -> None:
    """Note every rule that can never act, or never decides. `layer_names` are in order, the lowest first."""
    domain = cache(domain)
    cases = {}
    size = 0
    for rule in rules:
        size += sum(1 + condition.argument.count(",") for condition in rule.conditions)
        if size > MAX_WORDS:
            break
        before = len(document.problems)
        found = _cases(document, rule, domain)
        if len(document.problems) == before and found is not None:
            cases[rule.name] = found
    _check_order(
        document, [rule for rule in rules if rule.name in cases], cases, domain, layer_names
    )


def _cases(document: Document, rule: Rule, domain: Domain) -> list[Case] | None:
    """Every case of a rule; None when they cannot be told."""
    met: Case = {}
    single: list[Case] = []
    for condition in rule.conditions:
        asked = asked_for(condition.comparison, condition.argument, condition.kind)
        possible = domain(condition.field)
        if not _check_words(document, condition, asked, possible):
            return None
        both = possible & asked
        if both.is_empty:
            _note(document, condition, "This can never be: no record that is read has this")
            return None
        single.append({condition.field: both})
        met[condition.field] = met.get(condition.field, possible) & asked
        if rule.needs_all and met[condition.field].is_empty:
            _note(
                document,
                condition,
                "This contradicts the conditions before it: they never all hold",
            )
            return None
    if rule.section == "eligible":
        return _eligible_cases(document, rule, domain)
    return [met] if rule.needs_all else single


def _check_words(
    document: Document, condition: Condition, asked: Possible, possible: Possible
) -> bool:
    """Each word that is asked for must be one that the field can hold."""
    if asked.words is None or possible.words is None:
        return True
    wrong = sorted(asked.words - possible.words)
    for word in wrong[:5]:
        document.note(
            condition.place,
            f"{condition.field} is never {word[:60]}",
            text=word,
            allowed=sorted(possible.words)[:400],
            at_value=True,
            offset=condition.argument_offset,
        )
    return not wrong


def _eligible_cases(document: Document, rule: Rule, domain: Domain) -> list[Case] | None:
    """The cases in which an `eligible` rule acts: those in which its conditions do not hold."""
    refused: list[list[Case]] = []
    for condition in rule.conditions:
        asked = asked_for(condition.comparison, condition.argument, condition.kind)
        parts = refused_by(condition.comparison, asked)
        if parts is None:
            return None
        possible = domain(condition.field)
        refused.append(
            [{condition.field: both} for part in parts if not (both := possible & part).is_empty]
        )
    if rule.needs_all:
        found = [case for cases in refused for case in cases]
    else:
        size = 1
        for cases in refused:
            size *= len(cases)
        if size > _MAX_CASES:
            return None
        found = [_all_of(cases) for cases in product(*refused)]
        found = [case for case in found if not any(part.is_empty for part in case.values())]
    if not found:
        document.note((rule.section, rule.name), "This always holds, so the rule never acts")
        return None
    return found


def _all_of(cases: tuple[Case, ...]) -> Case:
    joined: Case = {}
    for case in cases:
        for field, part in case.items():
            joined[field] = joined[field] & part if field in joined else part
    return joined


def _check_order(
    document: Document,
    rules: Sequence[Rule],
    cases: dict[str, list[Case]],
    domain: Domain,
    layer_names: Sequence[str],
) -> None:
    """Note the rules whose every case is one of a rule that decides first. Rules come in the order they decide in."""
    earlier = _Earlier(domain)
    for rule in rules:
        layer = _layer(document, rule, layer_names)
        found = [earlier.covering(case) for case in cases[rule.name]]
        first = found[0] if found else None
        if first is not None and all(found) and _layer(document, first, layer_names) <= layer:
            own, known = cases[rule.name], cases[first.name]
            same = len(own) == len(known) and all(case in known for case in own)
            document.note(
                (rule.section, rule.name),
                f"The rule {first.name} under {first.section} asks the same"
                if same
                else f"This rule never decides: {first.name} under {first.section} always comes before it",
            )
        for case in cases[rule.name]:
            earlier.add(rule, case)


class _Earlier:
    """The cases of the rules so far, found by a word of theirs where they have one."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.steps = 0
        self.by_word: dict[tuple[str, str], list[tuple[Rule, Case]]] = {}
        self.others: list[tuple[Rule, Case]] = []

    def add(self, rule: Rule, case: Case) -> None:
        if len(case) == 1:
            ((field, part),) = case.items()
            words = part.remaining_words
            if words and not part.missing and len(words) <= _MAX_CASES:
                for word in words:
                    self.by_word.setdefault((field, word), []).append((rule, case))
                return
        self.others.append((rule, case))

    def covering(self, case: Case) -> Rule | None:
        """The first rule that acts whenever this case holds."""
        candidates = self.others
        for field, part in case.items():
            words = part.remaining_words
            if words and not part.missing:
                candidates = self.by_word.get((field, min(words)), []) + candidates
        for rule, known in candidates:
            self.steps += len(known)
            if self.steps > MAX_STEPS:
                return None
            if all((case.get(f) or self.domain(f)).within(part) for f, part in known.items()):
                return rule
        return None


def _layer(document: Document, rule: Rule, layer_names: Sequence[str]) -> int:
    name = document.locations.key((rule.section, rule.name)).layer
    return layer_names.index(name) if name in layer_names else 0


def _note(document: Document, condition: Condition, message: str) -> None:
    document.note(condition.place, message, text=condition.text, at_value=True)
