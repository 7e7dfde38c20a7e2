"""What a person does about a session, and what a financing amounts to in the end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector import views
from connector.errors import OutcomeUnknown, Refused, Unsupported
from connector.financing_sessions import FinancingSessions
from connector.sandbox.run import control
from tests.conformance.harness_hosted_session import SECOND_PROFILE
from tests.flows.conftest import Build
from tests.flows.stage import Stage

BY = "operator:test"
CANCEL = {"cancel_session_path": "/v1/financing_sessions/{session}/cancel"}


def sessions(stage: Stage) -> FinancingSessions:
    return stage.program.financing_sessions(stage.program.config.flows[0])


def actions(stage: Stage) -> list[str]:
    """What the audit log says was done about sessions, oldest first."""
    with stage.read() as tx:
        rows = tx.audit.recent(200)
    found = sorted((row.seq, row.action, row.actor) for row in rows)
    return [action for _, action, actor in found if actor == BY]


def states(stage: Stage) -> list[str]:
    return [one.status or "" for one in stage.ledger.select("session")]


def test_an_expired_session_is_followed_by_another_and_never_by_a_second_invoice(stage: Stage):
    source_id = stage.add()
    stage.settle()
    financing_id = stage.financing().id
    with pytest.raises(Refused, match="the session is open"):
        sessions(stage).open_again(financing_id, by=BY)
    with pytest.raises(Unsupported, match="own page"):
        sessions(stage).cancel(financing_id, "not wanted", by=BY)  # this platform offers no way
    assert (stage.financing().state, states(stage)) == ("submitted", ["open"])

    stage.clock.advance(2 * 86_400)
    with stage.program.database.write() as tx:
        (record,) = tx.records.by_source_id(source_id)
        tx.documents.add(
            record.id, "po.pdf", "pdf", b"%PDF-1.4", origin="hand", by=BY, purpose="purchase_order"
        )
    sessions(stage).open_again(financing_id, by=BY)
    stage.settle()

    assert stage.financing().state == "submitted"
    assert states(stage) == ["expired", "open"]
    second = stage.ledger.select("session")[1]
    (supporting,) = second.body["supporting_documents"]
    assert supporting["documents"]["data"][0]["purpose"] == "purchase_order"
    assert len(stage.ledger.select("invoice")) == 1
    with pytest.raises(Refused):
        sessions(stage).open_again(financing_id, by=BY)
    stage.complete_sessions()
    stage.settle()
    assert stage.words() == ["draft", "new"]
    assert actions(stage) == ["session.cancel_asked", "session.opened_again"]
    assert not stage.violations()


def test_another_session_leads_back_to_where_the_flow_says_today(stage: Stage):
    stage.add()
    stage.settle()
    stage.clock.advance(2 * 86_400)
    stage.reconfigure("https://example.com/financed", "https://example.com/welcome")
    sessions(stage).open_again(stage.financing().id, by=BY)
    stage.settle()
    assert [one.body["success_url"] for one in stage.ledger.select("session")] == [
        "https://example.com/financed",
        "https://example.com/welcome",
    ]
    assert not stage.violations()


def test_what_was_handed_in_meanwhile_is_neither_opened_again_nor_canceled(build: Build):
    stage = build(account=CANCEL)
    stage.add()
    stage.settle()
    stage.set_platform(webhook_url=None)
    stage.complete_sessions()
    with pytest.raises(Refused, match="the financier says new"):
        sessions(stage).open_again(stage.financing().id, by=BY)
    with pytest.raises(Refused, match="settled with the financier"):
        sessions(stage).cancel(stage.financing().id, "too late", by=BY)

    (session,) = stage.ledger.select("session")
    assert session.status == "complete"
    assert stage.requests("POST", f"/v1/financing_sessions/{session.id}/cancel") == 0
    assert stage.financing().state == "submitted"
    assert stage.words()[-1] == "new"


def test_a_person_cancels_an_application_and_may_ask_again(build: Build):
    stage = build(account=CANCEL)
    stage.add()
    stage.settle()
    financing_id = stage.financing().id
    stage.fault("POST /v1/financing_sessions/*/cancel", "cut_before_commit")
    with pytest.raises(OutcomeUnknown):
        sessions(stage).cancel(financing_id, "not wanted", by=BY)
    assert (stage.financing().state, states(stage)) == ("submitted", ["open"])

    stage.fault("POST /v1/financing_sessions/*/cancel", "commit_then_timeout")
    sessions(stage).cancel(financing_id, "the goods came back", by=BY)
    assert states(stage) == ["canceled"]
    assert stage.financing().state == "parked"
    assert (stage.financing().state_reason or "").endswith("by a person: the goods came back")
    assert not stage.violations()
    with pytest.raises(Refused, match="no open session"):
        sessions(stage).cancel(financing_id, "again", by=BY)

    sessions(stage).open_again(financing_id, by=BY)
    stage.settle()
    assert states(stage) == ["canceled", "open"]
    assert len(stage.ledger.select("invoice")) == 1
    assert actions(stage) == [
        *("session.cancel_asked", "session.cancel_asked", "session.canceled"),
        "session.opened_again",
    ]


def test_overdue_then_repaid_and_what_it_all_amounts_to(stage: Stage):
    stage.set_platform(overdue_percent=100)
    stage.add(invoice_amount_cents=10_001)
    stage.settle()
    stage.complete_sessions()
    stage.settle()
    assert parts(stage) == {"first_payment": "90.00"}
    for steps in (4, 1):
        control(stage.financier_url, "/sandbox/desk/advance", {"steps": steps})
        stage.settle()

    assert stage.words()[-2:] == ["overdue", "repaid"]
    assert stage.financing().status == "repaid"
    assert parts(stage) == {
        "first_payment": "90.00",
        "second_payment": "8.31",
        "discount": "1.00",
        "volume_adjument_fees": "0.00",
        "insurance_charges": "0.20",
        "late_payment_fees": "0.50",
    }
    total = sum(Decimal(amount) for amount in parts(stage).values())
    assert total == Decimal("100.01")
    assert not stage.violations()


def test_amounts_that_change_are_noted_and_none_is_taken_back_by_silence(stage: Stage):
    stage.add(invoice_amount_cents=10_001)
    stage.settle()
    stage.complete_sessions()
    stage.settle()
    invoice = stage.remote()
    changed = {**invoice.body["financing"], "first_payment": 8_000}
    for told in (changed, None):
        body = {**stage.remote().body, "financing": told}
        stage.ledger.change(stage.remote(), body, at=stage.clock.now(), cause="corrected")
        stage.tasks.poll("bank", everything=True)
        assert parts(stage)["first_payment"] == "80.00"

    with stage.read() as tx:
        (noted,) = [r for r in tx.audit.recent(50) if r.action == "financing.amounts_changed"]
    assert noted.detail == {
        "currency": "USD",
        "before": {"first_payment": 9_000},
        "after": {"first_payment": 8_000},
    }


def test_the_whole_life_at_a_platform_with_other_words(build: Build):
    stage = build(
        platform={"dialect": "second", "webhook_signature_header": "X-Ledger-Signature"},
        account={
            "profile": str(SECOND_PROFILE),
            "invoice_filter": None,
            "session_filter": None,
            "client_id": None,
        },
    )
    stage.set_platform(webhook_signature_scheme="plain")
    (stage.directory / "api_key").write_text("sandbox-api-key")
    (stage.directory / "api_key").chmod(0o600)
    text = stage.config_path.read_text(encoding="utf-8")
    for old, new in (
        ('client_secret = { file = "client" }', 'api_key = { file = "api_key" }'),
        ('header = "Stenn-Signature"\n', ""),
        ('format = "timestamped"\nsigned = "timestamp.body"\n', ""),
        ("[financiers.bank.webhook]\n", '[financiers.bank.webhook]\nevent_id_field = "event_id"\n'),
    ):
        assert old in text
        text = text.replace(old, new)
    stage.config_path.write_text(text, encoding="utf-8")
    stage.add(invoice_amount_cents=10_001)
    stage.settle()
    stage.complete_sessions()
    stage.settle()
    stage.desk("requesting_signatures", "approved", "financed")
    stage.settle()

    assert stage.remote().amount_minor_units == 10_001
    assert stage.words()[0] == "created"
    assert stage.words()[-1] == "paid_out"
    assert {row.via for row in stage.timeline()} == {"poll", "webhook"}
    assert stage.financing().status == "funded"
    assert parts(stage)["first_payment"] == "90.00"
    assert not stage.violations()


def parts(stage: Stage) -> dict[str, str]:
    """The parts of the only financing as the invoice's page shows them."""
    with stage.read() as tx:
        life = views.life(tx, stage.financing().client_reference_id)
    (financing,) = life["financing"]
    return {name: part["amount"] for name, part in financing["parts"].items()}
