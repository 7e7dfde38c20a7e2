"""Corrections of single fields, on every database."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from connector.errors import ConnectorError, InvariantBroken
from connector.store.database import Database
from tests.databases import store_records

FIELDS = '[{"now":"2026-05-01","path":"due","was":null}]'


def test_one_correction_of_a_record_is_in_force(database: Database):
    with database.write() as tx:
        first, second = (each.record_id for each in store_records(tx, ["a", "b"], kind="held"))
        correction_id = tx.corrections.add(first, FIELDS, "a slip", "ann")
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.corrections.add(first, FIELDS, "another", "ann")
    with database.write() as tx:
        (found,) = tx.corrections.in_force([first, second]).values()
        assert (found.id, found.record_id, found.fields) == (correction_id, first, FIELDS)
        assert (found.corrected_by, found.reason, found.ended_at) == ("ann", "a slip", None)
        assert tx.corrections.next_in_force(0, 5) == [found]
        assert tx.corrections.next_in_force(correction_id, 5) == []
        assert tx.corrections.in_force([]) == tx.corrections.in_force([second]) == {}


def test_a_correction_ends_once_and_another_may_follow(database: Database):
    with database.write() as tx:
        (record_id,) = (each.record_id for each in store_records(tx, ["a"], kind="held"))
        first = tx.corrections.add(record_id, FIELDS, "a slip", "ann")
        tx.corrections.end(first, "bob", "taken back")
        assert tx.corrections.in_force([record_id]) == {}
        second = tx.corrections.add(record_id, FIELDS, "after all", "ann")
        newest, oldest = tx.corrections.of_record(record_id)
        assert (newest.id, newest.ended_at) == (second, None)
        assert (oldest.id, oldest.ended_by, oldest.ended_reason) == (first, "bob", "taken back")
    with pytest.raises(InvariantBroken, match="not in force"), database.write() as tx:
        tx.corrections.end(first, "bob", "once more")
    with pytest.raises(InvariantBroken, match="ended already"), database.write() as tx:
        tx.connection.execute(
            text(f"update record_corrections set ended_by = 'me' where id = {first}")
        )
    with pytest.raises(InvariantBroken), database.write() as tx:  # who, when and why, or none of it
        tx.connection.execute(
            text(f"update record_corrections set ended_by = 'me' where id = {second}")
        )


def test_a_record_that_is_decided_is_not_corrected_at_the_same_time(database: Database):
    with database.write() as tx:
        (record_id,) = (each.record_id for each in store_records(tx, ["a"], kind="held"))
    with database.write() as tx:
        tx.corrections.lock([])
        tx.corrections.lock([record_id])
        if database.is_sqlite:
            return  # it has one writer anyway
        with pytest.raises(ConnectorError), database.write() as other:
            other.connection.exec_driver_sql("set local lock_timeout = '20ms'")
            other.corrections.lock([record_id])


def test_outcomes_know_their_correction(database: Database):
    with database.write() as tx:
        saved = store_records(tx, ["a", "b"])
        by, without = (each.outcome.id for each in saved if each.outcome is not None)
        correction_id = tx.corrections.add(saved[0].record_id, FIELDS, "a slip", "ann")
        tx.corrections.note_outcomes({by: correction_id})
        tx.corrections.note_outcomes({})
        tx.corrections.end(correction_id, "ann", "taken back")
        found = tx.corrections.of_outcomes([by, without])
        assert {outcome_id: each.id for outcome_id, each in found.items()} == {by: correction_id}
        assert found[by].ended_by == "ann"
        assert tx.corrections.of_outcomes([]) == {}
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.corrections.note_outcomes({by: correction_id})
