"""Reading a whole stream, and the truth beside it, for the tests on a real server."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from connector.system import Cursor, RawRecord, StatusNote
from connector.systems.tryton import Tryton
from tests.tryton.server import TrytonServer

Connect = Callable[..., Tryton]


def walk(
    system: Tryton, stream: str = "invoices", cursor: Cursor | None = None
) -> tuple[list[RawRecord], Cursor]:
    records: list[RawRecord] = []
    for page in system.pull(stream, cursor):
        found = page.records()
        assert page.size == len(found)
        records += found
        cursor = page.cursor or cursor
    assert cursor is not None
    return records, cursor


def decoded(records: list[RawRecord]) -> dict[int, dict[str, Any]]:
    return {record["id"]: record for record in (json.loads(raw.raw) for raw in records)}


def sql(server: TrytonServer, query: str, *values: Any) -> list[tuple[Any, ...]]:
    assert server.database_file is not None
    with closing(sqlite3.connect(server.database_file, timeout=30)) as connection, connection:
        return connection.execute(query, values).fetchall()


def note(source_id: str, marker: str, status: str = "funded") -> StatusNote:
    return StatusNote(source_id, marker, status, f"The invoice is {status}.", datetime.now(UTC))
