"""A person says that a message took effect: what the financier's record contradicts is refused."""

from __future__ import annotations

from datetime import date

import pytest

from connector.confirming import confirmed_step, identifier_given
from connector.errors import InvariantBroken, NotFound, Refused, Unavailable, Unsupported
from connector.financier import (
    FinancingStatus,
    RemoteInvoice,
    SessionStatus,
    StepResult,
    Submission,
)

OURS = Submission(
    client_reference_id="ref-1",
    invoice_number="RE-1",
    currency="USD",
    amount_minor_units=100_001,
    due_date=date(2026, 5, 29),
    buyer_company_id="b",
    supplier_company_id="s",
    submitted_by="finance@example.com",
)


class Desk:
    """A financier that answers what a test says."""

    def __init__(self, looked_up=None, session=SessionStatus.OPEN, **invoice) -> None:
        self.looked_up = looked_up
        self.session_status = session
        known = {
            "remote_id": "inv_1",
            "client_reference_id": "ref-1",
            "currency": "USD",
            "amount_minor_units": 100_001,
            "due_date": None,
            "raw_status": "submitted",
            "status": FinancingStatus.SUBMITTED,
        }
        self.invoice = RemoteInvoice(**{**known, **invoice})

    def look_up(self, step, submission, done):
        if isinstance(self.looked_up, Exception):
            raise self.looked_up
        return self.looked_up

    def fetch(self, remote_id):
        if remote_id != self.invoice.remote_id:
            raise NotFound(f"There is no {remote_id}.")
        return self.invoice

    def session(self, session_id):
        if isinstance(self.session_status, Exception):
            raise self.session_status
        return self.session_status


BLIND = Unsupported("No list.")


def told(desk: Desk, remote_id: str | None, step: str = "invoice") -> tuple[str, bool]:
    made, checked = confirmed_step(desk, step, OURS, {}, remote_id)  # type: ignore[arg-type]
    return made.remote_id, checked


@pytest.mark.parametrize("given", [None, "inv_1"])
def test_what_is_found_under_our_reference_is_taken(given):
    assert told(Desk(StepResult("inv_1")), given) == ("inv_1", True)


def test_another_identifier_than_the_one_found_is_refused():
    with pytest.raises(Refused, match="inv_1, not as inv_2"):
        told(Desk(StepResult("inv_1")), "inv_2")


def test_other_money_under_our_reference_is_refused():
    with pytest.raises(Refused, match="another amount"):
        told(Desk(InvariantBroken("It has another amount.")), "inv_1")


@pytest.mark.parametrize(
    ("looked_up", "sentence"), [(None, "nothing under our reference"), (BLIND, "no way")]
)
def test_what_is_not_found_needs_an_identifier(looked_up, sentence):
    with pytest.raises(Refused, match=sentence):
        told(Desk(looked_up), None)


@pytest.mark.parametrize("looked_up", [None, BLIND])
@pytest.mark.parametrize("reference", ["ref-1", None])
def test_an_identifier_leads_to_the_invoice(looked_up, reference):
    assert told(Desk(looked_up, client_reference_id=reference), "inv_1") == ("inv_1", True)


@pytest.mark.parametrize(
    ("what", "there"),
    [
        ("reference", {"client_reference_id": "ref-2"}),
        ("currency", {"currency": "EUR"}),
        ("amount", {"amount_minor_units": 100_002}),
    ],
)
def test_an_invoice_that_differs_is_refused(what, there):
    with pytest.raises(Refused, match=f"another {what}"):
        told(Desk(BLIND, **there), "inv_1")


def test_an_identifier_that_leads_nowhere_is_refused():
    with pytest.raises(Refused, match="no inv_9"):
        told(Desk(BLIND), "inv_9")


@pytest.mark.parametrize(
    "ended", [SessionStatus.CANCELED, SessionStatus.EXPIRED, NotFound("None.")]
)
def test_a_session_that_ended_or_is_not_there_is_refused(ended):
    with pytest.raises(Refused):
        told(Desk(BLIND, session=ended), "ifs_1", "session")


def test_a_session_of_another_invoice_is_refused_where_sessions_are_listed():
    with pytest.raises(Refused, match="for this invoice"):
        told(Desk(None), "ifs_1", "session")


def test_a_session_that_is_there_is_taken():
    assert told(Desk(BLIND), "ifs_1", "session") == ("ifs_1", True)


@pytest.mark.parametrize(
    ("step", "session"), [("document", SessionStatus.OPEN), ("session", Unsupported("No."))]
)
def test_where_nothing_can_be_asked_the_persons_word_stands_and_is_said_to(step, session):
    assert told(Desk(BLIND, session=session), "x_1", step) == ("x_1", False)


def test_a_financier_that_does_not_answer_decides_nothing():
    with pytest.raises(Unavailable):
        told(Desk(Unavailable("Later.")), "inv_1")


@pytest.mark.parametrize("text", ["a b", "a\tb", "x" * 201, "a\0b"])
def test_an_identifier_that_can_be_none_is_refused(text):
    with pytest.raises(Refused):
        identifier_given(text)


@pytest.mark.parametrize(("text", "plain"), [(None, None), ("  ", None), (" inv_1\n", "inv_1")])
def test_an_identifier_is_taken_without_spaces_around_it(text, plain):
    assert identifier_given(text) == plain
