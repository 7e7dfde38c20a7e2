from __future__ import annotations

import json
from datetime import date

from mappings import Example, check_examples, load_mapping, outcome_as_dict
from tests.unit.mappings.documents import RECORD, document

TODAY = date(2026, 11, 22)
MAPPING = load_mapping(document(), name="books")


def test_an_outcome_holds_as_its_own_example() -> None:
    for record in (RECORD, {**RECORD, "due": "2026-11-01"}, {**RECORD, "due": 5}, None, {}):
        expected = json.loads(json.dumps(outcome_as_dict(MAPPING.evaluate(record, TODAY))))
        assert check_examples(MAPPING, [Example("own", record, TODAY, expected)]) == []


def test_only_what_is_expected_is_compared() -> None:
    due = Example("due", RECORD, TODAY, {"invoice": {"due_date": date(2026, 12, 1)}})
    assert check_examples(MAPPING, [due]) == []


def test_differences_are_told_one_by_one() -> None:
    wrong = Example(
        "first", RECORD, TODAY, {"kind": "held", "invoice": {"due_date": "2026-12-02"}, "sum": 1}
    )
    past = Example("second", {**RECORD, "due": "2026-11-01"}, TODAY, {"invoice": {"note": None}})
    assert [str(difference) for difference in check_examples(MAPPING, [wrong, past])] == [
        "first: kind should be held, but is mapped.",
        "first: invoice.due_date should be 2026-12-02, but is 2026-12-01.",
        "first: sum should be 1, but is unknown here.",
        "second: invoice should be {'note': None}, but is nothing.",
    ]
