"""The feed's tables on every database: numbered in the order of the commits, claimed once, in order for each invoice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import text

from connector.errors import InvariantBroken, NotFound
from connector.store.database import Database
from connector.store.feed import Wanted
from connector.store.feed_deliveries import DeliveryRow
from connector.store.transaction import Transaction
from tests.databases import finance, store_records
from tests.fakes import FakeClock
from tests.unit.feed.conftest import tell


@pytest.fixture(autouse=True)
def no_secret_is_shown() -> None:
    """Stands in for the fixture of that name, which belongs to the conformance of the systems."""


@pytest.fixture
def invoices(database: Database) -> list[int]:
    """Six financing invoices, and an endpoint `erp`."""
    with database.write() as tx:
        made = [finance(tx, version) for version in store_records(tx, list("abcdef"))]
        tx.feed_endpoints.configured({"erp": True})
    return made


def offer(tx: Transaction) -> None:
    position = tx.feed_endpoints.get("erp", lock=True).position
    tx.feed_deliveries.add("erp", tx.feed.page(Wanted(after=position), 100))
    tx.feed_endpoints.moved("erp", tx.feed.end())


def due(database: Database) -> list[DeliveryRow]:
    with database.read() as tx:
        return tx.feed_deliveries.due("erp", limit=100)


def finish(tx: Transaction, row: DeliveryRow, token: str, state: str = "done") -> None:
    tx.feed_deliveries.complete(
        row,
        token,
        state=state,
        refusals=0,
        next_attempt_at=tx.clock.now(),
        http_status=204,
        duration_milliseconds=1,
        answer="",
    )


def test_a_reader_never_passes_an_event_that_commits_late(
    database: Database, invoices: list[int]
) -> None:
    appended, may_end = Event(), Event()

    def slow() -> None:
        with database.write() as tx:
            tell(tx, invoices[0], "draft")
            appended.set()
            assert may_end.wait(20)

    def quick() -> None:
        assert appended.wait(20)
        with database.write() as tx:
            tell(tx, invoices[1], "draft")

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(slow), pool.submit(quick)
        assert appended.wait(20)
        with database.read() as tx:  # neither is committed: the quick one waits for the slow one
            assert tx.feed.page(Wanted(), 10) == []
        assert not second.done()
        may_end.set()
        first.result(20)
        second.result(20)
    with database.read() as tx:
        found = tx.feed.page(Wanted(), 10)
    assert [event.position for event in found] == [1, 2]
    assert [event.financing_invoice_id for event in found] == invoices[:2]


def test_many_writers_and_a_reader_that_follows_them(
    database: Database, invoices: list[int]
) -> None:
    seen: list[int] = []
    ended = threading.Event()

    def follow() -> None:
        while True:
            last = ended.is_set()
            with database.read() as tx:
                seen.extend(e.position for e in tx.feed.page(Wanted(seen[-1] if seen else 0), 100))
            if last:
                return

    def write(invoice: int) -> None:
        for number in range(8):
            with database.write() as tx:
                tell(tx, invoice, "submitted", f"word {number}")

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(follow)
        for writer in [pool.submit(write, invoice) for invoice in invoices[:4]]:
            writer.result(60)
        ended.set()
        reader.result(60)
    assert seen == list(range(1, 33))


def test_what_is_undone_leaves_no_hole(database: Database, invoices: list[int]) -> None:
    with pytest.raises(RuntimeError), database.write() as tx:
        tell(tx, invoices[0], "draft")
        raise RuntimeError("no")
    with database.write() as tx:
        tell(tx, invoices[0], "draft")
        assert tx.feed.end() == 1


def test_a_status_has_one_event(database: Database, invoices: list[int]) -> None:
    with database.write() as tx:
        tell(tx, invoices[0], "draft")
    with database.read() as tx:
        event = tx.feed.at(1)
    assert event is not None
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.feed.append(
            event_id="another",
            timeline_id=event.timeline_id,
            financing_invoice_id=event.financing_invoice_id,
            connection=event.connection,
            status=event.status,
            occurred_at=event.occurred_at,
            body=event.body,
        )


def test_the_first_open_row_of_each_invoice_is_due(
    database: Database, invoices: list[int], clock: FakeClock
) -> None:
    with database.write() as tx:
        for status in ("draft", "submitted"):
            tell(tx, invoices[0], status)
            tell(tx, invoices[1], status)
        offer(tx)
    rows = due(database)
    assert [row.position for row in rows] == [1, 2]
    with database.write() as tx:
        token = tx.feed_deliveries.claim(rows[0], lease_seconds=60)
        assert token is not None
        assert tx.feed_deliveries.claim(rows[0], lease_seconds=60) is None
    assert [row.position for row in due(database)] == [2]
    with database.write() as tx:
        finish(tx, rows[0], token)
    assert [row.position for row in due(database)] == [2, 3]
    clock.advance(seconds=1)
    with pytest.raises(InvariantBroken, match="taken over"), database.write() as tx:
        finish(tx, rows[0], token)


def test_a_lease_that_ran_out_is_taken_over_and_the_old_token_is_void(
    database: Database, invoices: list[int], clock: FakeClock
) -> None:
    with database.write() as tx:
        tell(tx, invoices[0], "draft")
        offer(tx)
    (row,) = due(database)
    with database.write() as tx:
        old = tx.feed_deliveries.claim(row, lease_seconds=60)
    assert due(database) == []
    clock.advance(seconds=60)
    (again,) = due(database)
    with database.write() as tx:
        new = tx.feed_deliveries.claim(again, lease_seconds=60)
    assert old is not None
    assert new is not None
    with pytest.raises(InvariantBroken, match="taken over"), database.write() as tx:
        finish(tx, row, old)
    with database.write() as tx:
        finish(tx, again, new)
        tries = tx.feed_deliveries.attempts_of(row.id)
    assert [one.finished_at is None for one in tries] == [True, False]
    with database.write() as tx:
        assert tx.feed_deliveries.release_leases() == 0


def test_one_of_an_invoice_is_in_flight(database: Database, invoices: list[int]) -> None:
    with database.write() as tx:
        tell(tx, invoices[0], "draft")
        tell(tx, invoices[0], "submitted")
        offer(tx)
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.connection.execute(text("update feed_deliveries set state = 'sending'"))


def test_workers_side_by_side_claim_each_row_once(database: Database, invoices: list[int]) -> None:
    with database.write() as tx:
        for invoice in invoices:
            tell(tx, invoice, "draft")
        offer(tx)
    rows = due(database)

    def claim_all(_: int) -> int:
        taken = 0
        for row in rows:
            with database.write() as tx:
                taken += tx.feed_deliveries.claim(row, lease_seconds=60) is not None
        return taken

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(claim_all, range(3))) == len(invoices)


def test_endpoints_come_go_and_are_named_when_unknown(
    database: Database, invoices: list[int]
) -> None:
    with database.write() as tx:
        tell(tx, invoices[0], "draft")
        tx.feed_endpoints.configured({"erp": True, "late": False})
        rows = {row.name: (row.state, row.position) for row in tx.feed_endpoints.all()}
        assert rows == {"erp": ("enabled", 0), "late": ("off", 1)}
        assert tx.feed_endpoints.disable("erp", "By a test.") is True
        assert tx.feed_endpoints.disable("erp", "Again.") is False
        tx.feed_endpoints.configured({"erp": True})
        assert tx.feed_endpoints.get("erp").state == "disabled", "a restart does not enable it"
        assert tx.feed_endpoints.get("late").state == "removed"
        with pytest.raises(NotFound, match="no endpoint"):
            tx.feed_endpoints.get("nobody")
