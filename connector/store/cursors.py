"""Where the next pull of each stream begins. Moved in the transaction that stores the records, never before."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from connector.store.chain import canonical_json
from connector.store.repository import Repository
from connector.store.schema import cursors
from connector.system import Cursor

_SET = """
insert into cursors (connection, stream, cursor, moved_at, last_full_walk_at) values (?, ?, ?, ?, ?)
on conflict (connection, stream) do update set cursor = excluded.cursor, moved_at = excluded.moved_at,
  last_full_walk_at = coalesce(excluded.last_full_walk_at, cursors.last_full_walk_at)"""


class Cursors(Repository):
    """One cursor per connection and stream."""

    def get(self, connection: str, stream: str) -> Cursor | None:
        """The cursor, None before the first one was set."""
        text = self._read(connection, stream, cursors.c.cursor)
        return None if text is None else json.loads(text)

    def set(self, connection: str, stream: str, cursor: Cursor, full_walk: bool) -> None:
        """Move the cursor. `full_walk`: with it, a walk over the whole stream has ended."""
        now = self._now_text()
        walked_at = now if full_walk else None
        self._run_plain(_SET, (connection, stream, canonical_json(cursor), now, walked_at))

    def walked(self, connection: str, stream: str) -> None:
        """Note that a walk over the whole stream has ended (where the cursor was moved page by page before)."""
        now = self._now()
        noted = self._connection.execute(
            update(cursors)
            .where(cursors.c.connection == connection, cursors.c.stream == stream)
            .values(last_full_walk_at=now)
        )
        if noted.rowcount == 0:  # the system gives no cursors: JSON null stands for none
            self._connection.execute(
                insert(cursors).values(
                    connection=connection,
                    stream=stream,
                    cursor="null",
                    moved_at=now,
                    last_full_walk_at=now,
                )
            )

    def last_full_walk_at(self, connection: str, stream: str) -> datetime | None:
        """When a walk over the whole stream last ended."""
        found: datetime | None = self._read(connection, stream, cursors.c.last_full_walk_at)
        return found

    def forget(self, connection: str, stream: str) -> None:
        """Let the next pull walk the whole stream again. Stored records stay."""
        self._connection.execute(
            cursors.delete().where(cursors.c.connection == connection, cursors.c.stream == stream)
        )

    def _read(self, connection: str, stream: str, column: Any) -> Any:
        return self._connection.execute(
            select(column).where(cursors.c.connection == connection, cursors.c.stream == stream)
        ).scalar_one_or_none()
