"""A compiled mapping: one record in, one outcome out, for any record whatever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as MappingOf
from datetime import date
from typing import Any, Final

from mappings.canonical import Direction, FinancingInvoice
from mappings.currencies import EXPONENTS
from mappings.decision import MAX_PROBLEMS_OF_A_RECORD, Judge
from mappings.entries import check_entries, quick_entry_checks
from mappings.evaluation import Open, Scope, Stop, Wrong
from mappings.explanation import Explanation, explain
from mappings.financier import listed_goods
from mappings.layers import EffectiveDocument, Layer, Origin
from mappings.money import kind_of
from mappings.outcome import Outcome, OutcomeKind, Problem
from mappings.plan import Option, Plan, compile_plan
from mappings.problems import DocumentProblem, MappingError, nearest
from mappings.readings import Reading, readings

_MISSING: Final = "is missing"


class Mapping:
    """One document, compiled. Immutable; safe to use from many threads at once.

    `sha256` identifies the document together with the option values it was given; where no option differs from
    its default it is the digest of the document's text alone.
    """

    def __init__(
        self,
        document: str,
        name: str,
        option_values: MappingOf[str, str],
        effective: EffectiveDocument | None = None,
    ) -> None:
        plan = compile_plan(document, name, option_values, effective)
        self._plan: Final[Plan] = plan
        self._effective = effective
        self.document: Final = document
        self.name: Final = name
        self.description: Final = plan.description
        self.system: Final = plan.system
        self.stream: Final = plan.stream
        self.financier: Final = plan.financier.name if plan.financier else ""
        changed = {key: o.value for key, o in plan.options.items() if o.value != o.default}
        suffix = json.dumps(changed, sort_keys=True) if changed else ""
        self.sha256: Final = hashlib.sha256((document + suffix).encode()).hexdigest()
        self._totals = (plan.totals["currency"], plan.totals["amount"])
        self._short_checks = [
            (*check.short, check.path.text) for check in plan.checks if check.short is not None
        ]
        self._other_checks = [
            (check.run, check.path.text)
            for check in plan.checks
            if check.short is None and check.run is not None
        ]
        self._entry_checks = [check for check in plan.checks if check.run is None]
        self._quick_entry_checks = quick_entry_checks(self._entry_checks)
        self._fields = [(target, p.short, p.run, p.path) for target, p in plan.fields.items()]
        self._judge = Judge(plan)

    @property
    def options(self) -> MappingOf[str, Option]:
        """The options of the document, by name, with the values in force."""
        return dict(self._plan.options)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers it was made of; none where it was loaded as one document."""
        return self._effective.layers if self._effective else ()

    @property
    def origins(self) -> MappingOf[str, Origin]:
        """Which layer set each entry (`fields.amount`, `exclude.past_due`), where there are layers."""
        return self._effective.origins if self._effective else {}

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The fields of a record that it knows, and for what it reads each: first what it reads most of all."""
        return readings(self._plan)

    def with_options(self, values: MappingOf[str, str]) -> Mapping:
        """The same document with other option values. Raises MappingError for an unknown option, or a value that
        the financier does not take."""
        problems = []
        for key, value in values.items():
            if key not in self._plan.options or type(value) is not str or not value.strip():
                allowed = tuple(self._plan.options)
                message = f"The option {key} must be one of the document's options, with text"
                problems.append(DocumentProblem(1, 1, key, message, allowed, nearest(key, allowed)))
        if problems:
            raise MappingError(self.name, problems)
        return Mapping(self.document, self.name, values, self._effective)

    def evaluate(self, record: Any, today: date) -> Outcome:
        """What becomes of one decoded record on the day `today`.

        Never raises for a record: any JSON value gives an outcome. *Rejected* comes before *excluded* (a record
        that cannot be right is not to be trusted to say what it is), *excluded* before *held* (nobody need answer
        for an invoice that is not for financing), and a record that none of these is, is *mapped*.
        """
        if type(record) is not dict:
            return _not_a_record(record)
        scope = Scope(record)
        wrong: dict[str, Problem] = {}
        missing: dict[str, Problem] = {}
        gross = self._read_totals(scope, wrong, missing)
        self._check(scope, wrong)
        unclear = self._read_fields(scope, wrong)
        return self._outcome(scope, gross, wrong, missing, unclear, today)

    def evaluate_both(self, draft: Mapping, record: Any, today: date) -> tuple[Outcome, Outcome]:
        """What this mapping and another one make of a record, each as its `evaluate` says. What both read alike is read
        once: two versions of a mapping mostly differ in a rule or a field."""
        mine, theirs = self._plan, draft._plan
        if type(record) is not dict or mine.begins_by != theirs.begins_by:
            return self.evaluate(record, today), draft.evaluate(record, today)
        scope = Scope(record)
        wrong: dict[str, Problem] = {}
        missing: dict[str, Problem] = {}
        gross = self._read_totals(scope, wrong, missing)
        self._check(scope, wrong)
        also_wrong = wrong if mine.reads_by == theirs.reads_by else wrong.copy()
        unclear = self._read_fields(scope, wrong)
        before = self._outcome(scope, gross, wrong, missing, unclear, today)
        if also_wrong is wrong:
            scope.recheck_ordinals = []
            return before, draft._outcome(scope, gross, wrong, missing, unclear, today, before)
        scope = Scope(record)
        unclear = draft._read_fields(scope, also_wrong)
        return before, draft._outcome(scope, gross, also_wrong, missing, unclear, today)

    def _outcome(
        self,
        scope: Scope,
        gross: tuple[str | None, int | None],
        wrong: dict[str, Problem],
        missing: dict[str, Problem],
        unclear: dict[str, Problem],
        today: date,
        alike: Outcome | None = None,
    ) -> Outcome:
        """The outcome of a record that was read; nothing but `scope.recheck_ordinals` is changed. `alike` is the outcome
        by another mapping that reads everything the same: what equals it is not made again."""
        currency, amount = gross
        if wrong:
            return alike or _rejected(list({**missing, **wrong}.values()), currency, amount)
        kind, found, recheck_on = self._judge.decide(scope, today, unclear)
        if missing and kind is not OutcomeKind.EXCLUDED:
            return _rejected(list(missing.values()), currency, amount)
        if kind is OutcomeKind.MAPPED:
            invoice = alike.invoice if alike is not None else None
            if alike is not None and invoice is not None and alike.recheck_on == recheck_on:
                return alike
            invoice = invoice or _invoice(scope.values)
            return Outcome(kind, invoice, currency, amount, None, None, None, None, recheck_on)
        first = found[0]
        return Outcome(
            kind=kind,
            invoice=None,
            currency=currency,
            amount_minor_units=amount,
            reason_code=first.problem.reason_code,
            sentence=first.problem.sentence,
            field_path=first.problem.field_path,
            rule=first.rule,
            recheck_on=recheck_on,
            problems=tuple(entry.problem for entry in found),
        )

    def explain(self, record: Any, today: date) -> Explanation:
        """How the outcome of one record comes about: every field step by step, every rule's verdict."""
        return explain(self._plan, record, self.evaluate(record, today), today)

    def read(self, record: Any) -> dict[str, Any]:
        """What the fields say of one decoded record, by their names, whatever becomes of it: for lists and search.

        Amounts in minor units, dates as dates. A field that cannot be read is absent. Never raises for a record.
        """
        if type(record) is not dict:
            return {}
        scope = Scope(record)
        self._read_fields(scope, {})
        return dict(scope.values)

    def gross(self, record: Any) -> tuple[str | None, int | None]:
        """The record's own gross amount, for control totals: currency and minor units, or neither. Never raises."""
        return self._read_totals(Scope(record), {}, {}) if type(record) is dict else (None, None)

    def _read_totals(
        self, scope: Scope, wrong: dict[str, Problem], missing: dict[str, Problem]
    ) -> tuple[str | None, int | None]:
        """The record's gross amount: both parts or neither. What is unreadable is wrong; what is missing is so too,
        but for a record that a rule excludes: a draft need not say yet what it will be over."""
        of_currency, of_amount = self._totals
        path = of_currency.path
        try:
            currency = of_currency.run(scope)
            if currency is not None:
                scope.currency, scope.places = currency, EXPONENTS[currency]
                path = of_amount.path
                amount = of_amount.run(scope)
                if amount is not None:
                    return currency, amount
        except Stop as stop:
            _note(wrong, stop, path)
        else:
            _note(missing, Wrong("required_missing", _MISSING), path)
        return None, None

    def _check(self, scope: Scope, wrong: dict[str, Problem]) -> None:
        """Compare the record with its description."""
        get = scope.record.get
        for name, required, steps, path in self._short_checks:
            value = get(name)
            if value is None or value == "":
                if required:
                    _note(wrong, Wrong("required_missing", _MISSING), path)
                continue
            try:
                for step in steps:
                    value = step(value, scope)
            except Stop as stop:
                _note(wrong, stop, path)
        for run, path in self._other_checks:
            try:
                run(scope)
            except Stop as stop:
                _note(wrong, stop, path)
        if self._entry_checks:
            self._check_entries(scope, wrong)

    def _check_entries(self, scope: Scope, wrong: dict[str, Problem]) -> None:
        quick = self._quick_entry_checks
        if quick and all(all_right(scope) for all_right in quick):
            return
        for check in self._entry_checks:
            try:
                check_entries(check, scope, wrong)
            except Stop as stop:
                _note(wrong, stop, check.path.text)

    def _read_fields(self, scope: Scope, wrong: dict[str, Problem]) -> dict[str, Problem]:
        """Fill `scope.values`; gives what only a person can say. The currency comes first: amounts need it."""
        unclear: dict[str, Problem] = {}
        values = scope.values
        get = scope.record.get
        scope.currency = scope.places = None
        for target, short, run, path in self._fields:
            if target == "amount" and scope.currency is None:
                continue  # without a currency there is no amount, and that has been said
            try:
                if short is None:
                    value = run(scope)
                else:
                    value = get(short[0])
                    if value is None or value == "":
                        if short[1]:
                            raise Wrong("required_missing", _MISSING)
                        continue
                    for step in short[2]:
                        value = step(value, scope)
            except Open as stop:
                unclear[target] = stop.problem(path)
            except Stop as stop:
                _note(wrong, stop, path)
            else:
                if value is not None:
                    values[target] = value
                    if target == "currency":
                        scope.currency, scope.places = value, EXPONENTS[value]
        return unclear


def _note(wrong: dict[str, Problem], stop: Stop, path: str) -> None:
    """Keep the first problem of each field: what follows from it need not be said too."""
    problem = stop.problem(path)
    if len(wrong) < MAX_PROBLEMS_OF_A_RECORD:
        wrong.setdefault(problem.field_path, problem)


def _not_a_record(value: Any) -> Outcome:
    sentence = f"The record must be a group of fields, not {kind_of(value)}."
    return _rejected([Problem("not_a_record", sentence, "")], None, None)


def _rejected(problems: list[Problem], currency: str | None, amount: int | None) -> Outcome:
    first = problems[0]
    return Outcome(
        kind=OutcomeKind.REJECTED,
        invoice=None,
        currency=currency,
        amount_minor_units=amount,
        reason_code=first.reason_code,
        sentence=first.sentence,
        field_path=first.field_path,
        problems=tuple(problems),
    )


_DIRECTIONS: Final[dict[str, Direction]] = {str(direction): direction for direction in Direction}


def _invoice(values: dict[str, Any]) -> FinancingInvoice:
    goods = values.get("type_of_goods")
    return FinancingInvoice(
        _DIRECTIONS[values["direction"]],
        values["invoice_number"],
        values["currency"],
        values["amount"],
        values["due_date"],
        values["buyer"],
        values["supplier"],
        values.get("issue_date"),
        listed_goods(goods) if goods else (),
        values.get("note"),
    )
