"""Reads again what people asked for: each record by itself, through the ordinary intake, before a pull begins."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from connector.errors import ContractDrift, InvariantBroken, NotFound, Refused
from connector.pull import Puller
from connector.store.database import Database
from connector.system import AccountingSystem, RawRecord, Stream

log = logging.getLogger(__name__)

BATCH = 50

CHANGED = "It has changed, and was decided anew."
UNCHANGED = "It is as it was."
GONE = "The accounting system has no such record any more."


@dataclass(frozen=True, slots=True)
class Rereader:
    """Works off the requests of one connection. Never beside a pull of the same connection."""

    connection: str
    system: AccountingSystem
    puller: Puller
    database: Database

    def run(self) -> int:
        """Read every record that was asked for; how many there were. Raises what concerns the whole system: then the
        others are read next time."""
        done = 0
        while True:
            with self.database.read() as tx:
                batch = tx.rereads.waiting(self.connection, BATCH)
            if not batch:
                return done
            for record_id, stream, source_id in batch:
                result = self._read(record_id, stream, source_id)
                with self.database.write() as tx:
                    tx.rereads.finish(record_id, result)
                done += 1

    def _read(self, record_id: int, stream: str, source_id: str) -> str:
        found = next((each for each in self.system.streams if each.name == stream), None)
        if found is None:
            return f"The accounting system has no stream {stream!r} any more."
        try:
            record = self.system.fetch(stream, source_id)
        except NotFound:
            return GONE
        except (Refused, ContractDrift) as error:
            return str(error)[:500]
        return self._store(record_id, found, record)

    def _store(self, record_id: int, stream: Stream, record: RawRecord) -> str:
        with self.database.read() as tx:
            before = tx.records.get(record_id).latest_version_id
        try:
            self.puller.run(self.connection, self.system, stream, full_walk=False, only=[record])
        except InvariantBroken as error:
            return str(error)[:500]
        with self.database.read() as tx:
            after = tx.records.get(record_id).latest_version_id
        return UNCHANGED if after == before else CHANGED
