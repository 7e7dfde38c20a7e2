"""Trap 1, which only PostgreSQL shows: a change becomes visible with a write_date older than ones already seen.

A Tryton transaction is held up by a lock on one of its rows, so that the order is certain and nothing is timed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest

from connector.system import Cursor
from connector.systems.tryton import Tryton
from connector.systems.tryton.wire import encode_moment
from tests.postgres import PostgresServer, postgres_server
from tests.tryton.server import DATABASE, TrytonServer, start_postgres

__all__ = ["postgres_server"]

pytestmark = [pytest.mark.tryton, pytest.mark.postgres, pytest.mark.long]


@pytest.fixture(scope="module")
def tryton_on_postgres(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TrytonServer]:
    server = start_postgres(postgres_server, tmp_path_factory.mktemp("tryton"))
    yield server
    server.stop()
    postgres_server.drop(DATABASE)


def pulled(system: Tryton, cursor: Cursor | None) -> tuple[dict[int, str], Cursor]:
    """The write_date of each record, and the cursor."""
    seen: dict[int, str] = {}
    for page in system.pull("invoices", cursor):
        for raw in page.records():
            record = json.loads(raw.raw)
            seen[record["id"]] = record["write_date"] or record["create_date"]
        cursor = page.cursor or cursor
    assert cursor is not None
    return seen, cursor


def wait_until_blocked(watching: psycopg.Connection[tuple[int]], running: Future[object]) -> None:
    """Until some other connection waits for a row."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    while not running.done():
        row = watching.execute(query).fetchone()
        if row is not None and row[0]:
            return
    raise AssertionError(f"The transaction was not held up: {running.result()}")


def test_a_bulk_change_that_ends_after_later_ones_is_not_lost(
    tryton_on_postgres: TrytonServer,
    postgres_server: PostgresServer,
    connect: Callable[..., Tryton],
) -> None:
    server = tryton_on_postgres
    system = connect(server.base_url)
    changed, other = server.seeded["drafts"][:5], server.seeded["drafts"][5]
    everything, cursor = pulled(system, None)
    url = postgres_server.url(DATABASE)
    slow, quick = server.admin(), server.admin()
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(url) as holding,
        psycopg.connect(url, autocommit=True) as watching,
    ):
        holding.execute("SELECT id FROM account_invoice WHERE id = %s FOR UPDATE", [changed[-1]])
        running = pool.submit(
            slow.model, "account.invoice", "write", changed, {"reference": "BULK"}
        )
        wait_until_blocked(watching, running)
        # While it is under way, somebody changes another invoice, and the connector pulls.
        quick.model("account.invoice", "write", [other], {"reference": "MEANWHILE"})
        between, cursor = pulled(system, cursor)
        newest = max(between.values())
        assert between[other] == newest > everything[other]
        holding.rollback()
        running.result()
    # The trap: the bulk carries a write_date from before, so a strict reader never sees it.
    strict = server.admin().model(
        "account.invoice", "search", [["write_date", ">", encode_moment(newest)]]
    )
    assert set(strict) & set(changed) == set()
    after, cursor = pulled(system, cursor)
    assert set(changed) <= set(after)
    assert all(everything[key] < after[key] < newest for key in changed)


def test_the_whole_walk_and_the_check_work_on_postgresql(
    tryton_on_postgres: TrytonServer, connect: Callable[..., Tryton]
) -> None:
    system = connect(tryton_on_postgres.base_url, page_size=3)
    assert [finding for finding in system.check() if not finding.ok] == []
    seen, cursor = pulled(system, None)
    found = tryton_on_postgres.admin().model("account.invoice", "search", [])
    assert set(seen) == set(found)
    assert set(pulled(system, cursor)[0]) <= set(found)
