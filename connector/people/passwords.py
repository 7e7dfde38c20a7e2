"""Passwords: which are good enough, and argon2id at rest.

The rules follow NIST SP 800-63B: a least length, no composition rules, nothing obvious, Unicode in one form.
"""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from connector.errors import Refused

SHORTEST, LONGEST = 12, 256
FEWEST_DIFFERENT = 5
AT_ONCE = 2
"""How many hashes are computed at the same time: each takes the memory it is configured with."""

_PASSES, _LANES = 3, 4
_WORDS_OF_THE_HOUSE = (
    "password",
    "connector",
    "invoice",
    "financing",
    "123456",
    "qwerty",
    "letmein",
)


class Passwords:
    """Hashes and checks passwords. `memory_mebibytes` is what one hash takes; RFC 9106 recommends 64 or more."""

    def __init__(self, memory_mebibytes: int) -> None:
        self._hasher = PasswordHasher(
            time_cost=_PASSES, memory_cost=memory_mebibytes * 1024, parallelism=_LANES
        )
        self._turn = threading.BoundedSemaphore(AT_ONCE)
        self._nobodys = self.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """A salted argon2id hash, with its parameters in it."""
        with self._turn:
            return self._hasher.hash(_one_form(password))

    def fits(self, password: str, stored: str | None) -> bool:
        """Whether the password is the one stored. Without one it costs the same, and is False."""
        with self._turn:
            try:
                fits = self._hasher.verify(stored or self._nobodys, _one_form(password))
            except (VerificationError, InvalidHashError):
                return False
        return fits and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def check_password(password: str, *, email: str) -> None:
    """Raises Refused with what is wrong with a new password."""
    shown = _one_form(password)
    wrong = None
    if len(shown) < SHORTEST:
        wrong = f"The password is too short: it has {len(shown)} characters."
    elif len(shown) > LONGEST:
        wrong = f"The password is longer than {LONGEST} characters."
    elif len(set(shown)) < FEWEST_DIFFERENT or _is_obvious(shown.casefold(), email):
        wrong = "The password is too easy to guess."
    if wrong is not None:
        raise Refused(
            wrong,
            remedy=f"Use at least {SHORTEST} characters, for example four words that have nothing to do with "
            "each other.",
        )


def _is_obvious(password: str, email: str) -> bool:
    rest = password
    for word in (*_WORDS_OF_THE_HOUSE, email.casefold(), email.partition("@")[0].casefold()):
        rest = rest.replace(word, "") if word else rest
    return len(set(rest)) < FEWEST_DIFFERENT


def _one_form(password: str) -> str:
    """The same characters however a keyboard composed them."""
    return unicodedata.normalize("NFKC", password)
