"""Corrections of single fields of a record by a person, and which outcomes came about by them.

Its statements are kept as text beside this file, one file per database, like those of the first schema.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make two tables with their indexes and triggers. No row there is changes."""
    connection = op.get_bind()
    file = Path(__file__).with_name(f"0002_record_corrections.{connection.dialect.name}.sql")
    for statement in file.read_text(encoding="utf-8").split("\n\n"):
        connection.exec_driver_sql(statement)
