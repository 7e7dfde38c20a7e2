"""One running connector per SQLite file: an operating-system lock, gone with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from connector.errors import ConfigError


class LockFile:
    """Holds `PATH.lock` from its making to `release`."""

    def __init__(self, database_path: Path) -> None:
        """Raises ConfigError when another process holds the lock."""
        self.path = database_path.with_name(database_path.name + ".lock")
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise ConfigError(
                f"The database {database_path} is in use by another connector (process {holder}, "
                f"lock file {self.path}).",
                remedy="Stop that one first, or use PostgreSQL for more than one process.",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two processes lock two files of one name."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
