"""Sessions of signed-in people, one-time codes, and the brake on guessing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from connector.store.repository import Repository
from connector.store.schema import one_time_codes, sign_in_brakes, web_sessions


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session. `via` is `password`, `provider` or `link`; `expires_at` is its end however much it is used."""

    id: int
    token_sha256: bytes
    person_id: int
    via: str
    address: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class WebSessions(Repository):
    """Writing and reading sessions. An ended session has no row."""

    def add(
        self, token_sha256: bytes, person_id: int, *, via: str, address: str, expires_at: datetime
    ) -> int:
        """Begin a session; gives its identifier."""
        (session_id,) = self._transaction.allocate("web_sessions", 1)
        now = self._now()
        self._connection.execute(
            insert(web_sessions).values(
                id=session_id,
                token_sha256=token_sha256,
                person_id=person_id,
                via=via,
                address=address,
                created_at=now,
                seen_at=now,
                expires_at=expires_at,
            )
        )
        return session_id

    def find(self, token_sha256: bytes) -> SessionRow | None:
        """The session of a token."""
        row = self._connection.execute(
            select(web_sessions).where(web_sessions.c.token_sha256 == token_sha256)
        )
        found = row.mappings().one_or_none()
        return None if found is None else SessionRow(**found)

    def of_person(self, person_id: int) -> list[SessionRow]:
        """A person's sessions, the last used first."""
        rows = self._connection.execute(
            select(web_sessions)
            .where(web_sessions.c.person_id == person_id)
            .order_by(web_sessions.c.seen_at.desc(), web_sessions.c.id.desc())
        )
        return [SessionRow(**row) for row in rows.mappings()]

    def seen(self, session_id: int) -> None:
        """Note that a session was used."""
        self._connection.execute(
            update(web_sessions).where(web_sessions.c.id == session_id).values(seen_at=self._now())
        )

    def end(self, token_sha256: bytes) -> bool:
        """End one session. Returns whether there was one."""
        gone = self._connection.execute(
            delete(web_sessions).where(web_sessions.c.token_sha256 == token_sha256)
        )
        return gone.rowcount == 1

    def end_of_person(self, person_id: int, *, but: int | None = None) -> int:
        """End a person's sessions, but for one. Returns how many."""
        query = delete(web_sessions).where(web_sessions.c.person_id == person_id)
        if but is not None:
            query = query.where(web_sessions.c.id != but)
        return self._connection.execute(query).rowcount

    def sweep(self, *, idle_since: datetime) -> int:
        """Forget sessions that have ended, or were not used since. Returns how many."""
        gone = self._connection.execute(
            delete(web_sessions).where(
                (web_sessions.c.expires_at <= self._now()) | (web_sessions.c.seen_at <= idle_since)
            )
        )
        return gone.rowcount


class OneTimeCodes(Repository):
    """Codes that let in once: the set-up code of a service without an admin, and sign-in links."""

    def add(
        self,
        code_sha256: bytes,
        purpose: str,
        *,
        expires_at: datetime,
        person_id: int | None = None,
    ) -> None:
        """Store a code."""
        self._connection.execute(
            insert(one_time_codes).values(
                code_sha256=code_sha256,
                purpose=purpose,
                person_id=person_id,
                expires_at=expires_at,
            )
        )

    def take(self, code_sha256: bytes, purpose: str) -> tuple[int | None] | None:
        """Use a code up: the person it is for in a tuple, or None when there is no such code any more."""
        row = self._connection.execute(
            delete(one_time_codes)
            .where(
                one_time_codes.c.code_sha256 == code_sha256,
                one_time_codes.c.purpose == purpose,
                one_time_codes.c.expires_at > self._now(),
            )
            .returning(one_time_codes.c.person_id)
        ).one_or_none()
        return None if row is None else (row.person_id,)

    def forget(self, purpose: str, person_id: int | None = None) -> None:
        """Forget all codes for a purpose (and a person), and all that have ended."""
        codes = one_time_codes.c
        meant = codes.purpose == purpose
        if person_id is not None:
            meant &= codes.person_id == person_id
        self._connection.execute(
            delete(one_time_codes).where(meant | (codes.expires_at <= self._now()))
        )


@dataclass(frozen=True, slots=True)
class BrakeRow:
    """How often a sign-in failed in a row, and from when on the next try is looked at."""

    failures: int
    last_failed_at: datetime
    free_at: datetime


class SignInBrakes(Repository):
    """Failed sign-ins by account and by address, each as a keyed hash."""

    def get(self, subject_hash: bytes) -> BrakeRow | None:
        """The brake on one subject; on PostgreSQL others who ask wait until the transaction ends."""
        brakes = sign_in_brakes.c
        row = self._connection.execute(
            select(brakes.failures, brakes.last_failed_at, brakes.free_at)
            .where(brakes.subject_hash == subject_hash)
            .with_for_update()
        ).one_or_none()
        return None if row is None else BrakeRow(*row)

    def set(self, subject_hash: bytes, failures: int, free_at: datetime) -> None:
        """Write down a failure, or (with fewer failures) take one back."""
        self._upsert(
            sign_in_brakes,
            subject_hash=subject_hash,
            failures=failures,
            last_failed_at=self._now(),
            free_at=free_at,
        )

    def release(self, subject_hash: bytes) -> None:
        """Forget all failures of a subject."""
        self._connection.execute(
            delete(sign_in_brakes).where(sign_in_brakes.c.subject_hash == subject_hash)
        )

    def sweep(self, before: datetime) -> None:
        """Forget failures from before an instant."""
        self._connection.execute(
            delete(sign_in_brakes).where(sign_in_brakes.c.last_failed_at < before)
        )
