from __future__ import annotations

import pytest

from mappings import DocumentProblem, MappingError, load_mapping
from tests.unit.mappings.documents import PARTS, document, with_fields

RECORD = PARTS["record"] + (
    "state = \"required | one_of('open', 'shut')\"\nsum = \"integer | between(1, 100)\"\n"
    'code = "currency_code"\nneeded = "required | text"\nsmall = "lower | one_of(\'a\')"\n'
)


def rules(*written: str) -> str:
    """Rules written `section name: condition; condition` (or `any` before the first)."""
    made = []
    for rule in written:
        head, _, body = rule.partition(": ")
        section, name = head.split()
        key = "when_any" if body.startswith("any ") else "when"
        conditions = ", ".join(f"'{text}'" for text in body.removeprefix("any ").split("; "))
        made.append(f"[{section}.{name}]\n{key} = [{conditions}]\nsentence = 'x.'\n")
    return document(record=RECORD, rules="".join(made))


def found(text: str) -> list[DocumentProblem]:
    try:
        load_mapping(text, name="books")
    except MappingError as refused:
        return list(refused.problems)
    return []


NEVER = [
    ("hold a: status is a; status is b", "contradicts"),
    ("hold a: status is missing; status is a", "contradicts"),
    ("hold a: status is one of a, b; status is none of a, b, c", "contradicts"),
    ("hold a: status is one of a, b; status starts with c", "contradicts"),
    ("hold a: days is less than 3; days is at least 3", "contradicts"),
    ("hold a: days is at most 2; days is more than 2", "contradicts"),
    ("hold a: due is before today; due is after today", "contradicts"),
    ("hold a: due is less than 7 days away; due is at least 7 days away", "contradicts"),
    ("hold a: due is more than 3 days ago; due is today or later", "contradicts"),
    ("hold a: due is before 2026-01-01; due is after 2026-01-01", "contradicts"),
    ("hold a: financing.amount is less than 1.50; financing.amount is more than 2", "contradicts"),
    ("hold a: state is opn", "is never opn"),
    ("hold a: any status is x; state is one of open, closed", "is never closed"),
    ("hold a: needed is missing", "can never be"),
    ("hold a: state is none of open, shut", "can never be"),
    ("hold a: sum is more than 100", "can never be"),
    ("hold a: code is USX", "is never USX"),
    ("hold a: urgent is yes", "is never yes"),
    ("hold a: days is many", "can never be"),
    ("hold a: due is tomorrow", "can never be"),
    ("hold a: financing.currency is USX", "is never USX"),
    ("hold a: financing.direction is receivable", "is never receivable"),
    ("eligible a: state is one of open, shut", "always holds"),
    ("eligible a: needed is present", "always holds"),
    ("eligible a: sum is at most 100; sum is at least 1", None),
    ("eligible a: any days is less than 3; days is at least 3; days is missing", "always holds"),
    ("eligible a: any days is less than 3; days is at least 3", None),
    ("hold a: status is a; status is one of a, b", None),
    ("hold a: any status is a; status is b", None),
    ("hold a: small is A", None),
    ("hold a: status is missing; days is 3", None),
    ("hold a: due is less than 7 days away; due is today or later", None),
]


@pytest.mark.parametrize(("rule", "message"), NEVER)
def test_a_rule_that_can_never_act(rule: str, message: str | None) -> None:
    problems = found(rules(rule))
    assert [message in problem.message for problem in problems if message] == [True] * bool(message)
    assert len(problems) == bool(message), [str(problem) for problem in problems]


ORDER = [
    (("hold a: status is x", "hold b: status is x"), "a under hold asks the same"),
    (("hold a: status is x; days is 3", "hold b: days is 3; status is x"), "asks the same"),
    (("hold a: status is one of x, y", "hold b: status is y"), "never decides: a under hold"),
    (
        ("exclude a: status is x", "hold b: status is x; days is 3"),
        "never decides: a under exclude",
    ),
    (("exclude a: days is at least 1", "exclude b: days is at least 2"), "never decides"),
    (("hold a: due is before today", "hold b: due is more than 5 days ago"), "never decides"),
    (("eligible a: status is open", "hold b: status is shut"), "never decides: a under eligible"),
    (("eligible a: status is open", "hold b: status is missing"), "never decides"),
    (("hold a: any status is x; days is 3", "hold b: any days is 3; status is x"), "asks the same"),
    (("hold a: status is not x", "hold b: status is none of x, y"), "never decides"),
    (("hold a: status contains x", "hold b: status is axe"), "never decides"),
    (("hold a: status is x", "exclude b: status is x"), "b under exclude asks the same"),
    (("hold a: status is y", "hold b: status is one of x, y"), None),
    (("hold a: days is at least 2", "hold b: days is at least 1"), None),
    (("hold a: status is x; days is 3", "hold b: status is x"), None),
    (("eligible a: status is open", "hold b: status is open"), None),
    (("hold a: number starts with x", "hold b: number starts with xy"), None),
]


@pytest.mark.parametrize(("written", "message"), ORDER)
def test_a_rule_that_never_decides(written: tuple[str, ...], message: str | None) -> None:
    problems = found(rules(*written))
    assert len(problems) == bool(message), [str(problem) for problem in problems]
    if message:
        assert message in problems[0].message
        assert problems[0].column == 1


def test_a_word_that_a_field_never_has_is_pointed_at() -> None:
    text = rules("hold a: status is x; state is opn")
    (problem,) = found(text)
    line = text.splitlines()[problem.line - 1]
    assert line[problem.column - 1 :].startswith("opn")
    assert problem.suggestion == "open"


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("due is less than 5", "a date as text"),
        ("urgent is more than 1", "yes or no"),
        ("lines is before today", "a list"),
        ("days is before today", "a whole number"),
        ("total is after 2026-01-01", "a decimal number"),
        ("lines is open", "a list"),
        ("party contains x", "a group of fields"),
        ("status has more than 2 different values", "text"),
        ("financing.amount is 5", "an amount"),
        ("financing.due_date is less than 5", "a date"),
        ("financing.currency is before today", "a currency"),
    ],
)
def test_a_comparison_of_the_wrong_kind(condition: str, kind: str) -> None:
    text = rules(f"hold a: {condition}")
    (problem,) = found(text)
    assert problem.message.endswith(f"cannot be asked of {kind}")
    line = text.splitlines()[problem.line - 1]
    assert line[problem.column - 1 :].startswith(condition.split(maxsplit=1)[1])


def test_a_source_whose_every_currency_is_refused() -> None:
    record = PARTS["record"].replace('currency = "text"', "currency = \"one_of('JPY', 'CNY')\"")
    (problem,) = found(document(record=record))
    assert "always one of CNY, JPY, which the financier refuses" in problem.message
    assert problem.allowed == ("USD", "GBP", "EUR")
    some = record.replace("'JPY'", "'USD'")
    assert not found(document(record=some))


def test_goods_may_be_a_list_of_words() -> None:
    assert not found(with_fields(type_of_goods="constant('other, perishables')"))
    assert found(with_fields(type_of_goods="constant('other, toys')"))


def test_a_rule_for_another_value_of_an_option_is_not_unreachable() -> None:
    text = with_fields(type_of_goods="option(goods)") + (
        "\n[hold.a]\nwhen = 'financing.type_of_goods is perishables'\nsentence = 'x.'\n"
    )
    assert not found(text)
