"""Compiling an expression into one closure. Nothing of its text is looked at again when a record comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mappings.evaluation import Scope, Step
from mappings.expressions import Call, Constant, Expression, ExpressionError, Path
from mappings.functions import FUNCTIONS
from mappings.paths import Reader
from mappings.vocabulary import ANY, Function, Surroundings

Run = Callable[[Scope], Any]

_MAY_LOSE_THE_VALUE: Final = ("trim", "plus_days")


@dataclass(frozen=True, slots=True)
class Stage:
    """One function of a pipeline, ready to run."""

    text: str
    step: Step
    fills: bool


class Short(NamedTuple):
    """The commonest expressions, a field at the top of the record and steps that need a value, are run in the
    evaluation's own loop: most of a record's time would else go into calling closures."""

    name: str
    required: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A compiled expression. `path` is the field that problems are reported at."""

    text: str
    path: str
    run: Run
    read: Reader | None
    short: Short | None
    stages: tuple[Stage, ...]
    kind: str
    values: frozenset[str] | None
    """Every text it can give, where the document alone says so."""


def compile_pipeline(
    expression: Expression,
    surroundings: Surroundings,
    *,
    fallback_path: str,
    kind_of_path: Callable[[Path], str],
) -> Pipeline:
    """Compile an expression that has a beginning. Raises ExpressionError at the part that cannot be."""
    calls = list(expression.calls)
    read: Reader | None = None
    stages: list[Stage] = []
    if expression.head is not None:
        path, kind, values = expression.head.text, kind_of_path(expression.head), None
        if None in expression.head.steps:
            raise ExpressionError(
                "Write [0] or [last] to say which entry is meant",
                expression.head.offset,
                expression.head.text,
            )
        read = surroundings.read(expression.head)
    else:
        first = calls.pop(0)
        function = _function(first, begins=True)
        stages.append(Stage(first.text, function.build(first.arguments, surroundings), True))
        kind = function.gives or ANY
        values = _begun_values(first, surroundings)
        paths = [argument.text for argument in first.arguments if isinstance(argument, Path)]
        path = paths[0] if paths and first.name != "option" else fallback_path
    for call in calls:
        function = _function(call, begins=False)
        if kind not in function.accepts:
            raise ExpressionError(
                f"{function.name} cannot be used on {kind}", call.offset, call.text
            )
        stages.append(
            Stage(call.text, function.build(call.arguments, surroundings), function.fills)
        )
        kind = function.gives or kind
        values = _next_values(call, values, surroundings)
    run = _chain(read, tuple(stages))
    short = shorten(expression.head, tuple(stages)) if expression.head is not None else None
    return Pipeline(expression.text, path, run, read, short, tuple(stages), kind, values)


def compile_check(
    expression: Expression, surroundings: Surroundings
) -> tuple[tuple[Stage, ...], str]:
    """Compile an expression of functions only, for the `record` section. Gives its stages and the kind it ends in."""
    kind = ANY
    stages: list[Stage] = []
    for call in expression.calls:
        function = _function(call, begins=False)
        if kind not in function.accepts:
            raise ExpressionError(
                f"{function.name} cannot be used on {kind}", call.offset, call.text
            )
        stages.append(
            Stage(call.text, function.build(call.arguments, surroundings), function.fills)
        )
        kind = function.gives or kind
    return tuple(stages), kind


def check_run(read: Reader, stages: tuple[Stage, ...]) -> Run:
    """One closure that reads a field and puts it through the stages."""
    return _chain(read, stages)


def _function(call: Call, *, begins: bool) -> Function:
    function = FUNCTIONS.get(call.name)
    fitting = tuple(name for name, entry in FUNCTIONS.items() if entry.begins == begins)
    if function is None:
        raise ExpressionError(f"There is no function {call.name}", call.offset, call.name, fitting)
    if function.begins != begins:
        where = "at the beginning" if function.begins else "after a field and |"
        raise ExpressionError(
            f"{call.name} can only stand {where}", call.offset, call.text, fitting
        )
    if not function.takes(len(call.arguments)):
        raise ExpressionError(
            f"{call.name} is written {function.signature}, but has {len(call.arguments)} arguments here",
            call.offset,
            call.text,
        )
    return function


def _begun_values(call: Call, surroundings: Surroundings) -> frozenset[str] | None:
    argument = call.arguments[0] if call.arguments else None
    if call.name == "constant" and isinstance(argument, Constant):
        return frozenset({str(argument.value)})
    if call.name == "option" and isinstance(argument, Path):
        return frozenset({surroundings.option(argument)})
    return None


def _next_values(
    call: Call, values: frozenset[str] | None, surroundings: Surroundings
) -> frozenset[str] | None:
    argument = call.arguments[0] if call.arguments else None
    if call.name == "lookup" and isinstance(argument, Path):
        others = [str(word.value) for word in call.arguments[1:] if isinstance(word, Constant)]
        return frozenset([*surroundings.table(argument).values(), *others])
    if values is None:
        return None
    if call.name == "default" and isinstance(argument, Constant):
        return values | {str(argument.value)}
    if call.name == "trim":
        return frozenset(value.strip() for value in values)
    if call.name in ("upper", "lower"):
        return frozenset(
            value.upper() if call.name == "upper" else value.lower() for value in values
        )
    return values


def _chain(read: Reader | None, stages: tuple[Stage, ...]) -> Run:
    """Join the steps of an expression into one closure."""
    pairs = tuple((stage.step, stage.fills) for stage in stages)

    def run(scope: Scope) -> Any:
        value = None if read is None else read(scope.record)
        for step, fills in pairs:
            if value is not None or fills:
                value = step(value, scope)
        return value

    if read is None and len(stages) == 1:
        only = stages[0].step
        return lambda scope: only(None, scope)
    return run


def shorten(path: Path, stages: tuple[Stage, ...]) -> Short | None:
    """The short form of an expression, where it has one."""
    must_be_there = bool(stages) and stages[0].text == "required"
    rest = stages[1:] if must_be_there else stages
    name = path.steps[0]
    if len(path.steps) > 1 or type(name) is not str or any(stage.fills for stage in rest):
        return None
    if any(stage.text.startswith(_MAY_LOSE_THE_VALUE) for stage in rest[:-1]):
        return None
    return Short(name, must_be_there, tuple(stage.step for stage in rest))
