"""What people decide about waiting records, on every database."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from connector.errors import ConnectorError, InvariantBroken
from connector.store.database import Database
from connector.store.reading_inbox import InboxSelection
from tests.databases import CONNECTION, STREAM, store_records


def test_an_exclusion_is_in_force_once_and_kept(database: Database):
    with database.write() as tx:
        record_id = store_records(tx, ["a"], kind="held")[0].record_id
        tx.exclusions.add(record_id, "not ours", "test")
    with pytest.raises((InvariantBroken, DBAPIError, ConnectorError)), database.write() as tx:
        tx.exclusions.add(record_id, "twice", "test")
    with database.write() as tx:
        assert tx.exclusions.in_force([record_id])[record_id].reason == "not ours"
        tx.exclusions.revoke(record_id, "test")
        assert tx.exclusions.in_force([record_id]) == {}
        tx.exclusions.add(record_id, "again", "test")
    with pytest.raises((InvariantBroken, DBAPIError, ConnectorError)), database.write() as tx:
        tx.connection.exec_driver_sql("delete from manual_exclusions")


def test_a_record_is_asked_for_once_until_it_was_read(database: Database):
    with database.write() as tx:
        record_id = store_records(tx, ["a"], kind="held")[0].record_id
        assert tx.rereads.request([record_id], "test") == 1
        assert tx.rereads.request([record_id], "test") == 0
        assert tx.rereads.waiting(CONNECTION, 10) == [(record_id, STREAM, "a")]
        tx.rereads.finish(record_id, "It is as it was.")
        assert tx.rereads.waiting(CONNECTION, 10) == []
        assert tx.rereads.newest([record_id])[record_id].result == "It is as it was."
        assert tx.rereads.request([record_id], "test") == 1


def test_causes_pages_and_sums_say_the_same(database: Database):
    with database.write() as tx:
        store_records(tx, ["m"])
        held = [each.record_id for each in store_records(tx, ["a", "b", "c"], kind="held")]
        (cause,) = tx.error_inbox.causes()
        assert (cause.sum.count, cause.sum.currency) == (3, "USD")
        chosen = InboxSelection(connection=CONNECTION, kind="held", detail=cause.cause.detail)
        assert tx.error_inbox.sums(chosen) == [cause.sum]
        assert tx.error_inbox.page(chosen, 0, 2) == held[:2]
        assert tx.error_inbox.page(chosen, held[1], 2) == held[2:]
        assert tx.error_inbox.page(InboxSelection(record_ids=[held[2]]), 0, 9) == held[2:]
        assert tx.error_inbox.resolved_since(tx.clock.now().replace(hour=0)) == 0
        assert set(tx.error_inbox.decided_at(held)) == set(held)
