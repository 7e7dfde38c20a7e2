"""Runs, cursors, connections, mappings, companies, documents and the audit log, on every database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from connector.errors import ContractDrift, InvariantBroken, NotFound
from connector.store.database import Database
from connector.store.runs import RunTotal
from connector.store.schema import audit_log, financing_invoices
from connector.system import Counterparty
from tests.databases import (
    CONNECTION,
    FINANCIER,
    STREAM,
    finance,
    store_records,
)
from tests.fakes import FakeClock


@pytest.fixture(autouse=True)
def no_secret_is_shown() -> None:
    """Stands in for the fixture of that name, which belongs to the conformance of the systems."""


# -- runs, cursors, connections ---------------------------------------------------------------------------------------


def test_run_totals_add_up(database: Database, clock: FakeClock) -> None:
    big = 4_000_000_000_000_000_000
    with database.write() as tx:
        run_id = tx.runs.start(CONNECTION, STREAM, "pull")
        tx.runs.add_totals(run_id, {("USD", "mapped"): (2, big), ("EUR", "held"): (1, -5)})
        tx.runs.add_totals(run_id, {("USD", "mapped"): (1, big)})
        tx.runs.add_totals(run_id, {})
        tx.runs.progress(run_id, 2, 200, 3)
        clock.advance(seconds=5)
        tx.runs.finish(run_id, "succeeded", drifted=True)
    with database.read() as tx:
        assert tx.runs.totals(run_id) == [
            RunTotal("EUR", "held", 1, -5),
            RunTotal("USD", "mapped", 3, 2 * big),
        ]
        row = tx.runs.last(CONNECTION, STREAM)
        assert row is not None and row == tx.runs.get(run_id)
        assert (row.pages, row.records_seen, row.records_changed, row.drifted) == (2, 200, 3, True)
        assert row.finished_at == row.started_at + timedelta(seconds=5)
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.runs.finish(run_id, "failed")


def test_books_are_known_by_every_name_they_had(database: Database, clock: FakeClock) -> None:
    with database.write() as tx:
        for name in ("b", "a", "b"):
            tx.connection_books.note(name, "finexio", '["host"]')
            clock.advance(seconds=5)
        tx.connection_books.note("c", "monite", '["host"]')
        assert tx.connection_books.names("finexio", '["host"]') == ["a", "b"]
        assert tx.connection_books.names("finexio", '["other"]') == []


@pytest.mark.parametrize(
    ("state", "remote_id", "sent"),
    [
        ("ready", None, False),
        ("withdrawn", None, False),
        ("withdrawn", "inv_1", True),
        ("submitting", None, True),
        ("parked", None, True),
        ("submitted", "inv_1", True),
    ],
)
def test_what_may_be_with_a_financier_counts_as_sent(
    database: Database, state: str, remote_id: str | None, sent: bool
) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        assert not tx.connection_books.has_sent(CONNECTION)
        finance(tx, saved)
        tx.connection.execute(
            update(financing_invoices).values(state=state, remote_invoice_id=remote_id)
        )
        assert tx.connection_books.has_sent(CONNECTION) is sent
        assert not tx.connection_books.has_sent("another")


def test_runs_left_over_are_interrupted(database: Database) -> None:
    with database.write() as tx:
        ended = tx.runs.start(CONNECTION, STREAM, "pull")
        tx.runs.finish(ended, "succeeded")
        tx.runs.start(CONNECTION, STREAM, "remap")
    with database.write() as tx:
        assert tx.runs.interrupt_left_over() == 1
        assert tx.runs.interrupt_left_over() == 0
        assert [run.state for run in tx.runs.recent(5)] == ["interrupted", "succeeded"]
        assert tx.runs.recent(1)[0].task == "remap"


def test_cursors_move_and_remember_full_walks(database: Database, clock: FakeClock) -> None:
    with database.write() as tx:
        assert tx.cursors.get(CONNECTION, STREAM) is None
        tx.cursors.set(CONNECTION, STREAM, {"since": "2026"}, full_walk=True)
    walked_at = clock.now()
    clock.advance(hours=1)
    with database.write() as tx:
        tx.cursors.set(CONNECTION, STREAM, {"since": "2027"}, full_walk=False)
        assert tx.cursors.get(CONNECTION, STREAM) == {"since": "2027"}
        assert tx.cursors.last_full_walk_at(CONNECTION, STREAM) == walked_at
        tx.cursors.walked(CONNECTION, STREAM)
        assert tx.cursors.last_full_walk_at(CONNECTION, STREAM) == clock.now()
        tx.cursors.walked(CONNECTION, "without cursors")
        assert tx.cursors.get(CONNECTION, "without cursors") is None
        assert tx.cursors.last_full_walk_at(CONNECTION, "without cursors") == clock.now()
        tx.cursors.forget(CONNECTION, STREAM)
        assert tx.cursors.get(CONNECTION, STREAM) is None


def test_a_connection_backs_off_and_recovers(database: Database, clock: FakeClock) -> None:
    again = clock.now() + timedelta(minutes=1)
    with database.write() as tx:
        assert tx.connections.get(CONNECTION).state == "ok"
        tx.connections.failed(CONNECTION, ContractDrift("Odd."), again, "drift")
        tx.connections.failed(CONNECTION, ContractDrift("Odd again."), again, "drift")
        state = tx.connections.get(CONNECTION)
        assert (state.failures, state.error_class, state.error) == (
            2,
            "ContractDrift",
            "Odd again.",
        )
        assert state.next_attempt_at == again
        tx.connections.succeeded(CONNECTION)
        state = tx.connections.get(CONNECTION)
        assert (state.state, state.failures, state.error) == ("ok", 0, None)
        assert state.last_success_at == clock.now()


def test_a_pause_outlasts_success_and_failure(database: Database) -> None:
    with database.write() as tx:
        tx.connections.pause(CONNECTION)
        tx.connections.succeeded(CONNECTION)
        tx.connections.failed(CONNECTION, ContractDrift("Odd."), None, "drift")
        assert tx.connections.get(CONNECTION).state == "paused"
        tx.connections.resume(CONNECTION)
        assert [state.state for state in tx.connections.all()] == ["ok"]
        assert tx.connections.get(CONNECTION).reconcile_first is False
        tx.connections.set_reconcile_first(CONNECTION, True)
        tx.connections.succeeded(CONNECTION)
        assert tx.connections.get(CONNECTION).reconcile_first is True


# -- mappings ---------------------------------------------------------------------------------------------------------


def test_one_mapping_version_is_active(database: Database) -> None:
    with database.write() as tx:
        assert tx.mappings.active("books") is None
        first = tx.mappings.put("books", "version = 1\n", "ann")
        assert tx.mappings.put("books", "version = 1\n", "bob") == first
        second = tx.mappings.put("books", "version = 2\n", "bob")
        assert (second.version_no, second.state, second.created_by) == (2, "draft", "bob")
        tx.mappings.activate(first.id)
        tx.mappings.activate(second.id)
        assert [(row.version_no, row.state) for row in tx.mappings.versions("books")] == [
            (2, "active"),
            (1, "superseded"),
        ]
        tx.mappings.activate(first.id)
        active = tx.mappings.active("books")
        assert active is not None and active.id == first.id and active.activated_at is not None
        with pytest.raises(NotFound):
            tx.mappings.activate(99)


# -- companies and documents --------------------------------------------------------------------------------------------


def test_counterparties_and_links(database: Database, clock: FakeClock) -> None:
    acme = Counterparty("acme", "Acme", "supplier", "US", address={"city": "Reno"})
    us = Counterparty("us", "Our own", "own")
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"], kind=None)
        tx.companies.save_counterparties(
            CONNECTION, [(acme, saved.record_id), (us, saved.record_id)]
        )
        tx.companies.save_counterparties(
            CONNECTION, [(replace(acme, name="Acme Ltd"), saved.record_id)]
        )
        row = tx.companies.counterparty(CONNECTION, "acme")
        assert row is not None and (row.name, row.address) == ("Acme Ltd", {"city": "Reno"})
        tx.companies.link(CONNECTION, "acme", FINANCIER, "c1", how="hand", by="ann")
        tx.companies.link(CONNECTION, "acme", FINANCIER, "c2", how="created", by="connector")
        assert tx.companies.links(CONNECTION, FINANCIER, {"acme", "us"}) == {"acme": "c2"}
        assert tx.companies.links(CONNECTION, FINANCIER, []) == {}
        unlinked = tx.companies.counterparties(CONNECTION, unlinked_for=FINANCIER)
        assert [found.counterparty_id for found in unlinked] == ["us"]
        assert len(tx.companies.counterparties(CONNECTION, unlinked_for="other")) == 2
        (link,) = tx.companies.all_links(financier=FINANCIER)
        assert (link.company_id, link.how, link.linked_at) == ("c2", "created", clock.now())
        assert tx.companies.unlink(CONNECTION, "acme", FINANCIER) is True
        assert tx.companies.unlink(CONNECTION, "acme", FINANCIER) is False
        assert tx.companies.all_links(connection=CONNECTION) == []


def test_a_document_is_stored_once(database: Database) -> None:
    with database.write() as tx:
        first, second = store_records(tx, ["a", "b"])
        one = tx.documents.add(first.record_id, "a.pdf", "pdf", b"%PDF", origin="hand", by="ann")
        assert one == tx.documents.add(
            first.record_id, "again.pdf", "pdf", b"%PDF", origin="attachment", by="bob"
        )
        two = tx.documents.add(first.record_id, "b.pdf", "pdf", b"%PDF2", origin="hand", by="ann")
        newest = tx.documents.newest(first.record_id)
        assert newest == tx.documents.get(two)
        assert tx.documents.get(one).content == b"%PDF"
        assert tx.documents.newest(second.record_id) is None
        both = [first.record_id, second.record_id]
        assert tx.documents.having_document(both) == {first.record_id}


# -- the audit log --------------------------------------------------------------------------------------------------------


def test_the_audit_chain_verifies(database: Database) -> None:
    for number in range(3):
        with database.write() as tx:
            tx.audit.append("ann", "company.linked", "books/acme", {"n": number, "to": ["é", None]})
    with database.read() as tx:
        assert tx.audit.verify_chain() == []
        newest = tx.audit.recent(2)
        assert [row.seq for row in newest] == [3, 2]
        assert newest[0].detail == {"n": 2, "to": ["é", None]}
        assert newest[0].previous_hash == newest[1].hash


def test_appending_at_once_keeps_one_chain(database: Database) -> None:
    def append(number: int) -> None:
        with database.write() as tx:
            tx.audit.append("ann", "act", str(number), {})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, range(24)))
    with database.read() as tx:
        assert tx.audit.verify_chain() == []
        assert len(tx.audit.recent(100)) == 24


@pytest.mark.parametrize("tampering", ["change", "remove", "both"])
def test_tampering_with_the_audit_log_is_found(database: Database, tampering: str) -> None:
    with database.write() as tx:
        for number in range(4):
            tx.audit.append("ann", "act", str(number), {})
    _without_triggers(database, tampering)
    with database.read() as tx:
        found = tx.audit.verify_chain()
    assert any("changed" in line for line in found) == (tampering in ("change", "both"))
    assert any("missing" in line for line in found) == (tampering in ("remove", "both"))


def _without_triggers(database: Database, tampering: str) -> None:
    on = "" if database.is_sqlite else " on audit_log"
    with database.write() as tx:
        for what in ("update", "delete"):
            tx.connection.execute(text(f"drop trigger audit_log_no_{what}{on}"))
        if tampering in ("change", "both"):
            tx.connection.execute(
                update(audit_log).where(audit_log.c.seq == 2).values(actor="mallory")
            )
        if tampering in ("remove", "both"):
            tx.connection.execute(audit_log.delete().where(audit_log.c.seq == 3))


def test_a_float_never_enters_the_audit_log(database: Database) -> None:
    with pytest.raises(TypeError), database.write() as tx:
        tx.audit.append("ann", "act", "x", {"amount": [{"minor": 1.5}]})
