"""Comparisons of outcomes: the other way round is the opposite, and parts add up to the whole."""

from __future__ import annotations

import json
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import Comparison, Direction, FinancingInvoice, Outcome, OutcomeKind, compare

INVOICES = st.builds(
    FinancingInvoice,
    st.sampled_from(list(Direction)),
    st.sampled_from(["A1", "B2"]),
    st.sampled_from(["USD", "EUR"]),
    st.integers(1, 3),
    st.dates(date(2026, 1, 1), date(2026, 1, 3)),
    st.just("us"),
    st.just("them"),
)
OUTCOMES = st.builds(
    lambda invoice: Outcome(OutcomeKind.MAPPED, invoice, invoice.currency, 5), INVOICES
) | st.builds(
    lambda kind, reason, amount: Outcome(
        kind, None, "USD" if amount else None, amount, reason, f"{reason}.", "status", reason
    ),
    st.sampled_from([OutcomeKind.HELD, OutcomeKind.EXCLUDED, OutcomeKind.REJECTED]),
    st.sampled_from(["odd", "even"]),
    st.none() | st.integers(1, 3),
)
PAIRS = st.lists(
    st.tuples(OUTCOMES, OUTCOMES, st.sampled_from([None, "submitted", "funded"])), max_size=12
)


@settings(deadline=None)
@given(OUTCOMES, OUTCOMES)
def test_the_other_way_round_is_the_opposite(before: Outcome, after: Outcome) -> None:
    there, back = compare(before, after), compare(after, before)
    assert compare(before, before) is None
    if there is None or back is None:
        assert there is back is None
        return
    assert there.worse == -back.worse
    assert there.stopped == back.became_eligible
    assert there.money == {currency: -amount for currency, amount in back.money.items()}
    assert [(f.field, f.before, f.after) for f in there.fields] == [
        (f.field, f.after, f.before) for f in back.fields
    ]


def counted(pairs: list[tuple[str, tuple[Outcome, Outcome, str | None]]]) -> Comparison:
    found = Comparison(examples=3, listed=4)
    for key, (before, after, state) in pairs:
        found.add(key, before, after, state=state)
    return found


@settings(deadline=None)
@given(PAIRS, st.integers(0, 12), st.integers(0, 12), st.randoms(use_true_random=False))
def test_parts_add_up_to_the_whole(
    pairs: list[tuple[Outcome, Outcome, str | None]], first: int, second: int, chance: object
) -> None:
    named = [(f"{number:02}", pair) for number, pair in enumerate(pairs)]
    whole = counted(named).as_dict()
    shuffled = list(named)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    low, high = sorted((first, second))
    parts = [counted(shuffled[:low]), counted(shuffled[low:high]), counted(shuffled[high:])]
    stored = [Comparison.from_dict(json.loads(json.dumps(part.as_dict()))) for part in parts]
    left, middle, right = parts
    left.merge(middle)
    left.merge(right)
    assert left.as_dict() == whole
    stored[2].merge(stored[1])
    stored[2].merge(stored[0])
    assert stored[2].as_dict() == whole
    assert sum(k["records"] for c in whole["after"].values() for k in c.values()) == len(pairs)
    assert whole["records"] == len(pairs)
