"""The rules in the database itself: they hold whatever the code does, and their loss is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

from connector.errors import ConfigError, InvariantBroken
from connector.store import migration
from connector.store.database import Database
from connector.store.ddl import schema_statements
from connector.store.schema import APPEND_ONLY, FINAL, FROZEN, KEPT, metadata
from tests.databases import STREAM, finance, store_records
from tests.fakes import FakeClock

SCRIPTS = Path(migration.__file__).parent / "migrations"
_NOW = "2026-03-02T09:30:00.000000Z"


@pytest.fixture(autouse=True)
def no_secret_is_shown() -> None:
    """Stands in for the fixture of that name, which belongs to the conformance of the systems."""


@pytest.fixture
def empty(
    database: Database,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    clock: FakeClock,
) -> Iterator[Database]:
    """A database without tables, of the same kind as `database`."""
    if database.is_sqlite:
        url = f"sqlite:///{tmp_path_factory.mktemp('empty')}/connector.sqlite3"
    else:
        url = request.getfixturevalue("empty_postgres_url")
    opened = Database.open(url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def full(database: Database) -> Database:
    """A database with a row in every table that triggers protect."""
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
        tx.documents.add(saved.record_id, "a.pdf", "pdf", b"%PDF", origin="hand", by="ann")
        tx.audit.append("ann", "act", "x", {})
        tx.connection.execute(
            text(
                "insert into inbox (id, endpoint, event_id, verification, body, received_at, state, attempts) "
                "values (1, 'stenn', 'e1', 'hint', :body, :now, 'received', 0)"
            ),
            {"now": _NOW, "body": b"{}"},
        )
        tx.connection.execute(
            text(
                "insert into status_timeline (id, financing_invoice_id, seq, status, raw_status, via, observed_at, "
                "evidence, previous_hash, hash) values (1, :f, 1, 'funded', 'f', 'poll', :now, :body, :body, :body)"
            ),
            {"f": financing_id, "now": _NOW, "body": b"{}"},
        )
        _outbox(tx.connection, financing_id, 1, "pending")
        tx.connection_books.note("books", "finexio", '["host"]')
        tx.exclusions.add(saved.record_id, "a private purchase", "ann")
        correction_id = tx.corrections.add(saved.record_id, "[]", "a slip", "ann")
        assert saved.outcome is not None
        tx.corrections.note_outcomes({saved.outcome.id: correction_id})
        document_id = tx.mapping_documents.add("connection", "books", "a = 1\n", "ann").id
        tx.mapping_trials.start("backtest", document_id, "books", 1, "ann", {})
        tx.mapping_examples.add(
            "books",
            "usual",
            source_id="a",
            raw=b"{}",
            today=tx.clock.now().date(),
            expected={},
            by="ann",
            document_id=document_id,
        )
        tx.feed_endpoints.configured({"erp": True})
        tx.feed.append(
            event_id="evt_1",
            timeline_id=1,
            financing_invoice_id=financing_id,
            connection="books",
            status="funded",
            occurred_at=tx.clock.now(),
            body="{}",
        )
        event = tx.feed.at(1)
        assert event is not None
        tx.feed_deliveries.add("erp", [event])
    return database


def _outbox(connection: Connection, financing_id: int, seq: int, state: str) -> None:
    connection.execute(
        text(
            "insert into outbox (id, stream, seq, kind, target, financing_invoice_id, idempotency_key, payload, "
            "payload_sha256, state, attempts, created_at) values (:seq, 'submit:1', :seq, 'invoice', 'stenn', :f, "
            ":key, '{}', 'x', :state, 0, :now)"
        ),
        {"f": financing_id, "now": _NOW, "seq": seq, "state": state, "key": f"key {seq}"},
    )


def _refused(database: Database, statement: str, why: str = "refused") -> None:
    with pytest.raises(InvariantBroken, match=why), database.write() as tx:
        tx.connection.execute(text(statement))


# -- rules ------------------------------------------------------------------------------------------------------------


def test_rows_of_append_only_tables_stay(full: Database) -> None:
    for table in APPEND_ONLY:
        column = metadata.tables[table].primary_key.columns.values()[0].name
        _refused(full, f"update {table} set {column} = {column}", "never changed")


def test_rows_are_never_deleted(full: Database) -> None:
    for table in (*APPEND_ONLY, *KEPT):
        _refused(full, f"delete from {table}", "never deleted")
        if not full.is_sqlite:
            _refused(full, f"truncate {table} cascade", "never deleted")


def test_fixed_columns_do_not_change(full: Database) -> None:
    other = {str: "'other'", int: "77", bytes: "x'07'" if full.is_sqlite else "'\\x07'"}
    for table, columns in FROZEN.items():
        for column in columns:
            kind = metadata.tables[table].c[column].type.python_type
            value = other.get(kind, "'2030-01-01T00:00:00.000000Z'")
            with pytest.raises(InvariantBroken, match="fixed column"), full.write() as tx:
                tx.connection.exec_driver_sql(f"update {table} set {column} = {value}")
            with full.write() as tx:  # the same value again is no change
                tx.connection.exec_driver_sql(f"update {table} set {column} = {column}")


def test_what_has_ended_stays_as_it_ended(full: Database) -> None:
    with full.write() as tx:
        tx.corrections.end(1, "ann", "taken back")
    for table, columns in FINAL.items():
        for column in columns:
            _refused(full, f"update {table} set {column} = 'other'", "ended already")
            _refused(full, f"update {table} set {column} = null", "ended already")


def test_one_outbox_row_of_a_stream_is_in_flight(full: Database) -> None:
    with full.write() as tx:
        _outbox(tx.connection, 1, 2, "sending")
    with pytest.raises(InvariantBroken), full.write() as tx:
        _outbox(tx.connection, 1, 3, "unknown")
    with pytest.raises(InvariantBroken), full.write() as tx:
        tx.connection.execute(text("update outbox set state = 'sending' where seq = 1"))


def test_two_mapping_versions_are_never_active(full: Database) -> None:
    with full.write() as tx:
        tx.mappings.put("books", "version = 2\n", "ann")
    _refused(full, "update mapping_versions set state = 'active'")


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("source_records", "latest_version_no", "'12abc'"),
        ("financing_invoices", "amount_minor_units", "'1.5'"),
        ("financing_invoices", "state", "'sent'"),
        ("runs", "state", "'done'"),
        ("source_records", "source_id", "null"),
    ],
)
def test_a_wrong_value_is_refused(full: Database, table: str, column: str, value: str) -> None:
    _refused(full, f"update {table} set {column} = {value}")


def test_a_row_refers_to_rows_that_are_there(full: Database) -> None:
    with pytest.raises(InvariantBroken), full.write() as tx:
        tx.documents.add(999, "a.pdf", "pdf", b"%PDF", origin="hand", by="ann")


# -- their loss is noticed ----------------------------------------------------------------------------------------------


def test_nothing_is_missing_after_a_migration(database: Database) -> None:
    assert database.missing_guards() == []
    assert database.quick_check() == []


@pytest.mark.parametrize(
    ("guard", "sqlite", "postgresql"),
    [
        (
            "audit_log_no_update",
            "drop trigger audit_log_no_update",
            "alter table audit_log disable trigger audit_log_no_update",
        ),
        ("uq_outbox_in_flight", "drop index uq_outbox_in_flight", "drop index uq_outbox_in_flight"),
        (
            "uq_mapping_versions_active",
            "drop index uq_mapping_versions_active",
            "drop index uq_mapping_versions_active; "
            "create index uq_mapping_versions_active on mapping_versions (name)",
        ),
        (
            "ck_runs_state",
            "drop table run_totals; drop table attempts; create table x(y); alter table runs rename to old",
            "alter table runs drop constraint ck_runs_state",
        ),
    ],
)
def test_a_lost_guard_is_named(
    database: Database, guard: str, sqlite: str, postgresql: str
) -> None:
    with database.write() as tx:
        for statement in (sqlite if database.is_sqlite else postgresql).split("; "):
            tx.connection.exec_driver_sql(statement)
    assert guard in database.missing_guards()


# -- migrations -----------------------------------------------------------------------------------------------------------


def test_a_fresh_schema_is_the_migrated_one(empty: Database, database: Database) -> None:
    with empty.write() as tx:
        for statement in schema_statements("sqlite" if empty.is_sqlite else "postgresql"):
            tx.connection.exec_driver_sql(statement)
    with empty.read() as fresh, database.read() as migrated:
        expected = _described(fresh.connection)
        found = _described(migrated.connection)
    assert found - expected == set()
    assert expected - found == set()
    assert len(expected) > len(metadata.tables)


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_a_store_in_use_comes_to_the_same_schema(
    empty: Database, database: Database, revision: str
) -> None:
    with empty.write() as tx:
        config = Config(attributes={"connection": tx.connection})
        config.set_main_option("script_location", str(SCRIPTS))
        command.upgrade(config, revision)
    with empty.write() as tx:
        (saved,) = store_records(tx, ["a"])
        finance(tx, saved)
        tx.exclusions.add(saved.record_id, "a private purchase", "ann")
    with empty.read() as before:
        present = {
            table: before.connection.exec_driver_sql(f"select * from {table}").all()
            for table in metadata.tables
            if inspect(before.connection).has_table(table)
        }
    assert ("record_corrections" in present) is (revision == "0002")
    assert "connection_books" not in present
    with pytest.raises(InvariantBroken, match="never changed"), empty.write() as tx:
        tx.connection.execute(text("update outcomes set kind = 'held'"))

    empty.migrate()

    with empty.read() as now, database.read() as migrated:
        assert _described(now.connection) == _described(migrated.connection)
        for table, rows in present.items():
            assert now.connection.exec_driver_sql(f"select * from {table}").all() == rows
    assert empty.missing_guards() == []
    assert empty.quick_check() == []
    with empty.write() as tx:
        assert saved.outcome is not None
        correction_id = tx.corrections.add(saved.record_id, "[]", "a slip", "ann")
        tx.corrections.note_outcomes({saved.outcome.id: correction_id})


def _described(connection: Connection) -> set[tuple[object, ...]]:
    if connection.dialect.name == "sqlite":
        queries = [
            "select type, name, tbl_name, sql from sqlite_master where type <> 'index' or sql > ''"
        ]
    else:
        queries = [
            "select table_name, column_name, data_type, is_nullable, column_default, ordinal_position "
            "from information_schema.columns where table_schema = 'public'",
            "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint "
            "where connamespace = 'public'::regnamespace",
            "select indexname, indexdef from pg_indexes where schemaname = 'public'",
            "select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
            "select sequencename, data_type::text, increment_by from pg_sequences",
            "select proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace",
        ]
    rows = [tuple(row) for query in queries for row in connection.exec_driver_sql(query)]
    return {row for row in rows if not any("alembic_version" in str(value) for value in row)}


def test_migrating_again_changes_nothing(database: Database) -> None:
    with database.write() as tx:
        store_records(tx, ["a"])
    database.migrate()
    with database.read() as tx:
        assert tx.records.find("books", STREAM, "a") is not None


def test_two_that_migrate_at_once_do_it_once(empty: Database, clock: FakeClock) -> None:
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(empty.migrate) for _ in range(2)]:
            done.result()
    assert empty.missing_guards() == []


def test_a_failed_migration_leaves_nothing(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = iter(range(30))

    def fail_in_the_middle(self: Connection, statement: str, *args: object) -> object:
        if next(statements, None) is None:
            raise KeyboardInterrupt
        return run(self, statement, *args)  # type: ignore[arg-type]

    run = Connection.exec_driver_sql
    with monkeypatch.context() as patched:
        patched.setattr(Connection, "exec_driver_sql", fail_in_the_middle)
        with pytest.raises(KeyboardInterrupt):
            empty.migrate()
    with empty.read() as tx:
        assert _described(tx.connection) == set()
    empty.migrate()
    assert empty.missing_guards() == []


def test_a_newer_schema_is_refused(database: Database) -> None:
    with database.write() as tx:
        tx.connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer version"):
        database.migrate()


def test_a_database_without_tables_says_what_to_do(empty: Database) -> None:
    with pytest.raises(ConfigError, match="Start the connector once"), empty.read() as tx:
        tx.runs.recent(1)
