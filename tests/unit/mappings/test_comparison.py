from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import date

import pytest

from mappings import Comparison, Direction, FinancingInvoice, Outcome, OutcomeKind, compare

INVOICE = FinancingInvoice(
    Direction.PAYABLE, "A1", "USD", 10_000, date(2026, 12, 1), "us", "them", None, ("other",)
)
MAPPED = Outcome(OutcomeKind.MAPPED, INVOICE, "USD", 10_000)
HELD = Outcome(OutcomeKind.HELD, None, "USD", 10_000, "odd", "Odd.", "status", "odd")
EXCLUDED = Outcome(OutcomeKind.EXCLUDED, None, "USD", 10_000, "no", "No.", "status", "no")
REJECTED = Outcome(OutcomeKind.REJECTED, None, None, None, "not_a_date", "Wrong.", "due")


def test_what_is_no_change() -> None:
    assert compare(MAPPED, MAPPED) is None
    assert compare(MAPPED, replace(MAPPED, recheck_on=date(2027, 1, 1))) is None
    assert compare(HELD, replace(HELD, sentence="Rather odd.")) is None


def test_a_field_and_its_money() -> None:
    cheaper = replace(INVOICE, amount_minor_units=9_000, due_date=date(2026, 12, 31))
    change = compare(MAPPED, replace(MAPPED, invoice=cheaper))
    assert change is not None
    assert [(f.field, f.before, f.after) for f in change.fields] == [
        ("amount_minor_units", 10_000, 9_000),
        ("due_date", "2026-12-01", "2026-12-31"),
    ]
    assert change.money == {"USD": -1_000}
    assert (change.worse, change.stopped, change.became_eligible) == (0, False, False)


def test_another_currency_moves_both_sums() -> None:
    euros = replace(INVOICE, currency="EUR")
    change = compare(MAPPED, replace(MAPPED, invoice=euros))
    assert change is not None
    assert change.money == {"USD": -10_000, "EUR": 10_000}


@pytest.mark.parametrize(
    ("before", "after", "worse", "money"),
    [
        (MAPPED, HELD, 1, {"USD": -10_000}),
        (MAPPED, REJECTED, 3, {"USD": -10_000}),
        (EXCLUDED, MAPPED, -2, {"USD": 10_000}),
        (HELD, EXCLUDED, 1, {}),
    ],
)
def test_another_kind(before: Outcome, after: Outcome, worse: int, money: dict[str, int]) -> None:
    change = compare(before, after)
    assert change is not None
    assert change.worse == worse
    assert change.money == money
    assert change.stopped == (before is MAPPED)
    assert change.became_eligible == (after is MAPPED)


def test_the_sum_of_comparisons() -> None:
    found = Comparison(examples=2)
    assert found.add("b", MAPPED, MAPPED) is None
    found.add("c", MAPPED, HELD)
    found.add("a", EXCLUDED, MAPPED)
    found.add("d", MAPPED, REJECTED, state="funded")
    result = found.as_dict()
    assert result["records"] == 4
    assert result["counts"] == {
        "changed": 3,
        "worse": 2,
        "better": 1,
        "became_eligible": 1,
        "stopped": 2,
        "touched": 1,
    }
    assert result["before"] == {
        "USD": {
            "excluded": {"records": 1, "amount_minor_units": 10_000},
            "mapped": {"records": 3, "amount_minor_units": 30_000},
        }
    }
    assert result["after"]["XXX"] == {"rejected": {"records": 1, "amount_minor_units": 0}}
    assert result["financed_after"] == {"USD": {"records": 2, "amount_minor_units": 20_000}}
    assert [entry["key"] for entry in result["lists"]["changed"]] == ["d", "c"]
    assert result["lists"]["touched"][0]["state"] == "funded"
    assert result["lists"]["touched"][0]["money"] == {"USD": -10_000}
    assert result["fields"]["reason_code"]["changed"] == 3
    assert Comparison.from_dict(json.loads(json.dumps(result))).as_dict() == result


def size(found: Comparison) -> int:
    return len(json.dumps(found.as_dict()))


def test_memory_does_not_grow_with_the_records() -> None:
    found = Comparison(examples=5, listed=5)
    sizes = []
    for number in range(2_000):
        found.add(f"{number:06}", MAPPED, (HELD, EXCLUDED, REJECTED)[number % 3], state="funded")
        if number in (500, 1_999):
            sizes.append(size(found))
    assert sizes[1] < sizes[0] + 200
    assert sys.getsizeof(found.fields) < 2_000


def test_different_limits_do_not_merge() -> None:
    with pytest.raises(ValueError, match="different limits"):
        Comparison(examples=1).merge(Comparison(examples=2))
