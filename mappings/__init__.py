"""Mappings: what an accounting record becomes for a financier. Pure: no I/O, no clock, no logging.

mapping = load_mapping(shipped()["finexio"], name="finexio")
outcome = mapping.evaluate(record, today)
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from importlib import resources

from mappings.canonical import Direction, FinancingInvoice
from mappings.explanation import Explanation, FieldTrace, RuleTrace, StepTrace
from mappings.layers import EffectiveDocument, Layer, Origin, effective
from mappings.mapping import Mapping
from mappings.money import MoneyError
from mappings.outcome import Outcome, OutcomeKind, Problem
from mappings.plan import Option
from mappings.problems import DocumentProblem, MappingError

__all__ = [
    "Direction",
    "DocumentProblem",
    "EffectiveDocument",
    "Explanation",
    "FieldTrace",
    "FinancingInvoice",
    "Layer",
    "Mapping",
    "MappingError",
    "MoneyError",
    "Option",
    "Origin",
    "Outcome",
    "OutcomeKind",
    "Problem",
    "RuleTrace",
    "StepTrace",
    "effective",
    "load_layers",
    "load_mapping",
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
