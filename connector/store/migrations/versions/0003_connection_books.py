"""Whose books were read under which connection's name, so that they are recognised under another one.

Its statements are kept as text beside this file, one file per database, like those of the first schema.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make one table with its triggers. No row there is changes."""
    connection = op.get_bind()
    file = Path(__file__).with_name(f"0003_connection_books.{connection.dialect.name}.sql")
    for statement in file.read_text(encoding="utf-8").split("\n\n"):
        connection.exec_driver_sql(statement)
