"""No document and no record costs more than a bounded number of steps, or is given anything but the record.

A step is a call, of Python's or of a built-in function: the same number on every machine, where time is not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from mappings import Layer, Mapping, MappingError, diff, effective, load_mapping
from tests.unit.mappings.documents import RECORD, document
from tests.unit.mappings.hostile import DOCUMENTS, ESCAPES, RECORDS

TODAY = date(2026, 11, 22)
MOST_STEPS_OF_A_DOCUMENT = 300_000
MOST_STEPS_OF_A_RECORD = 20_000


def steps(work: Callable[[], Any]) -> int:
    """Calls that some work makes."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def loaded(text: str) -> Mapping | None:
    try:
        return load_mapping(text, name="books")
    except MappingError as refused:
        assert refused.problems
        assert len(str(refused)) < 100_000
        return None


def test_there_are_two_hundred() -> None:
    assert len(DOCUMENTS) >= 200


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_refused_or_evaluated_in_bounded_steps(name: str) -> None:
    found: list[Mapping | None] = []
    assert steps(lambda: found.append(loaded(DOCUMENTS[name]))) <= MOST_STEPS_OF_A_DOCUMENT
    mapping = found[0]
    if mapping is not None:
        for record in (RECORD, *RECORDS):
            assert steps(lambda: mapping.evaluate(record, TODAY)) <= MOST_STEPS_OF_A_RECORD  # noqa: B023


@pytest.mark.parametrize("expression", ESCAPES)
def test_nothing_outside_the_record_is_reached(expression: str) -> None:
    with pytest.raises(MappingError):
        load_mapping(document(fields=f"[fields]\nnote = '''{expression}'''"), name="books")


@pytest.mark.parametrize(
    "name", [name for name in DOCUMENTS if not re.match("too|a list", name)][::5]
)
def test_a_hostile_overlay_is_refused_or_taken(name: str) -> None:
    text = DOCUMENTS[name]

    def put_together() -> None:
        try:
            made = effective([Layer("shipped", document()), Layer("theirs", text)])
            diff(document(), made.text)
        except MappingError as refused:
            assert all(problem.layer in ("theirs", "") for problem in refused.problems)

    assert steps(put_together) <= 3 * MOST_STEPS_OF_A_DOCUMENT
