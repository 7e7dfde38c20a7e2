"""What every repository shares: the transaction it works in, and statements written once for both databases."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Table,
    any_,
    bindparam,
    func,
    select,
)
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

    def _query_plain(self, statement: str, values: tuple[Any, ...]) -> Sequence[Any]:
        """The rows of a statement with `?` parameters, past SQLAlchemy's own compiling (hot paths only)."""
        result = self._connection.exec_driver_sql(self._driver_sql(statement), values)
        return result.cursor.fetchall() if result.cursor is not None else []

    def _execute_many(self, statement: str, rows: Sequence[tuple[Value, ...]]) -> int:
        """Run a `?` statement once per row. Returns how many rows were touched."""
        if not rows:
            return 0
        return self._connection.exec_driver_sql(self._driver_sql(statement), list(rows)).rowcount

    def _among(
        self, column: ColumnElement[Any], values: Collection[str] | Collection[int]
    ) -> ColumnElement[bool]:
        """`column in values` as one parameter, so that the statement is the same for any number of values."""
        if self._is_sqlite:
            each = func.json_each(json.dumps(list(values))).table_valued("value")
            return column.in_(select(each.c.value))
        return column == any_(bindparam(None, list(values), type_=ARRAY(column.type)))

    def _run_plain(self, statement: str, values: tuple[Value, ...]) -> int:
        """Run a statement with `?` parameters likewise. Returns how many rows were touched."""
        return self._connection.exec_driver_sql(self._driver_sql(statement), values).rowcount

    def _upsert(self, table: Table, **values: Any) -> None:
        """Insert a row, or set its other columns where the primary key is already there."""
        insert = sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)
        key = [column.name for column in table.primary_key]
        changed = {name: value for name, value in values.items() if name not in key}
        self._connection.execute(
            insert.values(**values).on_conflict_do_update(index_elements=key, set_=changed)
        )
