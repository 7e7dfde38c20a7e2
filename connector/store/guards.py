"""Whether the database still carries the rules of the schema, and can be trusted to keep what it commits."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Connection, ForeignKeyConstraint, Index, UniqueConstraint

from connector.store.schema import APPEND_ONLY, KEPT, metadata
from connector.store.triggers import trigger_names


def missing(connection: Connection) -> list[str]:
    """Names of constraints, unique indexes and triggers that are absent, disabled or invalid, sorted."""
    if connection.dialect.name == "sqlite":
        return _missing_sqlite(connection)
    return _missing_postgresql(connection)


def _constraints() -> list[tuple[str, str]]:
    kept = (CheckConstraint, ForeignKeyConstraint, UniqueConstraint)
    return [
        (table.name, str(constraint.name))
        for table in metadata.sorted_tables
        for constraint in [*table.constraints, table.primary_key]
        if isinstance(constraint, kept) or constraint is table.primary_key
    ]


def _unique_indexes() -> list[Index]:
    return [index for table in metadata.sorted_tables for index in table.indexes if index.unique]


def _missing_sqlite(connection: Connection) -> list[str]:
    rows = connection.exec_driver_sql("select type, name, coalesce(sql, '') from sqlite_master")
    statements = {(kind, name): statement for kind, name, statement in rows}
    strict = {
        row.name for row in connection.exec_driver_sql("pragma table_list") if row.strict == 1
    }
    absent = {
        f"{table.name} is not strict"
        for table in metadata.sorted_tables
        if table.name not in strict
    }
    for table, name in _constraints():
        if f"CONSTRAINT {name} " not in statements.get(("table", table), ""):
            absent.add(name)
    for index in _unique_indexes():
        if "UNIQUE" not in statements.get(("index", str(index.name)), ""):
            absent.add(str(index.name))
    absent.update(name for name in trigger_names() if ("trigger", name) not in statements)
    return sorted(absent)


def _missing_postgresql(connection: Connection) -> list[str]:
    def names(query: str) -> set[str]:
        return set(connection.exec_driver_sql(query).scalars())

    constraints = names(
        "select conname from pg_constraint where convalidated "
        "and connamespace = current_schema()::regnamespace"
    )
    indexes = names(
        "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where i.indisunique "
        "and i.indisvalid and i.indisready and c.relnamespace = current_schema()::regnamespace"
    )
    triggers = names(
        "select t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid where t.tgenabled in ('O', 'A') "
        "and not t.tgisinternal and c.relnamespace = current_schema()::regnamespace"
    )
    absent = {name for _, name in _constraints()} - constraints
    absent |= {str(index.name) for index in _unique_indexes()} - indexes
    truncating = {f"{table}_no_truncate" for table in (*APPEND_ONLY, *KEPT)}
    return sorted(absent | ((set(trigger_names()) | truncating) - triggers))


def durability_problems(connection: Connection) -> list[str]:
    """Sentences about settings that may lose a committed row at a power failure."""
    if connection.dialect.name == "sqlite":
        wanted = {
            "pragma synchronous": (2, 3),
            "pragma journal_mode": ("wal",),
            "pragma foreign_keys": (1,),
        }
        return [
            f"SQLite answers {value} to {setting}."
            for setting, allowed in wanted.items()
            if (value := connection.exec_driver_sql(setting).scalar_one()) not in allowed
        ]
    problems = []
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        value = connection.exec_driver_sql(f"show {setting}").scalar_one()
        if value == "off":
            problems.append(f"PostgreSQL runs with {setting} = off: committed rows may be lost.")
    return problems


def quick_check(connection: Connection) -> list[str]:
    """What SQLite's own quick check and foreign key check find. PostgreSQL: its invalid indexes."""
    if connection.dialect.name == "sqlite":
        found = [
            text
            for text in connection.exec_driver_sql("pragma quick_check").scalars()
            if text != "ok"
        ]
        found += [
            f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there"
            for row in connection.exec_driver_sql("pragma foreign_key_check")
        ]
        return found
    rows = connection.exec_driver_sql(
        "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid "
        "where not (i.indisvalid and i.indisready) and c.relnamespace = current_schema()::regnamespace"
    )
    return [f"the index {name} is not valid" for name in rows.scalars()]
