"""An explanation as plain text, for a terminal or a page: field by field and rule by rule, without secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from mappings.explanation import Explanation, FieldTrace, RuleTrace
from mappings.functions import FUNCTIONS
from mappings.layers import Origin
from mappings.money import to_text
from mappings.outcome import Outcome
from mappings.vocabulary import AMOUNT

MASK: Final = "•••"
MAX_VALUE_CHARACTERS: Final = 80

_SECRET: Final = re.compile(
    r"passw|passphrase|secret|token|api_?key|private_?key|signature|account_?number|routing|iban|swift|tax_?id|vat_?id|ssn",
    re.IGNORECASE,
)
_VERDICTS: Final = {
    "reject": "rejects",
    "exclude": "excludes",
    "eligible": "excludes",
    "hold": "holds",
}

Masked = Callable[[str, str], str]
"""Takes a path of the record and a value as text; gives the text to show."""


def is_secret(path: str) -> bool:
    """Whether a field's name says that its value is not for showing (`account_number`, `iban`, `token`)."""
    return _SECRET.search(path) is not None


def gives_amount(trace: FieldTrace, number: int) -> bool:
    """Whether what a step of the field `amount` gave is in minor units already, not in the unit of the record."""
    function = FUNCTIONS.get(re.split(r"\W", trace.steps[number].function, maxsplit=1)[0])
    makes = function is not None and (function.gives == AMOUNT or function.accepts == {AMOUNT})
    return makes or number == len(trace.steps) - 1


def explanation_text(
    explanation: Explanation,
    *,
    origins: Mapping[str, Origin] | None = None,
    masked: Masked | None = None,
) -> str:
    """The explanation in lines. `origins` (of a mapping made of layers) adds who set each field and rule. Values of
    fields whose names sound secret are never shown, nor what functions make of them; `masked` may take out more."""
    places = origins or {}
    show = _Shown(explanation.outcome, masked)
    lines = [show.outcome(explanation.outcome)]
    if explanation.fields:
        lines += ["", "Fields"]
    for trace in explanation.fields:
        lines += _field(trace, places.get(f"fields.{trace.target}"), show)
    if explanation.rules:
        lines += ["", "Rules"]
    for rule in explanation.rules:
        lines.append(_rule(rule, places.get(f"{rule.section}.{rule.name}")))
    return "\n".join(lines) + "\n"


class _Shown:
    def __init__(self, outcome: Outcome, masked: Masked | None) -> None:
        self.currency = outcome.invoice.currency if outcome.invoice else outcome.currency
        self.masked = masked

    def outcome(self, outcome: Outcome) -> str:
        said = f"{outcome.kind.value.capitalize()}."
        if outcome.sentence:
            said += f" {outcome.sentence}"
        if outcome.rule:
            said += f" (rule {outcome.rule})"
        if outcome.recheck_on:
            said += f" To be looked at again on {outcome.recheck_on.isoformat()}."
        return said

    def value(self, value: Any, path: str, *, secret: bool, amount: bool = False) -> str:
        if value is None:
            return "no value"
        if secret:
            return MASK
        if amount and type(value) is int and self.currency:
            return f"{to_text(value, self.currency)} {self.currency}"
        if type(value) is dict or type(value) is list:
            return f"{'a group' if type(value) is dict else 'a list'} of {len(value)}"
        plain = type(value) is str or type(value) is bool or type(value) is date
        text = str(value) if plain or type(value) is not int else _whole(value)
        if self.masked is not None:
            text = self.masked(path, text)
        text = "".join(c if c.isprintable() else "�" for c in text[: MAX_VALUE_CHARACTERS + 1])
        if len(text) > MAX_VALUE_CHARACTERS:
            text = text[:MAX_VALUE_CHARACTERS] + "…"
        return f"'{text}'" if type(value) is str else text


def _whole(value: int) -> str:
    return str(value) if abs(value) < 10**40 else "a very large number"


def _field(trace: FieldTrace, origin: Origin | None, show: _Shown) -> list[str]:
    secret = is_secret(trace.expression) or is_secret(trace.source_path)
    amount = trace.target == "amount"
    result = show.value(trace.result, trace.source_path, secret=secret, amount=amount)
    lines = [f"  {trace.target} = {result}{_from(origin)}"]
    if trace.source_value is not None:
        source = show.value(trace.source_value, trace.source_path, secret=secret)
        lines.append(f"      {trace.source_path}: {source}")
    elif not trace.steps:
        lines.append(f"      {trace.source_path}: no value")
    for number, step in enumerate(trace.steps):
        if step.problem is not None:
            lines.append(f"      | {step.function} -> {step.problem}")
            continue
        money = amount and gives_amount(trace, number)
        shown = show.value(step.result, trace.source_path, secret=secret, amount=money)
        lines.append(f"      | {step.function} -> {shown}")
    return lines


def _rule(rule: RuleTrace, origin: Origin | None) -> str:
    if rule.caught is None:
        verdict = f"cannot be decided: {rule.problem}"
    elif rule.caught:
        verdict = f"{_VERDICTS[rule.section]}: {rule.sentence}"
    else:
        verdict = "does not act"
    whose = " (the financier's)" if rule.of_financier else ""
    return f"  {rule.section} {rule.name}{whose}: {verdict} [{rule.when}]{_from(origin)}"


def _from(origin: Origin | None) -> str:
    return f"   (set by {origin})" if origin else ""
