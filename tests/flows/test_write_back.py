"""Statuses are written back: on the invoice, in order, once; or refused by name where there is no way."""

from __future__ import annotations

import json

import pytest

from connector.sandbox.tryton.models import INVOICE
from connector.sandbox.tryton.people_at_work import change_row
from tests.flows.conftest import Build
from tests.flows.stage import Stage

NOTES = "POST /books/rpc/"


@pytest.fixture
def books(build: Build) -> Stage:
    """A Tryton with few invoices, submitted."""
    return one_invoice(build)


def one_invoice(build: Build, **connection: object) -> Stage:
    """A stage whose Tryton has exactly one invoice for financing, already submitted."""
    stage = build(
        system="tryton",
        invoices=14,
        source={"document_percent": 100, "dirty_percent": 0},
        flow={"submit": "by_hand"},
        connection=connection,
    )
    stage.settle()
    first = stage.financings()[0]
    task = stage.program.submit_task(stage.program.config.flows[0])
    assert task.open_one(first.id)
    stage.settle()
    return stage


def row(stage: Stage):
    return stage.financings()[0]


def life(stage: Stage) -> None:
    stage.complete_sessions()
    stage.settle()
    stage.desk("requesting_signatures")
    stage.settle()
    stage.desk("approved")
    stage.settle()


def markers(stage: Stage) -> list[str]:
    reference = row(stage).client_reference_id
    with stage.read() as tx:
        return [
            f"[connector {reference}/{status.seq}]"
            for status in tx.timeline.of_invoice(row(stage).id)
        ]


def test_notes_stand_on_the_invoice_in_order_and_once(books: Stage):
    life(books)

    wanted = markers(books)
    assert len(wanted) == 4
    notes = books.notes()
    assert [marker for note in notes for marker in wanted if marker in note] == wanted
    with books.read() as tx:
        source_id = tx.records.get(row(books).record_id).source_id
    resources = {n.body["resource"] for n in books.source.ledger.select("ir.note")}
    assert resources == {f"{INVOICE},{source_id}"}
    assert not books.violations()


def test_a_note_that_was_written_without_an_answer_is_found_by_its_marker(books: Stage):
    books.complete_sessions()
    books.deliver()
    books.tasks.hear("bank")
    # The write-back looks for the note, then creates it: the second call is the one that gets no answer.
    books.fault(NOTES, "commit_then_timeout", at="source", skip=1)
    books.tasks.write_back("books")
    last = [r for r in books.outbox() if r.kind == "write_status"][-1]
    assert last.state == "unknown"
    books.settle()

    assert [marker for note in books.notes() for marker in markers(books) if marker in note] == (
        markers(books)
    )
    with books.read() as tx:
        attempts = [(a.action, a.result) for a in tx.outbox.attempts_of(last.id)]
    assert attempts[-1] == ("look_up", "found")
    assert not books.violations()


def test_a_later_status_waits_for_the_note_of_the_earlier_one(books: Stage):
    books.fault(NOTES, "status_500", at="source", times=None, status=503)
    books.complete_sessions()
    books.desk("requesting_signatures")
    books.deliver()
    books.tasks.hear("bank")
    books.desk("approved")
    books.deliver()
    books.tasks.hear("bank")
    for _ in range(3):
        books.tasks.write_back("books")
        books.clock.advance(60)
    later = [r for r in books.outbox() if r.kind == "write_status"][1:]
    assert len(later) >= 2
    assert all(r.state == "pending" for r in later)
    assert [r.attempts > 0 for r in later] == [True] + [False] * (len(later) - 1)
    books.source.faults.clear()
    books.clock.advance(7200)
    books.settle()

    found = [marker for note in books.notes() for marker in markers(books) if marker in note]
    assert found == markers(books)
    assert not books.violations()


def test_our_own_change_comes_back_as_an_echo_and_changes_nothing(build: Build):
    stage = one_invoice(build, write_fields=["comment"])
    life(stage)
    before = row(stage)
    outcomes = stage.outcomes()
    stage.clock.advance(3600)
    stage.pull(full_walk=True)

    with stage.read() as tx:
        versions = tx.records.versions(before.record_id)
    assert len(versions) > 1
    assert all(version.is_echo for version in versions[1:])
    assert row(stage).terms == before.terms
    assert stage.outcomes() == outcomes
    assert not stage.violations()

    with stage.read() as tx:
        source_id = tx.records.get(before.record_id).source_id
    stage.clock.advance(60)
    change_row(stage.source, INVOICE, source_id, {"comment": "an accountant wrote this"})
    stage.pull(full_walk=True)
    with stage.read() as tx:
        assert not tx.records.versions(before.record_id)[-1].is_echo


def test_finexio_says_by_name_that_it_offers_no_way(stage: Stage):
    stage.add()
    stage.settle()
    stage.complete_sessions()
    stage.settle()

    rows = [r for r in stage.outbox() if r.kind == "write_status"]
    assert [json.loads(json.dumps(r.payload))["status"] for r in rows] == ["draft", "submitted"]
    assert {r.state for r in rows} == {"unsupported"}
    assert all("Finexio" in (r.error or "") for r in rows)
    assert {r.attempts for r in rows} == {0}
    assert not stage.violations()


def test_an_invoice_that_is_gone_parks_its_note_and_no_other(books: Stage):
    with books.read() as tx:
        source_id = tx.records.get(row(books).record_id).source_id
    books.source.ledger.remove(INVOICE, source_id, at=books.clock.now())
    books.complete_sessions()
    books.settle()

    assert [r.state for r in books.outbox() if r.kind == "write_status"][-1] == "parked"
    assert row(books).state == "submitted"
    assert not books.violations()
