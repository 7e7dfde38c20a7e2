"""The brake on guessing passwords: per account and per address, in the store, so that a restart forgives nothing.

A try is charged before it is looked at and given back when it was right, so that many at once guess no more often
than one after the other. An account that does not exist is braked like one that does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from connector.errors import RateLimited
from connector.store.transaction import Transaction

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures in a row cost nothing. Each further one doubles the pause."""

    free: int

    def pause(self, failures: int) -> timedelta:
        """How long no try is looked at after so many failures in a row."""
        beyond = failures - self.free
        if beyond < 0:
            return timedelta(0)
        # Bounded before it is doubled: a large power is a large number.
        doubled: int = 2 ** min(beyond, 10)
        return min(FIRST_PAUSE * doubled, LONGEST_PAUSE)


ACCOUNT = Limit(free=5)
ADDRESS = Limit(free=20)


class Throttle:
    """The brake. `hashed` is a keyed hash: what is typed as an account may be a password."""

    def __init__(self, hashed: Callable[[bytes], bytes]) -> None:
        self._hashed = hashed

    def charge(self, tx: Transaction, *, account: str | None, address: str) -> None:
        """Count a try. Raises RateLimited, and counts nothing, while a pause lasts."""
        now = tx.clock.now()
        tx.sign_in_brakes.sweep(now - FORGOTTEN_AFTER)
        charged = []
        wait = timedelta(0)
        for subject, limit in self._subjects(account, address):
            row = tx.sign_in_brakes.get(subject)
            failures = 0 if row is None else row.failures
            if row is not None and row.free_at > now:
                wait = max(wait, row.free_at - now)
            charged.append((subject, failures + 1, now + limit.pause(failures + 1)))
        if wait > timedelta(0):
            raise too_many(wait)
        for subject, failures, free_at in charged:
            tx.sign_in_brakes.set(subject, failures, free_at)

    def give_back(self, tx: Transaction, *, account: str | None, address: str) -> None:
        """The try was right: the account starts anew, the address gets its try back."""
        now = tx.clock.now()
        for subject, limit in self._subjects(account, address):
            row = tx.sign_in_brakes.get(subject)
            if row is None:
                continue
            if limit is ACCOUNT or row.failures <= 1:
                tx.sign_in_brakes.release(subject)
            else:
                tx.sign_in_brakes.set(subject, row.failures - 1, now)

    def release(self, tx: Transaction, account: str) -> None:
        """Let an account try again at once."""
        for subject, _ in self._subjects(account, None):
            tx.sign_in_brakes.release(subject)

    def _subjects(self, account: str | None, address: str | None) -> list[tuple[bytes, Limit]]:
        found = []
        if account is not None:
            found.append((self._hashed(b"account " + account.encode("utf-8", "replace")), ACCOUNT))
        if address is not None:
            found.append((self._hashed(b"address " + _network(address).encode()), ADDRESS))
        return found


def too_many(wait: timedelta) -> RateLimited:
    """What a person is told during a pause."""
    seconds = max(1, round(wait.total_seconds()))
    return RateLimited(
        "There were too many failed sign-ins.",
        retry_after_seconds=seconds,
        remedy=f"Try again in {_words(seconds)}.",
    )


def _words(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 90 else f"{-(-seconds // 60)} minutes"


def _network(address: str) -> str:
    """Whom an address stands for: one IPv4 address, or the /64 network that an IPv6 subscriber has to himself."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
