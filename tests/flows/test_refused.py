"""A message that was refused changed nothing: every page says so, and it is sent anew as its flow says today."""

from __future__ import annotations

import pytest

from connector.acting import Actions
from connector.console.pages.today import spoken
from connector.redaction import Redactor
from connector.store.outbox_reading import OutboxRow
from connector.views.needs import PARKED
from connector.views.today import today
from tests.flows.conftest import Build
from tests.flows.stage import Stage

BY = "person:operator@example.com"
OLD, NEW = "https://example.com/financed", "https://example.com/thank-you"


def again(stage: Stage, row: OutboxRow) -> None:
    Actions(stage.program).parked.decide(row.id, "again", "mended", by=BY)


def sessions(stage: Stage) -> list[OutboxRow]:
    return [row for row in stage.outbox() if row.kind == "session"]


def needs(stage: Stage) -> tuple[str, dict[str, int]]:
    """The one sentence of Today, and how many there are of each need."""
    with stage.read() as tx:
        shown = today(tx, spoken(stage.program), stage.clock.now())
    return shown["verdict"]["sentence"], {need.title: need.count for need in shown["needs"]}


@pytest.fixture
def refused(stage: Stage) -> Stage:
    """An invoice whose session the platform refuses."""
    stage.add()
    stage.fault("POST /v1/financing_sessions", "status_500", status=400)
    stage.settle()
    assert stage.step("session").state == "parked"
    return stage


def test_it_is_sent_anew_as_the_flow_says_today(refused: Stage):
    refused.reconfigure(OLD, NEW)
    again(refused, refused.step("session"))

    first, second = sessions(refused)
    assert (first.state, first.payload["success_url"]) == ("dead", OLD)
    assert (second.state, second.payload["success_url"]) == ("pending", NEW)
    assert second.idempotency_key == f"{first.idempotency_key}:2"
    assert {k: v for k, v in second.payload.items() if k != "success_url"} == {
        k: v for k, v in first.payload.items() if k != "success_url"
    }
    refused.settle()
    assert refused.financing().state == "submitted"
    (there,) = refused.ledger.select("session")
    assert there.body["success_url"] == NEW
    assert refused.requests("POST", "/v1/invoices") == 1
    assert needs(refused)[1] == {}
    assert not refused.violations()


def test_its_line_in_the_log_is_not_taken_for_a_credential(
    stage: Stage, caplog: pytest.LogCaptureFixture
):
    stage.add()
    stage.fault("POST /v1/financing_sessions", "status_500", status=400)
    with caplog.at_level("INFO", logger="connector.delivery"):
        stage.settle()

    lines = [line for line in caplog.messages if "kind=session" in line]
    assert lines
    assert [Redactor().scrub(line) for line in lines] == lines


def test_where_the_flow_says_the_same_it_is_the_same_message(refused: Stage):
    again(refused, refused.step("session"))

    assert [row.state for row in sessions(refused)] == ["pending"]
    refused.settle()
    assert refused.financing().state == "submitted"
    assert not refused.violations()


def test_today_says_that_nothing_took_effect_and_counts_it_once(refused: Stage):
    assert needs(refused) == (
        "1 message to others is stuck until somebody decides.",
        {PARKED["refused"]: 1},
    )


def test_what_was_unclear_once_is_not_called_refused(build: Build):
    stage = build(account={"park_after_seconds": 120})
    stage.add()
    stage.fault("POST /v1/invoices", "commit_then_timeout")
    stage.fault("GET /v1/invoices", "status_500", times=None, status=400)
    stage.settle(longest_seconds=86_400)
    row = stage.step("invoice")
    assert (row.state, row.error_class) == ("parked", "Refused"), "the look-up was refused"

    assert needs(stage)[1] == {PARKED["unclear"]: 1}
    again(stage, row)
    assert stage.step("invoice").state == "unknown", "it is looked up before anything is sent"


def test_a_conflict_that_cannot_be_looked_into_is_unclear(stage: Stage):
    """A 409 says that something may be there; a refused search does not say that nothing is."""
    stage.add()
    stage.fault("POST /v1/invoices", "status_500", status=409)
    stage.fault("GET /v1/invoices", "status_500", times=2, status=400)
    stage.pull()
    stage.settle()

    row = stage.step("invoice")
    assert row.state == "parked"
    assert needs(stage)[1] == {PARKED["unclear"]: 1}
