"""Contradictions of the documents are tolerated on the way in; money never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ContractDrift, InvariantBroken, OutcomeUnknown, Refused, Unsupported
from connector.financier import (
    FinancingStatus,
    InvoiceDocument,
    LimitRequest,
    SessionStatus,
    StepResult,
    Submission,
)
from connector.financiers.hosted_session import HostedSession
from connector.financiers.hosted_session.answers import Reader
from connector.financiers.hosted_session.bodies import Writer
from connector.financiers.hosted_session.profile import SHIPPED, load_profile
from connector.secrets import Secret
from connector.strict_json import write
from connector.transport import AdapterContext
from tests.fakes import FakeClock
from tests.unit.transport.doubles import Server, answer

STENN = load_profile("stenn", Path())
READER, WRITER = Reader(STENN), Writer(STENN)
TOKEN = answer(200, b'{"access_token": "tok", "token_type": "Bearer", "expires_in": 86400}')

# The shape of the documents' example, with its contradictions: draft, although a session is completed.
EXAMPLE: dict[str, Any] = {
    "id": "inv_1",
    "object": "invoice",
    "supplier": "company_1",
    "buyer": "company_2",
    "invoice_number": "N-1",
    "client_reference_id": "ref-1",
    "amount": 88000,
    "currency": "usd",
    "type_of_goods": ["perishables", "other"],
    "due_date": "2026-12-22",
    "invoice_document": {"id": "doc_1", "object": "document"},
    "financing": {
        "first_payment": 79200,
        "second_payment": None,
        "discount": None,
        "volume_adjument_fees": Decimal("12.50"),
        "insurance_charges": None,
        "late_payment_fees": None,
        "sessions": {
            "object": "list",
            "data": [{"id": "ifs_1", "object": "invoice.financing.session", "status": "completed"}],
        },
    },
    "status": "draft",
}

SUBMISSION = Submission(
    client_reference_id="ref-1",
    invoice_number="N-1",
    currency="USD",
    amount_minor_units=8_800_000,
    due_date=date(2026, 12, 22),
    buyer_company_id="company_2",
    supplier_company_id="company_1",
    submitted_by="a@example.com",
    success_url="https://a.example",
    cancel_url="https://b.example",
)
DONE = {"document": StepResult("doc_1"), "invoice": StepResult("inv_1")}


@pytest.fixture
def financier(clock: FakeClock):
    made = []

    def make(*given: bytes, **changes: Any) -> HostedSession:
        server = Server([TOKEN, *given])
        raw = {
            "base_url": server.url,
            "client_id": "c",
            "client_secret": Secret("s" * 8),
            **changes,
        }
        settings = HostedSession.settings_schema().load(raw)
        made.append((HostedSession(settings, AdapterContext("acme", clock)), server))
        return made[-1][0]

    yield make
    for one, server in made:
        one.close()
        server.close()


def test_example_of_the_documents() -> None:
    told = READER.invoice(EXAMPLE, b"raw")
    assert (told.currency, told.amount_minor_units) == ("USD", 8_800_000)
    assert told.status is FinancingStatus.DRAFT
    assert told.sessions == (("ifs_1", SessionStatus.COMPLETE),)
    assert told.financing == {"first_payment": 7_920_000, "volume_adjument_fees": 1_250}
    assert (told.due_date, told.raw) == (date(2026, 12, 22), b"raw")


@pytest.mark.parametrize(
    "sessions",
    [None, [], {"object": "list", "data": []}, {"data": None}],
)
def test_no_sessions_in_every_form(sessions: Any) -> None:
    assert READER.invoice({**EXAMPLE, "financing": {"sessions": sessions}}, b"").sessions == ()
    assert READER.invoice({**EXAMPLE, "financing": None}, b"").sessions == ()


def test_bare_list_of_sessions() -> None:
    bare = {"sessions": [{"id": "a", "status": "cancelled"}, {"id": "b", "status": "Open "}]}
    told = READER.invoice({**EXAMPLE, "financing": bare}, b"")
    assert told.sessions == (("a", SessionStatus.CANCELED), ("b", SessionStatus.OPEN))


@pytest.mark.parametrize(
    "invoices",
    [["inv_1"], [{"id": "inv_1", "status": "new"}], {"object": "list", "data": [{"id": "inv_1"}]}],
)
def test_invoices_of_a_session_in_every_form(invoices: Any) -> None:
    assert READER.invoices_of({"invoices": invoices}) == {"inv_1"}


@pytest.mark.parametrize("word", ["", "paid", None, 5, "done"])
def test_unknown_session_word(word: Any) -> None:
    assert READER.session_word(word) is SessionStatus.UNKNOWN


@pytest.mark.parametrize(
    ("body", "invoice", "reference"),
    [
        (
            {"data": {"object": {"id": "inv_1", "object": "invoice", "client_reference_id": "r"}}},
            "inv_1",
            "r",
        ),
        ({"data": {"id": "inv_1", "object": "invoice"}}, "inv_1", None),
        ({"data": {"object": {"id": "inv_1"}}}, "inv_1", None),
        ({"data": {"object": {"object": "buyer_limit", "id": "lim_1"}}}, None, None),
        (
            {"data": {"object": {"object": "invoice.financing.session", "invoices": ["inv_1"]}}},
            "inv_1",
            None,
        ),
        ({"data": {"object": {"object": "invoice.financing.session", "invoices": 7}}}, None, None),
        ({"data": []}, None, None),
        ({}, None, None),
    ],
)
def test_events_in_every_form(
    body: dict[str, Any], invoice: str | None, reference: str | None
) -> None:
    hint = READER.event({"id": "evt_1", "type": "invoice.approved", "created": "soon", **body})
    assert (hint.remote_invoice_id, hint.client_reference_id) == (invoice, reference)
    assert hint.created_at is None


def test_amount_leaves_digit_for_digit() -> None:
    for minor, text in [
        (1, b"0.01"),
        (8_800_000, b"88000.00"),
        (9_007_199_254_740_993, b"90071992547409.93"),
    ]:
        one = Submission(**{**_fields(SUBMISSION), "amount_minor_units": minor})
        assert b'"amount":%s,' % text in write(WRITER.invoice(one, DONE, []))


def test_goods_default_only_where_the_mapping_says_nothing() -> None:
    assert "type_of_goods" not in WRITER.invoice(SUBMISSION, DONE, [])
    assert WRITER.invoice(SUBMISSION, DONE, ["other"])["type_of_goods"] == ["other"]
    said = Submission(**{**_fields(SUBMISSION), "type_of_goods": ("perishables",)})
    assert WRITER.invoice(said, DONE, ["other"])["type_of_goods"] == ["perishables"]


def test_created_with_another_amount_is_an_alarm(financier) -> None:
    one = financier(answer(200, write({**EXAMPLE, "amount": Decimal("88000.01")})))
    with pytest.raises(InvariantBroken):
        one.perform("invoice", SUBMISSION, DONE, None)


def test_thin_answer_to_a_creation_is_enough(financier) -> None:
    assert financier(answer(201, b'{"id": "inv_9"}')).perform(
        "invoice", SUBMISSION, DONE, None
    ) == StepResult("inv_9")


@pytest.mark.parametrize(
    ("step", "body"),
    [
        ("invoice", b"{}"),
        ("invoice", b'{"id": ""}'),
        ("session", b'{"id": "ifs_1"}'),
        ("session", b'{"id": "ifs_1", "session_url": "javascript:alert(1)"}'),
        ("session", b'{"id": "ifs_1", "session_url": ""}'),
    ],
)
def test_unusable_answer_to_a_creation_is_unknown(financier, step: str, body: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        financier(answer(200, body)).perform(step, SUBMISSION, DONE, None)


def test_conflict_without_a_trace_is_unknown(financier) -> None:
    one = financier(
        answer(409, b'{"message": "exists"}'), answer(200, b'{"object": "list", "data": []}')
    )
    with pytest.raises(OutcomeUnknown):
        one.perform("invoice", SUBMISSION, DONE, None)


def test_two_invoices_of_one_reference_are_an_alarm(financier) -> None:
    one = financier(answer(200, write([EXAMPLE, {**EXAMPLE, "id": "inv_2"}])))
    with pytest.raises(InvariantBroken, match="2 invoices"):
        one.look_up("invoice", SUBMISSION, DONE)


@pytest.mark.parametrize("more", [{"has_more": True}, {"next": "https://x"}])
def test_part_of_a_list_proves_nothing(financier, more: dict[str, Any]) -> None:
    one = financier(answer(200, write({"object": "list", "data": [], **more})))
    with pytest.raises(Unsupported):
        one.look_up("invoice", SUBMISSION, DONE)


def test_no_list_of_sessions_is_unsupported(financier) -> None:
    invoice = answer(200, write({**EXAMPLE, "financing": None}))
    with pytest.raises(Unsupported):
        financier(invoice, answer(404, b"{}")).look_up("session", SUBMISSION, DONE)


def test_json_upload() -> None:
    requests = replace(STENN.requests, document_encoding="json_base64")
    writer = Writer(replace(STENN, requests=requests))
    body, content_type = writer.document(InvoiceDocument("scan", "pdf", b"\x00\xff"))
    assert content_type == "application/json"
    assert body == b'{"name":"scan.pdf","purpose":"invoice","file_format":"pdf","file":"AP8="}'


def test_document_without_content_is_refused() -> None:
    with pytest.raises(Refused):
        WRITER.document(None)


def test_event_of_another_platform_is_drift() -> None:
    with pytest.raises(ContractDrift):
        READER.event({"event": "payment.changed"})


def test_token_url_of_another_host(clock: FakeClock) -> None:
    giver, there = Server([TOKEN]), Server([answer(200, b"[]")])
    raw = {
        "base_url": f"{there.url}/sandbox",
        "token_url": f"{giver.url}/v1/auth/token",
        "client_id": "c",
        "client_secret": Secret("s" * 8),
    }
    one = HostedSession(HostedSession.settings_schema().load(raw), AdapterContext("acme", clock))
    assert one.companies() == []
    assert giver.asked[0].target == "/v1/auth/token"
    assert there.asked[0].target == "/sandbox/v1/companies"
    one.close()
    giver.close()
    there.close()


def _fields(submission: Submission) -> dict[str, Any]:
    return {name: getattr(submission, name) for name in Submission.__dataclass_fields__}


def test_without_a_path_nothing_is_asked(financier, tmp_path: Path) -> None:
    text = (SHIPPED / "stenn.toml").read_text(encoding="utf-8")
    profile = tmp_path / "own.toml"
    profile.write_text(text.replace("buyer_limits = ", "# "), encoding="utf-8")
    one = financier(profile=str(profile))
    with pytest.raises(Unsupported, match="cancel"):
        one.cancel_session("ifs_1")
    with pytest.raises(Unsupported, match="limits"):
        one.request_limit("company_1", LimitRequest(1, "USD"))


def test_a_limit_without_a_status_is_unknown(financier) -> None:
    one = financier(answer(200, b'{"id": "limit_1"}'))
    with pytest.raises(OutcomeUnknown):
        one.request_limit("company_1", LimitRequest(100, "USD"))


def test_a_session_that_is_not_open_any_more_stays_as_it_is(financier) -> None:
    one = financier(
        answer(409, b'{"message": "The session is complete."}'),
        answer(200, b'{"id": "ifs_1", "status": "complete"}'),
        cancel_session_path="/v1/financing_sessions/{session}/cancel",
    )
    assert one.cancel_session("ifs_1") is SessionStatus.COMPLETE
