"""The first schema.

Its statements are kept as text beside this file, one file per database, because they are what it means: later changes
of `schema.py` must not change what this migration does.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables, indexes and triggers."""
    connection = op.get_bind()
    file = Path(__file__).with_name(f"0001_first_schema.{connection.dialect.name}.sql")
    for statement in file.read_text(encoding="utf-8").split("\n\n"):
        connection.exec_driver_sql(statement)
