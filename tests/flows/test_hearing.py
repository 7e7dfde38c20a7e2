"""Statuses come back: by webhooks that may be lost, doubled, late or forged, and by asking."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from connector.sandbox.webhook import signature
from tests.flows.configuration import PATH_SECRET
from tests.flows.stage import Stage

LIFE = ("new", "requesting_signatures", "approved", "financed", "repaid")


@pytest.fixture
def submitted(stage: Stage) -> Stage:
    """One invoice with the financier, its session still open."""
    stage.add()
    stage.settle()
    assert stage.words() == ["draft"]
    return stage


def deliver(
    stage: Stage, body: bytes, *, secret: str | None = None, path: str = PATH_SECRET
) -> int:
    """Post an event to the doorway, signed with the right secret unless another is given."""
    if secret is None:
        secret = (stage.directory / "signing").read_text("utf-8")
    stamp = int(stage.clock.now().timestamp())
    connection = http.client.HTTPConnection(urlsplit(stage.address).netloc, timeout=10)
    try:
        connection.request(
            "POST",
            f"/webhooks/bank/{path}",
            body,
            {"Stenn-Signature": signature("timestamped", secret, stamp, body)},
        )
        return connection.getresponse().status
    finally:
        connection.close()


def event(event_id: str, kind: str, remote_id: str, reference: str | None = None) -> bytes:
    told = {"id": remote_id, "object": "invoice", "client_reference_id": reference}
    created = "2026-03-02T09:30:00.000Z"
    body = {"id": event_id, "object": "event", "type": kind, "created": created}
    return json.dumps({**body, "data": {"object": told}}).encode()


def inbox(stage: Stage) -> dict[str, int]:
    with stage.read() as tx:
        return {state: count for (_, state), count in tx.inbox.counts().items()}


def via(stage: Stage) -> list[str]:
    return [row.via for row in stage.timeline()]


def test_every_status_arrives_by_webhook_and_is_applied_once(submitted: Stage):
    submitted.complete_sessions()
    for word in LIFE:
        if word != "new":
            submitted.desk(word)
        submitted.settle()

    assert submitted.words() == ["draft", *LIFE]
    assert via(submitted)[1:] == ["webhook"] * len(LIFE)
    assert submitted.financing().status == "repaid"
    assert submitted.financing().next_poll_at is None
    assert not submitted.violations()


def test_lost_webhooks_are_repaired_by_asking(submitted: Stage):
    submitted.fault("WEBHOOK *", "webhook_lose", times=None)
    submitted.complete_sessions()
    submitted.desk("requesting_signatures", "approved")
    submitted.settle()
    assert submitted.words() == ["draft"]
    submitted.clock.advance(86_400)
    submitted.settle()

    assert submitted.words() == ["draft", "approved"]
    assert via(submitted)[-1] == "poll"
    assert not submitted.violations()


def test_duplicates_are_stored_once_and_applied_once(submitted: Stage):
    submitted.fault("WEBHOOK *", "webhook_duplicate", times=None, copies=5)
    submitted.complete_sessions()
    submitted.desk("approved")
    submitted.settle()

    assert inbox(submitted) == {"done": 2}
    delivered = submitted.ledger.rows("SELECT COUNT(*) FROM deliveries WHERE state='acknowledged'")
    assert delivered[0][0] == 10
    assert submitted.words()[-1] == "approved"
    assert not submitted.violations()


def test_events_in_the_wrong_order_never_turn_the_timeline_back(submitted: Stage):
    submitted.fault("WEBHOOK invoice.approved", "webhook_reorder", seconds=600)
    submitted.complete_sessions()
    submitted.settle()
    submitted.desk("approved", "financed")
    submitted.settle()
    submitted.clock.advance(601)
    submitted.settle()

    assert submitted.words()[-1] == "financed"
    assert submitted.words() in (
        ["draft", "new", "financed"],
        ["draft", "new", "approved", "financed"],
    )
    assert inbox(submitted) == {"done": 3}
    assert not submitted.violations()


@pytest.mark.parametrize(
    "fault", ["webhook_bad_signature", "webhook_old_timestamp", "webhook_unsigned"]
)
def test_a_forged_event_stores_nothing_and_changes_nothing(submitted: Stage, fault: str):
    submitted.fault("WEBHOOK *", fault, times=None)
    submitted.complete_sessions()
    submitted.settle()

    assert inbox(submitted) == {}
    assert submitted.words() == ["draft"]
    refused = submitted.ledger.rows("SELECT answer_status FROM attempts")
    assert {row[0] for row in refused} == {401}


def test_an_event_on_an_unknown_path_is_not_told_why(submitted: Stage):
    body = event("evt_1", "invoice.approved", submitted.remote().id)
    assert deliver(submitted, body, path="x" * 34) == 401
    assert deliver(submitted, body, secret="another secret, long enough") == 401
    assert inbox(submitted) == {}


def test_what_an_event_claims_is_not_believed(submitted: Stage):
    body = event("evt_liar", "invoice.financed", submitted.remote().id)
    assert deliver(submitted, body) == 200
    submitted.settle()

    assert inbox(submitted) == {"done": 1}
    assert submitted.words() == ["draft"]


def test_an_event_ahead_of_our_own_commit_waits_for_it(stage: Stage):
    stage.add()
    stage.fault("POST /v1/invoices", "commit_then_timeout")
    stage.pull()
    stage.submit()
    assert stage.financing().remote_invoice_id is None
    remote = stage.remote()
    assert deliver(stage, event("evt_early", "invoice.new", remote.id, remote.reference)) == 200
    stage.tasks.hear("bank")
    assert inbox(stage) == {"received": 1}
    stage.settle()

    assert inbox(stage) == {"done": 1}
    assert stage.financing().remote_invoice_id == remote.id
    assert not stage.violations()


def test_an_event_about_an_invoice_we_never_sent_is_set_aside_after_a_day(submitted: Stage):
    assert deliver(submitted, event("evt_other", "invoice.new", "inv_of_somebody_else")) == 200
    submitted.tasks.hear("bank")
    assert inbox(submitted) == {"received": 1}
    submitted.settle(longest_seconds=3 * 86_400)

    assert inbox(submitted) == {"quarantined": 1}
    assert submitted.words() == ["draft"]
    assert not submitted.violations()


@pytest.mark.parametrize("body", [b"not json", b"[1]", b'{"id": "evt_9"}', b"{" * 5000])
def test_an_event_that_cannot_be_read_is_acknowledged_and_set_aside(submitted: Stage, body: bytes):
    assert deliver(submitted, body) == 200
    submitted.settle()

    assert inbox(submitted) == {"quarantined": 1}
    assert not submitted.violations()


def test_a_status_after_a_final_one_is_for_a_person_and_the_timeline_stays(submitted: Stage):
    submitted.complete_sessions()
    submitted.desk("declined")
    submitted.settle()
    assert submitted.words()[-1] == "declined"
    submitted.desk("approved")
    submitted.settle()

    assert submitted.words()[-1] == "declined"
    assert submitted.financing().state == "parked"
    assert "approved" in (submitted.financing().state_reason or "")
    assert not submitted.violations()


def test_an_unknown_status_is_shown_raw_and_is_no_success(submitted: Stage):
    submitted.complete_sessions()
    submitted.desk("under_galactic_review")
    submitted.settle()

    assert submitted.financing().status == "unknown"
    assert submitted.words()[-1] == "under_galactic_review"
    assert not submitted.violations()


@pytest.mark.parametrize(("currency", "amount"), [("USD", 1), ("EUR", None)])
def test_another_amount_at_the_platform_is_believed_nowhere(
    submitted: Stage, currency: str, amount: int | None
):
    remote = submitted.remote()
    submitted.ledger.change(
        remote,
        remote.body,
        at=submitted.clock.now(),
        cause="somebody changed it",
        money=(currency, amount or remote.amount_minor_units),
    )
    submitted.desk("approved")
    submitted.settle()

    assert submitted.financing().state == "parked"
    assert "is not what was sent" in (submitted.financing().state_reason or "")
    assert submitted.words() == ["draft"]
    assert not submitted.violations()


def test_no_event_is_acknowledged_before_it_is_stored(submitted: Stage):
    submitted.complete_sessions()
    submitted.desk("requesting_signatures", "approved", "financed")
    submitted.deliver()

    acknowledged = {
        row["event_id"]
        for row in submitted.ledger.rows("SELECT event_id FROM attempts WHERE acknowledged = 1")
    }
    with submitted.read() as tx:
        stored = set(tx.connection.exec_driver_sql("select event_id from inbox").scalars())
    assert len(acknowledged) == 4
    assert acknowledged <= stored
