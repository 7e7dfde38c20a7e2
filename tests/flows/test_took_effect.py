"""A person knows that a parked message took effect: it is looked up, and the invoice goes on as after an answer."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from connector.acting import Actions
from connector.console.app import create_console
from connector.errors import Refused
from connector.people.roles import Role
from tests.flows.conftest import Build
from tests.flows.stage import Stage

BY = "person:operator@example.com"


def decide(stage: Stage, kind: str, remote_id: str | None = None) -> None:
    Actions(stage.program).parked.decide(
        stage.step(kind).id, "took_effect", "I saw it there.", by=BY, remote_id=remote_id
    )


def audited(stage: Stage) -> list[tuple[str, str]]:
    with stage.read() as tx:
        return [(row.actor, row.action) for row in tx.audit.recent(2)[::-1]]


@pytest.fixture
def blind(build: Build) -> Stage:
    """An invoice whose session was opened without an answer, at a financier that lists no sessions."""
    stage = build(platform={"create_mode": "dumb"})
    stage.add()
    stage.fault("POST /v1/financing_sessions", "commit_then_timeout")
    stage.fault("GET /v1/financing_sessions", "status_500", times=2, status=405)
    stage.settle()
    assert stage.step("session").state == "parked"
    stage.financier.faults.clear()
    stage.fault("GET /v1/financing_sessions", "status_500", times=1, status=405)
    return stage


def test_a_session_that_nobody_can_look_up_goes_on_by_its_identifier(blind: Stage):
    with pytest.raises(Refused, match="no way to look this up"):
        decide(blind, "session")
    assert blind.financing().state == "parked"
    blind.fault("GET /v1/financing_sessions", "status_500", times=1, status=405)
    (session,) = blind.ledger.select("session")

    decide(blind, "session", session.id)
    assert blind.financing().state == "submitted"
    assert blind.financing().remote_session_id == session.id
    assert audited(blind) == [("connector", "submit.session.confirmed"), (BY, "outbox.took_effect")]

    blind.complete_sessions()
    blind.clock.advance(86_400)
    blind.settle()
    assert blind.financing().session_status == "complete"
    assert blind.requests("POST", "/v1/financing_sessions") == 1
    assert not blind.violations()
    with pytest.raises(Refused, match="nothing to decide"):
        decide(blind, "session", session.id)


def test_a_program_says_so_in_the_same_words(blind: Stage):
    (session,) = blind.ledger.select("session")
    blind.program.people.add(email="a@example.com", name="Ana", role=Role.ADMIN, by="test")
    token = blind.program.tokens.new(
        role=Role.OPERATOR, name="etl", expires_in_days=1, by="test"
    ).text
    client = create_console(blind.program, lambda _key: True).test_client()

    def ask(**body: object) -> TestResponse:
        path = f"/api/v1/deliveries/sent/{blind.step('session').id}/decide"
        given = {"reason": "I saw it there.", **body}
        return client.post(path, json=given, headers={"Authorization": f"Bearer {token}"})

    refused = ask(what="took_effect")
    assert refused.status_code == 422, refused.text
    assert "no way to look this up" in refused.get_json()["detail"]
    assert ask(what="drop", remote_id=session.id).status_code == 422
    assert blind.financing().state == "parked"
    blind.fault("GET /v1/financing_sessions", "status_500", times=1, status=405)

    done = ask(what="took_effect", remote_id=session.id)
    assert (done.status_code, done.get_json()["state"]) == (200, "done")
    assert blind.financing().state == "submitted"


def test_a_session_that_is_another_invoices_is_refused(blind: Stage):
    blind.financier.faults.clear()
    with pytest.raises(Refused):
        decide(blind, "session", "ifs_of_another")
    assert blind.financing().state == "parked"
    assert blind.step("session").state == "parked"


@pytest.fixture
def unclear(build: Build) -> tuple[Stage, str]:
    """An invoice that arrived without an answer, at a financier that could not be asked for too long; its identifier."""
    stage = build(account={"park_after_seconds": 120})
    source_id = stage.add()
    stage.fault("POST /v1/invoices", "commit_then_timeout")
    stage.fault("GET /v1/invoices", "status_500", times=None, status=503)
    stage.settle(longest_seconds=86_400)
    assert stage.step("invoice").state == "parked"
    stage.financier.faults.clear()
    return stage, source_id


def test_an_invoice_that_arrived_is_found_and_its_session_is_opened(unclear: tuple[Stage, str]):
    stage, _ = unclear
    (there,) = stage.ledger.select("invoice")
    with pytest.raises(Refused, match="not as inv_other"):
        decide(stage, "invoice", "inv_other")

    decide(stage, "invoice")
    assert stage.financing().remote_invoice_id == there.id
    assert stage.financing().state == "submitting"
    stage.settle()

    assert stage.financing().state == "submitted"
    assert stage.requests("POST", "/v1/invoices") == 1
    assert not stage.violations()


def test_an_invoice_that_is_not_there_does_not_go_on(stage: Stage):
    first, _ = stage.add(amount_cents=120_000), stage.add(amount_cents=120_000)
    stage.fault("POST /v1/invoices", "status_500", status=400)
    stage.settle()
    (row,) = [row for row in stage.outbox() if row.state == "parked"]
    (other,) = stage.ledger.select("invoice")
    parked = Actions(stage.program).parked

    for remote_id, sentence in (
        (None, "nothing under our reference"),
        ("inv_nowhere", "inv_nowhere|404"),
        (other.id, "another reference"),
    ):
        with pytest.raises(Refused, match=sentence):
            parked.decide(row.id, "took_effect", "It is.", by=BY, remote_id=remote_id)
    assert sorted(each.state for each in stage.financings()) == ["parked", "submitted"]
    assert first in stage.outcomes()
    assert not stage.violations()


def test_after_the_books_changed_an_invoice_that_arrived_opens_no_session(
    unclear: tuple[Stage, str],
):
    stage, source_id = unclear
    stage.change(source_id, amount_cents=77_700)
    stage.pull(full_walk=True)

    decide(stage, "invoice")
    stage.settle()
    assert stage.financing().remote_invoice_id is not None
    assert stage.financing().state == "parked"
    assert not stage.ledger.select("session")
    assert not stage.violations()
