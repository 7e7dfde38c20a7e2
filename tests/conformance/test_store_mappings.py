"""Mapping documents, trials and golden examples, on every database."""

from __future__ import annotations

from datetime import date

import pytest

from connector.errors import InvariantBroken, NotFound
from connector.store.database import Database
from connector.store.transaction import Transaction
from tests.databases import database, database_url
from tests.fakes import FakeClock

__all__ = ["database", "database_url"]

DAY = date(2026, 3, 2)


def document(tx: Transaction, text: str = "a = 1\n", **more: object) -> int:
    return tx.mapping_documents.add("connection", "books", text, "ann", **more).id  # type: ignore[arg-type]


def example(tx: Transaction, name: str = "usual", document_id: int | None = None) -> int:
    return tx.mapping_examples.add(
        "books",
        name,
        source_id="INV-1",
        raw=b'{"id": 1}',
        today=DAY,
        expected={"kind": "mapped", "invoice": {"amount_minor_units": 1}},
        by="ann",
        document_id=document_id,
    ).id


def test_versions_are_counted_for_each_layer_and_name(database: Database):
    with database.write() as tx:
        first, second = document(tx), document(tx, "a = 2\n", based_on=1, note="why")
        other = tx.mapping_documents.add("base", "finexio", "a = 1\n", "bob")
        rows = tx.mapping_documents.all("connection", "books")
        assert [(row.id, row.version_no) for row in rows] == [(second, 2), (first, 1)]
        assert (rows[0].based_on, rows[0].note, rows[0].title) == (1, "why", "connection books v2")
        assert other.version_no == 1
        assert tx.mapping_documents.with_text("connection", "books", "a = 1\n") == rows[1]
        assert tx.mapping_documents.with_text("base", "finexio", "a = 3\n") is None
        with pytest.raises(NotFound):
            tx.mapping_documents.get(99)


def test_one_document_of_a_layer_is_active(database: Database):
    with database.write() as tx:
        first, second, third = (document(tx, f"a = {n}\n") for n in range(3))
        for document_id in (first, second, third):
            tx.mapping_documents.activate(document_id, "bob")
        active = tx.mapping_documents.active("connection", "books")
        assert active is not None
        assert (active.id, active.activated_by) == (third, "bob")
        before = tx.mapping_documents.before(active)
        assert before is not None
        assert before.id == second
        tx.mapping_documents.take_off(active)
        assert tx.mapping_documents.active("connection", "books") is None
        assert not tx.mapping_documents.open()


def test_a_step_is_taken_only_from_where_it_may(database: Database):
    with database.write() as tx:
        document_id = document(tx)
        tx.mapping_documents.move(document_id, "checked", ("draft",))
        with pytest.raises(InvariantBroken, match="is not draft"):
            tx.mapping_documents.move(document_id, "checked", ("draft",))
        with pytest.raises(InvariantBroken):
            tx.mapping_documents.approve(document_id, "bob")
        tx.mapping_documents.move(document_id, "backtested", ("checked",))
        approved = tx.mapping_documents.approve(document_id, "bob")
        assert (approved.state, approved.approved_by) == ("approved", "bob")
        assert [row.id for row in tx.mapping_documents.open()] == [document_id]


def test_a_document_is_never_changed_or_deleted(database: Database):
    with database.write() as tx:
        document(tx)
    for statement in (
        "update mapping_documents set document = 'b = 2'",
        "delete from mapping_documents",
    ):
        with pytest.raises(InvariantBroken), database.write() as tx:
            tx.connection.exec_driver_sql(statement)


def test_a_file_is_new_once(database: Database):
    with database.write() as tx:
        told = [tx.mapping_documents.seen("finexio", text) for text in ("a", "a", "b", "a")]
    assert told == [True, False, True, True]


def test_a_trial_is_claimed_by_one_and_keeps_its_report(database: Database, clock: FakeClock):
    with database.write() as tx:
        version = tx.mappings.put("books", "a = 1\n", "ann").id
        document_id = document(tx)
        trial = tx.mapping_trials.start("backtest", document_id, "books", version, "ann", {"a": 1})
        assert tx.mapping_trials.waiting() == [trial]
        assert [tx.mapping_trials.claim(trial) for _ in range(2)] == [True, False]
        tx.mapping_trials.progress(trial, 500, None)
        assert tx.mapping_trials.report(trial) is None
        clock.advance(seconds=3)
        tx.mapping_trials.finish(trial, "finished", records=900, report={"counts": {"é": 1}})
        found = tx.mapping_trials.get(trial)
        assert (found.state, found.records, found.scope) == ("finished", 900, {"a": 1})
        assert found.finished_at == clock.now()
        assert tx.mapping_trials.report(trial) == {"counts": {"é": 1}}
        with pytest.raises(InvariantBroken):
            tx.mapping_trials.finish(trial, "failed")
        assert [row.id for row in tx.mapping_trials.of(document_id)] == [trial]
        with pytest.raises(NotFound):
            tx.mapping_trials.get(99)


def test_what_a_stop_left_over_has_failed_but_shadows_go_on(database: Database, clock: FakeClock):
    with database.write() as tx:
        version = tx.mappings.put("books", "a = 1\n", "ann").id
        document_id = document(tx)
        scope: dict[str, object] = {}
        args = (document_id, "books", version, "ann", scope)
        left_over, waiting = (tx.mapping_trials.start("backtest", *args) for _ in range(2))
        shadow = tx.mapping_trials.start("shadow", *args, clock.now())
        tx.mapping_trials.claim(left_over)
        assert tx.mapping_trials.fail_left_over() == 1
        states = [tx.mapping_trials.get(n).state for n in (left_over, waiting, shadow)]
        assert states == ["failed", "waiting", "running"]
        running = tx.mapping_trials.shadow("books")
        assert running is not None
        assert running.id == shadow
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.mapping_trials.start("shadow", *args, clock.now())


def test_an_example_is_pinned_replaced_and_retired(database: Database):
    with database.write() as tx:
        first, second = example(tx), example(tx)
        (pinned,) = tx.mapping_examples.in_force("books")
        assert (first, pinned.id, pinned.version_no) == (first, second, 2)
        assert (pinned.raw, pinned.today, pinned.expected["kind"]) == (b'{"id": 1}', DAY, "mapped")
        tx.mapping_examples.retire("books", "usual")
        assert tx.mapping_examples.in_force("books") == []
        with pytest.raises(NotFound):
            tx.mapping_examples.retire("books", "usual")


def test_a_change_brings_its_examples_along(database: Database):
    with database.write() as tx:
        pinned = example(tx)
        change, after = document(tx), document(tx, "a = 2\n")
        example(tx, document_id=change)
        tx.mapping_examples.carry_over(change, after)
        assert [e.id for e in tx.mapping_examples.in_force("books")] == [pinned]
        assert tx.mapping_examples.proposed(change) == []
        (proposed,) = tx.mapping_examples.in_force("books", after)
        assert (proposed.version_no, proposed.state) == (3, "proposed")
        tx.mapping_examples.pin_proposed(after)
        assert [e.id for e in tx.mapping_examples.in_force("books")] == [proposed.id]
        example(tx, "another", document_id=after)
        tx.mapping_examples.withdraw_proposed(after)
        assert [e.name for e in tx.mapping_examples.all("books")] == ["usual"]
