"""The whole schema as statements, per database.

`python -m connector.store.ddl sqlite` prints it: this is how the first migration's files were made, and with what a
migrated schema is compared in the tests.
"""

from __future__ import annotations

import sys

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from connector.store.schema import metadata
from connector.store.triggers import trigger_statements

DIALECTS = ("sqlite", "postgresql")


def schema_statements(dialect_name: str) -> list[str]:
    """Every statement that makes the present schema in an empty database, in order."""
    dialect: Dialect = sqlite.dialect() if dialect_name == "sqlite" else postgresql.dialect()  # type: ignore[no-untyped-call]
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    return [_tidy(statement) for statement in [*statements, *trigger_statements(dialect_name)]]


def _tidy(statement: str) -> str:
    lines = [line.rstrip().replace("\t", "  ") for line in statement.strip().splitlines()]
    return "\n".join(line for line in lines if line)


if __name__ == "__main__":
    sys.stdout.write("\n\n".join(schema_statements(sys.argv[1])) + "\n")
