"""Every financing platform, by its name in the registry, submits exactly and never twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import ModuleType
from typing import Any

import pytest

from connector.errors import (
    ContractDrift,
    InvariantBroken,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    Refused,
    Unavailable,
    Unsupported,
)
from connector.financier import (
    Financier,
    FinancingStatus,
    InvoiceDocument,
    OffersWidget,
    SessionStatus,
    Submission,
)
from connector.registry import financiers
from connector.system import Counterparty
from tests.conformance.harness import FinancierSide, cases
from tests.conformance.proxy import (
    Fault,
    Proxy,
    cut_after,
    cut_before,
    half,
    html,
    server_error_after,
    status,
)
from tests.conformance.submitting import DOCUMENT, Connect, Done, perform, serial
from tests.fakes import FakeClock

pytestmark = pytest.mark.parametrize("case", cases(list(financiers()), financiers=True))

DONE_UNSEEN = [cut_after, server_error_after, half]
"""The platform did what was asked, and no usable answer came."""
NOT_DONE = [cut_before, status(503), html]
"""The platform did nothing, and the answer does not tell so."""


def looked_up_steps(financier: Financier) -> list[str]:
    return [step for step in financier.steps if step not in financier.repeatable_steps]


def mine(side: FinancierSide, submission: Submission) -> list[tuple[str, str, int]]:
    wanted = submission.client_reference_id
    return [invoice for invoice in side.remote_invoices() if invoice[0] == wanted]


# -- what it says about itself ----------------------------------------------------------------------------------------


def test_declarations(case: tuple[str, ModuleType, str], connect: Connect) -> None:
    financier = connect()
    assert financier.name == case[0]
    assert len(set(financier.steps)) == len(financier.steps) > 0
    assert financier.repeatable_steps < set(financier.steps)
    assert financier.currencies
    assert all(len(code) == 3 and code.isupper() for code in financier.currencies)


def test_check(connect: Connect, side: FinancierSide) -> None:
    assert all(finding.ok for finding in connect().check())
    bad = connect(**side.bad_credentials)
    assert any(not finding.ok and finding.remedy for finding in bad.check())
    with pytest.raises(ReconnectRequired) as raised:
        bad.companies()
    assert not any(secret in str(raised.value) for secret in side.secrets)


# -- a submission -----------------------------------------------------------------------------------------------------


def test_whole_life(connect: Connect, side: FinancierSide, submission: Submission) -> None:
    financier = connect()
    done = perform(financier, submission)
    assert mine(side, submission) == [(submission.client_reference_id, "USD", 12_353)]
    invoice_id = done["invoice"].remote_id
    assert financier.fetch(invoice_id).status == side.first_status
    if "session" in financier.steps:
        session = done["session"]
        assert session.detail["session_url"].startswith("http")
        assert financier.session(session.remote_id) is SessionStatus.OPEN
        side.let_person_complete(session.remote_id)
        assert financier.session(session.remote_id) is SessionStatus.COMPLETE
        assert (session.remote_id, SessionStatus.COMPLETE) in financier.fetch(invoice_id).sessions
    told = financier.fetch(invoice_id)
    reference = submission.client_reference_id
    if "client_reference_id" not in side.not_told:
        assert told.client_reference_id == reference
    assert told.client_reference_id in (None, reference)
    assert (told.currency, told.amount_minor_units) == ("USD", 12_353)
    assert told.due_date == submission.due_date
    assert told.raw.startswith(b"{")
    for word, meaning in side.words.items():
        side.set_status(invoice_id, word)
        told = financier.fetch(invoice_id)
        assert (told.raw_status, told.status) == (word, FinancingStatus(meaning))
        assert all(type(part) is int for part in told.financing.values())


@pytest.mark.parametrize("amount", [1, 99, 100, 110, 12_353, 8_800_000, 10**14 - 1])
def test_amounts_arrive_to_the_cent(
    connect: Connect, side: FinancierSide, submission: Submission, amount: int
) -> None:
    financier = connect()
    for number, currency in enumerate(sorted(financier.currencies)):
        one = replace(
            submission,
            currency=currency,
            amount_minor_units=amount,
            client_reference_id=f"{submission.client_reference_id}-{number}",
            invoice_number=f"{submission.invoice_number}-{number}",
        )
        if amount < side.least_minor_units:
            with pytest.raises(Refused):
                perform(financier, one)
            assert mine(side, one) == []
            continue
        one = side.prepared(one)
        done = perform(financier, one, upto="session")
        assert mine(side, one) == [(one.client_reference_id, currency, amount)]
        told = financier.fetch(done["invoice"].remote_id)
        assert (told.currency, told.amount_minor_units) == (currency, amount)
        found = financier.look_up("invoice", one, done)
        assert found is not None
        assert found.remote_id == told.remote_id


def test_nothing_is_found_before_it_is_done(connect: Connect, submission: Submission) -> None:
    financier = connect()
    for step in looked_up_steps(financier):
        assert financier.look_up(step, submission, perform(financier, submission, step)) is None


def test_repeatable_steps_offer_no_look_up(connect: Connect, submission: Submission) -> None:
    financier = connect()
    for step in financier.repeatable_steps:
        with pytest.raises(Unsupported):
            financier.look_up(step, submission, {})


# -- unclear answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", DONE_UNSEEN)
def test_done_without_an_answer_is_unknown_and_found(
    connect: Connect, side: FinancierSide, proxy: Proxy, submission: Submission, fault: Fault
) -> None:
    financier = connect()
    done: Done = {}
    for step in financier.steps:
        proxy.disturb(fault, times=1, method="POST", path=side.create_paths[step])
        with pytest.raises(OutcomeUnknown):
            financier.perform(step, submission, done, DOCUMENT)
        if step in financier.repeatable_steps:
            done[step] = financier.perform(step, submission, done, DOCUMENT)
            continue
        found = financier.look_up(step, submission, done)
        assert found is not None
        # Even a blind repetition ends at what is there already.
        again = financier.perform(step, submission, done, DOCUMENT)
        assert again.remote_id == found.remote_id
        done[step] = found
    if "session" in financier.steps:
        assert done["session"].detail["session_url"].startswith("http")
    assert len(mine(side, submission)) == 1


@pytest.mark.parametrize("fault", NOT_DONE)
def test_not_done_without_an_answer_is_unknown_and_not_found(
    connect: Connect, side: FinancierSide, proxy: Proxy, submission: Submission, fault: Fault
) -> None:
    financier = connect()
    for step in financier.steps:
        done = perform(financier, submission, step)
        posts = _posts(proxy, side.create_paths[step])
        proxy.disturb(fault, times=1, method="POST", path=side.create_paths[step])
        with pytest.raises(OutcomeUnknown):
            financier.perform(step, submission, done, DOCUMENT)
        assert _posts(proxy, side.create_paths[step]) == posts + 1
        if step not in financier.repeatable_steps:
            assert financier.look_up(step, submission, done) is None
        financier.perform(step, submission, done, DOCUMENT)
        other = replace(submission, client_reference_id=submission.client_reference_id + "x")
        submission = side.prepared(other)


def test_rate_limit_had_no_effect(
    connect: Connect, side: FinancierSide, proxy: Proxy, submission: Submission
) -> None:
    financier = connect()
    done = perform(financier, submission, "invoice")
    proxy.disturb(
        status(429, Retry_After="77"), times=1, method="POST", path=side.create_paths["invoice"]
    )
    with pytest.raises(RateLimited) as raised:
        financier.perform("invoice", submission, done, DOCUMENT)
    assert raised.value.retry_after_seconds == 77.0
    assert mine(side, submission) == []
    financier.perform("invoice", submission, done, DOCUMENT)
    assert len(mine(side, submission)) == 1


def test_expired_access_is_renewed_once(
    connect: Connect, side: FinancierSide, proxy: Proxy, submission: Submission
) -> None:
    financier = connect()
    done = perform(financier, submission, "invoice")
    if not side.renews_access:
        proxy.disturb(status(401), times=1, method="POST", path=side.create_paths["invoice"])
        with pytest.raises(ReconnectRequired):
            financier.perform("invoice", submission, done, DOCUMENT)
        assert mine(side, submission) == []
        return
    proxy.disturb(status(401), times=1, method="POST", path=side.create_paths["invoice"])
    financier.perform("invoice", submission, done, DOCUMENT)
    assert len(mine(side, submission)) == 1


@pytest.mark.parametrize("changes", [{"amount_minor_units": 12_354}, {"currency": "EUR"}])
def test_other_content_under_the_same_reference_is_an_alarm(
    connect: Connect, submission: Submission, changes: dict[str, Any]
) -> None:
    financier = connect()
    done = perform(financier, submission, "session")
    other = replace(submission, **changes)
    with pytest.raises(InvariantBroken):
        financier.look_up("invoice", other, done)
    fits = other.currency in financier.currencies
    with pytest.raises(InvariantBroken if fits else Refused):
        financier.perform("invoice", other, done, DOCUMENT)


def test_look_up_fails_when_the_platform_does(
    connect: Connect, proxy: Proxy, submission: Submission
) -> None:
    financier = connect()
    done = perform(financier, submission, "session")
    proxy.disturb(status(503))
    for step in looked_up_steps(financier):
        with pytest.raises(Unavailable):
            financier.look_up(step, submission, done)
    proxy.calm()
    proxy.disturb(html)
    for step in looked_up_steps(financier):
        with pytest.raises(ContractDrift):
            financier.look_up(step, submission, done)


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_refusal_carries_the_platforms_words(
    connect: Connect, side: FinancierSide, submission: Submission
) -> None:
    financier = connect()
    past = side.prepared(replace(submission, due_date=date(2026, 1, 31)))
    last = financier.steps[-1]
    done = perform(financier, past, last)
    with pytest.raises(Refused, match=side.past_due_words) as raised:
        financier.perform(last, past, done, DOCUMENT)
    assert raised.value.http_status is not None


@pytest.mark.parametrize(
    ("step", "changes", "document"),
    [
        ("document", {}, None),
        ("document", {}, InvoiceDocument("x", "pdf", b"")),
        ("invoice", {"currency": "JPY"}, DOCUMENT),
        ("invoice", {"invoice_number": ""}, DOCUMENT),
        ("session", {"success_url": None}, DOCUMENT),
        ("session", {"submitted_by": ""}, DOCUMENT),
    ],
)
def test_what_cannot_be_right_is_not_sent(
    connect: Connect,
    side: FinancierSide,
    proxy: Proxy,
    submission: Submission,
    step: str,
    changes: dict[str, Any],
    document: InvoiceDocument | None,
) -> None:
    financier = connect()
    if step not in financier.steps or changes.keys() & side.not_told:
        pytest.skip("This platform is not asked for it.")
    done = perform(financier, submission, step)
    proxy.passed.clear()
    with pytest.raises(Refused):
        financier.perform(step, replace(submission, **changes), done, document)
    assert proxy.passed == []


def test_step_out_of_order_is_not_sent(connect: Connect, submission: Submission) -> None:
    financier = connect()
    if len(financier.steps) == 1:
        pytest.skip("There is only one step.")
    with pytest.raises(InvariantBroken):
        financier.perform("session", submission, {}, DOCUMENT)


def test_unknown_identifiers_are_not_found(connect: Connect) -> None:
    financier = connect()
    with pytest.raises(NotFound):
        financier.fetch("nothing_has_this_id")
    with pytest.raises(NotFound if "session" in financier.steps else Unsupported):
        financier.session("nothing_has_this_id")


# -- sessions ---------------------------------------------------------------------------------------------------------


def test_canceled_session_can_be_opened_again(
    connect: Connect, side: FinancierSide, submission: Submission
) -> None:
    financier = connect()
    if "session" not in financier.steps:
        pytest.skip("There are no sessions.")
    done = perform(financier, submission)
    before = {step: done[step] for step in financier.steps[:-1]}
    side.let_person_cancel(done["session"].remote_id)
    assert financier.session(done["session"].remote_id) is SessionStatus.CANCELED
    assert financier.look_up("session", submission, before) is None
    second = financier.perform("session", submission, before, DOCUMENT)
    assert second.remote_id != done["session"].remote_id
    assert financier.look_up("session", submission, before) == second


def test_completed_session_is_found(
    connect: Connect, side: FinancierSide, submission: Submission
) -> None:
    financier = connect()
    if "session" not in financier.steps:
        pytest.skip("There are no sessions.")
    done = perform(financier, submission)
    side.let_person_complete(done["session"].remote_id)
    found = financier.look_up("session", submission, done)
    assert found is not None
    assert found.remote_id == done["session"].remote_id


def test_widget_is_opened_with_tokens_that_nobody_else_sees(
    connect: Connect, submission: Submission, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    financier = connect()
    if not isinstance(financier, OffersWidget):
        pytest.skip("The platform has no widget.")
    invoice_id = perform(financier, submission)["invoice"].remote_id
    opened = [financier.open_widget(None), financier.open_widget(invoice_id)]
    tokens = [token for widget in opened for token in widget.tokens.values()]
    assert len(set(tokens)) == len(tokens) >= 2
    for widget in opened:
        assert widget.tokens["connect_token"]
        assert widget.expires_at > clock.now()
    assert not any(token in repr(opened) + caplog.text for token in tokens)


# -- companies --------------------------------------------------------------------------------------------------------


def test_same_company_is_made_once(connect: Connect, side: FinancierSide, proxy: Proxy) -> None:
    financier = connect()
    if not financier.needs.linked_companies:
        with pytest.raises(Unsupported):
            financier.create_company(Counterparty("c", "Any Ltd", "buyer", "GB"))
        return
    name = f"Twice {next(serial)} S.A."
    wanted = Counterparty("c", name, "buyer", "FR", address={"city": "Lyon", "street": ""})
    proxy.disturb(cut_after, times=1, method="POST", path=side.create_paths["company"])
    with pytest.raises(OutcomeUnknown):
        financier.create_company(wanted)
    first = financier.create_company(wanted)
    spelled = replace(wanted, name=f"  {name.upper().replace(' ', '  ')} ")
    assert financier.create_company(spelled) == first
    assert financier.create_company(replace(wanted, country="BE")).company_id != first.company_id
    assert sum(company.name == name for company in financier.companies()) == 2


def _posts(proxy: Proxy, path: str) -> int:
    return sum(passed.method == "POST" and path in passed.path for passed in proxy.passed)
