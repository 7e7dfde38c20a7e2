"""Bringing a database to the schema of this version, with Alembic and the scripts packaged beside this file."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select, text

from connector.errors import ConfigError, InvariantBroken

_SCRIPTS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x6D696772
"""PostgreSQL advisory lock: two programs that start at once migrate one after the other."""


def migrate(engine: Engine) -> None:
    """Run the missing migrations in one transaction.

    Raises ConfigError when the database was made by a newer version; then nothing was changed.
    """
    with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            connection.connection.driver_connection.execute("pragma foreign_keys = off")  # type: ignore[union-attr]
        try:
            with connection.begin():
                if not is_sqlite:
                    connection.execute(select(text(f"pg_advisory_xact_lock({_MIGRATION_LOCK})")))
                _upgrade(connection)
                if is_sqlite:
                    _check_references(connection)
        finally:
            if is_sqlite:
                connection.connection.driver_connection.execute("pragma foreign_keys = on")  # type: ignore[union-attr]


def _upgrade(connection: Connection) -> None:
    if _revision(connection) == newest_revision():
        return  # as at nearly every start; Alembic takes longer to import than most commands run
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    present = _revision(connection)
    if present is not None and present not in known:
        raise ConfigError(
            f"The database has schema {present}, and this version knows schemas up to "
            f"{scripts.get_current_head()}: a newer version of the connector made it.",
            remedy="Run that version, or restore the backup made before it was installed.",
        )
    if present != scripts.get_current_head():
        command.upgrade(config, "head")


def newest_revision() -> str:
    """The newest schema of this version, by the names of its scripts (`NNNN_what.py`)."""
    return max(path.name for path in (_SCRIPTS / "versions").glob("[0-9]*.py")).partition("_")[0]


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql(
        "select version_num from alembic_version"
    ).scalar_one_or_none()
    return found


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("pragma foreign_key_check").first()
    if broken is not None:
        raise InvariantBroken(
            f"A migration would leave a row of {broken[0]} that refers to a missing row of {broken[2]}."
        )
