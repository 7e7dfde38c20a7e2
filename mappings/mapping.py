"""A compiled mapping: one record in, one outcome out, for any record whatever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping as MappingOf
from datetime import date
from typing import Any, Final

from mappings.canonical import Direction, FinancingInvoice
from mappings.currencies import EXPONENTS
from mappings.evaluation import Open, Scope, Wrong
from mappings.explanation import Explanation, explain
from mappings.money import kind_of
from mappings.outcome import Outcome, OutcomeKind, Problem
from mappings.paths import each
from mappings.plan import Check, Option, Plan, compile_plan, run_stages
from mappings.problems import DocumentProblem, MappingError, nearest

MAX_PROBLEMS_OF_A_RECORD: Final = 50
_LAST_DAY: Final = date.max.toordinal()

Caught = tuple[tuple[Problem, str | None], ...]
"""Problems, each with the rule that found it."""


class Mapping:
    """One document, compiled. Immutable; safe to use from many threads at once.

    `sha256` identifies the document together with the option values it was given; where no option differs from
    its default it is the digest of the document's text alone.
    """

    def __init__(self, document: str, name: str, option_values: MappingOf[str, str]) -> None:
        plan = compile_plan(document, name, option_values)
        if plan.financier is None:
            raise MappingError(name, [DocumentProblem(1, 1, "", "The document names no financier")])
        self._plan: Final[Plan] = plan
        self.document: Final = document
        self.name: Final = name
        self.description: Final = plan.description
        self.system: Final = plan.system
        self.stream: Final = plan.stream
        self.financier: Final = plan.financier.name
        changed = {key: o.value for key, o in plan.options.items() if o.value != o.default}
        suffix = json.dumps(changed, sort_keys=True) if changed else ""
        self.sha256: Final = hashlib.sha256((document + suffix).encode()).hexdigest()
        self._totals = (plan.totals["currency"].run, plan.totals["amount"].run)
        self._totals_paths = (plan.totals["currency"].path, plan.totals["amount"].path)
        self._checks = [(check.run, check) for check in plan.checks]
        self._fields = [(target, p.run, p.path) for target, p in plan.fields.items()]
        self._rules = [(r.caught, r.kind, r.problem, r.name) for r in plan.rules]
        self._missing = [
            (
                target,
                Problem(f"{target}_missing", need.missing, plan.fields[target].path),
            )
            for target, need in plan.financier.fields.items()
            if need.required
        ]
        goods = plan.financier.fields.get("type_of_goods")
        self._goods = frozenset(goods.allowed if goods else ())

    @property
    def options(self) -> MappingOf[str, Option]:
        """The options of the document, by name, with the values in force."""
        return dict(self._plan.options)

    def with_options(self, values: MappingOf[str, str]) -> Mapping:
        """The same document with other option values. Raises MappingError for an unknown option or a value that
        the financier does not take."""
        problems = []
        for key, value in values.items():
            if key not in self._plan.options or type(value) is not str or not value.strip():
                allowed = tuple(self._plan.options)
                message = f"The option {key} must be one of the document's options, with text"
                problems.append(DocumentProblem(1, 1, key, message, allowed, nearest(key, allowed)))
        if problems:
            raise MappingError(self.name, problems)
        return Mapping(self.document, self.name, values)

    def evaluate(self, record: Any, today: date) -> Outcome:
        """What becomes of one decoded record on the day `today`.

        Never raises for a record: any JSON value gives an outcome. *Rejected* comes before *excluded* (a record
        that cannot be right is not to be trusted to say what it is), *excluded* before *held* (nobody need answer
        for an invoice that is not for financing), and a record that none of these is, is *mapped*.
        """
        if type(record) is not dict:
            problem = Problem(
                "not_a_record", f"The record must be a group of fields, not {kind_of(record)}.", ""
            )
            return _outcome(OutcomeKind.REJECTED, ((problem, None),), None, None, None)
        scope = Scope(record)
        wrong: dict[str, Problem] = {}
        currency, amount = self._read_totals(scope, wrong)
        for run, check in self._checks:
            try:
                if run is None:
                    _check_entries(check, scope, wrong)
                else:
                    run(scope)
            except Wrong as stop:
                problem = stop.problem(check.path.text)
                wrong.setdefault(problem.field_path, problem)
            except Open:
                continue  # only a lookup asks this; the field that uses it will ask again
        unclear = self._read_fields(scope, wrong)
        if wrong:
            found = tuple((problem, None) for problem in wrong.values())
            return _outcome(
                OutcomeKind.REJECTED, found[:MAX_PROBLEMS_OF_A_RECORD], None, currency, amount
            )
        return self._decided(scope, today.toordinal(), unclear, currency, amount)

    def explain(self, record: Any, today: date) -> Explanation:
        """How the outcome of one record comes about: every field step by step, every rule's verdict."""
        return explain(self._plan, record, self.evaluate(record, today), today)

    def _read_totals(
        self, scope: Scope, wrong: dict[str, Problem]
    ) -> tuple[str | None, int | None]:
        """The record's gross amount: both parts or neither. What is unreadable or absent is wrong."""
        path = self._totals_paths[0]
        try:
            currency = self._totals[0](scope)
            if currency is not None:
                scope.currency, scope.places = currency, EXPONENTS[currency]
                path = self._totals_paths[1]
                amount = self._totals[1](scope)
                if amount is not None:
                    return currency, amount
            raise Wrong("required_missing", "is missing")
        except (Wrong, Open) as stop:
            problem = stop.problem(path)
            wrong[problem.field_path] = problem
            return None, None

    def _read_fields(self, scope: Scope, wrong: dict[str, Problem]) -> Caught:
        """Fill `scope.values`; gives what only a person can say."""
        unclear: Caught = ()
        values = scope.values
        scope.currency = scope.places = None
        for target, run, path in self._fields:
            try:
                value = run(scope)
            except Wrong as stop:
                problem = stop.problem(path)
                wrong.setdefault(problem.field_path, problem)
            except Open as stop:
                unclear += ((stop.problem(path), None),)
                values[target] = None
            else:
                if value is not None:
                    values[target] = value
                    if target == "currency":
                        scope.currency, scope.places = value, EXPONENTS[value]
        return unclear

    def _decided(
        self, scope: Scope, day: int, unclear: Caught, currency: str | None, amount: int | None
    ) -> Outcome:
        """Apply the rules today, and find the first later day on which they say something else."""
        decision = self._apply_rules(scope, day, unclear)
        changes = scope.recheck_ordinals
        recheck = None
        while changes:
            following = min(changes)
            if following > _LAST_DAY:
                break
            scope.recheck_ordinals = changes = []
            if self._apply_rules(scope, following, unclear) != decision:
                recheck = date.fromordinal(following)
                break
            changes = scope.recheck_ordinals
        kind, caught = decision
        if kind is not OutcomeKind.MAPPED:
            return _outcome(kind, caught, recheck, currency, amount)
        return Outcome(
            kind=kind,
            invoice=_invoice(scope.values),
            currency=currency,
            amount_minor_units=amount,
            recheck_on=recheck,
        )

    def _apply_rules(self, scope: Scope, day: int, unclear: Caught) -> tuple[OutcomeKind, Caught]:
        rejected: Caught = ()
        excluded: Caught = ()
        held: Caught = ()
        for caught, kind, problem, name in self._rules:
            try:
                if not caught(scope, day):
                    continue
            except Wrong as stop:
                problem, kind, name = stop.problem(problem.field_path), OutcomeKind.REJECTED, ""
            entry = ((problem, name or None),)
            if kind is OutcomeKind.EXCLUDED:
                excluded += entry
            elif kind is OutcomeKind.HELD:
                held += entry
            else:
                rejected += entry
        if rejected:
            return OutcomeKind.REJECTED, _distinct(rejected)
        held += unclear
        values = scope.values
        for target, problem in self._missing:
            if target not in values:
                held += ((problem, None),)
        if self._goods and (goods := values.get("type_of_goods")) is not None:
            held += self._unknown_goods(goods)
        if excluded:
            return OutcomeKind.EXCLUDED, _distinct(excluded + held)
        if held:
            return OutcomeKind.HELD, _distinct(held)
        return OutcomeKind.MAPPED, ()

    def _unknown_goods(self, goods: str) -> Caught:
        if goods in self._goods or self._goods.issuperset(_listed(goods)):
            return ()
        path = self._plan.fields["type_of_goods"].path
        sentence = f"The type of goods must be one of: {', '.join(sorted(self._goods))}."
        return ((Problem("type_of_goods_unknown", sentence, path), None),)


def _check_entries(check: Check, scope: Scope, wrong: dict[str, Problem]) -> None:
    """Check every entry of a list; stops at the first bad entries, of which there may be very many."""
    for path, value in each(scope.record, check.path.steps, check.path.text):
        try:
            run_stages(None if value == "" else value, check.stages, scope)
        except Wrong as stop:
            problem = stop.problem(path)
            wrong.setdefault(problem.field_path, problem)
            if len(wrong) >= MAX_PROBLEMS_OF_A_RECORD:
                return


def _distinct(caught: Caught) -> Caught:
    """Without a reason said twice: a document's rule may say earlier what the financier's rule says too."""
    if len(caught) == 1:
        return caught
    kept: dict[tuple[str, str], tuple[Problem, str | None]] = {}
    for problem, rule in caught:
        kept.setdefault((problem.reason_code, problem.field_path), (problem, rule))
    return tuple(kept.values())[:MAX_PROBLEMS_OF_A_RECORD]


def _outcome(
    kind: OutcomeKind,
    caught: Caught,
    recheck: date | None,
    currency: str | None,
    amount: int | None,
) -> Outcome:
    first, rule = caught[0]
    return Outcome(
        kind=kind,
        invoice=None,
        currency=currency,
        amount_minor_units=amount,
        reason_code=first.reason_code,
        sentence=first.sentence,
        field_path=first.field_path,
        rule=rule,
        recheck_on=recheck,
        problems=tuple(problem for problem, _ in caught),
    )


_DIRECTIONS: Final[dict[str, Direction]] = {str(direction): direction for direction in Direction}


def _invoice(values: dict[str, Any]) -> FinancingInvoice:
    get: Callable[[str], Any] = values.get
    goods = get("type_of_goods")
    return FinancingInvoice(
        direction=_DIRECTIONS[values["direction"]],
        invoice_number=values["invoice_number"],
        currency=values["currency"],
        amount_minor_units=values["amount"],
        due_date=values["due_date"],
        buyer_id=values["buyer"],
        supplier_id=values["supplier"],
        issue_date=get("issue_date"),
        type_of_goods=_listed(goods) if goods else (),
        note=get("note"),
    )


def _listed(goods: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in goods.split(",")) if "," in goods else (goods,)
