"""Server-side sessions: the browser holds 32 random bytes, the store their hash."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from connector.errors import Unavailable
from connector.people.random_texts import new_token, sha256
from connector.store.database import Database
from connector.store.people import PersonRow
from connector.store.transaction import Transaction
from connector.store.web_sessions import SessionRow

SEEN_EVERY = timedelta(minutes=1)
"""How often the use of a session is written down: a page must not cost a write each time."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session and whose it is."""

    session: SessionRow
    person: PersonRow


class Sessions:
    """Begins, resumes and ends sessions. A session ends after `idle` without use, and after `longest` in any case."""

    def __init__(self, database: Database, *, idle: timedelta, longest: timedelta) -> None:
        self._database = database
        self._idle = idle
        self._longest = longest

    def begin(self, tx: Transaction, person_id: int, *, via: str, address: str) -> str:
        """A new session in the caller's transaction; gives what the browser is to hold. Never an old one again: what a
        stranger may have put into the browser before is worth nothing afterwards."""
        now = tx.clock.now()
        tx.web_sessions.sweep(idle_since=now - self._idle)
        token = new_token()
        tx.web_sessions.add(
            sha256(token),
            person_id,
            via=via,
            address=address[:64],
            expires_at=now + self._longest,
        )
        tx.people.change(person_id, last_sign_in_at=now)
        return token

    def resume(self, token: str) -> Resumed | None:
        """The session of a token and its person, or None: unknown, ended, or the person is disabled."""
        with self._database.read() as tx:
            session = tx.web_sessions.find(sha256(token))
            if session is None:
                return None
            now = tx.clock.now()
            if session.expires_at <= now or session.seen_at + self._idle <= now:
                return None
            person = tx.people.get(session.person_id)
        if person.state != "active":
            return None
        if session.seen_at + min(SEEN_EVERY, self._idle / 4) <= now:
            # A store that is busy must not keep a page from being shown.
            with suppress(Unavailable), self._database.write() as tx:
                tx.web_sessions.seen(session.id)
        return Resumed(session, person)

    def end(self, token: str) -> None:
        """Sign out."""
        with self._database.write() as tx:
            tx.web_sessions.end(sha256(token))

    def of(self, person_id: int) -> list[SessionRow]:
        """The sessions of a person that may still be used, the last used first."""
        with self._database.read() as tx:
            now = tx.clock.now()
            return [
                row
                for row in tx.web_sessions.of_person(person_id)
                if row.expires_at > now and row.seen_at + self._idle > now
            ]

    def end_all(self, person_id: int, *, but: int | None = None) -> int:
        """Sign a person out everywhere, but in one session. Returns how many ended."""
        with self._database.write() as tx:
            return tx.web_sessions.end_of_person(person_id, but=but)
