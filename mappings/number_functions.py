"""The functions of the mapping language that work on numbers and amounts."""

from __future__ import annotations

from typing import Final

from mappings import amounts, steps
from mappings.vocabulary import (
    AMOUNT,
    ANY,
    DECIMAL,
    INTEGER,
    NUMBERS,
    TEXT,
    Example,
    Function,
    plain,
)

NUMBER_FUNCTIONS: Final = (
    Function(
        "integer",
        (),
        "Must be a whole number.",
        Example("id | integer", {"id": 17}, 17),
        plain(steps.integer),
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
        plain(steps.decimal),
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
        "Less the number in another field of the same unit, where it has one: a discount, what was paid already. "
        "Below zero is wrong.",
        Example(
            "amount_cents | minus(discount_amount_cents)",
            {"amount_cents": 10000, "discount_amount_cents": 250},
            9750,
        ),
        amounts.minus,
        accepts=NUMBERS,
    ),
    Function(
        "minus_each",
        ("path[]",),
        "Less every number in a list of the same unit: partial payments. Below zero is wrong.",
        Example(
            "amount_cents | minus_each(payments[].amount_cents)",
            {"amount_cents": 10000, "payments": [{"amount_cents": 2500}, {"amount_cents": 500}]},
            7000,
        ),
        amounts.minus_each,
        accepts=NUMBERS,
    ),
    Function(
        "minus_percent",
        ("number or path", "'rounding'"),
        "An amount less so many per cent of it. What is taken off is rounded to the currency's smallest unit as "
        "named: half_up, half_even, down or up.",
        Example(
            "amount_cents | minor_units | minus_percent(2, 'half_up')",
            {"amount_cents": 12353},
            12106,
        ),
        amounts.minus_percent,
        accepts=frozenset({AMOUNT}),
    ),
    Function(
        "rounded",
        ("'rounding'",),
        "A decimal number with as many decimals as the invoice's currency has, rounded as named: half_up, half_even, "
        "down or up. The only way that a decimal is ever rounded.",
        Example("total | rounded('half_up') | decimal_to_minor_units", {"total": "123.535"}, 12354),
        amounts.rounded,
        accepts=NUMBERS,
        gives=DECIMAL,
    ),
    Function(
        "minor_units",
        (),
        "A whole number of cents (the smallest unit of the invoice's currency) as an amount.",
        Example("amount_cents | minor_units", {"amount_cents": 12353}, 12353),
        plain(steps.minor_units),
        accepts=frozenset({ANY, TEXT, INTEGER}),
        gives=AMOUNT,
    ),
    Function(
        "decimal_to_minor_units",
        (),
        "A decimal number in the invoice's currency as an amount, exactly: more decimals than the currency has "
        "are wrong, never rounded.",
        Example("total | decimal_to_minor_units", {"total": "123.53"}, 12353),
        plain(steps.decimal_to_minor_units),
        accepts=NUMBERS,
        gives=AMOUNT,
    ),
)
