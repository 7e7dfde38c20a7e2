"""Mappings: what an accounting record becomes for a financier. Pure: no I/O, no clock, no logging.

mapping = load_mapping(shipped()["finexio"], name="finexio")
outcome = mapping.evaluate(record, today)
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

from mappings.canonical import Direction, FinancingInvoice
from mappings.comparison import Comparison, FieldChange, OutcomeChange, compare
from mappings.differences import Change, diff
from mappings.examples import Example, ExampleDifference, check_examples, outcome_as_dict
from mappings.explanation import Explanation, FieldTrace, RuleTrace, StepTrace
from mappings.explanation_text import explanation_text
from mappings.financier import describe_financier, known_financiers
from mappings.layers import EffectiveDocument, Layer, Origin, amended, effective
from mappings.mapping import Mapping
from mappings.money import MoneyError
from mappings.outcome import Outcome, OutcomeKind, Problem
from mappings.plan import Option
from mappings.problems import DocumentProblem, MappingError
from mappings.readings import Reading

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
    "Reading",
    "RuleTrace",
    "StepTrace",
    "amended",
    "check_examples",
    "compare",
    "diff",
    "effective",
    "explanation_text",
    "load_layers",
    "load_mapping",
    "outcome_as_dict",
    "shipped",
    "shipped_name",
]

_USUAL_FINANCIER: Final = "hosted_session"
"""The one that the documents in `mappings/systems/` are written for."""
_FINANCIER: Final = re.compile(r'^financier *= *"[a-z0-9_]*"', re.MULTILINE)


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
    """The documents that come with this package, by name (`finexio`, `tryton`), and each of them made for every other
    financier that finances its invoices (`finexio_for_kanmon`): the same but for its line `financier`, and for what
    `mappings/pairs/` says of that pair."""
    own = _packaged("systems")
    made = {
        shipped_name(name, financier): _for_financier(name, text, financier)
        for name, text in own.items()
        for financier in known_financiers()
        if name in (describe_financier(financier).systems or own)
    }
    return {**made, **own}


def _packaged(folder: str) -> dict[str, str]:
    """The packaged TOML documents of a folder, by name."""
    return {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in sorted(
            resources.files("mappings").joinpath(folder).iterdir(), key=lambda entry: entry.name
        )
        if entry.name.endswith(".toml")
    }


@cache
def _for_financier(system: str, text: str, financier: str) -> str:
    """A system's document made for a financier. What is said of a pair also goes for variations of the financier, whose
    names go on with an underscore (`monite_with_payables`)."""
    written = _FINANCIER.sub(f'financier = "{financier}"', text, count=1)
    name = shipped_name(system, financier)
    layers = [Layer(system, written)]
    layers += [
        Layer(f"mappings/pairs/{pair}.toml", overlay)
        for pair, overlay in _packaged("pairs").items()
        if name == pair or name.startswith(f"{pair}_")
    ]
    return effective(layers, name=name).annotated if len(layers) > 1 else written


def shipped_name(system: str, financier: str) -> str:
    """The name of the shipped document for the invoices of a system and a financing platform; the system's own for a
    platform that is not described here."""
    usual = financier == _USUAL_FINANCIER or financier not in known_financiers()
    return system if usual else f"{system}_for_{financier}"
