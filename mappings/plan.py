"""Compiling a mapping document into the plan that `Mapping` runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Any, Final

from mappings.canonical import Direction
from mappings.currencies import EXPONENTS
from mappings.document import Document
from mappings.evaluation import Scope
from mappings.expressions import ExpressionError, Path, parse_expression, parse_path
from mappings.financier import (
    TARGETS,
    FinancierDescription,
    describe_financier,
    known_financiers,
    listed_goods,
)
from mappings.layers import EffectiveDocument
from mappings.locations import KeyPath
from mappings.paths import Reader, each, reader
from mappings.pipelines import (
    Pipeline,
    Run,
    Short,
    Stage,
    check_run,
    compile_check,
    compile_pipeline,
    shorten,
)
from mappings.possible import Possible, described
from mappings.reachability import check_rules
from mappings.rules import KINDS, Rule, RuleCompiler
from mappings.vocabulary import ANY, CURRENCY, DATE, DATE_TEXT, TIMESTAMP_TEXT

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
_SECTIONS: Final = ("options", "tables", "record", "totals", "fields", *KINDS)
_ENTRIES: Final = ("description", "system", "stream", "financier", *_SECTIONS)
_LAST_FUNCTIONS: Final = {
    **dict.fromkeys(TARGETS, "text"),
    "currency": "currency_code",
    "amount": "minor_units or decimal_to_minor_units",
    "due_date": "date",
    "issue_date": "date",
}
_LEAVE_WORDS: Final = frozenset({"text", "trim", "required", "currency_code"})
_OPEN_KINDS: Final = frozenset({"group", "labels"})
_DIRECTIONS: Final = tuple(str(direction) for direction in Direction)


@dataclass(frozen=True, slots=True)
class Option:
    """A value that a connection may set instead of the document's default."""

    name: str
    sentence: str
    default: str
    value: str


@dataclass(frozen=True, slots=True)
class Check:
    """What one field of the record must be. `run` is None where the path has `[]` (each entry of a list)."""

    path: Path
    text: str
    stages: tuple[Stage, ...]
    run: Run | None
    short: Short | None


@dataclass(slots=True)
class Plan:
    """Everything a mapping needs to evaluate records."""

    description: str = ""
    system: str = ""
    stream: str = ""
    financier: FinancierDescription | None = None
    options: dict[str, Option] = field(default_factory=dict)
    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    totals: dict[str, Pipeline] = field(default_factory=dict)
    fields: dict[str, Pipeline] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    """Kind of value by described path, as the `record` section gives it."""
    begins_by: str = ""
    """What a record is checked and counted by; two plans with the same text here do it alike."""
    reads_by: str = ""
    """What the fields are read by, beyond that."""


def compile_plan(
    text: str,
    name: str,
    option_values: MappingOf[str, str],
    effective: EffectiveDocument | None = None,
) -> Plan:
    """Compile a document. Raises MappingError with every mistake and its place: that in the layer, where `text` is
    what several say together."""
    document = Document(text, name)
    layer_names: tuple[str, ...] = ()
    if effective is not None:
        document.locations = effective.locations
        layer_names = tuple(layer.name for layer in effective.layers)
    return _Compiler(document, option_values, layer_names).compile()


class _Compiler:
    """One pass over one document. Also what functions may ask of it (`functions.Surroundings`)."""

    def __init__(
        self, document: Document, option_values: MappingOf[str, str], layer_names: tuple[str, ...]
    ) -> None:
        self.document = document
        self.layer_names = layer_names
        self.option_values = option_values
        self.plan = Plan()
        self.kinds = self.plan.kinds
        self.possible: dict[str, Possible] = {}
        """What a described path can hold when the rules look at it."""
        self.open_groups: set[str] = set()

    def compile(self) -> Plan:
        document, plan = self.document, self.plan
        document.section((), _ENTRIES)
        plan.description = document.text(("description",), limit=500) or ""
        plan.system = document.text(("system",), limit=60) or ""
        plan.stream = document.text(("stream",), limit=60) or ""
        self._financier()
        self._options()
        self._tables()
        self._record()
        self._totals()
        self._fields()
        plan.rules = RuleCompiler(
            plan.fields, self, of_financier=False, kind_of_path=self._kind
        ).compile(document)
        if not document.problems:
            check_rules(document, plan.rules, self._possible, self.layer_names)
        document.finish()
        plan.begins_by = self._written("system", "stream", "tables", "record", "totals")
        plan.begins_by += repr([(o.name, o.value) for o in plan.options.values()])
        plan.reads_by = self._written("financier", "fields")
        if plan.financier is not None:
            needs = plan.financier.document
            plan.rules += RuleCompiler(plan.fields, None, of_financier=True).compile(needs)
            needs.finish()
        return plan

    def _written(self, *sections: str) -> str:
        return repr([self.document.data.get(section) for section in sections])

    # -- what functions ask -----------------------------------------------------------------------------------

    def read(self, path: Path) -> Reader:
        """A reader of a described path. Raises ExpressionError for another one."""
        if None in path.steps:
            raise ExpressionError(
                "Write [0] or [last] to say which entry is meant", path.offset, path.text
            )
        self._described(path)
        return reader(path)

    def _described(self, path: Path) -> None:
        if path.name not in self.kinds and not any(
            path.name.startswith(f"{group}.") for group in self.open_groups
        ):
            raise ExpressionError(
                f"The record section describes no field {path.name}",
                path.offset,
                path.text,
                tuple(self.kinds),
            )

    def entries(self, path: Path) -> Callable[[dict[str, Any]], Iterator[tuple[str, Any]]]:
        """A reader of a described list path. Raises ExpressionError for another one."""
        if None not in path.steps:
            raise ExpressionError(
                "Write [] after the list whose entries are meant", path.offset, path.text
            )
        self._described(path)
        return lambda record: each(record, path.steps, path.text)

    def table(self, name: Path) -> MappingOf[str, str]:
        """A value table. Raises ExpressionError when there is none of this name."""
        if name.text not in self.plan.tables:
            raise ExpressionError(
                f"There is no table {name.text}", name.offset, name.text, tuple(self.plan.tables)
            )
        return self.plan.tables[name.text]

    def option(self, name: Path) -> str:
        """An option's value. Raises ExpressionError when there is none of this name."""
        if name.text not in self.plan.options:
            raise ExpressionError(
                f"There is no option {name.text}", name.offset, name.text, tuple(self.plan.options)
            )
        return self.plan.options[name.text].value

    # -- the sections -----------------------------------------------------------------------------------------

    def _financier(self) -> None:
        name = self.document.text(("financier",), limit=60)
        if name is None:
            return
        try:
            self.plan.financier = describe_financier(name)
        except KeyError:
            self.document.note(
                ("financier",),
                f"There is no financier {name}",
                text=name,
                allowed=known_financiers(),
                at_value=True,
            )

    def _options(self) -> None:
        for name in self.document.named_sections(("options",), _NAME):
            path = ("options", name)
            self.document.section(path, ("sentence", "default"))
            sentence = self.document.text((*path, "sentence"), limit=300)
            default = self.document.text((*path, "default"), limit=200)
            if sentence is not None and default is not None:
                value = self.option_values.get(name, default)
                self.plan.options[name] = Option(name, sentence, default, value)

    def _tables(self) -> None:
        for name, entries in self.document.named_sections(("tables",), _NAME).items():
            table = {}
            for word, meaning in entries.items():
                checked = self.document.checked_text(("tables", name, word), meaning, 200)
                if checked is not None:
                    table[word] = checked
            self.plan.tables[name] = table

    def _record(self) -> None:
        section = self.document.section(("record",))
        if not section:
            self.document.note(
                ("record",), "The record section must describe the fields of the source"
            )
        for key, value in section.items():
            place: KeyPath = ("record", key)
            text = self.document.checked_text(place, value)
            if text is None:
                continue
            try:
                path = parse_path(key)
            except ExpressionError as error:
                self.document.note(place, error.message, text=key)
                continue
            self.kinds[path.name] = ANY
            try:
                expression = parse_expression(text, with_head=False)
                stages, kind = compile_check(expression, self)
            except ExpressionError as error:
                self.document.note_expression(place, error)
                continue
            self.kinds[path.name] = {DATE: DATE_TEXT}.get(kind, kind)
            self.possible[path.name] = described(
                expression.calls, always_there=all(type(step) is str for step in path.steps)
            )
            names = {call.name for call in expression.calls}
            if "date_of_timestamp" in names:
                self.kinds[path.name] = TIMESTAMP_TEXT
            if names & _OPEN_KINDS:
                self.open_groups.add(path.name)
            run = None if None in path.steps else check_run(reader(path), stages)
            self.plan.checks.append(Check(path, text, stages, run, shorten(path, stages)))

    def _totals(self) -> None:
        self.document.section(("totals",), ("currency", "amount"))
        for name in ("currency", "amount"):
            pipeline = self._pipeline(("totals", name), name)
            if pipeline is not None:
                self.plan.totals[name] = pipeline

    def _fields(self) -> None:
        section = self.document.section(("fields",), TARGETS)
        needs = self.plan.financier.fields if self.plan.financier else {}
        for target in ("currency", *(name for name in TARGETS if name != "currency")):
            if target in section:
                pipeline = self._pipeline(("fields", target), target)
                if pipeline is not None:
                    self.plan.fields[target] = pipeline
                    self._check_values(target, pipeline)
            elif target in needs and needs[target].required:
                self.document.note(
                    ("fields", target), f"The field {target} is missing; the financier asks for it"
                )

    def _pipeline(self, place: KeyPath, target: str) -> Pipeline | None:
        text = self.document.text(place)
        if text is None:
            return None
        try:
            expression = parse_expression(text, with_head=True)
            pipeline = compile_pipeline(
                expression, self, fallback_path=target, kind_of_path=self._kind
            )
            if pipeline.kind not in TARGETS[target]:
                wanted = " or ".join(sorted(TARGETS[target]))
                last = expression.calls[-1] if expression.calls else expression.head
                raise ExpressionError(
                    f"{target} must be {wanted}, but this ends in {pipeline.kind}; the last function is usually {_LAST_FUNCTIONS[target]}",
                    last.offset if last else 0,
                    last.text if last else text,
                )
        except ExpressionError as error:
            self.document.note_expression(place, error)
            return None
        return pipeline

    def _kind(self, path: Path) -> str:
        return self.kinds.get(path.name, ANY)

    def _possible(self, field: str) -> Possible:
        """What a field of a condition can hold, as far as the document says. Options are left open: connections set
        them, and a rule may be there for another value."""
        if not field.startswith("financing."):
            return self.possible.get(parse_path(field).name, Possible())
        pipeline = self.plan.fields[field.removeprefix("financing.")]
        if pipeline.values is not None and "option" not in pipeline.text:
            return Possible(words=pipeline.values)
        return Possible(words=frozenset(EXPONENTS)) if pipeline.kind == CURRENCY else Possible()

    def _check_values(self, target: str, pipeline: Pipeline) -> None:
        """Compare every value that the document itself can give with what the financier takes."""
        need = self.plan.financier.fields.get(target) if self.plan.financier else None
        allowed = _DIRECTIONS if target == "direction" else need.allowed if need else ()
        place: KeyPath = ("fields", target)
        if target == "direction" and pipeline.values is None:
            self.document.note(
                place,
                "The direction must come from constant or lookup",
                text=pipeline.text,
                at_value=True,
            )
        if not allowed:
            return
        if pipeline.values is None:
            self._check_source_words(target, pipeline, allowed)
            return
        wrong = sorted(v for v in pipeline.values if not set(listed_goods(v)).issubset(allowed))
        if target == "currency" and len(wrong) < len(pipeline.values):
            return  # a table of currencies may hold some that this financier leaves out
        for value in wrong:
            self.document.note(
                place, f"{target} cannot be {value}", text=value, allowed=allowed, at_value=True
            )

    def _check_source_words(
        self, target: str, pipeline: Pipeline, allowed: tuple[str, ...]
    ) -> None:
        """A field whose every possible word is refused would never be financed."""
        known = self.possible.get(pipeline.path)
        words = known.words if known is not None and pipeline.read is not None else None
        if words is None or any(stage.text not in _LEAVE_WORDS for stage in pipeline.stages):
            return
        if not words & set(allowed):
            shown = min(words)
            self.document.note(
                ("fields", target),
                f"{pipeline.path} is always one of {', '.join(sorted(words)[:5])}, which the financier refuses",
                text=shown,
                allowed=allowed,
                at_value=True,
            )


def run_stages(value: Any, stages: tuple[Stage, ...], scope: Scope) -> Any:
    """Put one value through the stages. Raises Wrong or Open."""
    for stage in stages:
        if value is not None or stage.fills:
            value = stage.step(value, scope)
    return value
