"""The closed list of functions of the mapping language. docs/mapping-language.md is generated from this table.

Each entry says what it takes and gives, in kinds that are checked when a document is loaded, and carries one
example that is also a test. The steps themselves are in `mappings.sources` and `mappings.steps`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from mappings import sources, steps
from mappings.evaluation import Step
from mappings.vocabulary import (
    AMOUNT,
    ANY,
    CURRENCY,
    DATE,
    DATE_TEXT,
    DECIMAL,
    GROUP,
    INTEGER,
    LIST,
    NUMBERS,
    TEXT,
    TEXTS,
    TIMESTAMP_TEXT,
    YES_NO,
    Example,
    Function,
    Surroundings,
)


def _plain(step: Step) -> Callable[[tuple[Any, ...], Surroundings], Step]:
    return lambda arguments, surroundings: step


_TABLE_EXAMPLE: Final = {"type": "out"}

_ALL: Final = (
    Function(
        "constant",
        ("'text'",),
        "Always this text, whatever the record says.",
        Example("constant('payable')", {}, "payable"),
        sources.constant,
        gives=TEXT,
        begins=True,
    ),
    Function(
        "first_of",
        ("path", "path ..."),
        "The first of these fields that has a value.",
        Example("first_of(reference, number)", {"reference": None, "number": "17"}, "17"),
        sources.first_of,
        gives=ANY,
        begins=True,
        minimum_arguments=2,
    ),
    Function(
        "choose",
        ("path", "'word'", "path ..."),
        "Looks at the first field: where it holds the first word, takes the field after that word; where it "
        "holds the next word, the field after that one. Another word makes the record wait for a person.",
        Example(
            "choose(type, 'in', reference, 'out', number)",
            {"type": "out", "reference": "PO-9", "number": "17"},
            "17",
        ),
        sources.choose,
        gives=ANY,
        begins=True,
        minimum_arguments=3,
    ),
    Function(
        "concat",
        ("path or 'text'", "path or 'text' ..."),
        "Joins fields and texts, in this order. No value if one of the fields has none.",
        Example("concat('company:', company.id)", {"company": {"id": 7}}, "company:7"),
        sources.concat,
        gives=TEXT,
        begins=True,
        minimum_arguments=1,
    ),
    Function(
        "option",
        ("name",),
        "The value of one of the document's options, which a connection may set.",
        Example("option(goods)", {}, "other"),
        sources.option,
        gives=TEXT,
        begins=True,
    ),
    Function(
        "required",
        (),
        "There must be a value: without one the record is rejected.",
        Example("number | required", {"number": ""}, "!Number is missing."),
        _plain(steps.required),
        fills=True,
    ),
    Function(
        "default",
        ("'text'",),
        "This text where there is no value.",
        Example("currency | default('USD')", {"currency": None}, "USD"),
        steps.default,
        accepts=TEXTS,
        fills=True,
    ),
    Function(
        "text",
        (),
        "Must be text, without control characters.",
        Example("number | text", {"number": 17}, "!Number must be text, not a whole number."),
        _plain(steps.text),
        accepts=TEXTS,
        gives=TEXT,
    ),
    Function(
        "trim",
        (),
        "Without the blanks before and after it; nothing but blanks is no value.",
        Example("number | trim", {"number": " A 1 "}, "A 1"),
        _plain(steps.trim),
        accepts=TEXTS,
        gives=TEXT,
    ),
    Function(
        "upper",
        (),
        "In capital letters.",
        Example("currency | upper", {"currency": "usd"}, "USD"),
        _plain(steps.upper),
        accepts=TEXTS,
        gives=TEXT,
    ),
    Function(
        "lower",
        (),
        "In small letters.",
        Example("status | lower", {"status": "Pending"}, "pending"),
        _plain(steps.lower),
        accepts=TEXTS,
        gives=TEXT,
    ),
    Function(
        "max_length",
        ("number",),
        "Must be text of at most this many characters.",
        Example(
            "number | max_length(3)",
            {"number": "ABCD"},
            "!Number must have at most 3 characters, and has 4.",
        ),
        steps.max_length,
        accepts=TEXTS,
        gives=TEXT,
    ),
    Function(
        "one_of",
        ("'word'", "'word' ..."),
        "Must be one of these words.",
        Example("currency | one_of('USD')", {"currency": "EUR"}, "!Currency must be one of: USD."),
        steps.one_of,
        accepts=TEXTS,
        minimum_arguments=1,
    ),
    Function(
        "lookup",
        ("table",),
        "The word that a value table gives for this one. A word the table lacks makes the record wait for a person.",
        Example("type | lookup(direction)", _TABLE_EXAMPLE, "receivable"),
        steps.lookup,
        accepts=TEXTS | {INTEGER},
        gives=TEXT,
    ),
    Function(
        "integer",
        (),
        "Must be a whole number.",
        Example("id | integer", {"id": 17}, 17),
        _plain(steps.integer),
        accepts=frozenset({ANY, INTEGER}),
        gives=INTEGER,
    ),
    Function(
        "decimal",
        (),
        "Must be a number, with or without decimals, or text that is such a number. Never rounded.",
        Example(
            "total | decimal",
            {"total": "12,50"},
            "!Total must be a plain number, such as 1234.50, but is other text.",
        ),
        _plain(steps.decimal),
        accepts=NUMBERS,
        gives=DECIMAL,
    ),
    Function(
        "between",
        ("number", "number"),
        "Must be a number from the first to the second, both included.",
        Example(
            "amount_cents | between(1, 999999900)",
            {"amount_cents": 0},
            "!Amount cents must be from 1 to 999999900.",
        ),
        steps.between,
        accepts=NUMBERS,
    ),
    Function(
        "minus",
        ("path",),
        "Less the number in another field of the same unit, where it has one. Below zero is wrong.",
        Example(
            "amount_cents | minus(discount_amount_cents)",
            {"amount_cents": 10000, "discount_amount_cents": 250},
            9750,
        ),
        steps.minus,
        accepts=NUMBERS,
    ),
    Function(
        "currency_code",
        (),
        "Must be a current currency code (ISO 4217) in capital letters.",
        Example("currency | upper | currency_code", {"currency": "jpy"}, "JPY"),
        _plain(steps.currency_code),
        accepts=TEXTS,
        gives=CURRENCY,
    ),
    Function(
        "minor_units",
        (),
        "A whole number of cents (the smallest unit of the invoice's currency) as an amount.",
        Example("amount_cents | minor_units", {"amount_cents": 12353}, 12353),
        _plain(steps.minor_units),
        accepts=frozenset({ANY, TEXT, INTEGER}),
        gives=AMOUNT,
    ),
    Function(
        "decimal_to_minor_units",
        (),
        "A decimal number in the invoice's currency as an amount, exactly: more decimals than the currency has "
        "are wrong, never rounded.",
        Example("total | decimal_to_minor_units", {"total": "123.53"}, 12353),
        _plain(steps.decimal_to_minor_units),
        accepts=NUMBERS,
        gives=AMOUNT,
    ),
    Function(
        "date",
        (),
        "A calendar date written year-month-day.",
        Example("due | date", {"due": "2026-11-30"}, date(2026, 11, 30)),
        _plain(steps.date_),
        accepts=frozenset({ANY, TEXT, DATE_TEXT}),
        gives=DATE,
    ),
    Function(
        "date_of_timestamp",
        (),
        "The date that a date or a timestamp shows as it is written; no time zone is applied.",
        Example(
            "created | date_of_timestamp",
            {"created": "2026-11-30T23:59:59-08:00"},
            date(2026, 11, 30),
        ),
        _plain(steps.date_of_timestamp),
        accepts=frozenset({ANY, TEXT, DATE_TEXT, TIMESTAMP_TEXT}),
        gives=DATE,
    ),
    Function(
        "plus_days",
        ("number or path",),
        "A date so many days later; the days may come from a field.",
        Example("issued | date | plus_days(30)", {"issued": "2026-11-30"}, date(2026, 12, 30)),
        steps.plus_days,
        accepts=frozenset({DATE}),
        gives=DATE,
    ),
    Function(
        "timestamp",
        (),
        "Must be a date with a time of day, with or without a time zone.",
        Example(
            "created | timestamp",
            {"created": "2021-12-04T04:25:35.067989"},
            "2021-12-04T04:25:35.067989",
        ),
        _plain(steps.timestamp),
        accepts=TEXTS,
        gives=TIMESTAMP_TEXT,
    ),
    Function(
        "yes_or_no",
        (),
        "Must be true or false.",
        Example(
            "urgent | yes_or_no", {"urgent": 1}, "!Urgent must be yes or no, not a whole number."
        ),
        _plain(steps.yes_or_no),
        accepts=frozenset({ANY, YES_NO}),
        gives=YES_NO,
    ),
    Function(
        "list",
        (),
        "Must be a list.",
        Example("lines | list", {"lines": {}}, "!Lines must be a list, not a group of fields."),
        _plain(steps.list_),
        accepts=frozenset({ANY, LIST}),
        gives=LIST,
    ),
    Function(
        "group",
        (),
        "Must be a group of fields.",
        Example(
            "party | group", {"party": 4}, "!Party must be a group of fields, not a whole number."
        ),
        _plain(steps.group),
        accepts=frozenset({ANY, GROUP}),
        gives=GROUP,
    ),
    Function(
        "labels",
        (),
        "Must be a group of fields whose values are all text or whole numbers.",
        Example(
            "metadata | labels",
            {"metadata": {"po": None}},
            "!Metadata must hold only text and whole numbers, and holds nothing under a name.",
        ),
        _plain(steps.labels),
        accepts=frozenset({ANY, GROUP}),
        gives=GROUP,
    ),
)

FUNCTIONS: Final[dict[str, Function]] = {function.name: function for function in _ALL}
