from __future__ import annotations

import pytest

from mappings import MappingError, diff, load_mapping
from tests.unit.mappings.documents import document, with_fields

RULES = (
    '[hold.a]\nwhen = "status is a"\nsentence = "A."\n'
    '[hold.b]\nwhen = "status is b"\nsentence = "B."\n'
)


def changes(before: str, after: str) -> list[tuple[str, str | None, str | None]]:
    return [(change.what, change.before, change.after) for change in diff(before, after)]


def test_comments_and_blanks_are_no_difference() -> None:
    text = document(rules=RULES)
    assert diff(text, "# new\n\n" + text.replace(" = ", "  =  ")) == []


def test_fields_tables_and_descriptions() -> None:
    before = with_fields(note="reference")
    after = (
        with_fields(due_date="issued | date | plus_days(30)")
        .replace('in = "payable"', 'in = "receivable"')
        .replace('days = "integer"', 'days = "integer | between(0, 90)"')
    )
    assert changes(before, after) == [
        ("line in of the table direction", "payable", "receivable"),
        ("description of days in the record", "integer", "integer | between(0, 90)"),
        ("field due_date", "due | date", "issued | date | plus_days(30)"),
        ("field note", "reference", None),
    ]
    sentences = [change.sentence for change in diff(before, after)]
    assert sentences[2] == ("Field due_date was: due | date; is now: issued | date | plus_days(30)")
    assert sentences[3] == "Field note is no longer there; it was: reference"
    assert diff(after, before)[3].sentence == "Field note is new: reference"
    assert diff(before, after)[2].entry == "fields.due_date"


def test_rules() -> None:
    before = document(rules=RULES)
    other = RULES.replace('when = "status is a"', 'when_any = ["status is a", "days is 3"]')
    assert changes(before, document(rules=other)) == [
        (
            "rule a (hold)",
            "when status is a; says: A.",
            "when status is a or days is 3; says: A.",
        )
    ]
    first, second = RULES[: len(RULES) // 2], RULES[len(RULES) // 2 :]
    assert changes(before, document(rules=second + first)) == [
        ("order of the rules under hold", "a, b", "b, a")
    ]
    assert changes(before, document(rules=first)) == [
        ("rule b (hold)", "when status is b; says: B.", None)
    ]


def test_mappings_with_options() -> None:
    mapping = load_mapping(with_fields(type_of_goods="option(goods)"), name="books")
    other = mapping.with_options({"goods": "perishables"})
    (change,) = diff(mapping, other)
    assert (change.what, change.before, change.after) == (
        "value of the option goods",
        "other",
        "perishables",
    )
    assert diff(other, other) == []


def test_an_unfinished_draft_can_be_compared() -> None:
    assert changes(document(), with_fields(amount="nonsense | nothing"))
    with pytest.raises(MappingError, match="line 1"):
        diff(document(), "fields = 3")


def test_what_an_overlay_says_of_the_layers_below() -> None:
    overlay = (
        "[fields]\nnote = false\n[hold.a]\noff = true\n[hold.b]\nwhen = 'status is c'\n"
        "[hold.c]\nwhen = 'status is d'\nsentence = 'C.'\n"
    )
    assert [change.sentence for change in diff("", overlay)] == [
        "Field note is left out",
        "Rule a (hold) is switched off",
        "Rule b (hold) is changed here: when status is c",
        "Rule c (hold) is new: when status is d; says: C.",
    ]
    assert [change.sentence for change in diff(overlay, "")] == [
        "Field note is as in the layers below again; it was: left out",
        "Rule a (hold) is as in the layers below again; it was: switched off",
        "Rule b (hold) is as in the layers below again; it was: when status is c",
        "Rule c (hold) is no longer there; it was: when status is d; says: C.",
    ]
