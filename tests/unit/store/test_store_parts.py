"""Small parts of the store: failures in our words, chains, instants, locks of PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from connector.errors import InvariantBroken, Unavailable, Unsupported
from connector.store.chain import GENESIS, canonical_json, link_hash
from connector.store.database import Database
from connector.store.repository import instant_text
from tests.databases import CONNECTION
from tests.fakes import FakeClock


def test_canonical_json_is_the_same_for_the_same_content() -> None:
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'
    left = link_hash(GENESIS, {"a": 1, "b": 2})
    assert left == link_hash(GENESIS, {"b": 2, "a": 1})
    assert left != link_hash(left, {"a": 1, "b": 2})


@pytest.mark.parametrize("value", [1.0, [1.5], {"a": {"b": (2.5,)}}, {1: "a"}, {"a": object()}])
def test_what_json_cannot_hold_exactly_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


def test_instants_are_utc_and_of_one_width() -> None:
    east = datetime(2026, 3, 2, 11, 30, tzinfo=timezone(timedelta(hours=2)))
    assert instant_text(east) == "2026-03-02T09:30:00.000000Z"
    assert instant_text(datetime(2026, 3, 2, 9, 30, 0, 1, tzinfo=UTC)) > instant_text(east)
    with pytest.raises(ValueError, match="naive"):
        instant_text(datetime(2026, 3, 2))  # noqa: DTZ001


def test_a_postgresql_that_is_not_there_is_unavailable(tmp_path: Path, clock: FakeClock) -> None:
    password = "hidden-" + "word"
    database = Database.open(f"postgres://somebody:{password}@/books?host={tmp_path}", clock=clock)
    with pytest.raises(Unavailable) as raised, database.read():
        pass
    assert password not in str(raised.value)
    database.close()


@pytest.mark.postgres
def test_a_postgresql_backup_names_its_tool(postgres_url: str, clock: FakeClock) -> None:
    database = Database.open(postgres_url, clock=clock)
    with pytest.raises(Unsupported, match="pg_dump"):
        database.backup(Path("anywhere"))
    database.close()


@pytest.mark.postgres
def test_a_postgresql_lock_is_waited_for_but_not_for_ever(
    postgres_url: str, clock: FakeClock
) -> None:
    database = Database.open(postgres_url, clock=clock, busy_timeout_seconds=1)
    with database.write() as tx:
        tx.connections.pause(CONNECTION)
    with (
        database.write() as holder,
        pytest.raises(Unavailable, match="lock"),
        database.write() as tx,
    ):
        holder.connections.resume(CONNECTION)
        tx.connections.resume(CONNECTION)
    database.close()


@pytest.mark.postgres
def test_a_lost_connection_is_unavailable(postgres_url: str, clock: FakeClock) -> None:
    database = Database.open(postgres_url, clock=clock)
    with pytest.raises(Unavailable), database.write() as tx:
        tx.connections.pause(CONNECTION)
        mine = tx.connection.execute(text("select pg_backend_pid()")).scalar_one()
        with database.write() as other:
            other.connection.execute(text("select pg_terminate_backend(:pid)"), {"pid": mine})
        tx.runs.recent(1)
    with database.write() as tx:  # the pool notices, and connects anew
        assert tx.connections.get(CONNECTION).state == "ok"
    database.close()


@pytest.mark.postgres
def test_a_setting_that_loses_commits_is_named(postgres_url: str, clock: FakeClock) -> None:
    database = Database.open(postgres_url, clock=clock)
    problems = database.durability_problems()
    assert any("fsync = off" in problem for problem in problems)  # as the test's server is run
    assert not any("synchronous_commit" in problem for problem in problems)
    database.close()


def test_an_error_of_the_caller_passes_through(database: Database) -> None:
    with pytest.raises(KeyError), database.write():
        raise KeyError("ours")
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.runs.start(CONNECTION, "invoices", "dance")
