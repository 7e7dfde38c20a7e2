"""What every repository shares: the transaction it works in, and statements written once for both databases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, CursorResult, Table
from sqlalchemy.dialects import postgresql, sqlite

from connector.store.schema import INSTANT_FORMAT

if TYPE_CHECKING:
    from connector.store.transaction import Transaction

Value = str | int | bytes | None


def instant_text(value: datetime) -> str:
    """`value` as the store writes it. Raises ValueError for a naive datetime."""
    if value.tzinfo is None:
        raise ValueError("a naive datetime reached the store")
    return value.astimezone(UTC).strftime(INSTANT_FORMAT)


class Repository:
    """Base of the repositories: a view of one transaction, without state of its own."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._connection: Connection = transaction.connection
        self._is_sqlite = transaction.is_sqlite

    def _now(self) -> datetime:
        return self._transaction.clock.now()

    def _now_text(self) -> str:
        return instant_text(self._transaction.clock.now())

    def _driver_sql(self, statement: str) -> str:
        """A statement with `?` for its parameters, as the driver wants it."""
        return statement if self._is_sqlite else statement.replace("?", "%s")

    def _execute_plain(self, statement: str, values: Sequence[Value]) -> CursorResult[Any]:
        """Run a statement with `?` parameters past SQLAlchemy's own compiling (hot paths only)."""
        return self._connection.exec_driver_sql(self._driver_sql(statement), tuple(values))

    def _execute_many(self, statement: str, rows: Sequence[tuple[Value, ...]]) -> int:
        """Run a `?` statement once per row. Returns how many rows were touched."""
        if not rows:
            return 0
        return self._connection.exec_driver_sql(self._driver_sql(statement), list(rows)).rowcount

    def _among(self, column: str, values: Iterable[str] | Iterable[int], sql_type: str) -> tuple[str, Any]:
        """The condition `column in values` as one fixed text with one parameter, however many values there are."""
        if self._is_sqlite:
            return f"{column} in (select value from json_each(?))", json.dumps(list(values))
        return f"{column} = any(?::{sql_type}[])", list(values)

    def _upsert(self, table: Table, **values: Any) -> None:
        """Insert a row, or set its other columns where the primary key is already there."""
        insert = sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)
        key = [column.name for column in table.primary_key]
        changed = {name: value for name, value in values.items() if name not in key}
        self._connection.execute(
            insert.values(**values).on_conflict_do_update(index_elements=key, set_=changed)
        )
