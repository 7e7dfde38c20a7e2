"""What is SQLite's own: the file, its lock, its backup, and what a crash leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from connector.clock import SystemClock
from connector.errors import ConfigError, InvariantBroken, Unavailable
from connector.store.database import Database
from connector.store.ddl import schema_statements
from tests.databases import CONNECTION, STREAM, store_records
from tests.fakes import FakeClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "connector.sqlite3"


@pytest.fixture
def opened(path: Path, clock: FakeClock, migrated_sqlite_file: Path) -> Iterator[Database]:
    path.write_bytes(migrated_sqlite_file.read_bytes())
    database = Database.open(f"sqlite:///{path}", clock=clock, busy_timeout_seconds=0)
    yield database
    database.close()


# -- opening --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://localhost/x", "mysql"),
        ("not a url", "cannot be read"),
        ("sqlite:////nowhere/at/all/c.sqlite3", "directory /nowhere/at/all .* does not exist"),
    ],
)
def test_a_wrong_url_says_what_is_allowed(url: str, why: str, clock: FakeClock) -> None:
    with pytest.raises(ConfigError, match=why) as raised:
        Database.open(url, clock=clock)
    assert raised.value.remedy


def test_a_directory_is_no_database(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        Database.open(f"sqlite:///{tmp_path}", clock=clock)


def test_a_file_of_another_kind_is_no_database(path: Path, clock: FakeClock) -> None:
    path.write_bytes(b"Dear Sir or Madam, " * 100)
    with pytest.raises(ConfigError, match="not an SQLite database"):
        Database.open(f"sqlite:///{path}", clock=clock, exclusive=True)
    Database.open(f"sqlite:///{path.with_name('other')}", clock=clock, exclusive=True).close()


def test_only_the_owner_may_read_the_file(path: Path, clock: FakeClock) -> None:
    database = Database.open(f"sqlite:///{path}", clock=clock)
    database.migrate()
    for file in path.parent.glob("connector.sqlite3*"):
        assert file.stat().st_mode & 0o077 == 0
    database.close()


def test_a_commit_is_on_the_disk(opened: Database) -> None:
    assert opened.durability_problems() == []


# -- one writer -----------------------------------------------------------------------------------------------------


def test_a_second_connector_is_refused(path: Path, clock: FakeClock) -> None:
    url = f"sqlite:///{path}"
    first = Database.open(url, clock=clock, exclusive=True)
    with pytest.raises(ConfigError, match=rf"process {os.getpid()}, lock file .*\.lock"):
        Database.open(url, clock=clock, exclusive=True)
    Database.open(url, clock=clock).close()  # a command beside the running connector
    first.close()
    Database.open(url, clock=clock, exclusive=True).close()


def test_a_second_process_is_refused(path: Path, clock: FakeClock) -> None:
    holder = _child(f"sqlite:///{path}", "hold")
    with pytest.raises(ConfigError, match=f"process {holder.pid}"):
        Database.open(f"sqlite:///{path}", clock=clock, exclusive=True)
    _kill(holder)  # the lock goes with its process
    Database.open(f"sqlite:///{path}", clock=clock, exclusive=True).close()


def test_a_write_inside_a_write_is_refused(opened: Database) -> None:
    with opened.write(), pytest.raises(InvariantBroken, match="inside another"), opened.write():
        pass
    with opened.write() as tx:
        assert tx.runs.recent(1) == []


def test_a_lock_from_outside_is_unavailable(opened: Database, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(Unavailable, match="busy"), opened.write():
            pass
        with opened.read() as tx:
            assert tx.runs.recent(1) == []
        other.execute("rollback")
    with opened.write() as tx:
        tx.connections.pause(CONNECTION)


def test_a_full_disk_is_unavailable_and_loses_nothing(opened: Database) -> None:
    with opened.write() as tx:
        store_records(tx, ["a"])
        pages = tx.connection.exec_driver_sql("pragma page_count").scalar_one()
        tx.connection.exec_driver_sql(f"pragma max_page_count = {pages + 5}")
    with pytest.raises(Unavailable, match="full"), opened.write() as tx:
        store_records(tx, [f"{'x' * 500}{number}" for number in range(500)])
    with opened.write() as tx:
        assert tx.records.find(CONNECTION, STREAM, "a") is not None
        tx.connection.exec_driver_sql("pragma max_page_count = 1000000")
        store_records(tx, ["b"])
    assert opened.quick_check() == []


def test_replacing_a_row_does_not_get_around_the_triggers(opened: Database) -> None:
    with opened.write() as tx:
        tx.audit.append("ann", "act", "x", {})
    with pytest.raises(InvariantBroken, match="never deleted"), opened.write() as tx:
        tx.connection.exec_driver_sql(
            "insert or replace into audit_log select seq, at, 'mallory', action, subject, detail, "
            "previous_hash, hash from audit_log"
        )


def test_a_table_that_is_not_strict_is_named(path: Path, clock: FakeClock) -> None:
    database = Database.open(f"sqlite:///{path}", clock=clock)
    with database.write() as tx:
        for statement in schema_statements("sqlite"):
            loose = "TABLE cursors" in statement
            tx.connection.exec_driver_sql(statement.replace("STRICT", "") if loose else statement)
    assert database.missing_guards() == ["cursors is not strict"]
    database.close()


def test_damage_is_found(opened: Database, path: Path, clock: FakeClock) -> None:
    with opened.write() as tx:
        store_records(tx, [f"{number}" for number in range(200)])
    opened.close()
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 60] = bytes(4096 * 57)
    path.write_bytes(content)
    try:
        damaged = Database.open(f"sqlite:///{path}", clock=clock)
        found = damaged.quick_check()
        damaged.close()
    except InvariantBroken as error:
        found = [str(error)]
    assert found


# -- backup -----------------------------------------------------------------------------------------------------------


def test_a_backup_under_load_is_one_moment(opened: Database, tmp_path: Path) -> None:
    stop = Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            with opened.write() as tx:  # two records at a time: a copy holds both or none
                store_records(tx, [f"{number}-left", f"{number}-right"], kind=None)
                tx.audit.append("ann", "act", str(number), {})
            number += 1

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            for number in range(5):
                opened.backup(tmp_path / f"backup-{number}")
        finally:
            stop.set()
        writer.result()
    for number in range(5):
        _is_whole(tmp_path / f"backup-{number}")
    assert not list(tmp_path.glob("*.partial"))


def _is_whole(path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0
    copy = Database.open(f"sqlite:///{path}", clock=SystemClock())
    assert copy.missing_guards() == copy.quick_check() == []
    with copy.read() as tx:
        assert tx.audit.verify_chain() == []
        entries = len(tx.audit.recent(100_000))
        assert len(tx.records.iter_latest(CONNECTION, STREAM, limit=100_000)) == 2 * entries
    copy.close()


def test_a_backup_replaces_no_file(opened: Database, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"older backup")
    with pytest.raises(ConfigError, match="exists already"):
        opened.backup(tmp_path / "kept")
    with pytest.raises(ConfigError, match="cannot be made"):
        opened.backup(tmp_path / "nowhere" / "backup")
    assert (tmp_path / "kept").read_bytes() == b"older backup"


# -- crashes ------------------------------------------------------------------------------------------------------------


_CHILD = """
import sys
from connector.clock import SystemClock
from connector.store.database import Database
from tests.databases import store_records
url, what = sys.argv[1:]
database = Database.open(url, clock=SystemClock(), exclusive=what == "hold")
number = 0
if what == "hold":
    print("held", flush=True)
    sys.stdin.read()
while True:
    with database.write() as tx:
        store_records(tx, [f"{number}-{index}" for index in range(20)])
        tx.audit.append("child", "act", str(number), {})
        if what == "half":
            print("half", flush=True)
            sys.stdin.read()
    print(number, flush=True)
    number += 1
"""


def _child(url: str, what: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, url, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    if child.stdout is None or not child.stdout.readline():
        raise RuntimeError("the child did not start")
    return child


def _kill(child: subprocess.Popen[str]) -> str:
    """Kill without mercy; gives what the child had said until then."""
    child.send_signal(signal.SIGKILL)
    said, _ = child.communicate()
    return said


def test_a_kill_inside_a_transaction_leaves_nothing_of_it(
    database_url: str, clock: FakeClock
) -> None:
    _kill(_child(database_url, "half"))
    database = Database.open(database_url, clock=clock)
    with database.write() as tx:
        assert tx.runs.recent(1) == []
        assert tx.audit.recent(1) == []
        store_records(tx, ["a"])
    database.close()


@pytest.mark.parametrize("lines", [1, 4, 9])
def test_what_was_committed_survives_a_kill(
    database_url: str, clock: FakeClock, lines: int
) -> None:
    child = _child(database_url, "loop")
    said = [child.stdout.readline() for _ in range(lines)] if child.stdout else []
    acknowledged = 1 + len(said) + len(_kill(child).split())
    database = Database.open(database_url, clock=clock)
    with database.read() as tx:
        rows = tx.records.iter_latest(CONNECTION, STREAM, limit=100_000)
        entries = tx.audit.recent(100_000)
        assert tx.audit.verify_chain() == []
    database.close()
    assert len(rows) == 20 * len(entries)  # whole batches alone
    assert len(entries) in (acknowledged, acknowledged + 1)
