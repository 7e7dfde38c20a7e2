"""The `counterparties` stream: our own entity, then Monite's counterparts, each with its address.

Counterparts cannot be filtered by time, but their list is short and shows when each was changed. So every pull reads
the list, and between full walks only what changed since the cursor gets its addresses read and goes on. A change of an
address alone need not show there; the full walk finds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from connector.clock import Clock
from connector.system import Cursor, RawRecord
from connector.systems.monite import cursors
from connector.systems.monite.client import MoniteClient, Row, identifier_of, path_of
from connector.systems.monite.cursors import Progress
from connector.systems.monite.records import counterpart_record, entity_record
from connector.systems.monite.walk import Habits, Step

_COUNTERPARTS = "/counterparts"


class Companies:
    """Reads companies of one entity."""

    def __init__(self, client: MoniteClient, *, as_user: bool, with_addresses: bool) -> None:
        """`as_user`: the token is a user's, who sees its entity under another path than the partner does."""
        self._client = client
        self._as_user = as_user
        self._with_addresses = with_addresses

    def steps(self, clock: Clock, habits: Habits, cursor: Cursor | None) -> Iterator[Step]:
        """The pages; only the last gives a cursor."""
        position = None if cursor is None else cursors.read(cursor)
        progress = Progress(clock, position)
        since = None if position is None else position.since - habits.overlap
        yield Step([self.entity()], None)
        with ThreadPoolExecutor(
            self._client.transport.settings.concurrency, thread_name_prefix="addresses"
        ) as threads:
            for rows in self._client.pages(_COUNTERPARTS, (), habits.page_size):
                for row in rows:
                    progress.see(row.get("created_at"), row.get("updated_at"))
                fresh = [row for row in rows if _is_fresh(row, since)]
                yield Step(list(threads.map(self._with_address, fresh)), None)
        yield Step([], progress.cursor())

    def entity(self) -> RawRecord:
        """Our own company."""
        path = "/entities/me" if self._as_user else path_of("/entities", self._client.entity_id)
        return entity_record(self._client.row_beside(path))

    def counterpart(self, identifier: str) -> RawRecord:
        """One counterpart. Raises NotFound."""
        return self._with_address(self._client.row(path_of(_COUNTERPARTS, identifier)))

    def _with_address(self, row: Row) -> RawRecord:
        addresses: list[Row] = []
        if self._with_addresses:
            path = path_of(_COUNTERPARTS, identifier_of(row, "A counterpart"))
            listed = self._client.row(f"{path}/addresses").get("data")
            addresses = [one for one in listed or () if isinstance(one, dict)]
        return counterpart_record(row, addresses)


def _is_fresh(row: Row, since: datetime | None) -> bool:
    changed = cursors.instant_of(row.get("updated_at"))
    return since is None or changed is None or changed >= since
