"""Retry: decide a record anew at once, and have it read from the accounting system once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from connector.inbox_actions.deciding_anew import DecideAnew, by_connection
from connector.inbox_actions.excluding import subject
from connector.store.database import Database
from connector.store.reading import RecordRow

READ_AT_MOST = 500
"""How many records one retry has read one by one; more than that are found by a walk over everything."""


class Retried(NamedTuple):
    """What a retry did at once: how many records left the inbox, and how many will be read anew (by the next pull of
    `connections`)."""

    resolved: int
    requested: int
    connections: tuple[str, ...]


class Retrying:
    """Tries records that wait once more."""

    def __init__(self, database: Database, decide_anew: DecideAnew) -> None:
        self._database = database
        self._decide_anew = decide_anew

    def retry(self, record_ids: Sequence[int], *, by: str) -> Retried:
        """Decide the records anew by what is stored; what still waits is asked for at the system. Raises NotFound."""
        with self._database.read() as tx:
            records = [tx.records.get(record_id) for record_id in record_ids]
        for connection, ids in by_connection(records).items():
            self._decide_anew(connection, ids)
        return self._request(records, by)

    def _request(self, records: Sequence[RecordRow], by: str) -> Retried:
        requested = 0
        with self._database.write() as tx:
            now = [tx.records.get(record.id) for record in records]
            waiting = [record for record in now if record.outcome_kind in ("held", "rejected")]
            read = [record.id for record in waiting[:READ_AT_MOST]]
            requested = tx.rereads.request(read, by)
            for record in records[:READ_AT_MOST]:
                tx.audit.append(by, "record.retried", subject(record), {})
            if len(records) > READ_AT_MOST:
                tx.audit.append(by, "records.retried", "inbox", {"count": len(records)})
        connections = tuple(sorted({record.connection for record in waiting}))
        return Retried(len(records) - len(waiting), requested, connections)
