"""A throw-away PostgreSQL for tests: one server for the test session, one database for each test.

The server listens on a unix socket in its own temporary directory and on nothing else, writes nothing to the disk
that must last (fsync off), and is gone with the session. Where no PostgreSQL is installed, tests are skipped with
that reason; in CI they fail instead.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from connector.clock import SystemClock
from connector.store.database import Database

TEMPLATE = "migrated"
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "16MB",
    "autovacuum": "off",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server; databases are made from a template that holds the migrated schema."""

    socket_directory: Path

    def url(self, name: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@/{name}?host={self.socket_directory}"

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database; gives its URL."""
        self._run("create database {} template {}", name, template)
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._run("drop database if exists {} with (force)", name)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL(statement).format(*(sql.Identifier(name) for name in names))  # type: ignore[arg-type]
            )


def binaries() -> Path | None:
    """The directory of `initdb` and `postgres`, from the path or where Debian puts them."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_major_version)
    return found[-1].parent if found else None


def _major_version(initdb: Path) -> int:
    name = initdb.parent.parent.name
    return int(name) if name.isdigit() else 0


def _unprivileged() -> list[str]:
    """PostgreSQL refuses to run as root: the words that run a command as somebody else."""
    if os.geteuid() != 0:
        return []
    users = {user.pw_name for user in pwd.getpwall()}
    user = "postgres" if "postgres" in users else "nobody"
    return ["runuser", "-u", user, "--"]


def _start(directory: Path, bin_directory: Path) -> list[str]:
    """Make a cluster in `directory` and start it; gives the command that stops it."""
    as_user = _unprivileged()
    if as_user:
        shutil.chown(directory, user=as_user[2])
    data = directory / "data"
    initdb: list[str | Path] = [*as_user, bin_directory / "initdb", "--pgdata", data, "--no-sync"]
    _call([*initdb, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"])
    settings: dict[str, str] = {**_SETTINGS, "unix_socket_directories": str(directory)}
    options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
    pg_ctl: list[str | Path] = [*as_user, bin_directory / "pg_ctl", "--pgdata", data, "--wait"]
    _call([*pg_ctl, "--log", directory / "log", "--options", options, "start"])
    return [str(word) for word in (*pg_ctl, "--mode", "immediate", "stop")]


def _call(command: list[str | Path]) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,  # a pipe would be inherited by the server, and never end
        stderr=subprocess.DEVNULL,
        cwd="/",
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"PostgreSQL did not start: {command[-1]} ended with {done.returncode}.")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's server. Skips where there is no PostgreSQL, and fails for that in CI."""
    bin_directory = binaries()
    if bin_directory is None:
        reason = (
            "PostgreSQL is not installed here (no initdb on the path or in /usr/lib/postgresql)"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    directory = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of a socket has 107 bytes
    stop: list[str] = []
    try:
        stop = _start(directory, bin_directory)
        server = PostgresServer(directory)
        database = Database.open(server.create(TEMPLATE), clock=SystemClock())
        database.migrate()
        database.close()
        yield server
    finally:
        if stop:
            _call(list(stop))
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of this test's own, migrated."""
    name = f"test_{abs(hash(request.node.nodeid)):x}"
    yield postgres_server.create(name, TEMPLATE)
    postgres_server.drop(name)


@pytest.fixture
def empty_postgres_url(
    postgres_server: PostgresServer, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A database of this test's own, without any table."""
    name = f"empty_{abs(hash(request.node.nodeid)):x}"
    yield postgres_server.create(name)
    postgres_server.drop(name)
