"""Every database keeps the same promises: what the use cases may rely on, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from connector.errors import InvariantBroken, NotFound
from connector.store.database import Database
from connector.store.records import Decision, NewVersion
from tests.databases import (
    CONNECTION,
    STREAM,
    active_mapping,
    new_versions,
    outcome,
    store_records,
)


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


def test_records_of_another_mapping_or_none_are_found(database: Database) -> None:
    with database.write() as tx:
        store_records(tx, ["a"])
        store_records(tx, ["b"], kind=None)
        other = tx.mappings.activate(tx.mappings.put("books", "version = 2\n", "ann").id)
        tx.records.save(CONNECTION, STREAM, None, other.id, new_versions(tx, ["c"]))
        found = tx.records.iter_latest(CONNECTION, STREAM, not_by_mapping=other.id)
        assert [row.source_id for row in found] == ["a", "b"]


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
