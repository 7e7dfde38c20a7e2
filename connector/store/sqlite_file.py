"""The SQLite file itself: where it may lie, who may read it, and its backup."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from connector.errors import ConfigError, ConnectorError, Unavailable
from connector.store.failures import translated


def prepared(database: str | None) -> Path:
    """The absolute path of an SQLite URL. Raises ConfigError when no file can be there."""
    if not database or database == ":memory:" or database.startswith("file:"):
        raise ConfigError(
            "The database URL names no file.", remedy="Use sqlite:///PATH with the path of a file."
        )
    path = Path(database).expanduser().absolute()
    if path.is_dir():
        raise ConfigError(
            f"The database path {path} is a directory.", remedy="Name a file inside it."
        )
    if not path.parent.is_dir():
        raise ConfigError(
            f"The directory {path.parent} of the database does not exist.",
            remedy="Make it, or name another path.",
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(
            f"The database {path} cannot be written.",
            remedy="Give this user write permission on the file and its directory.",
        )
    return path


def create(path: Path) -> None:
    """Make the file readable by its owner alone, unless it is there. (SQLite gives its side files the same mode.)"""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigError(f"The database {path} cannot be made: {error.strerror}.") from error


def backup(source: Path, target: Path) -> None:
    """Copy a live database to a new file with SQLite's own backup, checked and on the disk before it gets its name."""
    if target.exists():
        raise ConfigError(
            f"The backup {target} exists already.", remedy="Name a new file: backups are kept."
        )
    partial = target.with_name(target.name + ".partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    except OSError as error:
        raise ConfigError(f"The backup {target} cannot be made: {error.strerror}.") from error
    try:
        _copy(source, partial)
        _flush(partial)
        os.link(partial, target)  # unlike a rename, never replaces a file
        _flush(target.parent)
    except sqlite3.Error as error:
        raise _failure(error) from error
    except OSError as error:
        raise Unavailable(f"The backup {target} failed: {error.strerror}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(source, isolation_level=None)) as reading,
        closing(sqlite3.connect(target, isolation_level=None)) as writing,
    ):
        reading.execute("pragma busy_timeout = 5000")
        reading.backup(writing)
        writing.execute("pragma journal_mode = delete")  # one file, without side files
        found = [text for (text,) in writing.execute("pragma quick_check")]
    if found != ["ok"]:
        raise Unavailable(f"The backup did not verify: {found[0]}.")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failure(error: sqlite3.Error) -> ConnectorError:
    return translated(error) or Unavailable(f"The backup failed: {error}.")
