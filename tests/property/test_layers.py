"""Layers say the same however they are put together, and rules that are called unreachable are."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from itertools import product
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import Layer, MappingError, diff, effective, load_layers, load_mapping
from tests.unit.mappings.documents import RECORD, document

TODAY = date(2026, 11, 22)
BASE = Layer(
    "shipped",
    document(
        rules=(
            "# Not for financing.\n"
            '[exclude.soon]\nwhen = "due is less than 7 days away"\nsentence = "Soon."\n\n'
            '# Waits.\n[hold.odd]\nwhen_any = ["status is odd", "days is 3"]\nsentence = "Odd."\n'
            '[hold.long]\nwhen = "days is at least 90"\nsentence = "Long."\n'
        )
    ),
)

ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        ("fields", "amount"): st.sampled_from(["cents | minor_units", "cents | minus(days) | minor_units"]),
        ("fields", "due_date"): st.sampled_from(["due | date", "issued | date | plus_days(30)"]),
        ("fields", "note"): st.sampled_from(["reference", "number | trim"]),
        ("tables", "direction", "out"): st.sampled_from(["payable", "receivable"]),
        ("tables", "direction", "new word"): st.just("payable"),
        ("record", "number"): st.sampled_from(["text", "required | max_length(9)"]),
        ("record", "terms.days"): st.just("integer"),
        ("options", "goods", "default"): st.sampled_from(["other", "perishables"]),
        ("exclude", "soon", "when"): st.sampled_from(["due is before today", ["days is 1", "due is missing"]]),
        ("exclude", "soon", "sentence"): st.sampled_from(["Too soon.", 'Say "no".']),
        ("hold", "odd", "when"): st.just("status is strange"),
        ("hold", "odd", "off"): st.just(True),
        ("hold", "long", "sentence"): st.just("Quite long."),
    },
)  # fmt: skip


def overlay(entries: dict[tuple[str, ...], Any]) -> str:
    """The entries as a TOML document."""
    sections: dict[tuple[str, ...], list[str]] = {}
    if ("hold", "odd", "off") in entries:  # what is off is not changed, in this layer or above
        entries = {k: v for k, v in entries.items() if k[1] != "odd" or k[2] == "off"}
    for path, value in entries.items():
        literal = (
            "true" if value is True else str(value) if isinstance(value, list) else repr(value)
        )
        sections.setdefault(path[:-1], []).append(f'"{path[-1]}" = {literal}  # ours\n')
    return "\n".join(f"[{'.'.join(s)}]\n{''.join(lines)}" for s, lines in sections.items())


def without_odd(entries: dict[tuple[str, ...], Any]) -> dict[tuple[str, ...], Any]:
    return {path: value for path, value in entries.items() if path[1] != "odd"}


@settings(deadline=None, max_examples=80)
@given(ENTRIES, ENTRIES)
def test_layers_can_be_put_together_in_steps(
    below: dict[tuple[str, ...], Any], above: dict[tuple[str, ...], Any]
) -> None:
    if ("hold", "odd", "off") in below:
        above = without_odd(above)
    first, second = Layer("company", overlay(below)), Layer("connection", overlay(above))
    at_once = effective([BASE, first, second])
    half = effective([BASE, first])
    in_steps = effective([Layer("half", half.text), second])
    assert tomllib.loads(at_once.text) == tomllib.loads(in_steps.text)
    assert tomllib.loads(at_once.annotated) == tomllib.loads(at_once.text)
    joined = Layer("both", overlay({**below, **above}))
    assert diff(effective([BASE, joined]).text, at_once.text) == []
    for key, origin in at_once.origins.items():
        if origin.layer == "shipped":
            assert half.origins[key].layer == "shipped"


@settings(deadline=None, max_examples=60)
@given(ENTRIES, st.sampled_from(["", "# nothing\n", "\n\n"]))
def test_an_empty_layer_changes_nothing(entries: dict[tuple[str, ...], Any], empty: str) -> None:
    ours, nothing = Layer("company", overlay(entries)), Layer("connection", empty)
    with_ours = effective([BASE, ours])
    assert effective([BASE, ours, nothing]).text == with_ours.text
    assert effective([BASE, nothing, ours]).text == with_ours.text
    assert effective([BASE, nothing]).text == BASE.document
    assert effective([BASE, ours, Layer("again", ours.document)]).text == with_ours.text or (
        "off" in ours.document
    )


@settings(deadline=None, max_examples=60)
@given(ENTRIES, st.integers(0, 100), st.sampled_from(["odd", "strange", None]))
def test_layers_and_their_text_decide_alike(
    entries: dict[tuple[str, ...], Any], days: int, status: str | None
) -> None:
    try:
        mapping = load_layers([BASE, Layer("company", overlay(entries))], name="books")
    except MappingError:
        return
    again = load_mapping(mapping.document, name="books")
    record = {**RECORD, "days": days, "status": status, "issued": "2026-11-22"}
    outcome = mapping.evaluate(record, TODAY)
    assert outcome == again.evaluate(record, TODAY) == mapping.evaluate(record, TODAY)
    assert (mapping.sha256, mapping.options) == (again.sha256, again.options)


CONDITIONS = st.sampled_from(
    [
        "status is a", "status is b", "status is one of a, b", "status is none of a, b", "status is not a",
        "status is missing", "status is present", "status starts with a", "days is 2", "days is less than 2",
        "days is at least 2", "days is more than 1", "days is at most 3", "days is missing", "due is before today",
        "due is today or later", "due is less than 2 days away", "due is at least 2 days away",
        "due is more than 1 days ago", "due is before 2026-11-23", "due is after 2026-11-21",
        "financing.amount is less than 1.50", "financing.amount is at least 2", "state is open",
        "state is one of open, shut", "state is not shut", "financing.currency is USD",
    ]
)  # fmt: skip
RULES = st.lists(
    st.tuples(
        st.sampled_from(["reject", "exclude", "eligible", "hold"]),
        st.sampled_from(["when", "when_any"]),
        st.lists(CONDITIONS, min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=4,
)
RECORDS = [
    {"status": status, "days": days, "due": due, "cents": cents, "state": state}
    for status, days, due, cents, state in product(
        [None, "a", "b", "ab"],
        [None, 1, 2, 4],
        [None, *((TODAY + timedelta(n)).isoformat() for n in (-3, -1, 0, 1, 5))],
        [100, 200],
        ["open", "shut"],
    )
]


@settings(deadline=None, max_examples=120)
@given(RULES)
def test_what_is_called_unreachable_is(rules: list[tuple[str, str, list[str]]]) -> None:
    text = document(
        rules="[record.x]\n"
        if not rules
        else "".join(
            f"[{section}.r{n}]\n{key} = {conditions}\nsentence = 'x.'\n"
            for n, (section, key, conditions) in enumerate(rules)
        )
    ).replace(
        'cents = "integer"', "cents = \"integer\"\nstate = \"required | one_of('open', 'shut')\""
    )
    try:
        load_mapping(text, name="books")
        return
    except MappingError as refused:
        problems = refused.problems
    with patch("mappings.plan.check_rules"):
        mapping = load_mapping(text, name="books")
    lines = text.splitlines()
    decided = {
        mapping.evaluate(
            {**RECORD, **{k: v for k, v in record.items() if v is not None}, "due": record["due"]},
            TODAY,
        ).rule
        for record in RECORDS
    }
    for problem in problems:
        line = problem.line - 1
        while not lines[line].startswith("["):
            line -= 1
        name = lines[line].strip("[]").split(".")[1]
        is_one_of_any = lines[line + 1].startswith("when_any") and problem.line - 1 > line
        if lines[line].startswith("[eligible.") and problem.line - 1 > line:
            continue  # what contradicts itself is eligible never: the rule always acts
        assert is_one_of_any or name not in decided, (str(problem), lines[line : line + 2])
