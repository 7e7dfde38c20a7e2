"""Column types, names and the few words every table is built from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Dialect,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"

BigInt = BigInteger().with_variant(Integer(), "sqlite")
"""64-bit integer: identifiers, and money in minor units."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, as text of fixed width."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the store")
        return value.astimezone(UTC).strftime(INSTANT_FORMAT)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Day(TypeDecorator[date]):
    """A date without time or zone, as ISO text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        return None if value is None else value.isoformat()

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        return None if value is None else date.fromisoformat(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def table(name: str, *parts: Any) -> Table:
    """A table of ours: STRICT on SQLite, so that no text slips into a column of integers."""
    return Table(name, metadata, *parts, sqlite_strict=True)


def one_of(column: str, *words: str) -> CheckConstraint:
    """A column that holds one of a few words."""
    # Not `in (...)`: SQLite builds a temporary index for the list, anew for every row of a bulk insert.
    any_of = " or ".join(f"{column} = '{word}'" for word in words)
    return CheckConstraint(any_of, name=column)
