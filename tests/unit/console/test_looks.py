"""How figures, dates, plots and differences are written."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.console import formatting
from connector.console.plots import (
    BAR_WIDTH,
    Column,
    Part,
    columns_plot,
    duration_ticks,
    stacked_bar,
)
from connector.views.differences import Difference, differences, masked


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (date(2026, 11, 3), "3 Nov 2026"),
        ("2026-11-03", "3 Nov 2026"),
        ("2026-11-03T09:05:00Z", "3 Nov 2026"),
        ("soon", "soon"),
        (None, ""),
    ],
)
def test_a_date_cannot_be_misread(given: date | str | None, shown: str):
    assert formatting.day(given) == shown


def test_an_instant_says_its_zone():
    assert formatting.moment(datetime(2026, 1, 9, 7, 5, tzinfo=UTC)) == "9 Jan 2026, 07:05 UTC"


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(None, ""), (0, "0 ms"), (999, "999 ms"), (2_150, "2.1 s"), (59_999, "59 s"), (200_000, "3 min 20 s"), (7_500_000, "2 h 5 min"), (300_000, "5 min"), (86_400_000, "24 h")],
)  # fmt: skip
def test_a_duration(milliseconds: int | None, shown: str):
    assert formatting.duration(milliseconds) == shown


@given(st.integers(-(10**18), 10**18), st.integers(0, 4))
def test_grouping_changes_nothing_but_commas(minor: int, places: int):
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).rjust(places + 1, "0")
    text = sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)

    assert formatting.grouped(text).replace(",", "") == text


@given(st.lists(st.tuples(st.integers(0, 10**15), st.integers(1, 7)), max_size=12))
def test_a_bar_is_as_wide_as_it_is_however_small_its_parts(parts: list[tuple[int, int]]):
    drawn = stacked_bar("b", "bar", [Part(value, hue, "<b>") for value, hue in parts])

    assert drawn.count("<rect") == sum(1 for value, _ in parts if value)
    assert "<b>" not in drawn
    assert f"0 0 {BAR_WIDTH} 20" in drawn or not drawn


@given(st.integers(0, 10**10))
def test_an_axis_reaches_above_the_longest_with_few_marks(longest: int):
    ticks = duration_ticks(longest)

    assert ticks[0] == (0, "0 ms")
    assert ticks[-1][0] >= longest
    assert len({text for _, text in ticks}) == len(ticks)


def test_a_plot_without_columns_is_nothing():
    assert columns_plot("p", "plot", [], []) == ""
    drawn = columns_plot("p", "plot", [Column(5, 1, 'a"b', "/x?a=1&b=2")], duration_ticks(5))
    assert 'href="/x?a=1&amp;b=2"' in drawn
    assert 'a"b' not in drawn


def test_differences_name_each_field():
    before = {"a": 1, "b": {"c": "x", "gone": True}, "l": [1, 2]}
    after = {"a": 1, "b": {"c": "y"}, "l": [1, 3], "new": None}

    assert differences(before, after) == [
        Difference("b.c", "x", "y"),
        Difference("l[2]", "2", "3"),
        Difference("new", None, "no value"),
        Difference("b.gone", "true", None),
    ]


def test_what_sounds_secret_is_masked_at_any_depth():
    shown = masked(
        {"bank": {"iban": "DE12", "note": "x"}, "own": "s", "list": [{"api_key": "k"}]}, ("own",)
    )

    assert "DE12" not in str(shown)
    assert shown["own"] == shown["list"][0]["api_key"] == shown["bank"]["iban"] != "x"
    assert shown["bank"]["note"] == "x"
