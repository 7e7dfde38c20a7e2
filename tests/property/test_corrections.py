"""Whatever a correction says of whatever record: the money stays, and the source's own word ends it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connector.corrections import (
    FieldCorrection,
    NotScalar,
    Overlay,
    as_json,
    corrected,
    differing,
    from_json,
    is_same,
    judged_corrected,
    overlaid,
    value_at,
)
from connector.evaluating import judged_raw, readable
from connector.strict_json import write
from mappings import Mapping, load_mapping, shipped
from tests.property.test_mapping import DAYS, FINEXIO, FINEXIO_RECORDS, TODAY, TRYTON

NAMES = (
    *("amount_cents", "currency", "discount_amount_cents", "invoice_number", "invoice_date"),
    *("invoice_due_date", "note", "status", "originating_counterparty_id", "metadata.x"),
    *("receiving_counterparty_id", "installments[0].due_date", "installments[1].amount_cents"),
)
TRYTON_NAMES = (
    *("number", "reference", "type", "state", "party_ref", "company_ref", "total_amount"),
    *("amount_to_pay", "due_date", "currency.code", "invoice_date"),
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.decimals(-(10**9), 10**9, places=2)
    | st.text("abc-0123 '\"ä€", max_size=12)
    | DAYS
    | st.sampled_from(["USD", "EUR", "pending", "complete", "in", "out", "posted", "12.50"])
)
INSTALLMENTS = st.lists(
    st.fixed_dictionaries({"amount_cents": st.integers(1, 99), "due_date": DAYS}), max_size=2
)
FINEXIO_SOURCES = st.tuples(FINEXIO_RECORDS, INSTALLMENTS).map(
    lambda pair: {**pair[0], "installments": pair[1]}
)
TRYTON_SOURCES = st.fixed_dictionaries(
    {
        "id": st.integers(1, 999),
        "type": st.sampled_from(["in", "out", "other"]),
        "state": st.sampled_from(["posted", "paid"]),
        "party_ref": st.none() | st.just("company:7"),
        "company_ref": st.just("company:1"),
        "currency": st.fixed_dictionaries({"code": st.sampled_from(["USD", "usd", "?"])}),
        "total_amount": st.sampled_from(["10.00", "10.001", Decimal("7.50"), 3]),
        "amount_to_pay": st.sampled_from(["10.00", None]),
        "due_date": st.none() | DAYS,
        "number": st.none() | st.text("N1", max_size=3),
    }
)


def drawn(record: dict[str, Any], chosen: dict[str, Any]) -> Overlay:
    """A correction of what the record says now."""
    fields = []
    for path, now in chosen.items():
        try:
            fields.append(FieldCorrection(path, value_at(record, path), now))
        except NotScalar:
            continue
    assume(fields)
    return tuple(fields)


CASES = st.one_of(
    st.tuples(
        st.just(FINEXIO),
        FINEXIO_SOURCES,
        st.dictionaries(st.sampled_from(NAMES), SCALARS, min_size=1, max_size=4),
    ),
    st.tuples(
        st.just(TRYTON),
        TRYTON_SOURCES,
        st.dictionaries(st.sampled_from(TRYTON_NAMES), SCALARS, min_size=1, max_size=4),
    ),
)
Case = tuple[Mapping, dict[str, Any], dict[str, Any]]


@settings(deadline=None)
@given(CASES)
def test_the_money_is_the_source_s_own(case: Case):
    mapping, record, chosen = case
    raw = write(record)
    overlay = drawn(record, chosen)
    before = judged_raw(raw, mapping, TODAY)

    after, applies = judged_corrected(raw, overlay, mapping, TODAY)

    assert (after.currency, after.amount_minor_units) == (
        before.currency,
        before.amount_minor_units,
    )
    if not applies:
        assert after == before
        return
    was, now = mapping.read(record), mapping.read(readable(corrected(raw, overlay, mapping) or b""))
    for name in ("amount", "currency", "direction"):
        assert was.get(name) == now.get(name)
    for party in ("buyer", "supplier"):
        assert was.get(party) in (None, now.get(party))


@settings(deadline=None)
@given(CASES)
def test_twice_is_as_good_as_once(case: Case):
    mapping, record, chosen = case
    overlay = drawn(record, chosen)
    once = corrected(write(record), overlay, mapping)
    assume(once is not None)
    assert once is not None

    twice = corrected(once, overlay, mapping)

    assert twice in (None, once)
    assert corrected(write(record), from_json(as_json(overlay)), mapping) == once


@settings(deadline=None)
@given(CASES, st.data())
def test_a_source_that_says_otherwise_is_believed(case: Case, data: st.DataObject):
    mapping, record, chosen = case
    overlay = drawn(record, chosen)
    touched = data.draw(st.sampled_from(overlay))
    other = data.draw(SCALARS.filter(lambda value: not is_same(value or None, touched.was)))
    assume(other != "")
    try:
        moved = overlaid(record, (FieldCorrection(touched.path, touched.was, other),))
    except NotScalar:
        return

    assert differing(record, overlay) is None
    assert differing(moved, overlay) is not None
    assert corrected(write(moved), overlay, mapping) is None
    outcome, applies = judged_corrected(write(moved), overlay, mapping, TODAY)
    assert not applies
    assert outcome == judged_raw(write(moved), mapping, TODAY)


@settings(deadline=None)
@given(CASES, st.dictionaries(st.sampled_from(["url", "accounting_id", "comment"]), st.text("xy")))
def test_other_fields_may_change_and_it_still_applies(case: Case, others: dict[str, str]):
    mapping, record, chosen = case
    overlay = drawn(record, chosen)
    applies = corrected(write(record), overlay, mapping) is not None

    after = corrected(write({**record, **others}), overlay, mapping)

    assert (after is not None) == applies
    if after is not None:
        decoded = readable(after)
        assert decoded is not None
        assert {name: decoded[name] for name in others} == others
        for each in overlay:
            assert is_same(value_at(decoded, each.path), each.now or None) or each.now == 0


@given(st.binary(max_size=60), st.lists(st.tuples(st.sampled_from(NAMES), SCALARS), max_size=2))
def test_bytes_that_are_no_record_are_left_alone(raw: bytes, fields: list[tuple[str, Any]]):
    overlay = tuple(FieldCorrection(path, None, now) for path, now in fields)
    decoded = readable(raw)
    if isinstance(decoded, dict):
        return

    outcome, applies = judged_corrected(raw, overlay, FINEXIO, TODAY)

    assert not applies
    assert outcome == judged_raw(raw, FINEXIO, TODAY)


def test_numbers_are_kept_digit_for_digit():
    overlay = (
        FieldCorrection("a", Decimal("1.10"), Decimal("12345678901234567890.123456789")),
        FieldCorrection("b", True, False),
        FieldCorrection("c", 1, None),
    )
    assert from_json(as_json(overlay)) == overlay
    assert as_json(overlay).startswith('[{"path":"a","was":1.10,"now":12345678901234567890.12345')
    assert not is_same(True, 1)
    assert not is_same("1", 1)


def test_a_mapping_that_would_read_the_money_there_does_not_get_the_correction():
    text = shipped()["finexio"]
    other = load_mapping(
        text.replace(
            'amount = "amount_cents | minus(discount_amount_cents) | minor_units"',
            'amount = "first_of(discount_amount_cents, amount_cents) | minor_units"',
        ),
        name="finexio",
    )
    record = {
        "id": "a",
        "amount_cents": 500,
        "currency": "USD",
        "invoice_number": "1",
        "invoice_date": "2026-11-01",
        "invoice_due_date": "2026-12-24",
        "originating_counterparty_id": "b",
        "receiving_counterparty_id": "s",
        "status": "odd",
    }
    harmless = (FieldCorrection("status", "odd", "pending"),)
    overlay = (*harmless, FieldCorrection("discount_amount_cents", None, 0))
    raw = write(record)

    assert judged_corrected(raw, overlay, FINEXIO, date(2026, 11, 22))[1]
    assert not judged_corrected(raw, overlay, other, date(2026, 11, 22))[1]
    assert judged_corrected(raw, harmless, other, date(2026, 11, 22))[1]
