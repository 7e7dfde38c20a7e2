"""How an outcome came about, for people: every field step by step, every rule's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from mappings.currencies import EXPONENTS
from mappings.evaluation import Open, Scope, Wrong
from mappings.outcome import Outcome
from mappings.pipelines import Pipeline
from mappings.plan import Plan


@dataclass(frozen=True, slots=True)
class StepTrace:
    """One function and what it made of the value; `problem` is the sentence it stopped with."""

    function: str
    result: Any
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class FieldTrace:
    """One field of the financing invoice: where it comes from, step by step. Amounts are in minor units."""

    target: str
    expression: str
    source_path: str
    source_value: Any
    steps: tuple[StepTrace, ...]
    result: Any


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule's verdict: `caught` None means it could not be decided, for the reason in `problem`."""

    section: str
    name: str
    when: str
    caught: bool | None
    sentence: str
    of_financier: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole way from a record to its outcome."""

    outcome: Outcome
    fields: tuple[FieldTrace, ...]
    rules: tuple[RuleTrace, ...]


def explain(plan: Plan, record: Any, outcome: Outcome, today: date) -> Explanation:
    """Run a plan slowly, noting everything. Raises nothing for a record."""
    if type(record) is not dict:
        return Explanation(outcome, (), ())
    scope = Scope(record)
    fields = tuple(_field(target, pipeline, scope) for target, pipeline in plan.fields.items())
    rules = []
    for rule in plan.rules:
        caught, problem = None, None
        try:
            caught = rule.caught(scope, today.toordinal())
        except Wrong as stop:
            problem = stop.problem(rule.problem.field_path).sentence
        rules.append(
            RuleTrace(
                rule.section,
                rule.name,
                rule.when,
                caught,
                rule.problem.sentence,
                rule.of_financier,
                problem,
            )
        )
    return Explanation(outcome, fields, tuple(rules))


def _field(target: str, pipeline: Pipeline, scope: Scope) -> FieldTrace:
    steps: list[StepTrace] = []
    value: Any = None
    source: Any = None
    problem: str | None = None
    try:
        if pipeline.read is not None:
            value = source = pipeline.read(scope.record)
    except Wrong as stop:
        problem = stop.problem(pipeline.path).sentence
        steps.append(StepTrace(pipeline.path, None, problem))
    for stage in () if problem else pipeline.stages:
        if value is None and not stage.fills:
            continue
        try:
            value = stage.step(value, scope)
        except (Wrong, Open) as stop:
            value = None
            steps.append(StepTrace(stage.text, None, stop.problem(pipeline.path).sentence))
            break
        steps.append(StepTrace(stage.text, value))
    else:
        if value is not None:
            scope.values[target] = value
            if target == "currency":
                scope.currency, scope.places = value, EXPONENTS[value]
    return FieldTrace(target, pipeline.text, pipeline.path, source, tuple(steps), value)
