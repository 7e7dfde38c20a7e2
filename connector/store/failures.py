"""What the database driver says, in our own words (DESIGN section 7).

Registered on every engine, so that no caller ever sees an exception of SQLAlchemy or of a driver for something that
can happen in operation. Messages name constraints, tables and columns, never values.
"""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from connector.errors import ConfigError, ConnectorError, InvariantBroken, Unavailable

_SCHEMA_REMEDY = (
    "Start the connector once with this version, so that it brings the tables up to date."
)
_DAMAGE_REMEDY = "Stop the connector, keep a copy of the file, and restore the last good backup."


def translate_errors(engine: Engine, *, read_only: bool = False) -> None:
    """Make `engine` raise errors of `connector.errors`."""

    @event.listens_for(engine, "handle_error", retval=True)
    def _translate(context: ExceptionContext) -> BaseException | None:
        return translated(context.original_exception, read_only=read_only)


def translated(error: BaseException, *, read_only: bool = False) -> ConnectorError | None:
    """Our error for the driver's `error`; None where it is none of those that can happen in operation."""
    if isinstance(error, OverflowError):
        return InvariantBroken("A number is too large for the database: it holds 64-bit integers.")
    if isinstance(error, UnicodeEncodeError):
        return InvariantBroken("A text holds a character that is no Unicode and cannot be stored.")
    if isinstance(error, sqlite3.Error):
        return _from_sqlite(error, read_only)
    if "psycopg" in sys.modules:  # it is loaded for PostgreSQL alone
        return _from_postgresql(error)
    return None


def _from_sqlite(error: sqlite3.Error, read_only: bool) -> ConnectorError | None:
    name = getattr(error, "sqlite_errorname", "") or ""
    if isinstance(error, sqlite3.IntegrityError):
        return InvariantBroken(f"The database refused the change: {error}.")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Unavailable("The database is busy: another program is writing to it.")
    if name.startswith("SQLITE_FULL"):
        return Unavailable("The disk of the database is full.", remedy="Free some space.")
    if name.startswith("SQLITE_READONLY"):
        if read_only:
            return InvariantBroken("A read transaction tried to change the database.")
        return Unavailable("The database file cannot be written.", remedy="Check its permissions.")
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_NOMEM")):
        return Unavailable(f"The database file cannot be used now: {error}.")
    if name.startswith("SQLITE_NOTADB"):
        return ConfigError("The database file is not an SQLite database.", remedy=_DAMAGE_REMEDY)
    if name.startswith("SQLITE_CORRUPT"):
        return InvariantBroken("The database file is damaged.", remedy=_DAMAGE_REMEDY)
    if isinstance(error, sqlite3.OperationalError) and str(error).startswith("no such "):
        return ConfigError(f"The database has {error}.", remedy=_SCHEMA_REMEDY)
    return None


def _from_postgresql(error: BaseException) -> ConnectorError | None:
    import psycopg

    if not isinstance(error, psycopg.Error):
        return None
    diagnosis: Any = error.diag
    if isinstance(error, psycopg.IntegrityError):
        what = diagnosis.constraint_name or diagnosis.message_primary
        return InvariantBroken(f"The database refused the change: {what}.")
    if isinstance(error, psycopg.DataError):
        what = diagnosis.sqlstate or type(error).__name__
        return InvariantBroken(
            f"The database refused a value that does not fit its column ({what})."
        )
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return InvariantBroken("A read transaction tried to change the database.")
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return ConfigError(
            f"The database says: {diagnosis.message_primary}.", remedy=_SCHEMA_REMEDY
        )
    if isinstance(error, psycopg.errors.DiskFull):
        return Unavailable("The disk of the database is full.", remedy="Free some space.")
    if isinstance(error, psycopg.OperationalError):
        detail = diagnosis.message_primary or "the server cannot be reached"
        return Unavailable(f"The database is busy or cannot be reached: {detail}.")
    return None
