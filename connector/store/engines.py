"""Connections with the settings that make a commit durable."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from connector.errors import ConfigError
from connector.store.failures import translate_errors, translated

_READERS = 8
_READERS_AT_MOST = 64
_POOL_WAIT_SECONDS = 30
_CACHE_KIBIBYTES = 16 * 1024


def sqlite_engine(path: Path, busy_timeout_seconds: int, *, read_only: bool) -> Engine:
    """An engine for an SQLite file. The writing one has a single connection: there is one writer anyway.

    Transactions are begun by us and not by the driver: a write transaction takes the write lock at once
    (BEGIN IMMEDIATE), because a lock taken later fails without waiting.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"check_same_thread": False, "isolation_level": None},
        pool_size=_READERS if read_only else 1,
        max_overflow=_READERS_AT_MOST - _READERS if read_only else 0,
        pool_timeout=_POOL_WAIT_SECONDS,
        hide_parameters=True,
    )
    translate_errors(engine, read_only=read_only)
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        try:
            prepare_sqlite(connection, path, busy_timeout_seconds, read_only=read_only)
        except sqlite3.Error as error:
            ours = translated(error, read_only=read_only)
            if ours is None:
                raise
            raise ours from error

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def prepare_sqlite(
    connection: sqlite3.Connection, path: Path, busy_timeout_seconds: int, *, read_only: bool
) -> None:
    """Set up one connection. Raises ConfigError when the file system cannot hold a database in WAL mode."""
    execute = connection.execute
    execute(f"pragma busy_timeout = {int(busy_timeout_seconds * 1000)}")
    (mode,) = execute("pragma journal_mode = wal").fetchone()
    if mode != "wal":
        raise ConfigError(
            f"The file system of {path} does not allow SQLite's WAL mode.",
            remedy="Put the database on a local disk.",
        )
    execute("pragma synchronous = full")  # a commit is on the disk before anyone is told
    execute("pragma foreign_keys = on")
    execute("pragma recursive_triggers = on")  # else INSERT OR REPLACE deletes past the triggers
    execute(f"pragma cache_size = -{_CACHE_KIBIBYTES}")
    if read_only:
        execute("pragma query_only = on")


def postgresql_engine(url: URL, busy_timeout_seconds: int) -> Engine:
    """An engine for PostgreSQL. `busy_timeout_seconds` bounds waiting for a lock."""
    engine = create_engine(
        url,
        connect_args={"connect_timeout": 10},
        pool_size=_READERS,
        max_overflow=_READERS,
        pool_timeout=_POOL_WAIT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    translate_errors(engine)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"set lock_timeout = {int(busy_timeout_seconds * 1000)}")
            (mode,) = cursor.execute("show synchronous_commit").fetchone()
            if mode == "off":
                cursor.execute("set synchronous_commit = on")
        connection.commit()

    return engine
