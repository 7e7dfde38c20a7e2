"""Events are sent signed, in order for each invoice, until they are taken; an endpoint that takes nothing is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import standardwebhooks

from connector.errors import Refused
from connector.feed.delivering import RetrySchedule, Sender
from connector.feed.signing import new_secret, signed_headers
from connector.secrets import Secret
from tests.fakes import FakeClock
from tests.unit.feed.conftest import PAUSES, Post
from tests.unit.feed.receiver import CUT_AFTER, CUT_BEFORE

LONGEST = 1.2


def wait(post: Post) -> None:
    """Until the endpoint and all that waits for it is due again."""
    due = [row.next_attempt_at for row in post.deliveries() if row.next_attempt_at]
    due += [post.state().next_attempt_at or post.clock.now()]
    post.clock.set(max([*due, post.clock.now()]))


def test_an_event_is_taken_by_the_projects_own_library_and_tells_all(post: Post) -> None:
    with post.database.write() as tx:
        tx.financing.set_remote(post.invoices[0], financing='{"fee":150,"first_payment":-5}')
    post.tell(0, "funded")

    assert post.run() is True
    (event,) = post.receiver.taken
    ((path, headers, body),) = post.receiver.requests
    assert path == "/hooks/financing"
    assert headers["webhook-id"] == event["id"]
    assert headers["content-type"] == "application/json"
    assert (event["type"], event["version"]) == ("financing.status_changed", 1)
    assert event["data"] == {
        "connection": "books",
        "system": "finexio",
        "source_invoice_id": "a",
        "invoice_number": "INV-1",
        "direction": "payable",
        "financier": "stenn",
        "client_reference_id": "reference-a",
        "sequence": 1,
        "status": "funded",
        "raw_status": "FUNDED",
        "is_final": False,
        "currency": "USD",
        "amount_minor_units": 1_200_050,
        "amount": "12000.50",
        "parts": {
            "fee": {"amount_minor_units": 150, "amount": "1.50"},
            "first_payment": {"amount_minor_units": -5, "amount": "-0.05"},
        },
        "occurred_at": "2026-03-02T09:30:00.000000Z",
    }
    assert event["timestamp"] == event["data"]["occurred_at"]
    assert post.receiver.secret.encode() not in body
    assert post.states() == ["done"]


def test_while_a_secret_is_changed_both_sign(clock: FakeClock, post: Post) -> None:
    old, new = post.receiver.secret, new_secret()
    headers = signed_headers("evt_1", clock.now(), b"{}", [Secret(new), Secret(old)])
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        assert standardwebhooks.Webhook(secret).verify(b"{}", headers) == {}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new_secret()).verify(b"{}", headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new).verify(b"{ }", headers)
    clock.advance(minutes=6)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new).verify(b"{}", headers)


@pytest.mark.parametrize("failure", [500, 404, 302, 401, CUT_BEFORE, CUT_AFTER])
def test_a_failure_is_tried_again_under_the_same_identifier(post: Post, failure: int) -> None:
    post.tell(0, "draft")
    post.receiver.answers = [failure]

    assert post.run() is False
    (row,) = post.deliveries()
    assert (row.state, row.attempts) == ("pending", 1)
    assert row.next_attempt_at is not None
    pause = (row.next_attempt_at - post.clock.now()).total_seconds()
    assert 4 <= pause <= 5 * LONGEST
    assert post.run() is False, "it is left alone meanwhile"
    assert len(post.receiver.requests) == 1

    wait(post)
    assert post.run() is True
    identifiers = {headers["webhook-id"] for _, headers, _ in post.receiver.requests}
    timestamps = {headers["webhook-timestamp"] for _, headers, _ in post.receiver.requests}
    assert (len(identifiers), len(timestamps)) == (1, 2)
    assert len({body for _, _, body in post.receiver.requests}) == 1
    assert len(post.receiver.once()) == 1
    with post.database.read() as tx:
        tries = tx.feed_deliveries.attempts_of(row.id)
    statuses = [None if failure < 0 else failure, 204]
    assert [one.http_status for one in tries] == statuses
    assert all(one.finished_at and one.duration_milliseconds is not None for one in tries)


def test_the_next_status_of_an_invoice_waits_and_other_invoices_do_not(post: Post) -> None:
    post.tell(0, "draft", "submitted")
    post.tell(1, "draft")
    post.receiver.answers = [500]
    post.run()
    wait(post)
    post.run()
    assert [status for reference, status in post.words() if reference == "reference-a"] == [
        "draft",
        "submitted",
    ]
    assert post.words()[0] == ("reference-b", "draft"), "the one that was not tried yet goes first"


def test_one_that_is_refused_for_good_is_given_up_and_its_invoice_goes_on(post: Post) -> None:
    post.tell(0, "draft", "submitted")
    post.receiver.refuses = lambda e: (
        (e["data"]["source_invoice_id"], e["data"]["status"])
        == (
            "a",
            "draft",
        )
    )
    post.run()
    assert post.deliveries()[0].refusals == 0, "the endpoint has not taken anything yet"
    for _ in range(len(PAUSES) + 1):
        post.tell(1, "approved")
        wait(post)
        post.run()  # the fresh one is taken first, then the old one refused
    first, *_ = post.deliveries()
    assert (first.state, first.refusals) == ("dead", len(PAUSES) + 1)
    assert "422" in (first.error or "")
    assert post.state().state == "enabled"
    wait(post)
    post.run()
    assert ("reference-a", "submitted") in post.words()
    assert ("reference-a", "draft") not in post.words()


def test_nothing_is_given_up_while_the_endpoint_takes_nothing_and_then_all_comes(
    post: Post,
) -> None:
    post.tell(0, "draft", "submitted")
    post.tell(1, "draft")
    post.receiver.always = 503
    for _ in range(8):
        assert post.run() is False
        wait(post)
    assert set(post.states()) == {"pending"}
    failing_for = post.clock.now() - (post.state().failing_since or post.clock.now())
    assert timedelta(seconds=1) < failing_for < timedelta(days=1)
    post.receiver.always = None
    assert post.run() is True
    assert set(post.states()) == {"done"}
    assert (post.state().failures, post.state().failing_since) == (0, None)


def test_an_endpoint_that_takes_nothing_for_long_is_disabled_until_it_is_enabled(
    post: Post,
) -> None:
    post.tell(0, "draft")
    post.receiver.always = 500
    for _ in range(100):
        post.run()
        if post.state().state == "disabled":
            break
        wait(post)
    state = post.state()
    assert "has taken nothing since 2026-03-02 09:30 UTC" in (state.reason or "")
    seen = len(post.receiver.requests)
    post.tell(0, "submitted")
    post.clock.advance(days=2)
    assert post.run() is False
    assert len(post.receiver.requests) == seen
    with post.database.read() as tx:
        assert [row.action for row in tx.audit.recent(1)] == ["feed.disabled"]

    post.receiver.always = None
    with post.database.write() as tx:
        tx.feed_endpoints.enable("erp")
    assert post.run() is True
    assert [status for _, status in post.words()] == ["draft", "submitted"]


def test_410_disables_at_once(post: Post) -> None:
    post.tell(0, "draft")
    post.receiver.answers = [410]
    assert post.run() is False
    assert post.state().state == "disabled"
    assert "410" in (post.state().reason or "")
    assert post.states() == ["pending"]


def test_an_endpoint_is_left_alone_for_as_long_as_it_asks(post: Post) -> None:
    post.tell(0, "draft")
    post.receiver.headers = {"Retry-After": "120"}
    post.receiver.answers = [429]
    post.run()
    again = post.state().next_attempt_at
    assert again == post.clock.now() + timedelta(seconds=120)


def test_a_crash_while_sending_is_sent_again_and_the_late_worker_completes_nothing(
    post: Post,
) -> None:
    post.tell(0, "draft")
    task = post.task()
    task.offer_new()
    (row,) = post.deliveries()
    with post.database.write() as tx:
        late = tx.feed_deliveries.claim(row, lease_seconds=60)
    assert late is not None
    assert post.run() is True
    assert post.receiver.taken == [], "it is under way somewhere"
    post.clock.advance(seconds=61)
    assert post.run() is True
    (done,) = post.deliveries()
    assert (done.state, done.attempts) == ("done", 2)
    with pytest.raises(Exception, match="taken over"), post.database.write() as tx:
        tx.feed_deliveries.complete(
            row,
            late,
            state="pending",
            refusals=0,
            next_attempt_at=None,
            http_status=500,
            duration_milliseconds=1,
            answer="late",
        )
    assert post.states() == ["done"]


def test_a_huge_answer_is_read_in_part_and_still_counts(post: Post) -> None:
    post.tell(0, "draft")
    post.receiver.body = b"x" * 1_000_000
    post.receiver.answers = [200]
    assert post.run() is True
    assert post.states() == ["done"]
    with post.database.read() as tx:
        (one,) = tx.feed_deliveries.attempts_of(post.deliveries()[0].id)
    assert one.answer is not None
    assert len(one.answer) < 400


def test_secrets_and_the_address_are_masked_in_what_is_kept(post: Post) -> None:
    post.tell(0, "draft")
    post.receiver.body = f"no: {post.receiver.secret} at /hooks/financing?token=abc".encode()
    post.receiver.answers = [400]
    post.run(url=Secret(f"{post.receiver.url}?token=abc"))
    assert post.receiver.requests[0][0] == "/hooks/financing?token=abc"
    kept = post.deliveries()[0].error or ""
    assert "HTTP 400: no:" in kept
    assert post.receiver.secret not in kept
    assert "token=abc" not in kept
    assert post.receiver.secret not in repr(post.endpoint)


def test_an_endpoint_gets_only_what_it_wants(post: Post) -> None:
    post.tell(0, "draft", "funded", "repaid")
    assert post.run(statuses=("funded",)) is True
    assert [status for _, status in post.words()] == ["funded"]
    post.tell(1, "funded")
    assert post.run(connections=("elsewhere",)) is True
    assert len(post.receiver.taken) == 1
    assert post.state().position == 4


def test_an_endpoint_that_was_switched_off_catches_up(post: Post) -> None:
    with post.database.write() as tx:
        tx.feed_endpoints.configured({"erp": False})
        with pytest.raises(Refused, match="switched off"):
            tx.feed_endpoints.enable("erp")
    post.tell(0, "draft")
    assert post.run() is False
    with post.database.write() as tx:
        tx.feed_endpoints.configured({})
        assert tx.feed_endpoints.get("erp").state == "removed"
        tx.feed_endpoints.configured({"erp": True, "new": True})
        assert tx.feed_endpoints.get("new").position == 1
    assert post.run() is True
    assert [status for _, status in post.words()] == ["draft"]


def test_many_invoices_go_side_by_side_each_in_order(post: Post) -> None:
    for status in ("draft", "submitted", "approved", "funded"):
        for invoice in (0, 1, 2):
            post.tell(invoice, status)
    post.receiver.answers = [500, 204, CUT_AFTER, 204, 429]
    for _ in range(20):
        post.run(concurrency=3)
        wait(post)
    for reference in ("reference-a", "reference-b", "reference-c"):
        told = [e["data"] for e in post.receiver.once()]
        mine = [d["sequence"] for d in told if d["client_reference_id"] == reference]
        assert mine == [1, 2, 3, 4]


def test_pauses_are_those_of_the_schedule_with_jitter() -> None:
    schedule = RetrySchedule((5, 300))
    now = FakeClock().now()
    for failures, pause in ((1, 5), (2, 300), (9, 300)):
        waits = {(schedule.next_at(now, failures) - now).total_seconds() for _ in range(50)}
        assert len(waits) > 1
        assert all(pause * 0.8 <= seconds <= pause * 1.2 for seconds in waits)


def test_a_stop_sends_nothing_more(post: Post) -> None:
    post.tell(0, "draft")
    post.stopping.set()
    assert post.run() is True
    assert post.receiver.requests == []


def test_a_closed_sender_says_so_in_its_answer(post: Post) -> None:
    sender = Sender(post.endpoint, post.clock)
    sender.close()
    assert sender.send("evt_1", b"{}").http_status is None
