"""How an invoice's outcome comes about, for a page: field by field and rule by rule, without secrets."""

from __future__ import annotations

from datetime import date
from typing import Any

from connector.corrections import corrected, from_json
from connector.deciding import Decider
from connector.evaluating import readable
from connector.store.corrections import Correction
from connector.views.corrected import correction_line, correction_text
from connector.views.lines import Json, money
from mappings import Mapping
from mappings.explanation import Explanation, FieldTrace, RuleTrace
from mappings.explanation_text import MASK, explanation_text, gives_amount, is_secret
from mappings.layers import Origin

LONGEST_VALUE = 200
VERDICTS = {"reject": "rejects", "exclude": "excludes", "eligible": "excludes", "hold": "holds"}


def explained(decider: Decider, raw: bytes, correction: Correction | None = None) -> Json:
    """What the active mapping says of a stored record as of today: `mapping`, `outcome`, `fields`, `rules`; of the record
    as it is corrected, where a correction is in force and applies (`corrected`: who entered what)."""
    raw, told = _as_corrected(decider.mapping, raw, correction)
    explanation = decider.mapping.explain(readable(raw), decider.today)
    origins = decider.mapping.origins
    outcome = explanation.outcome
    return {
        "mapping": decider.mapping.name,
        "corrected": told,
        "today": decider.today.isoformat(),
        "outcome": {
            "kind": outcome.kind.value,
            "sentence": outcome.sentence,
            "rule": outcome.rule,
            "recheck_on": None if outcome.recheck_on is None else outcome.recheck_on.isoformat(),
        },
        "fields": [
            {
                **_field(trace, explanation, origins.get(f"fields.{trace.target}")),
                "entered": _entered(trace.source_path, told),
            }
            for trace in explanation.fields
        ],
        "rules": [
            _rule(rule, origins.get(f"{rule.section}.{rule.name}")) for rule in explanation.rules
        ],
    }


def explained_text(
    mapping: Mapping, raw: bytes, today: date, correction: Correction | None = None
) -> str:
    """The same as plain text, by any mapping."""
    raw, told = _as_corrected(mapping, raw, correction)
    text = explanation_text(mapping.explain(readable(raw), today), origins=mapping.origins)
    return text if told is None else correction_text(told) + text


def _as_corrected(
    mapping: Mapping, raw: bytes, correction: Correction | None
) -> tuple[bytes, Json | None]:
    """The record as the mapping looks at it, and what is told of its correction."""
    if correction is None:
        return raw, None
    found = corrected(raw, from_json(correction.fields), mapping)
    told = {**correction_line(correction), "applies": found is not None}
    return (raw if found is None else found), told


def _entered(path: str, told: Json | None) -> Json | None:
    """What a person entered for a field, where that counts."""
    if told is None or not told["applies"]:
        return None
    return next((each for each in told["fields"] if each["path"] == path), None)


def _field(trace: FieldTrace, explanation: Explanation, origin: Origin | None) -> Json:
    secret = is_secret(trace.expression) or is_secret(trace.source_path)
    currency = explanation.outcome.currency
    amount = trace.target == "amount" and type(trace.result) is int and currency is not None
    return {
        "field": trace.target,
        "path": trace.source_path,
        "source": _shown(trace.source_value, secret),
        "steps": [
            {
                "function": step.function,
                "result": None
                if step.problem
                else _made(trace, number, currency if amount else None, secret),
                "problem": step.problem,
            }
            for number, step in enumerate(trace.steps)
        ],
        "money": money(trace.result, currency) if amount and not secret else None,
        "result": _shown(trace.result, secret),
        "is_date": isinstance(trace.result, date),
        "origin": None if origin is None else str(origin),
    }


def _made(trace: FieldTrace, number: int, currency: str | None, secret: bool) -> str | None:
    """What a step gave; an amount in whole units of its currency, where one is given."""
    result = trace.steps[number].result
    if secret or currency is None or type(result) is not int or not gives_amount(trace, number):
        return _shown(result, secret)
    return f"{money(result, currency)['amount']} {currency}"


def _rule(rule: RuleTrace, origin: Origin | None) -> Json:
    verdict = "cannot be decided" if rule.caught is None else VERDICTS[rule.section]
    return {
        "section": rule.section,
        "name": rule.name,
        "when": rule.when,
        "acts": rule.caught,
        "verdict": verdict if rule.caught is not False else "does not act",
        "sentence": rule.problem if rule.caught is None else rule.sentence,
        "of_financier": rule.of_financier,
        "origin": None if origin is None else str(origin),
    }


def _shown(value: Any, secret: bool) -> str | None:
    """A value as text; None for none. Nothing of a secret, and nothing that does not print."""
    if value is None:
        return None
    if secret:
        return MASK
    if isinstance(value, dict | list):
        return f"{'a group' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = "yes" if value is True else "no" if value is False else str(value)[: LONGEST_VALUE + 1]
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
