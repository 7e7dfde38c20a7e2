"""Tables in terminals of different widths: nothing is cut, nothing short is broken, sentences have room."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from connector.cli import output

COLUMNS = ["record", "connection", "source id", "outcome", "what is wrong", "field", ">amount"]
SENTENCE = (
    "The invoice has no due date, and no payment term of its supplier is known from which to tell."
)
ROW = ("r16", "finexio", "3f2a1c55-0b1e-4a8e-9d11-0c1f7c1d2a77", "held", SENTENCE, None, "9.50 USD")


def printed(width: int, columns: list[str], rows: list[tuple[object, ...]]) -> str:
    """What a terminal of that width shows."""
    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        console = Console(
            file=shown, width=width, force_terminal=True, color_system=None,
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        patch.setattr(output, "stdout", console)
        output.print_table("Inbox", columns, rows, empty="nothing.")
    return "".join(c for c in shown.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", ""))


def test_a_narrow_terminal_shows_records_of_a_few_lines():
    lines = printed(80, COLUMNS, [ROW, ROW]).splitlines()

    assert lines[0] == "Inbox"
    assert lines[1] == "r16  connection: finexio  outcome: held  amount: 9.50 USD"
    assert len(lines) <= 9
    assert not any(line.startswith("  field") for line in lines)
    assert all(cell_len(line) <= 80 for line in lines)
    assert " ".join(" ".join(lines).split()).count(SENTENCE) == 2
    assert sum(str(ROW[2]) in line for line in lines) == 2


def test_a_wide_terminal_shows_a_table_whose_codes_are_whole():
    lines = printed(160, COLUMNS, [ROW]).splitlines()

    assert lines[1].split() == " ".join(COLUMNS).replace(">", "").split()
    assert all(any(str(cell) in line for line in lines) for cell in ("finexio", "9.50 USD"))


def test_a_word_of_a_narrow_column_is_not_broken_where_a_sentence_can_give_way():
    lines = printed(
        80, ["layer", "state", "note"], [("connection:tryton", "withdrawn", SENTENCE)]
    ).splitlines()

    assert lines[2].startswith("connection:tryton  withdrawn  The invoice has")
    assert len(lines) == 4


@given(
    st.integers(20, 200),
    st.lists(
        st.tuples(*[st.text(st.characters(categories=("L", "N", "P")), max_size=60)] * 3),
        min_size=1,
        max_size=3,
    ),
)
def test_nothing_is_lost_at_any_width(width: int, rows: list[tuple[object, ...]]):
    shown = "".join(printed(width, ["one", "two", "three"], rows).split())

    for character in "".join(map(str, sum(rows, ()))):
        assert character in shown
    assert len(shown) >= len("".join(map(str, sum(rows, ()))))
