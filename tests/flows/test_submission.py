"""Submitting once and only once, whatever the financier answers, or does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.flows.configuration import QUIET_SECONDS
from tests.flows.conftest import Build
from tests.flows.stage import Stage

PATHS = {
    "document": "/v1/documents",
    "invoice": "/v1/invoices",
    "session": "/v1/financing_sessions",
}
AFTER_COMMIT = (
    "commit_then_timeout",
    "status_500_after_commit",
    "truncated_json",
    "cut_in_body",
    "empty_200",
)


@pytest.mark.parametrize("fault", AFTER_COMMIT)
@pytest.mark.parametrize("step", ["invoice", "session"])
def test_a_step_that_took_effect_without_an_answer_is_found_and_not_repeated(
    stage: Stage, step: str, fault: str
):
    stage.add()
    stage.fault(f"POST {PATHS[step]}", fault)
    stage.settle()

    assert stage.financing().state == "submitted"
    assert stage.remote().reference == stage.financing().client_reference_id
    assert len(stage.ledger.select("session")) == 1
    assert stage.requests("POST", PATHS[step]) == 1
    assert ("look_up", "found") in stage.actions(step)
    assert stage.step(step).state == "done"
    assert not stage.violations()


def test_a_document_may_be_uploaded_again_because_it_moves_no_money(stage: Stage):
    stage.add()
    stage.fault("POST /v1/documents", "commit_then_timeout")
    stage.settle()

    assert stage.financing().state == "submitted"
    assert [action for action, _ in stage.actions("document")] == ["send", "send"]
    assert len(stage.ledger.select("invoice")) == 1
    assert not stage.violations()


@pytest.mark.parametrize("step", ["invoice", "session"])
def test_a_request_that_never_arrived_is_sent_again_after_the_quiet_period(stage: Stage, step: str):
    stage.add()
    stage.fault(f"POST {PATHS[step]}", "cut_before_commit")
    began = stage.clock.now()
    stage.settle()

    assert stage.financing().state == "submitted"
    assert stage.remote().id == stage.financing().remote_invoice_id
    assert (stage.clock.now() - began).total_seconds() >= QUIET_SECONDS
    sends = [action for action, _ in stage.actions(step) if action == "send"]
    assert len(sends) == 2
    assert not stage.violations()


@pytest.mark.parametrize("step", ["invoice", "session"])
def test_a_request_that_lands_late_within_the_quiet_period_is_not_doubled(build: Build, step: str):
    stage = build(platform={"create_mode": "dumb"})
    stage.add()
    stage.fault(f"POST {PATHS[step]}", "timeout_then_commit", delay_seconds=0.3)
    stage.pull()
    stage.submit()
    (stuck,) = [row for row in stage.outbox() if row.state == "unknown"]
    assert stuck.kind == step
    for thread in stage.financier._background:
        thread.join()  # now it has landed
    stage.settle()

    assert len(stage.ledger.select("invoice")) == len(stage.ledger.select("session")) == 1
    assert ("look_up", "found") in stage.actions(step)
    assert not stage.violations()


def test_without_a_look_up_an_unclear_session_is_parked_and_not_sent_twice(build: Build):
    stage = build(platform={"create_mode": "dumb"})
    stage.add()
    stage.fault("POST /v1/financing_sessions", "commit_then_timeout")
    stage.fault("GET /v1/financing_sessions", "status_500", times=None, status=405)
    stage.settle()

    assert stage.step("session").state == "parked"
    assert stage.step("session").error_class == "Unsupported"
    assert stage.financing().state == "parked"
    assert stage.financing().state_reason
    assert stage.requests("POST", "/v1/financing_sessions") == 1
    stage.clock.advance(10 * 86_400)
    stage.settle()
    assert stage.requests("POST", "/v1/financing_sessions") == 1
    assert not stage.violations()


def test_an_unclear_answer_that_can_never_be_looked_up_ends_with_a_person(stage: Stage):
    stage.add()
    stage.fault("POST /v1/invoices", "commit_then_timeout")
    stage.fault("GET /v1/invoices", "status_500", times=None, status=503)
    stage.settle(longest_seconds=3 * 86_400)

    assert stage.step("invoice").state == "parked"
    assert stage.requests("POST", "/v1/invoices") == 1


@pytest.mark.parametrize("fault", ["rate_limited", "rate_limited_date"])
@pytest.mark.parametrize("step", PATHS)
def test_being_asked_to_wait_is_waited_out(build: Build, step: str, fault: str):
    stage = build(start=datetime.now(UTC).replace(microsecond=0))  # the date is the machine's
    stage.add()
    stage.fault(f"POST {PATHS[step]}", fault, retry_after=40)
    stage.pull()
    stage.submit()
    assert stage.health("bank") == {"backing_off"}
    assert stage.next_seconds() > 30
    stage.settle()

    assert stage.financing().state == "submitted"
    assert not stage.health("bank")
    assert len(stage.ledger.select("invoice")) == len(stage.ledger.select("session")) == 1
    assert not stage.violations()


def test_a_refused_invoice_is_parked_in_the_platforms_own_words(stage: Stage):
    first, second = stage.add(), stage.add()
    stage.fault("POST /v1/invoices", "status_500", status=400)
    stage.settle()

    states = sorted(row.state for row in stage.financings())
    assert states == ["parked", "submitted"]
    assert {first, second} == set(stage.outcomes())
    (parked,) = [row for row in stage.outbox() if row.state == "parked"]
    assert "400" in (parked.error or "")
    assert not stage.violations()


def test_a_canceled_session_is_parked_and_a_person_may_open_a_second_one(stage: Stage):
    stage.add()
    stage.settle()
    (session,) = stage.ledger.select("session")
    client = stage.financier.app.test_client()
    client.post("/sandbox/person/cancel", json={"session": session.id})
    stage.clock.advance(86_400)
    stage.settle()
    assert stage.financing().state == "parked"
    assert "canceled" in (stage.financing().state_reason or "")
    assert not stage.violations()

    submitter = stage.program.submitter(stage.program.config.flows[0])
    submitter.reopen_session(stage.financing().id)
    stage.settle()

    assert stage.financing().state == "submitted"
    sessions = stage.ledger.select("session")
    assert [one.status for one in sessions] == ["canceled", "open"]
    assert stage.financing().remote_session_id == sessions[1].id
    assert len(stage.ledger.select("invoice")) == 1
    stage.complete_sessions()
    stage.settle()
    assert stage.financing().session_status == "complete"
    assert not stage.violations()


def test_a_session_that_expired_is_parked(stage: Stage):
    stage.add()
    stage.settle()
    stage.clock.advance(3 * 86_400)
    stage.settle()

    assert stage.financing().state == "parked"
    assert "expired" in (stage.financing().state_reason or "")
    assert not stage.violations()


def test_by_hand_nothing_is_submitted_until_a_person_asks(build: Build):
    stage = build(flow={"submit": "by_hand"})
    stage.add()
    stage.settle()
    assert not stage.ledger.select("invoice")
    assert not stage.violations(), "what waits for a person is at rest"

    task = stage.program.submit_task(stage.program.config.flows[0])
    assert task.open_one(stage.financing().id)
    stage.settle()
    assert stage.financing().state == "submitted"


def test_what_is_ready_and_goes_by_itself_is_not_at_rest(stage: Stage):
    stage.add()
    stage.pull()
    stage.program.link_task(stage.program.config.flows[0]).run()
    assert stage.financing().state == "ready"
    (left,) = stage.violations()
    assert left.startswith("I13 An invoice of an automatic flow is ready, and was not submitted.")
    assert not stage.violations(at_rest=False)
    stage.settle()
    assert not stage.violations()


def test_an_invoice_changed_outside_the_connector_is_not_sent(stage: Stage):
    stage.add()
    stage.add()
    stage.pull()
    stage.submit()  # companies
    stage.restart()
    before = stage.requests("POST", "/v1/invoices")
    assert before == 2
    damaged = stage.add()
    stage.pull(full_walk=True)
    row = stage.financings()[-1]
    with stage.program.database.write() as tx:
        tx.connection.exec_driver_sql(
            "update financing_invoices set amount_minor_units = amount_minor_units + 1 "
            f"where id = {row.id}"
        )
    stage.submit()

    assert stage.requests("POST", "/v1/invoices") == before
    assert damaged in stage.outcomes()
    assert any(line.startswith("I19") for line in stage.violations(at_rest=False))


def test_after_a_restore_everything_is_looked_up_before_it_is_created(build: Build):
    stage = build(platform={"create_mode": "dumb"})
    stage.add()
    stage.add()
    stage.pull()
    backup = stage.directory / "backup.db"
    stage.program.database.backup(backup)
    stage.settle()
    assert len(stage.ledger.select("invoice")) == 2
    sent = stage.requests("POST", "/v1/invoices")

    stage.stop()
    for name in ("connector.db-wal", "connector.db-shm"):
        (stage.directory / name).unlink(missing_ok=True)
    (stage.directory / "connector.db").write_bytes(backup.read_bytes())
    with stage.program.database.write() as tx:
        tx.connections.set_reconcile_first("bank", True)
    stage.settle()

    assert len(stage.ledger.select("invoice")) == len(stage.ledger.select("session")) == 2
    assert stage.requests("POST", "/v1/invoices") == sent
    assert [row.state for row in stage.financings()] == ["submitted", "submitted"]
    assert {row.remote_invoice_id for row in stage.financings()} == {
        remote.id for remote in stage.ledger.select("invoice")
    }
    assert not stage.violations()


def test_a_worker_that_did_not_come_back_is_taken_over_and_its_effect_found(stage: Stage):
    stage.add()
    stage.pull()
    stage.fault("POST /v1/invoices", "commit_then_timeout")
    stage.submit()
    row = stage.step("invoice")
    with stage.program.database.write() as tx:  # as if it had died while it waited for the answer
        tx.connection.exec_driver_sql(
            "update outbox set state = 'sending', lease_token = 'gone', "
            "lease_expires_at = '2026-03-02T09:32:00.000000Z', "
            f"next_attempt_at = '2026-03-02T09:32:00.000000Z' where id = {row.id}"
        )
        tx.connection.exec_driver_sql(
            f"update attempts set finished_at = null, result = null where outbox_id = {row.id}"
        )
    stage.settle()

    assert stage.financing().state == "submitted"
    assert stage.requests("POST", "/v1/invoices") == 1
    assert stage.actions("invoice") == [("send", None), ("look_up", "found")]
    assert not stage.violations()
