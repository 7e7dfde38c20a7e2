from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mappings.evaluation import Open, Scope, Wrong
from mappings.expressions import ExpressionError, Path, parse_expression
from mappings.functions import FUNCTIONS
from mappings.paths import Reader, each, reader
from mappings.pipelines import Pipeline, compile_pipeline
from mappings.vocabulary import ANY, Function


class Surroundings:
    def read(self, path: Path) -> Reader:
        return reader(path)

    def entries(self, path: Path) -> Callable[[dict[str, Any]], Iterator[tuple[str, Any]]]:
        return lambda record: each(record, path.steps, path.text)

    def table(self, name: Path) -> dict[str, str]:
        return {
            "direction": {"out": "receivable", "in": "payable"},
            "terms": {"N30": "30", "cp-1": "45"},
            "words": {"N30": "thirty"},
        }[name.text]

    def option(self, name: Path) -> str:
        return {"goods": "other"}[name.text]


def compiled(expression: str) -> Pipeline:
    return compile_pipeline(
        parse_expression(expression, with_head=True),
        Surroundings(),
        fallback_path="field",
        kind_of_path=lambda path: ANY,
    )


def run(expression: str, record: dict[str, Any], currency: str = "USD") -> Any:
    """The result, or `!` and the sentence of a refusal."""
    pipeline = compiled(expression)
    scope = Scope(record)
    scope.currency = currency
    try:
        return pipeline.run(scope)
    except (Wrong, Open) as stop:
        return "!" + stop.problem(pipeline.path).sentence


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_the_documented_example(function: Function) -> None:
    example = function.example
    assert function.name in example.expression
    result = run(example.expression, example.record)
    assert result == example.result
    assert type(result) is type(example.result)


@pytest.mark.parametrize(
    ("expression", "record", "result"),
    [
        ("a | lookup(direction, 'payable')", {"a": "else"}, "payable"),
        ("a | lookup(direction)", {"a": "else"}, "!A must be one of: out, in."),
        ("d | date | plus_days(t, terms)", {"d": "2026-01-01", "t": "N30"}, date(2026, 1, 31)),
        ("d | date | plus_days(t, terms)", {"d": "2026-01-01", "t": "X"}, "!T must be one of: N30, cp-1."),
        ("d | date | plus_days(t, terms, 1)", {"d": "2026-01-01", "t": "X"}, date(2026, 1, 2)),
        ("d | date | plus_days(t, terms, 1)", {"d": "2026-01-01"}, date(2026, 1, 2)),
        ("d | date | or_days_after(i, 30)", {"d": "2026-01-05", "i": "2026-01-01"}, date(2026, 1, 5)),
        ("d | date | or_days_after(i, t, terms)", {"i": "2026-01-01", "t": "N30"}, date(2026, 1, 31)),
        ("d | date | or_days_after(i, t, terms)", {"i": "2026-01-01", "t": "X"}, None),
        ("d | date | or_days_after(i, t, terms, 1)", {"i": "2026-01-01T09:30:00"}, date(2026, 1, 2)),
        ("d | date | or_days_after(i, 30)", {}, None),
        ("d | date | or_days_after(i, 30)", {"i": "soon"}, "!I must be a calendar date written like 2026-11-30."),
        ("a | minus_each(p[].c)", {"a": 10, "p": []}, 10),
        ("a | minus_each(p[].c)", {"a": 10}, 10),
        ("a | minus_each(p[].c)", {"a": "1.50", "p": [{"c": "0.25"}, {}]}, Decimal("1.25")),
        (
            "a | minus_each(p[].c)",
            {"a": 1, "p": [{"c": 2}]},
            "!P[0], c must not be larger than what it is taken from.",
        ),
        ("a | minor_units | minus_percent(0.5, 'half_even')", {"a": 100}, 100),
        ("a | minor_units | minus_percent(0.5, 'half_up')", {"a": 100}, 99),
        ("a | minor_units | minus_percent(0.1, 'up')", {"a": 100}, 99),
        ("a | minor_units | minus_percent(0.9, 'down')", {"a": 100}, 100),
        ("a | minor_units | minus_percent(p, 'up')", {"a": 100, "p": "2"}, 98),
        ("a | minor_units | minus_percent(p, 'up')", {"a": 100}, 100),
        ("a | minor_units | minus_percent(p, 'up')", {"a": 100, "p": 101}, "!P must be from 0 to 100."),
        ("a | rounded('half_even')", {"a": "0.125"}, Decimal("0.12")),
        ("a | rounded('down')", {"a": "-0.129"}, Decimal("-0.12")),
        ("first_of(a, b)", {}, None),
        ("first_of(a.x, b)", {"a": 1}, "!A, x must be inside a group of fields, not a whole number."),
        ("choose(t, 'in', a)", {}, None),
        ("choose(t, 'in', a)", {"t": "else", "a": "1"}, "!T must be one of: in."),
        ("choose(t, 'in', a)", {"t": ["in"]}, "!T must be one of: in."),
        ("concat(a, '-', b)", {"a": "1"}, None),
        ("concat(a, '-', b)", {"a": "1", "b": 2}, "1-2"),
        ("concat(a)", {"a": Decimal("1.5")}, "!A must be text or a whole number, not a number with decimals."),
        ("a | required", {"a": "x"}, "x"),
        ("a | default('x')", {"a": "y"}, "y"),
        ("a | default('it''s')", {}, "it's"),
        ("a | text", {"a": "\x00"}, "!A must be text without control characters."),
        ("a | text", {"a": "\ud800"}, "!A must be text without control characters."),
        ("a | text", {"a": "two\nlines\tand é"}, "two\nlines\tand é"),
        ("a | trim", {"a": "  "}, None),
        ("a | trim | required", {"a": "  "}, "!A is missing."),
        ("a | max_length(3)", {"a": "ABC"}, "ABC"),
        ("a | lookup(direction)", {"a": "both"}, "!A must be one of: out, in."),
        ("a | lookup(direction)", {"a": {}}, "!A must be one of: out, in."),
        ("a | integer", {"a": True}, "!A must be a whole number, not a yes-or-no value."),
        ("a | integer", {"a": 1.0}, "!A must be a whole number, not an inexact floating-point number."),
        ("a | decimal", {"a": 1.5}, "!A must be a number, not an inexact floating-point number."),
        ("a | decimal", {"a": "12.50"}, Decimal("12.50")),
        ("a | between(-1.5, 1.5)", {"a": "1.5"}, "1.5"),
        ("a | between(-1.5, 1.5)", {"a": "-1.6"}, "!A must be from -1.5 to 1.5."),
        ("a | minus(b)", {"a": 5}, 5),
        ("a | minus(b)", {"a": "5.00", "b": "1.25"}, Decimal("3.75")),
        ("a | minus(b)", {"a": 5, "b": 6}, "!B must not be larger than what it is taken from."),
        ("a | minus(b)", {"a": 5, "b": "x"}, "!B must be a plain number, such as 1234.50, but is other text."),
        ("a | minus(b)", {"a": 10**300, "b": "1"}, "!A is larger than any amount that can be kept."),
        ("a | currency_code", {"a": "usd"}, "!A must be a current ISO 4217 currency code of three capital letters, such as USD."),
        ("a | minor_units", {"a": "12"}, 12),
        ("a | minor_units", {"a": -12}, -12),
        ("a | minor_units", {"a": 2**63}, "!A is larger than any amount that can be kept."),
        ("a | minor_units", {"a": Decimal(12)}, "!A must be a whole number of minor units, not a number with decimals."),
        ("a | decimal_to_minor_units", {"a": "0.001"}, "!A must have no more than 2 decimal places in this currency."),
        ("a | date", {"a": "2026-02-30"}, "!A must be a calendar date written like 2026-11-30."),
        ("a | date", {"a": "2026-W10-1"}, "!A must be a calendar date written like 2026-11-30."),
        ("a | date", {"a": "20260210"}, "!A must be a calendar date written like 2026-11-30."),
        ("a | date", {"a": "٢٠٢٦-01-01"}, "!A must be a calendar date written like 2026-11-30."),
        ("a | date", {"a": "2026-02-10T00:00:00"}, "!A must be a calendar date written like 2026-11-30."),
        ("a | date_of_timestamp", {"a": "2026-02-10Tnoon"}, "!A must be a date and time written like 2026-11-30T14:05:00."),
        ("a | timestamp", {"a": "2026-02-10"}, "!A must be a date and time written like 2026-11-30T14:05:00."),
        ("a | timestamp", {"a": "2026-02-10T25:00:00"}, "!A must be a date and time written like 2026-11-30T14:05:00."),
        ("a | timestamp", {"a": "2026-02-10T23:00:00Z"}, "2026-02-10T23:00:00Z"),
        ("a | date | plus_days(b)", {"a": "2026-02-10", "b": -1}, "!B must be a whole number from 0 to 36500."),
        ("a | date | plus_days(b)", {"a": "2026-02-10"}, None),
        ("a | date | plus_days(36500)", {"a": "9999-12-31"}, "!A must be a date before the year 10000."),
        ("a | labels", {"a": {"x": "1", "y": 2}}, {"x": "1", "y": 2}),
        ("a | labels", {"a": {"x": True}}, "!A must hold only text and whole numbers, and holds a yes-or-no value under a name."),
        ("a[0].b", {"a": [{"b": 1}]}, 1),
        ("a[last].b", {"a": [{"b": 1}, {"b": 2}]}, 2),
        ("a[last].b", {"a": []}, None),
        ("a[3].b", {"a": [{"b": 1}]}, None),
        ("a[0].b", {"a": "text"}, "!A[0], b must be inside a list, not text."),
        ("a.b.c", {"a": {"b": ""}}, "!A, b, c must be inside a group of fields, not text."),
    ],
)  # fmt: skip
def test_results(expression: str, record: dict[str, Any], result: Any) -> None:
    found = run(expression, record)
    assert found == result
    assert type(found) is type(result)


def test_an_amount_needs_a_known_currency() -> None:
    scope = Scope({"a": 1})
    for name in ("minor_units", "decimal_to_minor_units"):
        with pytest.raises(Wrong) as stop:
            compiled(f"a | {name}").run(scope)
        assert stop.value.reason_code == "currency_unknown"


@pytest.mark.parametrize("expression", sorted({f.example.expression for f in FUNCTIONS.values()}))
def test_no_refusal_shows_the_value(expression: str) -> None:
    secret = "9182-secret-7734"
    record = dict.fromkeys(
        ["number", "currency", "status", "type", "total", "due", "created", "urgent", "lines"]
        + ["party", "metadata", "amount_cents", "id", "issued"],
        secret,
    )
    result = run(expression, record)
    assert not (isinstance(result, str) and result.startswith("!") and secret in result)


@pytest.mark.parametrize(
    "expression",
    [
        "a | rounded('nearest')",
        "a | rounded(b)",
        "a | minor_units | minus_percent(101, 'up')",
        "a | minor_units | minus_percent(2)",
        "a | date | plus_days(30, terms)",
        "a | date | or_days_after(30)",
        "a | date | or_days_after(30, 30)",
        "a | or_days_after(b, 30)",
        "a | date | plus_days(b, words)",
        "a | minus_percent(2, 'up')",
    ],
)
def test_what_cannot_be_meant_is_refused_when_it_is_read(expression: str) -> None:
    with pytest.raises(ExpressionError):
        compiled(expression)
