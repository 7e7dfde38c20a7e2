"""Use cases on an SQLite file, with cheap password hashes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from connector.people.directory import People
from connector.people.passwords import Passwords
from connector.people.roles import Role
from connector.people.sessions import Sessions
from connector.people.sign_in import SignIn
from connector.people.throttle import Throttle
from connector.people.tokens import Tokens
from connector.secrets import SecretBox, new_key
from connector.store.database import Database
from tests.fakes import FakeClock

PASSWORD = "four words nobody knows"
HERE = "192.0.2.7"


class Office(NamedTuple):
    """Everything that people are made of."""

    database: Database
    passwords: Passwords
    people: People
    sessions: Sessions
    sign_in: SignIn
    tokens: Tokens

    def add(self, email: str = "ana@example.com", role: Role = Role.ADMIN) -> int:
        self.people.add(email=email, name="Ana", role=role, by="test", password=PASSWORD)
        return self.people.by_email(email).id

    def enter(
        self, email: str = "ana@example.com", password: str = PASSWORD, at: str = HERE
    ) -> str:
        return self.sign_in.by_password(email, password, address=at)

    def actions(self) -> list[tuple[str, str]]:
        with self.database.read() as tx:
            assert not tx.audit.verify_chain()
            return [(row.action, row.subject) for row in tx.audit.recent(1000)[::-1]]

    def everything_stored(self) -> str:
        """Every row of the tables of people, as text."""
        tables = ("people", "web_sessions", "api_tokens", "one_time_codes", "sign_in_brakes")
        with self.database.read() as tx:
            rows = [
                repr(row)
                for table in (*tables, "audit_log")
                for row in tx.connection.exec_driver_sql(f"select * from {table}")
            ]
        return "\n".join(rows)


@pytest.fixture
def office(tmp_path: Path, clock: FakeClock, migrated_sqlite_file: Path) -> Iterator[Office]:
    url = f"sqlite:///{shutil.copy(migrated_sqlite_file, tmp_path)}"
    database = Database.open(url, clock=clock)
    passwords = Passwords(1)
    throttle = Throttle(SecretBox([new_key()]).content_hash)
    sessions = Sessions(database, idle=timedelta(hours=1), longest=timedelta(hours=12))
    yield Office(
        database,
        passwords,
        People(database, passwords, throttle),
        sessions,
        SignIn(database, passwords, throttle, sessions),
        Tokens(database),
    )
    database.close()
