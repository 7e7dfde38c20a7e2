"""The closed list of functions of the mapping language. docs/mapping-language.md is generated from this table.

Each entry says what it takes and gives, in kinds that are checked when a document is loaded, and carries one
example that is also a test. The steps themselves are in `mappings.sources` and `mappings.steps`.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from mappings import sources, steps
from mappings.number_functions import NUMBER_FUNCTIONS
from mappings.vocabulary import (
    ANY,
    CURRENCY,
    DATE,
    DATE_TEXT,
    GROUP,
    INTEGER,
    LIST,
    TEXT,
    TEXTS,
    TIMESTAMP_TEXT,
    YES_NO,
    Example,
    Function,
    plain,
)

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
        plain(steps.required),
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
        plain(steps.text),
        accepts=TEXTS,
        gives=TEXT,
    ),
    Function(
        "trim",
        (),
        "Without the blanks before and after it; nothing but blanks is no value.",
        Example("number | trim", {"number": " A 1 "}, "A 1"),
        plain(steps.trim),
        accepts=TEXTS,
        gives=TEXT,
    ),
    Function(
        "upper",
        (),
        "In capital letters.",
        Example("currency | upper", {"currency": "usd"}, "USD"),
        plain(steps.upper),
        accepts=TEXTS,
        gives=TEXT,
    ),
    Function(
        "lower",
        (),
        "In small letters.",
        Example("status | lower", {"status": "Pending"}, "pending"),
        plain(steps.lower),
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
        ("table", "'word'"),
        "The word that a value table gives for this one: a code, a counterparty, an account. A word the table lacks "
        "makes the record wait for a person, or gives the second argument.",
        Example("type | lookup(direction)", _TABLE_EXAMPLE, "receivable"),
        steps.lookup,
        accepts=TEXTS | {INTEGER},
        gives=TEXT,
        minimum_arguments=1,
    ),
    *NUMBER_FUNCTIONS,
    Function(
        "currency_code",
        (),
        "Must be a current currency code (ISO 4217) in capital letters.",
        Example("currency | upper | currency_code", {"currency": "jpy"}, "JPY"),
        plain(steps.currency_code),
        accepts=TEXTS,
        gives=CURRENCY,
    ),
    Function(
        "date",
        (),
        "A calendar date written year-month-day.",
        Example("due | date", {"due": "2026-11-30"}, date(2026, 11, 30)),
        plain(steps.date_),
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
        plain(steps.date_of_timestamp),
        accepts=frozenset({ANY, TEXT, DATE_TEXT, TIMESTAMP_TEXT}),
        gives=DATE,
    ),
    Function(
        "plus_days",
        ("number or path", "table", "number"),
        "A date so many days later. The days may come from a field, or from a table that gives them for the field's "
        "word (terms of payment, by code or by counterparty); a word the table lacks makes the record wait for a "
        "person, or takes the third argument.",
        Example("issued | date | plus_days(30)", {"issued": "2026-11-30"}, date(2026, 12, 30)),
        steps.plus_days,
        accepts=frozenset({DATE}),
        gives=DATE,
        minimum_arguments=1,
    ),
    Function(
        "or_days_after",
        ("path", "number or path", "table", "number"),
        "Where there is no date: so many days after the date in this field. The days are said as for plus_days; a word "
        "the table lacks, without a number for it, gives no date. A date that is there stays as it is.",
        Example(
            "due | date | or_days_after(issued, 30)",
            {"due": None, "issued": "2026-11-30"},
            date(2026, 12, 30),
        ),
        steps.or_days_after,
        accepts=frozenset({DATE}),
        gives=DATE,
        fills=True,
        minimum_arguments=2,
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
        plain(steps.timestamp),
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
        plain(steps.yes_or_no),
        accepts=frozenset({ANY, YES_NO}),
        gives=YES_NO,
    ),
    Function(
        "list",
        (),
        "Must be a list.",
        Example("lines | list", {"lines": {}}, "!Lines must be a list, not a group of fields."),
        plain(steps.list_),
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
        plain(steps.group),
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
        plain(steps.labels),
        accepts=frozenset({ANY, GROUP}),
        gives=GROUP,
    ),
)

FUNCTIONS: Final[dict[str, Function]] = {function.name: function for function in _ALL}
