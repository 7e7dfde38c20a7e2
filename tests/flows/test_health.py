"""What a system that is down, locked or changed does to its connection, and how it comes back."""

from __future__ import annotations

import pytest

from connector.sandbox.run import control
from tests.flows.stage import Stage


def test_wrong_credentials_pause_the_connection_until_they_are_right(stage: Stage):
    control(stage.source_url, "/sandbox/settings", {"password": "changed-by-the-vendor"})
    stage.add()
    assert not stage.pull()
    assert stage.health("books") == {"reconnect"}
    asked = len(stage.source.ledger.rows("SELECT sequence FROM requests"))
    stage.clock.advance(600)
    assert not stage.pull()
    assert len(stage.source.ledger.rows("SELECT sequence FROM requests")) == asked  # left alone

    control(stage.source_url, "/sandbox/settings", {"password": "sandbox-password"})
    stage.clock.advance(3600)
    stage.settle()
    assert not stage.health("books")
    assert stage.financing().state == "submitted"


def test_a_page_of_another_shape_stops_the_stream_and_keeps_the_cursor(stage: Stage):
    stage.add()
    stage.settle()
    with stage.read() as tx:
        before = tx.cursors.get("books", "invoices")
    stage.add()
    stage.fault("GET /v2/invoices/", "empty_200", at="source")
    stage.clock.advance(1)
    assert not stage.pull(full_walk=True)

    assert stage.health("books") == {"drift"}
    with stage.read() as tx:
        assert tx.cursors.get("books", "invoices") == before
    stage.clock.advance(60)
    assert stage.pull(full_walk=True)
    assert not stage.health("books")
    assert len(stage.outcomes()) == 2


@pytest.mark.parametrize("fault", ["status_500", "cut_before_commit", "html_200", "slow"])
def test_an_outage_in_the_middle_of_a_walk_loses_nothing(stage: Stage, fault: str):
    for _ in range(120):
        stage.add()
    stage.fault("GET /v2/invoices/", fault, at="source", skip=1, times=3)
    for _ in range(5):
        if stage.pull():
            break
        assert stage.health("books") <= {"backing_off", "drift"}
        stage.clock.advance(300)
    assert stage.pull(full_walk=True)

    assert not stage.health("books")
    assert len(stage.outcomes()) == 120
    assert not stage.violations(at_rest=False)


def test_waits_between_attempts_grow_while_a_system_is_down(stage: Stage):
    stage.add()
    stage.fault("GET /v2/*", "status_500", at="source", times=None, status=503)
    waits = []
    for _ in range(6):
        assert not stage.pull()
        waits.append(stage.next_seconds())
        for task, _rhythm in stage.tasks.by_key.values():
            task()  # what has nothing to do must not make the system look well
        stage.clock.advance(stage.next_seconds() + 0.001)

    assert waits[-1] > 5 * waits[0]
    assert stage.health("books") == {"backing_off"}


def test_a_financier_that_is_down_does_not_stop_the_pull(stage: Stage):
    stage.add()
    stage.fault("*", "status_500", times=None, status=503)
    assert stage.pull()
    assert not stage.submit()
    assert stage.health("bank") == {"backing_off"}
    stage.add()
    stage.clock.advance(1)
    assert stage.pull(full_walk=True)
    assert len(stage.outcomes()) == 2

    stage.financier.faults.clear()
    stage.clock.advance(7200)
    stage.settle()
    assert [row.state for row in stage.financings()] == ["submitted", "submitted"]


def test_access_to_the_financier_that_ended_is_shown_and_comes_back(stage: Stage):
    stage.add()
    stage.pull()
    stage.set_platform(client_secret="rotated")
    assert not stage.submit()
    assert stage.health("bank") == {"reconnect"}
    stage.set_platform(client_secret="sandbox-client-secret")
    stage.clock.advance(7200)
    stage.settle()

    assert stage.financing().state == "submitted"
    assert not stage.violations()
