"""What is particular about Monite's financing: its own invoices only, no identifier, tokens that nobody keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connector.errors import (
    ConfigError,
    ContractDrift,
    InvariantBroken,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from connector.financier import FinancingStatus, OffersWidget, Submission
from connector.financier_answers import Misshapen
from connector.financiers.monite import MoniteFinancing, answers
from connector.sandbox.clock import SandboxClock
from connector.sandbox.monite import MoniteSettings, create_monite
from connector.sandbox.monite import financing as desk
from connector.sandbox.monite.people_at_work import add_invoice
from connector.sandbox.monite.world import World
from connector.sandbox.platform import Sandbox
from connector.sandbox.server import serve
from connector.secrets import Secret
from connector.transport import AdapterContext
from tests.fakes import START, FakeClock
from tests.monite_contract import checked
from tests.unit.transport.doubles import Server, answer

TOKEN = answer(200, b'{"access_token": "tok", "token_type": "Bearer", "expires_in": 86400}')
OWN_ID = "11111111-2222-4333-8444-555555555555"
REMOTE_ID = f"receivable:{OWN_ID}"
SUBMISSION = Submission(
    client_reference_id="ref-1",
    invoice_number="N-1",
    currency="USD",
    amount_minor_units=12_353,
    due_date=date(2026, 6, 30),
    buyer_company_id="",
    supplier_company_id="",
    submitted_by="finance@example.com",
    direction="receivable",
    source_id=OWN_ID,
)
LISTED = {
    "type": "receivable",
    "status": "FUNDED",
    "invoice_id": OWN_ID,
    "document_id": "N-1",
    "due_date": "2026-06-30",
    "issue_date": "2026-02-20",
    "total_amount": 12_353,
    "currency": "USD",
    "payer_type": "BUSINESS",
}


def settings(url: str, **more: Any) -> dict[str, Any]:
    own = MoniteSettings()
    given = {
        "base_url": url,
        "client_id": own.client_id,
        "client_secret": Secret(own.client_secret),
        "entity_id": own.entity_id,
        "requests_per_second": None,
        **more,
    }
    loaded: dict[str, Any] = MoniteFinancing.settings_schema().load(given)
    return loaded


@dataclass
class Served:
    sandbox: Sandbox
    financing: MoniteFinancing

    def receivable(self, **fields: Any) -> Submission:
        """A receivable in the books, and its submission."""
        told = {"total_amount": 12_353, "currency": "USD", "due_date": "2026-06-30", **fields}
        stored = add_invoice(World(self.sandbox), "receivable", told)
        return replace(SUBMISSION, source_id=stored.id)

    def financed(self) -> list[tuple[str, str | None]]:
        return [(one.id, one.status) for one in self.sandbox.ledger.select("financing")]


Serve = Callable[..., Served]


@pytest.fixture
def serve_monite(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(clock: FakeClock | None = None, **more: Any) -> Served:
            own = MoniteSettings(
                invoices=20,
                counterparts=4,
                rate_limit_per_second=100_000,
                tick_seconds=3600,
                absent_fields="absent",  # the conformance suite has the nulls
            )
            for name, value in more.items():
                setattr(own, name, value)
            sandbox = create_monite(own, tmp_path, SandboxClock(START, frozen=True))
            stack.enter_context(checked(sandbox, answers=False))
            url = stack.enter_context(serve(sandbox))
            context = AdapterContext("monite", clock or FakeClock())
            financing = MoniteFinancing(settings(url), context)
            stack.callback(financing.close)
            return Served(sandbox, financing)

        yield start


@pytest.fixture
def against() -> Iterator[Callable[..., MoniteFinancing]]:
    """The adapter against prepared answers."""
    made: list[Any] = []

    def start(*answers: bytes) -> MoniteFinancing:
        server = Server([TOKEN, *answers])
        financing = MoniteFinancing(settings(server.url), AdapterContext("monite", FakeClock()))
        made.extend((financing, server))
        return financing

    yield start
    for each in made:
        each.close()


def listing(*entries: dict[str, Any], token: str | None = None) -> bytes:
    return answer(200, json.dumps({"data": entries, "next_pagination_token": token}).encode())


# -- submitting -------------------------------------------------------------------------------------------------------


def test_asking_again_finds_what_was_asked_for(serve_monite: Serve) -> None:
    served = serve_monite()
    submission = served.receivable()
    first = served.financing.perform("invoice", submission, {}, None)
    assert served.financing.perform("invoice", submission, {}, None).remote_id == first.remote_id
    assert first.remote_id == f"receivable:{submission.source_id}"
    assert served.financed() == [(first.remote_id, "DRAFT")]
    posted = served.sandbox.ledger.rows(
        "SELECT COUNT(*) AS n FROM requests WHERE method='POST' AND path='/v1/financing_invoices'"
    )
    assert posted[0]["n"] == 1


def test_the_name_that_the_connection_gives_is_the_platforms(serve_monite: Serve) -> None:
    served = serve_monite()
    submission = served.receivable()
    named = replace(submission, source_id=f"receivable:{submission.source_id}")
    made = served.financing.perform("invoice", named, {}, None)
    assert served.financing.look_up("invoice", submission, {}) is not None
    assert served.financed() == [(made.remote_id, "DRAFT")]
    assert made.remote_id == named.source_id


def test_tokens_are_in_no_result(serve_monite: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    served = serve_monite()
    submission = served.receivable()
    result = served.financing.perform("invoice", submission, {}, None)
    (session,) = served.sandbox.ledger.select("session")
    assert session.id not in repr(result) + caplog.text
    assert session.body["connect_token"] not in repr(result) + caplog.text


@pytest.mark.parametrize(
    "changes",
    [
        {"source_id": "INV-77"},
        {"source_id": None},
        {"source_id": f"payable:{OWN_ID}"},
        {"source_id": f"receivable:receivable:{OWN_ID}"},
        {"source_id": OWN_ID.upper().replace("1", "A")},
        {"direction": None},
        {"direction": "invoice"},
        {"currency": "EUR"},
    ],
)
def test_what_does_not_live_in_monite_is_not_sent(
    against: Callable[..., MoniteFinancing], changes: dict[str, Any]
) -> None:
    with pytest.raises(Refused):
        against().perform("invoice", replace(SUBMISSION, **changes), {}, None)


def test_an_ineligible_invoice_is_refused_in_the_platforms_words(serve_monite: Serve) -> None:
    served = serve_monite()
    with pytest.raises(Refused, match="at least 7 days ahead") as raised:
        served.financing.perform("invoice", served.receivable(due_date="2026-03-05"), {}, None)
    assert raised.value.http_status == 422
    assert served.financed() == []


def test_check_tells_what_is_missing(serve_monite: Serve) -> None:
    served = serve_monite(entity_country="DE", business_status="INPUT_REQUIRED")
    entity, offers = served.financing.check()
    assert (entity.ok, offers.ok) == (False, False)
    assert "US" in str(entity.remedy)
    assert "INPUT_REQUIRED" in offers.detail
    assert "onboarding" in str(offers.remedy)


def test_offers_are_told_to_the_cent(serve_monite: Serve) -> None:
    _, offers = serve_monite().financing.check()
    assert offers.detail == (
        "the business is ONBOARDED; CURRENT: up to 1000000.00 USD, 1000000.00 left"
    )


# -- statuses ---------------------------------------------------------------------------------------------------------


def test_a_person_confirms_and_the_desk_goes_on(serve_monite: Serve) -> None:
    served = serve_monite(reject_percent=0, late_percent=0)
    submission, world = served.receivable(), World(served.sandbox)
    remote_id = served.financing.perform("invoice", submission, {}, None).remote_id
    widget = served.financing.open_widget(remote_id)
    assert served.financing.fetch(remote_id).status is FinancingStatus.DRAFT
    desk.complete(world, widget.tokens["session_token"])
    assert served.financing.fetch(remote_id).status is FinancingStatus.SUBMITTED
    desk.desk_of(world).advance()
    told = served.financing.fetch(remote_id)
    assert told.status is FinancingStatus.FUNDED
    assert told.financing == {
        "requested_amount": 12_353,
        "principal_amount": 9_882,
        "advance_amount": 9_882,
        "fee_amount": 296,
        "repayment_amount": 10_178,
    }
    # What was confirmed already cannot be confirmed again: the widget opens without a session.
    assert set(served.financing.open_widget(remote_id).tokens) == {"connect_token"}


def test_an_invoice_that_is_not_listed_is_unknown_and_still_compared(
    against: Callable[..., MoniteFinancing],
) -> None:
    own = {"id": OWN_ID, "total_amount": 12_353, "currency": "USD", "due_date": "2026-06-30"}
    financing = against(listing(), answer(200, json.dumps(own).encode()))
    told = financing.fetch(REMOTE_ID)
    assert (told.status, told.raw_status) == (FinancingStatus.UNKNOWN, "(not listed)")
    assert (told.currency, told.amount_minor_units) == ("USD", 12_353)


def test_an_invoice_that_is_gone_is_not_found(against: Callable[..., MoniteFinancing]) -> None:
    with pytest.raises(NotFound):
        against(listing(), answer(404, b'{"error": {"message": "gone"}}')).fetch(REMOTE_ID)


def test_entries_of_others_are_passed_over_on_every_page(
    against: Callable[..., MoniteFinancing],
) -> None:
    other = {**LISTED, "type": "payable", "total_amount": "unreadable"}
    pages = listing(other, token="next"), listing(other, LISTED)
    assert against(*pages).fetch(REMOTE_ID).raw_status == "FUNDED"


def test_two_entries_for_one_invoice_are_an_alarm(against: Callable[..., MoniteFinancing]) -> None:
    with pytest.raises(InvariantBroken, match="2 times"):
        against(listing(LISTED, LISTED)).fetch(REMOTE_ID)


def test_a_conflict_is_looked_at_and_not_repeated(against: Callable[..., MoniteFinancing]) -> None:
    conflict = answer(409, b'{"error": {"message": "already requested"}}')
    financing = against(listing(), conflict, listing(LISTED))
    assert financing.perform("invoice", SUBMISSION, {}, None).remote_id == REMOTE_ID


def test_a_list_that_cannot_be_read_parks_no_invoice(
    against: Callable[..., MoniteFinancing],
) -> None:
    with pytest.raises(Unavailable, match="list cannot be read"):
        against(answer(200, b'{"data": 7}')).perform("invoice", SUBMISSION, {}, None)


def test_a_conflict_without_a_trace_is_unclear(against: Callable[..., MoniteFinancing]) -> None:
    conflict = answer(409, b'{"error": {"message": "already requested"}}')
    with pytest.raises(OutcomeUnknown):
        against(listing(), conflict, listing()).perform("invoice", SUBMISSION, {}, None)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"connect_token": "c"}'])
def test_an_answer_without_tokens_is_unclear(
    against: Callable[..., MoniteFinancing], body: bytes
) -> None:
    with pytest.raises(OutcomeUnknown):
        against(listing(), answer(201, body)).perform("invoice", SUBMISSION, {}, None)


@pytest.mark.parametrize("change", [{"total_amount": 12_354}, {"currency": "EUR"}])
def test_a_listed_invoice_of_another_amount_is_an_alarm(
    against: Callable[..., MoniteFinancing], change: dict[str, Any]
) -> None:
    with pytest.raises(InvariantBroken):
        against(listing({**LISTED, **change})).look_up("invoice", SUBMISSION, {})


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_the_widget_opens_with_tokens_that_end(serve_monite: Serve) -> None:
    clock = FakeClock()
    financing = serve_monite(clock).financing
    assert isinstance(financing, OffersWidget)
    widget = financing.open_widget(None)
    assert set(widget.tokens) == {"connect_token"}
    assert widget.expires_at == START + timedelta(hours=1)


def test_there_are_no_events(against: Callable[..., MoniteFinancing]) -> None:
    with pytest.raises(ContractDrift):
        against().read_event({"id": "e", "action": "paid", "object_type": "receivable"})


def test_another_version_in_the_path_is_named() -> None:
    with pytest.raises(ConfigError, match="v2"):
        MoniteFinancing(settings("https://monite.example/v2"), AdapterContext("m", FakeClock()))


# -- reading ----------------------------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(-(10**9), 10**9, places=2) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@hypothesis_settings(max_examples=40)
@given(st.dictionaries(st.sampled_from([*LISTED, "fee_amount"]), ANYTHING, max_size=3))
def test_any_entry_is_read_or_misshapen(changes: dict[str, Any]) -> None:
    try:
        told = answers.read_financing({**LISTED, **changes}, REMOTE_ID, b"")
    except Misshapen as error:
        assert "`" in str(error)
    else:
        assert type(told.amount_minor_units) is int
        assert all(type(part) is int and part >= 0 for part in told.financing.values())


@pytest.mark.parametrize(
    ("entity", "name", "country"),
    [
        (
            {"id": "e", "organization": {"legal_name": "Acme"}, "address": {"country": "us"}},
            "Acme",
            "US",
        ),
        ({"id": "e", "individual": {"first_name": "Ada", "last_name": None}}, "Ada", None),
        ({"id": "e"}, "e", None),
    ],
)
def test_the_name_of_an_entity(entity: dict[str, Any], name: str, country: str | None) -> None:
    read = answers.read_entity(entity)
    assert (read.name, read.country) == (name, country)
