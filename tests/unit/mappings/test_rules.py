from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mappings import load_mapping
from mappings.conditions import COMPARISONS
from tests.unit.mappings.documents import RECORD, document

TODAY = date(2026, 11, 22)

CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("status is missing", {}, True),
    ("status is missing", {"status": None}, True),
    ("status is missing", {"status": ""}, True),
    ("status is missing", {"status": "x"}, False),
    ("status is present", {"status": "x"}, True),
    ("status is present", {}, False),
    ("status is open", {"status": "open"}, True),
    ("status is open", {"status": "Open"}, False),
    ("status is open", {}, False),
    ("status is 'on hold'", {"status": "on hold"}, True),
    ("days is 30", {"days": 30}, True),
    ("urgent is true", {"urgent": True}, True),
    ("urgent is true", {"urgent": False}, False),
    ("status is not open", {"status": "shut"}, True),
    ("status is not open", {}, True),
    ("status is not open", {"status": "open"}, False),
    ("status is one of a, 'b c', d", {"status": "b c"}, True),
    ("status is one of a, 'b c', d", {"status": "c"}, False),
    ("status is none of a, b", {"status": "c"}, True),
    ("status is none of a, b", {}, True),
    ("status is none of a, b", {"status": "b"}, False),
    ("number starts with CN", {"number": "CN-1"}, True),
    ("number starts with CN", {"number": "1CN"}, False),
    ("reference contains 'in dispute'", {"reference": "is in dispute now"}, True),
    ("reference contains dispute", {}, False),
    ("total is less than 10.50", {"total": "10.49"}, True),
    ("total is less than 10.50", {"total": Decimal("10.50")}, False),
    ("total is at most 10.50", {"total": "10.5"}, True),
    ("total is at least 10", {"total": 10}, True),
    ("total is more than -1", {"total": "-1"}, False),
    ("total is more than -1", {}, False),
    ("financing.amount is less than 1.01", {"cents": 100}, True),
    ("financing.amount is at least 1.01", {"cents": 100}, False),
    ("financing.currency is USD", {}, True),
    ("financing.due_date is before 2026-12-02", {}, True),
    ("issued is before today", {"issued": "2026-11-21"}, True),
    ("issued is before today", {"issued": "2026-11-22"}, False),
    ("issued is before today", {}, False),
    ("issued is today or earlier", {"issued": "2026-11-22"}, True),
    ("issued is today or earlier", {"issued": "2026-11-23"}, False),
    ("issued is after today", {"issued": "2026-11-23"}, True),
    ("issued is after today", {"issued": "2026-11-22"}, False),
    ("issued is today or later", {"issued": "2026-11-22"}, True),
    ("issued is today or later", {"issued": "2026-11-21"}, False),
    ("issued is less than 7 days away", {"issued": "2026-11-28"}, True),
    ("issued is less than 7 days away", {"issued": "2026-11-29"}, False),
    ("issued is at least 7 days away", {"issued": "2026-11-29"}, True),
    ("issued is at least 7 days away", {"issued": "2026-11-28"}, False),
    ("issued is more than 7 days ago", {"issued": "2026-11-14"}, True),
    ("issued is more than 7 days ago", {"issued": "2026-11-15"}, False),
    ("created is before today", {"created": "2026-11-21T23:59:59-11:00"}, True),
    ("issued is before 2026-01-01", {"issued": "2025-12-31"}, True),
    ("issued is after 2026-01-01", {"issued": "2026-01-01"}, False),
    ("dates has more than 1 different values", {"dates": ["a", "b", None]}, True),
    ("dates has more than 1 different values", {"dates": ["a", "a", None]}, False),
    ("dates has more than 0 different values", {}, False),
]


def caught(rule: str, record: dict[str, Any]) -> bool:
    mapping = load_mapping(
        document(rules=f'[hold.it]\n{rule}\nsentence = "Look at it."'), name="test"
    )
    outcome = mapping.evaluate({**RECORD, **record}, TODAY)
    assert outcome.kind in ("held", "mapped"), outcome
    return outcome.rule == "it"


@pytest.mark.parametrize(("condition", "record", "expected"), CASES)
def test_a_condition(condition: str, record: dict[str, Any], expected: bool) -> None:
    assert caught(f'when = "{condition}"', record) is expected


def test_every_comparison_is_tried() -> None:
    tried = " ".join(condition for condition, _, _ in CASES)
    for comparison in COMPARISONS:
        assert (
            comparison.words.split(" WORD")[0]
            .split(" NUMBER")[0]
            .split(" COUNT")[0]
            .split(" DATE")[0]
            in tried
        )


def test_all_and_any() -> None:
    both = '["status is open", "days is at least 3", "urgent is true"]'
    assert caught(f"when = {both}", {"status": "open", "days": 3, "urgent": True})
    assert not caught(f"when = {both}", {"status": "open", "days": 3})
    assert caught(f"when_any = {both}", {"urgent": True})
    assert not caught(f"when_any = {both}", {})


@pytest.mark.parametrize(
    ("condition", "record", "reason"),
    [
        ("number is less than 5", {"number": "many"}, "not_a_number"),
        ("number is before today", {"number": "tomorrow"}, "not_a_date"),
        ("dates has more than 1 different values", {"dates": [[1], {}]}, "not_words"),
    ],
)
def test_a_value_that_a_condition_cannot_read_is_rejected(
    condition: str, record: dict[str, Any], reason: str
) -> None:
    mapping = load_mapping(
        document(rules=f'[exclude.it]\nwhen = "{condition}"\nsentence = "No."'), name="test"
    )
    outcome = mapping.evaluate({**RECORD, **record}, TODAY)
    assert (outcome.kind, outcome.reason_code) == ("rejected", reason)
    assert outcome.field_path == condition.split(maxsplit=1)[0]


def test_eligible_excludes_what_it_does_not_catch() -> None:
    rules = '[eligible.large]\nwhen = "financing.amount is at least 5"\nsentence = "Too small."'
    mapping = load_mapping(document(rules=rules), name="test")
    small = mapping.evaluate(RECORD, TODAY)
    assert (small.kind, small.rule, small.sentence) == ("excluded", "large", "Too small.")
    assert mapping.evaluate({**RECORD, "cents": 500}, TODAY).kind == "mapped"


def test_precedence_and_all_problems() -> None:
    rules = (
        '[hold.odd]\nwhen = "status is odd"\nsentence = "Odd."\n'
        '[exclude.no]\nwhen = "days is at least 1"\nsentence = "No."\n'
        '[exclude.never]\nwhen = "urgent is true"\nsentence = "Never."\n'
        '[reject.wrong]\nwhen = "reference is wrong"\nsentence = "Wrong."\n'
    )
    mapping = load_mapping(document(rules=rules), name="test")

    def kind_and_reasons(**fields: Any) -> tuple[str, list[str]]:
        outcome = mapping.evaluate({**RECORD, **fields}, TODAY)
        assert [outcome.reason_code] == [p.reason_code for p in outcome.problems][:1]
        return outcome.kind, [problem.reason_code for problem in outcome.problems]

    everything = {"status": "odd", "days": 2, "urgent": True}
    assert kind_and_reasons(status="odd") == ("held", ["odd"])
    assert kind_and_reasons(**everything) == ("excluded", ["no", "never", "odd"])
    assert kind_and_reasons(**everything, reference="wrong") == ("rejected", ["wrong"])
    assert kind_and_reasons(**everything, number=7) == ("rejected", ["not_text"])
    assert kind_and_reasons(status="odd", due=None) == ("held", ["odd", "due_date_missing"])


def test_the_financiers_rules_apply_without_the_documents() -> None:
    mapping = load_mapping(document(), name="test")

    def outcome(**fields: Any) -> tuple[str, str | None]:
        found = mapping.evaluate({**RECORD, **fields}, TODAY)
        return found.kind, found.reason_code

    assert outcome(currency="JPY") == ("excluded", "currency_not_financed")
    assert outcome(cents=0) == ("excluded", "amount_not_positive")
    assert outcome(cents=-5) == ("excluded", "amount_not_positive")
    assert outcome(due="2026-11-21") == ("excluded", "past_due")
    assert outcome(due="2026-11-22") == ("mapped", None)
    assert outcome(due=None) == ("held", "due_date_missing")
    assert outcome(number=None) == ("held", "invoice_number_missing")
