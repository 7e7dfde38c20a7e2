"""Mappings: what an accounting record becomes for a financier. Pure: no I/O, no clock, no logging.

mapping = load_mapping(shipped()["finexio"], name="finexio")
outcome = mapping.evaluate(record, today)
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from importlib import resources

from mappings.canonical import Direction, FinancingInvoice
from mappings.comparison import Comparison, FieldChange, OutcomeChange, compare
from mappings.differences import Change, diff
from mappings.examples import Example, ExampleDifference, check_examples, outcome_as_dict
from mappings.explanation import Explanation, FieldTrace, RuleTrace, StepTrace
from mappings.explanation_text import explanation_text
from mappings.layers import EffectiveDocument, Layer, Origin, effective
from mappings.mapping import Mapping
from mappings.money import MoneyError
from mappings.outcome import Outcome, OutcomeKind, Problem
from mappings.plan import Option
from mappings.problems import DocumentProblem, MappingError

__all__ = [
    "Change",
    "Comparison",
    "Direction",
    "DocumentProblem",
    "EffectiveDocument",
    "Example",
    "ExampleDifference",
    "Explanation",
    "FieldChange",
    "FieldTrace",
    "FinancingInvoice",
    "Layer",
    "Mapping",
    "MappingError",
    "MoneyError",
    "Option",
    "Origin",
    "Outcome",
    "OutcomeChange",
    "OutcomeKind",
    "Problem",
    "RuleTrace",
    "StepTrace",
    "check_examples",
    "compare",
    "diff",
    "effective",
    "explanation_text",
    "load_layers",
    "load_mapping",
    "outcome_as_dict",
    "shipped",
]


def load_mapping(
    document: str, *, name: str, options: MappingOf[str, str] | None = None
) -> Mapping:
    """Compile a mapping document (TOML text). `name` stands in messages; `options` sets the document's options.

    Raises MappingError, which lists every mistake with line, column and, where one is near, a suggestion.
    """
    mapping = Mapping(document, name, {})
    return mapping.with_options(options) if options else mapping


def load_layers(
    layers: Sequence[Layer], *, name: str, options: MappingOf[str, str] | None = None
) -> Mapping:
    """Compile a whole document (the first layer) with overlays on it. `document` of the mapping is what they say
    together; `origins` tells which layer set what.

    Raises MappingError, whose problems name layer, line and column.
    """
    made = effective(layers, name=name)
    mapping = Mapping(made.text, name, {}, made)
    return mapping.with_options(options) if options else mapping


def shipped() -> dict[str, str]:
    """The documents that come with this package, by name (`finexio`, `tryton`)."""
    folder = resources.files("mappings").joinpath("systems")
    return {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }
