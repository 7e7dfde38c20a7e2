"""What really happened on one platform. Every effect is a committed row here before it is answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any

from connector.sandbox.wire import JsonObject, from_json, to_json

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL, reference TEXT, status TEXT,
    currency TEXT, amount_minor_units INTEGER, revision INTEGER NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, id)) STRICT;
CREATE INDEX IF NOT EXISTS objects_in_order ON objects (kind, position);
CREATE INDEX IF NOT EXISTS objects_by_reference ON objects (kind, reference);
CREATE INDEX IF NOT EXISTS objects_by_status ON objects (kind, status);
CREATE TABLE IF NOT EXISTS history (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL,
    cause TEXT NOT NULL, status TEXT, currency TEXT, amount_minor_units INTEGER, at TEXT NOT NULL,
    body BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS history_by_object ON history (kind, id, revision);
CREATE TABLE IF NOT EXISTS requests (
    sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    query TEXT NOT NULL, fault TEXT, executed_status INTEGER, sent_status INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS facts (
    sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    detail BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS facts_by_name ON facts (name);
CREATE TABLE IF NOT EXISTS expectations (
    kind TEXT NOT NULL, id TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, detail BLOB NOT NULL,
    PRIMARY KEY (kind, id)) STRICT;
CREATE TABLE IF NOT EXISTS deliveries (
    sequence INTEGER PRIMARY KEY, event_id TEXT NOT NULL, event_type TEXT NOT NULL, subject TEXT NOT NULL,
    lane INTEGER NOT NULL, body BLOB NOT NULL, fault TEXT, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    due_at TEXT NOT NULL, target TEXT, sending BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, lane, due_at);
CREATE TABLE IF NOT EXISTS attempts (
    sequence INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, event_id TEXT NOT NULL, at TEXT NOT NULL,
    answer_status INTEGER, error TEXT, acknowledged INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

TABLES = (
    "objects",
    "history",
    "requests",
    "facts",
    "expectations",
    "deliveries",
    "attempts",
    "meta",
)


def instant_text(instant: datetime) -> str:
    """An instant as the ledger writes it: UTC, microseconds, `Z`; sorts as text."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def as_instant(text: str) -> datetime:
    """Back from `instant_text`."""
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One thing on the platform as it is now. `amount_minor_units` is None where it has no readable amount."""

    kind: str
    id: str
    position: int
    reference: str | None
    status: str | None
    currency: str | None
    amount_minor_units: int | None
    revision: int
    created_at: str
    updated_at: str
    body: JsonObject


@dataclass(frozen=True, slots=True)
class NewObject:
    """One thing to be added; `position` None puts it last."""

    id: str
    body: JsonObject
    at: datetime
    reference: str | None = None
    status: str | None = None
    currency: str | None = None
    amount_minor_units: int | None = None


class Ledger:
    """One SQLite file, safe to use from many threads of one process.

    A test opens the same file with `read_only=True` while the platform runs. Writes survive the end of the
    process (kill -9 included); they are not flushed for a power cut, which a sandbox does not need.
    """

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        self.path = str(path)
        self._lock = RLock()
        self._depth = 0
        self.generation = 0
        """Rises with every change of an object: what was computed from the ledger is stale when it differs."""
        target = f"{Path(path).resolve().as_uri()}?mode=ro" if read_only else self.path
        self._db = sqlite3.connect(
            target, uri=read_only, check_same_thread=False, isolation_level=None
        )
        self._db.row_factory = sqlite3.Row
        if not read_only:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Give back the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody between. Nests: the outermost one commits."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    # Objects

    def add(self, kind: str, new: NewObject, *, cause: str = "created") -> StoredObject:
        """Add one object. Raises sqlite3.IntegrityError when the id is taken."""
        with self.transaction():
            self.add_many(kind, [new], cause=cause)
            return self._required(kind, new.id)

    def add_many(self, kind: str, news: Iterable[NewObject], *, cause: str = "created") -> None:
        """Add many objects in one transaction, in order."""
        with self.transaction():
            row = self._db.execute(
                "SELECT MAX(position) FROM objects WHERE kind = ?", (kind,)
            ).fetchone()
            first = (row[0] or 0) + 1
            rows = []
            for position, new in enumerate(news, start=first):
                at = instant_text(new.at)
                money = (new.currency, new.amount_minor_units)
                rows.append(
                    (
                        kind,
                        new.id,
                        position,
                        new.reference,
                        new.status,
                        *money,
                        1,
                        at,
                        at,
                        to_json(new.body),
                    )
                )
            self._db.executemany("INSERT INTO objects VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
            self._write_history([(kind, r[1], 1, cause, *r[4:7], r[8], r[10]) for r in rows])
            self.generation += 1

    def change(
        self,
        old: StoredObject,
        body: JsonObject,
        *,
        at: datetime,
        cause: str,
        status: str | None = None,
        reference: str | None = None,
        money: tuple[str | None, int | None] | None = None,
    ) -> StoredObject:
        """Replace the body; `status`, `reference` and `money` (currency, minor units) stay when not given."""
        currency, amount = money if money is not None else (old.currency, old.amount_minor_units)
        new_status = status if status is not None else old.status
        new_reference = reference if reference is not None else old.reference
        when, data = instant_text(at), to_json(body)
        with self.transaction():
            self._db.execute(
                "UPDATE objects SET body=?, status=?, reference=?, currency=?, amount_minor_units=?,"
                " revision=revision+1, updated_at=? WHERE kind=? AND id=?",
                (data, new_status, new_reference, currency, amount, when, old.kind, old.id),
            )
            changed = self._required(old.kind, old.id)
            self._db.execute(
                "INSERT INTO history (kind,id,revision,cause,status,currency,amount_minor_units,at,body)"
                " VALUES (?,?,?,?,?,?,?,?,?)",
                (
                    old.kind,
                    old.id,
                    changed.revision,
                    cause,
                    new_status,
                    currency,
                    amount,
                    when,
                    data,
                ),
            )
            self.generation += 1
            return changed

    def remove(self, kind: str, object_id: str, *, at: datetime, cause: str = "removed") -> bool:
        """Take an object away; its history stays. False when there was none."""
        with self.transaction():
            old = self.get(kind, object_id)
            if old is None:
                return False
            facts = (old.status, old.currency, old.amount_minor_units)
            last = (*facts, instant_text(at), to_json(old.body))
            self._write_history([(kind, object_id, old.revision + 1, cause, *last)])
            self._db.execute("DELETE FROM objects WHERE kind=? AND id=?", (kind, object_id))
            self.generation += 1
            return True

    def get(self, kind: str, object_id: str) -> StoredObject | None:
        """One object, or None."""
        found = self._objects("WHERE kind=? AND id=?", (kind, object_id))
        return found[0] if found else None

    def by_reference(self, kind: str, reference: str) -> list[StoredObject]:
        """Objects with this reference, oldest first."""
        return self._objects("WHERE kind=? AND reference=? ORDER BY position", (kind, reference))

    def select(
        self,
        kind: str,
        *,
        status: str | None = None,
        newest_first: bool = False,
        limit: int = -1,
        offset: int = 0,
    ) -> list[StoredObject]:
        """Objects of a kind in order of creation; `limit` -1 means all."""
        where, parameters = "WHERE kind=?", [kind]
        if status is not None:
            where, parameters = where + " AND status=?", [*parameters, status]
        order = "DESC" if newest_first else "ASC"
        tail = f"{where} ORDER BY position {order} LIMIT {int(limit)} OFFSET {int(offset)}"
        return self._objects(tail, parameters)

    def ids(self, kind: str) -> list[str]:
        """Identifiers of all objects of a kind in order of creation."""
        rows = self.rows("SELECT id FROM objects WHERE kind=? ORDER BY position", (kind,))
        return [row["id"] for row in rows]

    def get_many(self, kind: str, ids: Sequence[str]) -> list[StoredObject]:
        """These objects, in this order; what is not there is left out."""
        marks = ",".join("?" * len(ids))
        found = {o.id: o for o in self._objects(f"WHERE kind=? AND id IN ({marks})", (kind, *ids))}
        return [found[object_id] for object_id in ids if object_id in found]

    def count(self, kind: str, *, status: str | None = None) -> int:
        """How many objects of a kind there are (with this status)."""
        if status is None:
            return int(self.rows("SELECT COUNT(*) AS n FROM objects WHERE kind=?", (kind,))[0]["n"])
        query = "SELECT COUNT(*) AS n FROM objects WHERE kind=? AND status=?"
        return int(self.rows(query, (kind, status))[0]["n"])

    def history(self, kind: str, object_id: str) -> list[sqlite3.Row]:
        """All versions of one object, oldest first."""
        return self.rows(
            "SELECT * FROM history WHERE kind=? AND id=? ORDER BY sequence", (kind, object_id)
        )

    # Everything else

    def note(self, name: str, kind: str, object_id: str, *, at: datetime, **detail: object) -> None:
        """Write down that something happened, for a test to find: `payment_started`, `person_canceled`, ..."""
        self.write(
            "INSERT INTO facts (at,name,kind,id,detail) VALUES (?,?,?,?,?)",
            [(instant_text(at), name, kind, object_id, to_json(detail))],
        )

    def facts(self, name: str) -> list[sqlite3.Row]:
        """All facts of one name, oldest first."""
        return self.rows("SELECT * FROM facts WHERE name=? ORDER BY sequence", (name,))

    def expect(self, kind: str, rows: Iterable[tuple[str, str, str, Mapping[str, object]]]) -> None:
        """Write down what a correct connector must make of objects: (id, outcome, reason, detail)."""
        self.write(
            "INSERT OR REPLACE INTO expectations VALUES (?,?,?,?,?)",
            [
                (kind, i, outcome, reason, to_json(dict(detail)))
                for i, outcome, reason, detail in rows
            ],
        )

    def request(
        self,
        at: datetime,
        call: tuple[str, str, str],
        fault: str | None,
        executed: int | None,
        sent: int | None,
    ) -> None:
        """Write down a request: (method, path, query), the status the platform came to, the status it sent."""
        self.write(
            "INSERT INTO requests (at,method,path,query,fault,executed_status,sent_status) VALUES (?,?,?,?,?,?,?)",
            [(instant_text(at), *call, fault, executed, sent)],
        )

    def meta(self, key: str) -> str | None:
        """A remembered setting of the ledger itself."""
        found = self.rows("SELECT value FROM meta WHERE key=?", (key,))
        return str(found[0]["value"]) if found else None

    def set_meta(self, key: str, value: str) -> None:
        """Remember a setting of the ledger itself."""
        self.write("INSERT OR REPLACE INTO meta VALUES (?,?)", [(key, value)])

    def table_size(self, table: str) -> int:
        """How many rows one of `TABLES` has."""
        return int(self.rows(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"])  # noqa: S608 - our own names

    def rows(self, query: str, parameters: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Any reading query."""
        with self._lock:
            return self._db.execute(query, tuple(parameters)).fetchall()

    def write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Any writing statement, once for each row, in one transaction."""
        with self.transaction():
            self._db.executemany(statement, rows)

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            for table in TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            self.generation += 1

    def _write_history(self, rows: list[tuple[Any, ...]]) -> None:
        self._db.executemany(
            "INSERT INTO history (kind,id,revision,cause,status,currency,amount_minor_units,at,body)"
            " VALUES (?,?,?,?,?,?,?,?,?)",
            rows,
        )

    def _objects(self, tail: str, parameters: Iterable[Any]) -> list[StoredObject]:
        found = self.rows(f"SELECT * FROM objects {tail}", parameters)  # noqa: S608 - our own text
        made = []
        for row in found:
            *columns, data = tuple(row)
            made.append(StoredObject(*columns, body=from_json(data)))  # type: ignore[misc]
        return made

    def _required(self, kind: str, object_id: str) -> StoredObject:
        found = self.get(kind, object_id)
        if found is None:
            raise KeyError(f"There is no {kind} {object_id} in the ledger.")
        return found
