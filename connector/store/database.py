"""The database of one connector: SQLite (one file, one writing process) or PostgreSQL.

database = Database.open("sqlite:///connector.sqlite3", clock=SystemClock(), exclusive=True)
database.migrate()
with database.write() as transaction:
    run_id = transaction.runs.start("books", "invoices", "pull")
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, get_ident
from typing import Self

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from connector.clock import Clock
from connector.errors import ConfigError, InvariantBroken, Unavailable, Unsupported
from connector.store import guards, sqlite_file
from connector.store.engines import postgresql_engine, sqlite_engine
from connector.store.lock_file import LockFile
from connector.store.migration import migrate
from connector.store.transaction import Transaction

_ALLOWED_URLS = "Use sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME."
_WRITER_WAIT_SECONDS = 30.0


class Database:
    """Hands out transactions. Safe to share between threads."""

    def __init__(
        self, writer: Engine, reader: Engine, clock: Clock, path: Path | None, lock: LockFile | None
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._path = path
        self._lock_file = lock
        self._write_lock = Lock()
        self._writing_thread: int | None = None

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock,
        exclusive: bool = False,
        busy_timeout_seconds: int = 5,
    ) -> Self:
        """Open a database; an SQLite file is made when there is none.

        `exclusive`: the running connector on SQLite; a second one is refused. `busy_timeout_seconds`: how long a
        statement waits for another program's lock. Raises ConfigError for a URL, directory, file or lock that
        cannot be used, Unavailable when PostgreSQL is first spoken to and cannot be reached.
        """
        parsed = _parsed(url)
        if parsed.get_backend_name() == "postgresql":
            engine = postgresql_engine(
                parsed.set(drivername="postgresql+psycopg"), busy_timeout_seconds
            )
            return cls(engine, engine, clock, None, None)
        path = sqlite_file.prepared(parsed.database)
        lock = LockFile(path) if exclusive else None
        try:
            sqlite_file.create(path)
            writer = sqlite_engine(path, busy_timeout_seconds, read_only=False)
            with writer.connect():
                pass  # finds out now whether the file is a database and can be written
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        return cls(
            writer, sqlite_engine(path, busy_timeout_seconds, read_only=True), clock, path, lock
        )

    @property
    def is_sqlite(self) -> bool:
        """Whether this is an SQLite file."""
        return self._path is not None

    def migrate(self) -> None:
        """Bring the tables up to this version. Raises ConfigError when they are newer than it."""
        migrate(self._writer)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that may change rows: committed at the end of the block, undone when it raises.

        On SQLite one at a time in this process, and begun with the write lock. Raises Unavailable when the
        database stays busy, is full or cannot be reached.
        """
        if not self.is_sqlite:
            with _connected(self._writer) as connection, connection.begin():
                yield Transaction(connection, self._clock)
            return
        if self._writing_thread == get_ident():
            raise InvariantBroken("A write transaction was begun inside another one.")
        if not self._write_lock.acquire(timeout=_WRITER_WAIT_SECONDS):
            raise Unavailable("The database is busy: another task has been writing for too long.")
        try:
            self._writing_thread = get_ident()
            with _connected(self._writer) as connection, connection.begin():
                yield Transaction(connection, self._clock)
        finally:
            self._writing_thread = None
            self._write_lock.release()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one moment of the database and cannot change it (InvariantBroken)."""
        with _connected(self._reader) as connection:
            if not self.is_sqlite:
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield Transaction(connection, self._clock)

    def missing_guards(self) -> list[str]:
        """Names of constraints, indexes and triggers of the schema that are not in force; empty when all are."""
        with self.read() as transaction:
            return guards.missing(transaction.connection)

    def require_guards(self) -> None:
        """Raises ConfigError where one is not in force."""
        missing = self.missing_guards()
        if missing:
            raise ConfigError(
                f"The database lacks the guards it must have: {', '.join(missing)}.",
                remedy="Restore it from a backup; do not run without them.",
            )

    def durability_problems(self) -> list[str]:
        """Sentences about settings under which a committed row may be lost by a power failure; empty when none."""
        with self.read() as transaction:
            return guards.durability_problems(transaction.connection)

    def quick_check(self) -> list[str]:
        """What the database itself finds wrong with its pages and references; empty when nothing."""
        with self.read() as transaction:
            return guards.quick_check(transaction.connection)

    def backup(self, path: Path) -> None:
        """Write a consistent copy to a new file, while others go on writing.

        Raises ConfigError when the file is there already or cannot be made, Unsupported on PostgreSQL.
        """
        if self._path is None:
            raise Unsupported(
                "A PostgreSQL database is not copied by the connector.", remedy="Use pg_dump."
            )
        sqlite_file.backup(self._path, path)

    def close(self) -> None:
        """Give back connections and the lock file. Transactions must have ended."""
        self._reader.dispose()
        self._writer.dispose()
        if self._lock_file is not None:
            self._lock_file.release()


def _parsed(url: str) -> URL:
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError("The database URL cannot be read.", remedy=_ALLOWED_URLS) from error
    if parsed.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ConfigError(
            f"The database URL begins with {parsed.drivername!r}, which is not known.",
            remedy=_ALLOWED_URLS,
        )
    return parsed


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except PoolTimeoutError as error:
        raise Unavailable(
            "The database is busy: all its connections have been in use for too long."
        ) from error
    with connection:
        yield connection
