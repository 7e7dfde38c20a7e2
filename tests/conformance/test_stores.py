"""Every database keeps the same promises: what the use cases may rely on, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text, update

from connector.errors import ContractDrift, InvariantBroken, NotFound
from connector.store.database import Database
from connector.store.records import Decision, NewOutcome, NewVersion
from connector.store.runs import RunTotal
from connector.store.schema import audit_log, financing_invoices, source_records
from connector.system import Counterparty
from tests.databases import (
    CONNECTION,
    FINANCIER,
    STREAM,
    TERMS,
    active_mapping,
    finance,
    new_versions,
    outcome,
    store_records,
)
from tests.fakes import FakeClock


@pytest.fixture(autouse=True)
def no_secret_is_shown() -> None:
    """Stands in for the fixture of that name, which belongs to the conformance of the systems."""


# -- transactions ---------------------------------------------------------------------------------------------------


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        store_records(tx, ["a", "b"])
        raise ZeroDivisionError
    with database.read() as tx:
        assert tx.records.known(CONNECTION, STREAM, ["a", "b"]) == {}
        assert tx.runs.recent(10) == []


def test_a_read_sees_one_moment(database: Database) -> None:
    with database.read() as reading:
        assert reading.records.known(CONNECTION, STREAM, ["a"]) == {}
        with database.write() as tx:
            store_records(tx, ["a"])
        assert reading.records.known(CONNECTION, STREAM, ["a"]) == {}
    with database.read() as reading:
        assert list(reading.records.known(CONNECTION, STREAM, ["a"])) == ["a"]


def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(InvariantBroken, match="read transaction"), database.read() as tx:
        tx.connections.pause(CONNECTION)


def test_allocated_identifiers_are_never_given_twice(database: Database) -> None:
    def store_some(part: int) -> list[int]:
        given: list[int] = []
        for batch in range(5):
            with database.write() as tx:
                first, second = tx.allocate("source_records", 3), tx.allocate("source_records", 4)
                assert len(first) == 3 and len(second) == 4
                versions = tx.allocate("record_versions", 7)
                names = [f"{part}-{batch}-{index}" for index in range(7)]
                rows = [
                    NewVersion(record_id, version_id, True, name, 1, b"h", b"{}")
                    for record_id, version_id, name in zip(
                        [*first, *second], versions, names, strict=True
                    )
                ]
                tx.records.save(CONNECTION, STREAM, None, None, rows)
                given += [*first, *second]
        return given

    with ThreadPoolExecutor(4) as pool:
        ids = [record_id for part in pool.map(store_some, range(4)) for record_id in part]
    assert len(set(ids)) == len(ids) == 140


def test_allocating_nothing_gives_nothing(database: Database) -> None:
    with database.write() as tx:
        assert list(tx.allocate("runs", 0)) == []


# -- records --------------------------------------------------------------------------------------------------------


def test_a_saved_record_is_known(database: Database) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"], page=3, recheck_on=date(2026, 5, 2))
    with database.read() as tx:
        known = tx.records.known(CONNECTION, STREAM, ["a", "unheard"])
        assert list(known) == ["a"]
        assert known["a"].id == saved.record_id
        assert known["a"].version_no == 1
        assert known["a"].content_hash == b"a"
        assert known["a"].page == 3
        assert known["a"].outcome_kind == "mapped"
        assert known["a"].latest_version_id == saved.version_id
        row = tx.records.find(CONNECTION, STREAM, "a")
        assert row is not None and row == tx.records.get(saved.record_id)
        assert row.recheck_on == date(2026, 5, 2)
        assert tx.records.latest_raw(saved.record_id) == b'{"id": "a"}'
        assert tx.records.current_outcome(saved.record_id).amount_minor_units == 1_200_050


def test_known_takes_any_number_of_identifiers(database: Database) -> None:
    names = [f"invoice '{number}' \N{EURO SIGN}" for number in range(1203)]
    with database.write() as tx:
        store_records(tx, names, kind=None)
    with database.read() as tx:
        assert set(tx.records.known(CONNECTION, STREAM, names)) == set(names)
        assert tx.records.known(CONNECTION, STREAM, []) == {}
        assert tx.records.known(CONNECTION, "counterparties", names) == {}


def test_a_next_version_becomes_current_and_the_old_one_stays(database: Database) -> None:
    with database.write() as tx:
        (first,) = store_records(tx, ["a"], page=1)
        (version_id,) = tx.allocate("record_versions", 1)
        second = first._replace(
            version_id=version_id,
            is_first=False,
            version_no=2,
            content_hash=b"new",
            raw=b"{}",
            page=None,
            outcome=outcome(tx, "held"),
        )
        tx.records.save(CONNECTION, STREAM, None, active_mapping(tx), [second])
    with database.read() as tx:
        row = tx.records.get(first.record_id)
        assert (row.latest_version_no, row.content_hash, row.page) == (2, b"new", 1)
        assert (row.outcome_kind, row.reason_code) == ("held", "company_not_linked")
        assert [version.version_no for version in tx.records.versions(first.record_id)] == [1, 2]
        assert [made.kind for made in tx.records.outcomes_of(first.record_id)] == ["mapped", "held"]


def test_an_echo_keeps_the_outcome(database: Database) -> None:
    with database.write() as tx:
        (first,) = store_records(tx, ["a"])
        (version_id,) = tx.allocate("record_versions", 1)
        echo = first._replace(
            version_id=version_id, is_first=False, version_no=2, is_echo=True, outcome=None
        )
        tx.records.save(CONNECTION, STREAM, None, None, [echo])
        assert tx.records.get(first.record_id).outcome_kind == "mapped"
        assert tx.records.versions(first.record_id)[1].is_echo is True


def test_a_version_that_is_not_the_next_is_refused(database: Database) -> None:
    with database.write() as tx:
        (first,) = store_records(tx, ["a"])
    for number in (1, 3):
        with pytest.raises(InvariantBroken), database.write() as tx:
            (version_id,) = tx.allocate("record_versions", 1)
            wrong = first._replace(version_id=version_id, is_first=False, version_no=number)
            tx.records.save(CONNECTION, STREAM, None, None, [wrong._replace(outcome=None)])


def test_a_version_for_a_record_of_another_stream_is_refused(database: Database) -> None:
    with database.write() as tx:
        (first,) = store_records(tx, ["a"])
    with pytest.raises(InvariantBroken), database.write() as tx:
        (version_id,) = tx.allocate("record_versions", 1)
        again = first._replace(version_id=version_id, is_first=False, version_no=2, outcome=None)
        tx.records.save("other", STREAM, None, None, [again])


def test_a_record_is_new_only_once(database: Database) -> None:
    with database.write() as tx:
        store_records(tx, ["a"])
    with pytest.raises(InvariantBroken), database.write() as tx:
        store_records(tx, ["b", "a"])
    with database.read() as tx:
        assert list(tx.records.known(CONNECTION, STREAM, ["a", "b"])) == ["a"]


def test_an_outcome_without_a_mapping_version_is_refused(database: Database) -> None:
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.records.save(CONNECTION, STREAM, None, None, new_versions(tx, ["a"]))


def test_deciding_again_appends_and_makes_current(database: Database) -> None:
    with database.write() as tx:
        saved = store_records(tx, ["a", "b"], kind="held")
        mapping_version_id = active_mapping(tx)
        tx.records.decide_many(
            mapping_version_id,
            None,
            [Decision(new.record_id, new.version_id, outcome(tx)) for new in saved],
        )
        assert tx.records.get(saved[0].record_id).reason_code is None
        assert len(tx.records.outcomes_of(saved[1].record_id)) == 2
    with pytest.raises(InvariantBroken), database.write() as tx:
        older = saved[0].version_id + 1000
        tx.records.decide(saved[0].record_id, older, mapping_version_id, None, outcome(tx), None)


def test_records_are_read_in_pages_by_identifier(database: Database) -> None:
    with database.write() as tx:
        held = store_records(tx, ["a", "b", "c"], kind="held", recheck_on=date(2026, 5, 2))
        mapped = store_records(tx, ["d", "e"])
    with database.read() as tx:
        seen: list[str] = []
        after_id = 0
        while batch := tx.records.iter_latest(CONNECTION, STREAM, after_id=after_id, limit=2):
            seen += [row.source_id for row in batch]
            after_id = batch[-1].record_id
        assert seen == ["a", "b", "c", "d", "e"]
        by_kind = tx.records.iter_latest(CONNECTION, STREAM, kinds=["mapped"])
        assert [row.record_id for row in by_kind] == [new.record_id for new in mapped]
        by_code = tx.records.iter_latest(CONNECTION, STREAM, reason_codes=["company_not_linked"])
        assert [row.version_id for row in by_code] == [new.version_id for new in held]
        assert by_code[0].raw == b'{"id": "a"}'
        assert by_code[0].mapping_version_id is not None
        day = date(2026, 5, 2)
        assert len(tx.records.iter_latest(CONNECTION, STREAM, recheck_due=day)) == 3
        assert tx.records.iter_latest(CONNECTION, STREAM, recheck_due=day - timedelta(1)) == []


def test_records_without_outcome_are_iterated_too(database: Database) -> None:
    with database.write() as tx:
        store_records(tx, ["a"], kind=None)
        (row,) = tx.records.iter_latest(CONNECTION, STREAM)
    assert (row.outcome_id, row.mapping_version_id) == (None, None)


def test_the_error_inbox_joins_record_and_outcome(database: Database) -> None:
    with database.write() as tx:
        store_records(tx, ["a"])
        held = store_records(tx, ["b", "c"], kind="held")
    with database.read() as tx:
        first, second = tx.records.list_current(["held", "rejected"])
        assert (first.record.source_id, second.record.source_id) == ("b", "c")
        assert first.outcome.id == first.record.outcome_id
        assert first.outcome.reason_code == "company_not_linked"
        assert tx.records.list_current(["held"], connection="other") == []
        assert tx.records.list_current(["held"], reason_code="due_date_past") == []
        after_b = tx.records.list_current(["held"], CONNECTION, after_id=held[0].record_id)
        assert [found.record.source_id for found in after_b] == ["c"]


def test_what_is_not_there_is_not_found(database: Database) -> None:
    with database.read() as tx:
        assert tx.records.find(CONNECTION, STREAM, "a") is None
        assert tx.financing.by_reference("a") is None
        for read in (tx.records.get, tx.records.latest_raw, tx.financing.get, tx.documents.get):
            with pytest.raises(NotFound):
                read(7)


def test_page_marks_are_set_and_forgotten(database: Database) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"], page=1)
        tx.records.mark_page(CONNECTION, STREAM, 1, b"one", 100)
        tx.records.mark_page(CONNECTION, STREAM, 2, b"two", 100)
        tx.records.mark_page(CONNECTION, STREAM, 2, b"two again", 99)
        tx.records.touch_page([saved.record_id], 2)
    with database.write() as tx:
        assert tx.records.page_marks(CONNECTION, STREAM) == {
            1: (b"one", 100),
            2: (b"two again", 99),
        }
        assert tx.records.get(saved.record_id).page == 2
        tx.records.unmark_pages(CONNECTION, STREAM, [1, 7])
        assert list(tx.records.page_marks(CONNECTION, STREAM)) == [2]


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


# -- financing --------------------------------------------------------------------------------------------------------


def test_a_financing_invoice_reads_back_as_it_was_written(database: Database) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
    with database.read() as tx:
        row = tx.financing.get(financing_id)
        assert (row.terms, row.state, row.is_sent, row.intact) == (TERMS, "ready", False, True)
        assert row.client_reference_id == "reference-a"
        assert row.financing == {}
        assert tx.financing.by_reference("reference-a") == row
        assert tx.financing.by_record([saved.record_id, 999], FINANCIER) == {saved.record_id: row}
        assert tx.financing.by_record([saved.record_id], "other") == {}
        assert tx.financing.to_submit(FINANCIER, limit=5) == [row]
        assert tx.financing.to_submit(FINANCIER, connection=CONNECTION, limit=5) == [row]
        assert tx.financing.to_submit(FINANCIER, connection="other", limit=5) == []
        assert tx.financing.recent(5) == [row]
        assert tx.financing.recent(5, before_id=row.id) == []
        assert tx.financing.counts(FINANCIER) == {("ready", None): 1}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount_minor_units", 1_200_051),
        ("currency", "EUR"),
        ("due_date", date(2026, 5, 2)),
        ("supplier_id", "acme2"),
        ("client_reference_id", None),
        ("type_of_goods", '["services"]'),
    ],
)
def test_money_changed_behind_our_back_is_found(
    database: Database, column: str, value: object
) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
        if column == "client_reference_id":
            column, value = "digest", b"another"
        tx.connection.execute(update(financing_invoices).values(**{column: value}))
    with database.read() as tx:
        with pytest.raises(InvariantBroken, match="digest"):
            tx.financing.get(financing_id)
        with pytest.raises(InvariantBroken, match="digest"):
            tx.financing.by_reference("reference-a")
        assert tx.financing.damaged() == [financing_id]
        assert [row.intact for row in tx.financing.to_submit(FINANCIER, limit=5)] == [False]


def test_the_digest_is_of_a_fixed_text(database: Database) -> None:
    content = (
        b'[%d,"stenn","reference-a",%d,"payable","INV-1","USD",1200050,"2026-02-01","2026-05-01",'
        b'"us","acme",["goods"]]'
    )
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
        row = tx.financing.get(financing_id)
        stored = tx.connection.execute(select(financing_invoices.c.digest)).scalar_one()
    expected = hashlib.blake2b(content % (row.record_id, row.outcome_id), digest_size=32)
    assert stored == expected.digest()


def test_terms_are_replaced_until_they_are_sent(database: Database) -> None:
    cheaper = replace(TERMS, amount_minor_units=1_000_000, type_of_goods=())
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
        tx.financing.set_state(financing_id, "withdrawn", "Not now.", allowed_from=["ready"])
        tx.financing.replace_terms(financing_id, cheaper, outcome(tx).id - 1)
        row = tx.financing.get(financing_id)
        assert (row.terms, row.state, row.state_reason) == (cheaper, "ready", None)
        assert row.terms.difference(TERMS) == (
            "the amount in minor units was 1000000 and is now 1200050"
        )
        tx.financing.set_state(financing_id, "submitting", None, allowed_from=["ready"])
    with pytest.raises(InvariantBroken, match="fixed"), database.write() as tx:
        tx.financing.replace_terms(financing_id, TERMS, row.outcome_id)


def test_sent_terms_are_guarded_by_the_database(database: Database) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
        tx.financing.set_state(financing_id, "submitting", None, allowed_from=["ready"])
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.connection.execute(update(financing_invoices).values(amount_minor_units=1))
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.connection.execute(update(financing_invoices).values(client_reference_id="other"))


def test_a_state_changes_only_from_an_allowed_one(database: Database) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
        tx.financing.set_state(
            financing_id, "parked", "Look.", allowed_from=("ready", "submitting")
        )
        assert tx.financing.get(financing_id).state_reason == "Look."
    for new, allowed in (("submitted", ("submitting",)), ("sent", ("parked",))):
        with pytest.raises(InvariantBroken), database.write() as tx:
            tx.financing.set_state(financing_id, new, None, allowed_from=allowed)


def test_remote_facts_are_noted_and_due_polls_found(database: Database, clock: FakeClock) -> None:
    now = clock.now()
    with database.write() as tx:
        first, second, third = store_records(tx, ["a", "b", "c"])
        ids = [finance(tx, version) for version in (first, second, third)]
        tx.financing.set_remote(
            ids[0],
            remote_invoice_id="r1",
            financing='{"first_payment": 900}',
            status="funded",
            raw_status="financed",
            next_poll_at=now,
        )
        tx.financing.set_remote(ids[1], remote_invoice_id="r2", next_poll_at=now - timedelta(1))
        tx.financing.set_remote(ids[2], next_poll_at=now)
    with database.read() as tx:
        due = tx.financing.to_poll(FINANCIER, now, limit=5)
        assert [row.id for row in due] == [ids[1], ids[0]]
        row = tx.financing.by_remote_id(FINANCIER, "r1")
        assert row is not None and row.id == ids[0]
        assert row.financing == {"first_payment": 900}
        assert tx.financing.by_remote_id("other", "r1") is None
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.financing.set_remote(ids[2], remote_invoice_id="r1")
    with pytest.raises(NotFound), database.write() as tx:
        tx.financing.set_remote(999, status="funded")


def test_a_record_and_a_reference_have_one_financing_invoice(database: Database) -> None:
    with database.write() as tx:
        first, second = store_records(tx, ["a", "b"])
        finance(tx, first)
    with pytest.raises(InvariantBroken), database.write() as tx:
        finance(tx, first._replace(source_id="another reference"))
    with pytest.raises(InvariantBroken), database.write() as tx:
        finance(tx, second._replace(source_id="a"))


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_financed_for_no_money(database: Database, amount: int) -> None:
    with pytest.raises(InvariantBroken), database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        finance(tx, saved, replace(TERMS, amount_minor_units=amount))


def test_money_is_stored_up_to_64_bits_and_no_further(database: Database) -> None:
    with database.write() as tx:
        first, second = store_records(tx, ["a", "b"])
        finance(tx, first, replace(TERMS, amount_minor_units=2**63 - 1))
    with pytest.raises(InvariantBroken, match=r"64-bit|does not fit"), database.write() as tx:
        finance(tx, second, replace(TERMS, amount_minor_units=2**63))
    with pytest.raises(InvariantBroken, match=r"64-bit|does not fit"), database.write() as tx:
        store_records(tx, ["c"], kind=None)
        made = outcome(tx, amount_minor_units=-(2**63) - 1)
        tx.records.decide(first.record_id, first.version_id, active_mapping(tx), None, made, None)


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


# -- values -----------------------------------------------------------------------------------------------------------------


def test_text_that_cannot_be_stored_is_refused_clearly(database: Database) -> None:
    with pytest.raises(InvariantBroken, match="Unicode"), database.write() as tx:
        made = NewOutcome(1, "held", reason_code="x", sentence="half a pair: \ud800")
        (saved,) = store_records(tx, ["a"], kind=None)
        tx.records.decide(saved.record_id, saved.version_id, active_mapping(tx), None, made, None)


def test_a_column_holds_its_own_type_alone(database: Database) -> None:
    with database.write() as tx:
        store_records(tx, ["a"])
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.connection.execute(update(source_records).values(latest_version_no=text("'12abc'")))
