"""A mapping gives one outcome for any record, the same each time, for as long as it says."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import Mapping, Outcome, OutcomeKind, load_mapping, shipped
from tests.unit.mappings.documents import PARTS, RECORD, document

TODAY = date(2026, 11, 22)
FINEXIO = load_mapping(shipped()["finexio"], name="finexio")
TRYTON = load_mapping(shipped()["tryton"], name="tryton")
DATED = load_mapping(
    document(
        rules=(
            '[exclude.soon]\nwhen = ["due is less than 7 days away", "status is not urgent"]\n'
            'sentence = "Soon."\n'
            '[exclude.far]\nwhen_any = ["due is at least 90 days away", "issued is after today"]\n'
            'sentence = "Far."\n'
            '[hold.old]\nwhen = "issued is more than 30 days ago"\nsentence = "Old."\n'
            '[hold.span]\nwhen = ["issued is today or earlier", "due is today or later", "days is 3"]\n'
            'sentence = "Span."\n'
        )
    ),
    name="dated",
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**63, Decimal("1E+999999"), Decimal("NaN")])
    | st.floats()
    | st.decimals()
    | st.text(max_size=20)
    | st.characters(categories=["Cs", "Cc"])
    | st.sampled_from(["NaN", "Infinity", "1e5", "2026-11-22", "2026-02-30", "0000-00-00", "USD", "out", "posted"])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
NAMES = [
    "id",
    "amount_cents",
    "currency",
    "discount_amount_cents",
    "invoice_number",
    "invoice_date",
    "invoice_due_date",
    "note",
    "metadata",
    "originating_counterparty_id",
    "receiving_counterparty_id",
    "status",
    "installments",
    "number",
    "reference",
    "type",
    "state",
    "company",
    "party",
    "party_ref",
    "company_ref",
    "total_amount",
    "amount_to_pay",
    "due_date",
    "due_dates",
    "lines_to_pay",
]
HOSTILE = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES, max_size=24)

DAYS = st.dates(date(2026, 6, 1), date(2027, 6, 1)).map(date.isoformat)
FINEXIO_RECORDS = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "amount_cents": st.integers(1, 999_999_900),
        "currency": st.just("USD"),
        "invoice_number": st.text("ABC-0123456789", min_size=1, max_size=49),
        "invoice_date": DAYS,
        "originating_counterparty_id": st.just("buyer"),
        "receiving_counterparty_id": st.just("supplier"),
    },
    optional={
        "discount_amount_cents": st.integers(0, 1000),
        "invoice_due_date": st.none() | DAYS,
        "status": st.sampled_from(["pending", "pending", "sent", "complete", "novel"]),
        "note": st.text("abc ", max_size=20),
        "metadata": st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2),
    },
)


def deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"company": value, "due_dates": [value]}
    return value


@settings(deadline=None)
@given(st.sampled_from([FINEXIO, TRYTON, DATED]), HOSTILE | VALUES)
def test_any_value_gives_an_outcome(mapping: Mapping, record: Any) -> None:
    outcome = mapping.evaluate(record, TODAY)
    assert isinstance(outcome, Outcome)
    assert (outcome.currency is None) == (outcome.amount_minor_units is None)
    if outcome.currency is None:
        assert outcome.kind is OutcomeKind.REJECTED
    if outcome.kind is OutcomeKind.MAPPED:
        assert outcome.invoice is not None
        assert outcome.invoice.amount_minor_units > 0
        assert outcome.reason_code is None
    else:
        assert outcome.invoice is None
        assert outcome.reason_code == outcome.problems[0].reason_code
        assert outcome.sentence == outcome.problems[0].sentence
    assert mapping.explain(record, TODAY).outcome == outcome


@settings(deadline=None)
@given(FINEXIO_RECORDS, st.sampled_from(NAMES), VALUES)
def test_one_wrong_field_in_a_right_record_gives_an_outcome(
    record: dict[str, Any], name: str, value: Any
) -> None:
    assert FINEXIO.evaluate({**record, name: value}, TODAY).kind in OutcomeKind


def test_a_deep_record_gives_an_outcome() -> None:
    for mapping in (FINEXIO, TRYTON):
        assert mapping.evaluate(deep(5_000), TODAY).kind is OutcomeKind.REJECTED
        assert mapping.evaluate(["x"] * 10, TODAY).kind is OutcomeKind.REJECTED


@settings(deadline=None)
@given(
    FINEXIO_RECORDS,
    st.randoms(use_true_random=False),
    st.dictionaries(st.text("xyz", min_size=1), VALUES),
)
def test_order_unknown_fields_and_repetition_change_nothing(
    record: dict[str, Any], chance: Any, unknown: dict[str, Any]
) -> None:
    first = FINEXIO.evaluate(record, TODAY)
    entries = list(record.items())
    chance.shuffle(entries)
    assert FINEXIO.evaluate(dict(entries), TODAY) == first
    assert FINEXIO.evaluate({**unknown, **record}, TODAY) == first
    assert FINEXIO.evaluate(record, TODAY) == first


@settings(deadline=None)
@given(FINEXIO_RECORDS)
def test_the_amount_is_exact_and_the_total_gross(record: dict[str, Any]) -> None:
    outcome = FINEXIO.evaluate(record, TODAY)
    if outcome.kind is not OutcomeKind.REJECTED:
        assert outcome.amount_minor_units == record["amount_cents"]
    if outcome.invoice is not None:
        expected = record["amount_cents"] - record.get("discount_amount_cents", 0)
        assert outcome.invoice.amount_minor_units == expected


def without_recheck(outcome: Outcome) -> tuple[Any, ...]:
    return (
        outcome.kind,
        outcome.invoice,
        outcome.rule,
        outcome.problems,
        outcome.amount_minor_units,
    )


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["dated", "finexio"]),
    FINEXIO_RECORDS,
    st.integers(-100, 100),
    st.integers(-100, 100),
    st.sampled_from(["urgent", "calm"]),
    st.sampled_from([3, 4]),
)
def test_an_outcome_holds_exactly_until_its_recheck_day(
    which: str, record: dict[str, Any], due: int, issued: int, status: str, days: int
) -> None:
    mapping = FINEXIO
    if which == "dated":
        mapping = DATED
        record = {
            **RECORD,
            "status": status,
            "days": days,
            "due": (TODAY + timedelta(due)).isoformat(),
            "issued": (TODAY + timedelta(issued)).isoformat(),
        }
    now = mapping.evaluate(record, TODAY)
    end = now.recheck_on or TODAY + timedelta(400)
    assert end > TODAY
    day = TODAY
    while day < end:
        later = mapping.evaluate(record, day)
        assert without_recheck(later) == without_recheck(now)
        assert later.recheck_on == now.recheck_on
        day += timedelta(1)
    if now.recheck_on:
        assert without_recheck(mapping.evaluate(record, end)) != without_recheck(now)


@settings(deadline=None)
@given(st.sampled_from(["0001-01-01", "9999-12-31"]), st.sampled_from(["0001-01-01", "9999-12-31"]))
def test_the_ends_of_the_calendar(due: str, issued: str) -> None:
    outcome = DATED.evaluate({**RECORD, "due": due, "issued": issued}, TODAY)
    assert outcome.kind in OutcomeKind


VARIANTS = [
    load_mapping(document(**parts), name="variant")
    for parts in (
        {},
        {"rules": '[hold.soon]\nwhen = "due is less than 7 days away"\nsentence = "Soon."\n'},
        {"rules": '[exclude.big]\nwhen = "cents is more than 100"\nsentence = "Big."\n'},
        {"fields": PARTS["fields"].replace("'us'", "'we'")},
        {"fields": PARTS["fields"].replace('"due | date"', '"issued | date | plus_days(30)"')},
        {"fields": PARTS["fields"].replace('"currency | currency_code"', "\"constant('EUR') | currency_code\"")},
        {"record": PARTS["record"].replace('days = "integer"', 'days = "integer | required"')},
        {"totals": PARTS["totals"].replace('"cents | minor_units"', '"total | decimal_to_minor_units"')},
        {"tables": '[tables.direction]\nout = "payable"\nin = "receivable"\n', "fields": PARTS["fields"].replace("constant('payable')", "type | lookup(direction)")},
        {"fields": PARTS["fields"].replace("constant('payable')", "type | lookup(direction)")},
    )
]  # fmt: skip
BOOKS_RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "number": st.sampled_from(["A1", "", 5]),
        "currency": st.sampled_from(["USD", "JPY", "usd", "?", None]),
        "cents": st.integers(-1, 10**16),
        "total": st.sampled_from(["1.5", "1.234", "x"]),
        "due": DAYS | st.just("soon"),
        "issued": DAYS,
        "days": st.integers(-1, 99) | st.just("two"),
        "type": st.sampled_from(["in", "out", "up"]),
    },
)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(VARIANTS), st.sampled_from(VARIANTS), BOOKS_RECORDS | HOSTILE | VALUES)
def test_two_at_once_say_what_each_says_alone(mine: Mapping, draft: Mapping, record: Any) -> None:
    alone = mine.evaluate(record, TODAY), draft.evaluate(record, TODAY)
    assert mine.evaluate_both(draft, record, TODAY) == alone


def test_an_option_is_a_part_of_what_is_read() -> None:
    fields = PARTS["fields"].replace("constant('us')", "option(goods)")
    mine = load_mapping(document(fields=fields), name="mine")
    draft = mine.with_options({"goods": "services"})
    before, after = mine.evaluate_both(draft, RECORD, TODAY)
    assert before.invoice is not None and after.invoice is not None
    assert (before.invoice.buyer_id, after.invoice.buyer_id) == ("other", "services")
