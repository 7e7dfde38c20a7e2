"""People who may sign in, and API tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, insert, or_, select, update

from connector.errors import NotFound
from connector.store.repository import Repository
from connector.store.schema import api_tokens, people


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person. `email` is in lower case; `issuer` and `subject` are the provider's name for them."""

    id: int
    email: str
    name: str
    role: str
    state: str
    password_hash: str | None
    must_change_password: bool
    issuer: str | None
    subject: str | None
    created_at: datetime
    created_by: str
    last_sign_in_at: datetime | None

    def __repr__(self) -> str:
        return f"PersonRow({self.id}, {self.email!r}, {self.role!r}, {self.state!r})"


@dataclass(frozen=True, slots=True)
class TokenRow:
    """An API token, without what would let one in. `prefix` is its beginning, which is shown."""

    id: int
    name: str
    prefix: str
    token_sha256: bytes
    role: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def __repr__(self) -> str:
        return f"TokenRow({self.id}, {self.name!r}, {self.prefix!r}, {self.role!r})"


class People(Repository):
    """Writing and reading people."""

    def add(self, *, email: str, name: str, role: str, by: str, **more: Any) -> int:
        """Store a new, active person; gives the identifier. `more` are further columns."""
        (person_id,) = self._transaction.allocate("people", 1)
        self._connection.execute(
            insert(people).values(
                id=person_id,
                email=email,
                name=name,
                role=role,
                state="active",
                created_at=self._now(),
                created_by=by,
                **{"must_change_password": 0, **more},
            )
        )
        return person_id

    def get(self, person_id: int) -> PersonRow:
        """One person. Raises NotFound."""
        found = self._one(people.c.id == person_id)
        if found is None:
            raise NotFound(f"There is no person {person_id}.")
        return found

    def by_email(self, email: str) -> PersonRow | None:
        """The person with an e-mail address, given in lower case."""
        return self._one(people.c.email == email)

    def by_identity(self, issuer: str, subject: str) -> PersonRow | None:
        """The person an OpenID Connect provider calls `subject`."""
        return self._one(and_(people.c.issuer == issuer, people.c.subject == subject))

    def all(self) -> list[PersonRow]:
        """Everybody, by e-mail address; the disabled too."""
        return self._rows(select(people).order_by(people.c.email))

    def change(self, person_id: int, **values: Any) -> None:
        """Set columns of a person."""
        self._connection.execute(update(people).where(people.c.id == person_id).values(**values))

    def active_admins(self) -> int:
        """How many active admins there are."""
        return self._connection.execute(
            select(func.count())
            .select_from(people)
            .where(people.c.role == "admin", people.c.state == "active")
        ).scalar_one()

    def lock(self) -> None:
        """Until the transaction ends nobody else adds or changes people. SQLite has one writer anyway."""
        if not self._is_sqlite:
            self._connection.exec_driver_sql("lock table people in share row exclusive mode")

    def _one(self, condition: Any) -> PersonRow | None:
        found = self._rows(select(people).where(condition))
        return found[0] if found else None

    def _rows(self, query: Select[Any]) -> list[PersonRow]:
        rows = self._connection.execute(query).mappings()
        return [
            PersonRow(**{**row, "must_change_password": row["must_change_password"] == 1})
            for row in rows
        ]


class ApiTokens(Repository):
    """Writing and reading API tokens. A revoked token stays, so that what it did can be told."""

    def add(
        self,
        *,
        name: str,
        prefix: str,
        token_sha256: bytes,
        role: str,
        expires_at: datetime | None,
        by: str,
    ) -> TokenRow:
        """Store a new token."""
        (token_id,) = self._transaction.allocate("api_tokens", 1)
        self._connection.execute(
            insert(api_tokens).values(
                id=token_id,
                name=name,
                prefix=prefix,
                token_sha256=token_sha256,
                role=role,
                created_at=self._now(),
                created_by=by,
                expires_at=expires_at,
            )
        )
        return self.get(token_id)

    def get(self, token_id: int) -> TokenRow:
        """One token. Raises NotFound."""
        found = self._rows(select(api_tokens).where(api_tokens.c.id == token_id))
        if not found:
            raise NotFound(f"There is no API token {token_id}.")
        return found[0]

    def by_prefix(self, prefix: str) -> TokenRow | None:
        """The token that begins so."""
        found = self._rows(select(api_tokens).where(api_tokens.c.prefix == prefix))
        return found[0] if found else None

    def all(self) -> list[TokenRow]:
        """All tokens, newest first; the revoked too."""
        return self._rows(select(api_tokens).order_by(api_tokens.c.id.desc()))

    def used(self, token_id: int, at: datetime, *, unless_after: datetime) -> bool:
        """Note when a token was last used, unless that is noted for later than `unless_after`. Whether it was noted."""
        touched = self._connection.execute(
            update(api_tokens)
            .where(
                api_tokens.c.id == token_id,
                or_(api_tokens.c.last_used_at.is_(None), api_tokens.c.last_used_at <= unless_after),
            )
            .values(last_used_at=at)
        )
        return touched.rowcount == 1

    def revoke(self, token_id: int) -> bool:
        """End a token. False when it was revoked already."""
        touched = self._connection.execute(
            update(api_tokens)
            .where(api_tokens.c.id == token_id, api_tokens.c.revoked_at.is_(None))
            .values(revoked_at=self._now())
        )
        return touched.rowcount == 1

    def _rows(self, query: Select[Any]) -> list[TokenRow]:
        return [TokenRow(**row) for row in self._connection.execute(query).mappings()]
