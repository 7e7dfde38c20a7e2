"""Deciding between the four outcomes, and how long the decision holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from mappings.conditions import Test, as_word
from mappings.evaluation import Scope, Stop
from mappings.financier import listed_goods
from mappings.outcome import OutcomeKind, Problem
from mappings.plan import Plan

MAX_PROBLEMS_OF_A_RECORD: Final = 50
_LAST_DAY: Final = date.max.toordinal()


class Found(NamedTuple):
    """A problem that decides an outcome, and the rule that found it (None: no rule but the language itself)."""

    position: int
    kind: OutcomeKind
    problem: Problem
    rule: str | None


Decision = tuple[OutcomeKind, tuple[Found, ...]]


class Judge:
    """The rules of a plan, those that depend on the day apart from those that do not."""

    def __init__(self, plan: Plan) -> None:
        numbered = [
            (rule, Found(at, rule.kind, rule.problem, rule.name))
            for at, rule in enumerate(plan.rules)
        ]
        self._on_day = [(rule.caught, found) for rule, found in numbered if rule.on_day]
        self._fixed = [
            (rule.caught, found)
            for rule, found in numbered
            if not rule.on_day and rule.words is None
        ]
        self._by_word: dict[str, dict[str, list[Found]]] = {}
        for rule, found in numbered:
            if rule.words is not None:
                field, words = rule.words
                for word in words:
                    self._by_word.setdefault(field, {}).setdefault(word, []).append(found)
        after = self._after = len(numbered)
        needs = plan.financier.fields if plan.financier else {}
        self._required = frozenset(target for target, need in needs.items() if need.required)
        self._missing = [
            (
                target,
                Found(
                    after,
                    OutcomeKind.HELD,
                    Problem(f"{target}_missing", needs[target].missing, plan.fields[target].path),
                    None,
                ),
            )
            for target in needs
            if target in self._required
        ]
        goods = needs.get("type_of_goods")
        self._goods = frozenset(goods.allowed if goods else ())
        self._goods_path = (
            plan.fields["type_of_goods"].path if "type_of_goods" in plan.fields else ""
        )

    def decide(
        self, scope: Scope, today: date, unclear: Mapping[str, Problem]
    ) -> tuple[OutcomeKind, tuple[Found, ...], date | None]:
        """The outcome's kind, what led to it, and the first later day on which it is another one.

        Between two days on which a date condition changes its answer every condition answers the same, so only
        those days are tried.
        """
        always = _caught(self._fixed, scope, 0)
        for field, by_word in self._by_word.items():
            value = scope.record.get(field)
            word = value if type(value) is str else as_word(value)
            if word in by_word:
                always += by_word[word]
        always += [
            Found(self._after, OutcomeKind.HELD, problem, None) for problem in unclear.values()
        ]
        if not self._required <= scope.values.keys():
            known = scope.values.keys() | unclear.keys()
            if "currency" not in scope.values:
                known |= {"amount"}  # it cannot be read without a currency
            always += [found for target, found in self._missing if target not in known]
        always += self._unknown_goods(scope.values.get("type_of_goods"))
        now = _caught(self._on_day, scope, today.toordinal())
        decision = _combine(always + now)
        changes = scope.recheck_ordinals
        while changes:
            day = min(changes)
            if day > _LAST_DAY:
                break
            changes = scope.recheck_ordinals = []
            then = _caught(self._on_day, scope, day)
            changes = scope.recheck_ordinals
            if then == now:
                continue
            if not (always or (now and then)) or _combine(always + then) != decision:
                return *decision, date.fromordinal(day)
        return *decision, None

    def _unknown_goods(self, goods: str | None) -> list[Found]:
        if goods is None or not self._goods or goods in self._goods:
            return []
        if self._goods.issuperset(listed_goods(goods)):
            return []
        sentence = f"The type of goods must be one of: {', '.join(sorted(self._goods))}."
        problem = Problem("type_of_goods_unknown", sentence, self._goods_path)
        return [Found(self._after, OutcomeKind.HELD, problem, None)]


def _caught(rules: Sequence[tuple[Test, Found]], scope: Scope, day: int) -> list[Found]:
    caught = []
    for test, found in rules:
        try:
            if test(scope, day):
                caught.append(found)
        except Stop as stop:
            problem = stop.problem(found.problem.field_path)
            caught.append(Found(found.position, OutcomeKind.REJECTED, problem, None))
    return caught


def _combine(found: list[Found]) -> Decision:
    """Rejected before excluded before held before mapped; each said once, in the rules' order."""
    if not found:
        return OutcomeKind.MAPPED, ()
    kinds = {entry.kind for entry in found}
    if OutcomeKind.REJECTED in kinds:
        said = [OutcomeKind.REJECTED]
    elif OutcomeKind.EXCLUDED in kinds:
        said = [OutcomeKind.EXCLUDED, OutcomeKind.HELD]
    else:
        said = [OutcomeKind.HELD]
    distinct: dict[tuple[str, str], Found] = {}
    for kind in said:
        for entry in sorted(found, key=lambda entry: entry.position):
            if entry.kind is kind:
                distinct.setdefault((entry.problem.reason_code, entry.problem.field_path), entry)
    return said[0], tuple(distinct.values())[:MAX_PROBLEMS_OF_A_RECORD]
