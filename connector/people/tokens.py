"""API tokens: `ifc_PREFIX_SECRET`. Shown once, kept as a hash, each with a role and an end."""

from __future__ import annotations

import hmac
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from connector.errors import Refused, Unavailable
from connector.people.random_texts import new_token, sha256
from connector.people.roles import Role
from connector.store.database import Database
from connector.store.people import TokenRow

_FORM = re.compile(r"ifc_([A-Za-z0-9]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
_PREFIX_LETTERS = 8
LONGEST_DAYS = 3650
USED_EVERY = timedelta(minutes=1)
_NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A fresh token. `text` is the only time it is seen."""

    row: TokenRow
    text: str

    def __repr__(self) -> str:
        return f"NewToken({self.row!r})"


class Tokens:
    """Makes, lists, checks and revokes API tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def new(self, *, name: str, role: Role, expires_in_days: int | None, by: str) -> NewToken:
        """A token for a program. Raises Refused for a name or a term that cannot be."""
        name = name.strip()
        if not 1 <= len(name) <= 80 or not name.isprintable():
            raise Refused(
                "The name of an API token has 1 to 80 characters on one line.",
                remedy="Call it after the program that will use it.",
            )
        if expires_in_days is not None and not 1 <= expires_in_days <= LONGEST_DAYS:
            raise Refused(f"An API token lasts 1 to {LONGEST_DAYS} days.")
        prefix = _prefix()
        text = f"ifc_{prefix}_{new_token()}"
        with self._database.write() as tx:
            ends = None if expires_in_days is None else tx.clock.now() + timedelta(expires_in_days)
            row = tx.api_tokens.add(
                name=name,
                prefix=prefix,
                token_sha256=sha256(text),
                role=role.value,
                expires_at=ends,
                by=by,
            )
            detail = {"name": name, "role": role.value, "expires_in_days": expires_in_days}
            tx.audit.append(by, "token.new", f"token:{prefix}", detail)
        return NewToken(row, text)

    def list(self) -> list[TokenRow]:
        """All tokens, newest first."""
        with self._database.read() as tx:
            return tx.api_tokens.all()

    def revoke(self, token_id: int, *, by: str) -> None:
        """End a token at once. Raises NotFound; a revoked one stays as it is."""
        with self._database.write() as tx:
            row = tx.api_tokens.get(token_id)
            if tx.api_tokens.revoke(token_id):
                tx.audit.append(by, "token.revoke", f"token:{row.prefix}", {"name": row.name})

    def check(self, text: str) -> TokenRow | None:
        """The token of this text, or None: unknown, ended or revoked."""
        matched = _FORM.fullmatch(text)
        if matched is None:
            return None
        with self._database.read() as tx:
            row = tx.api_tokens.by_prefix(matched[1])
            now = tx.clock.now()
        stored = _NO_HASH if row is None else row.token_sha256
        fits = hmac.compare_digest(stored, sha256(text))
        if row is None or not fits or row.revoked_at is not None:
            return None
        if row.expires_at is not None and row.expires_at <= now:
            return None
        if row.last_used_at is None or row.last_used_at + USED_EVERY <= now:
            with suppress(Unavailable), self._database.write() as tx:
                tx.api_tokens.used(row.id, now, unless_after=now - USED_EVERY)
        return row


def _prefix() -> str:
    letters = "".join(letter for letter in new_token() if letter.isalnum())
    return letters[:_PREFIX_LETTERS] if len(letters) >= _PREFIX_LETTERS else _prefix()
