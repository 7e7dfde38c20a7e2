"""What of a record is not corrected, and what is shown of it before anything is entered."""

from __future__ import annotations

from typing import Any

import pytest

from connector.acting import Actions
from connector.errors import NotFound, RecordRejected, Refused
from connector.store.transaction import Transaction
from tests.flows.conftest import Build
from tests.flows.stage import Stage
from tests.flows.test_corrections import (
    DUE,
    WHY,
    audited,
    correct,
    correcting,
    corrections,
    number,
    outcomes_stored,
)


@pytest.fixture
def by_hand(build: Build) -> Stage:
    return build(flow={"submit": "by_hand"})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"amount_cents": "1"}, "money depends on"),
    ({"discount_amount_cents": "1"}, "money depends on"),
    ({"currency": "EUR"}, "money depends on"),
    ({"receiving_counterparty_id": "somebody-else"}, "never replaced"),
    ({"id": "another"}, "identifies the record"),
    ({"account_number": "1234"}, "secret"),
    ({"metadata": "x"}, "several values"),
    ({"line_items": "x"}, "several values"),
    ({"invoice_due_dat": DUE}, "Did you mean invoice_due_date"),
    ({"installments[].due_date": DUE}, "no single field"),
    ({"installments[4].due_date": DUE}, "entry of the list"),
    ({"no such path": DUE}, "is no field"),
    ({"invoice_due_date": "soon"}, "calendar date"),
    ({"invoice_due_date": "a\nb"}, "one line"),
    ({"can_be_resubmitted": "perhaps"}, "yes or no"),
    ({"invoice_number": 7}, "must be text"),
    ({"invoice_due_date": "30.06.2026"}, "Nothing differs"),
    ({"accounting_id": "A-1"}, "changes nothing about"),
    ({}, "Nothing differs"),
]


def test_what_cannot_be_corrected_is_said(by_hand: Stage):
    slip = by_hand.add(invoice_due_date="30.06.2026", account_number="998877665544")
    by_hand.settle()
    before = outcomes_stored(by_hand)

    for values, said in REFUSED:
        with pytest.raises((Refused, RecordRejected), match=said):
            correcting(by_hand).correct(number(by_hand, slip), values, WHY, by="ann")

    assert not corrections(by_hand, slip)
    assert outcomes_stored(by_hand) == before
    assert not audited(by_hand)


def test_a_record_that_is_not_to_be_corrected_is_refused_with_what_to_do(by_hand: Stage):
    unreadable = by_hand.add(currency=None)
    paid = by_hand.add()
    out = by_hand.add(invoice_due_date=None)
    by_hand.advance_source(paid, "complete")
    by_hand.settle()
    Actions(by_hand.program).excluding.exclude(number(by_hand, out), "ours", by="ann")
    for source_id, said in (
        (unreadable, "money is never entered here"),
        (paid, "does not overrule"),
        (out, "Take that back first"),
    ):
        with pytest.raises(Refused, match=said):
            correct(by_hand, source_id, invoice_due_date=DUE)
        why_not = correcting(by_hand).form(number(by_hand, source_id)).why_not
        assert why_not is not None
        assert said in str(why_not)
    with by_hand.read() as tx:
        party = tx.records.find("books", "counterparties", _a_party(tx))
    assert party is not None
    with pytest.raises(Refused, match="Only invoices"):
        correcting(by_hand).correct(party.id, {"name": "x"}, WHY, by="ann")
    with pytest.raises(Refused, match="reason"):
        correcting(by_hand).correct(number(by_hand, paid), {"note": "x"}, " ", by="ann")
    with pytest.raises(NotFound):
        correcting(by_hand).preview(999, {"note": "x"})


def _a_party(tx: Transaction) -> str:
    return tx.companies.counterparties("books")[0].counterparty_id


def test_the_form_shows_what_is_wrong_first_and_no_secret(by_hand: Stage):
    slip = by_hand.add(invoice_due_date="30.06.2026", account_number="998877665544")
    by_hand.settle()
    form = correcting(by_hand).form(number(by_hand, slip))

    first, *others = form.fields
    assert (first.path, first.source, first.why_not) == ("invoice_due_date", "30.06.2026", None)
    assert first.problem is not None
    assert first.targets == ("due_date",)
    known = {each.path: each for each in others}
    assert known["amount_cents"].why_not is not None
    assert known["invoice_number"].why_not is None
    assert "998877665544" not in repr(form)
    correct(by_hand, slip, invoice_due_date=DUE)
    corrected = correcting(by_hand).form(number(by_hand, slip))
    assert (corrected.fields[0].source, corrected.fields[0].now) == ("30.06.2026", DUE)
    assert corrected.standing is not None
