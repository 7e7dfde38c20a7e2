"""How a command on this machine shows the running connector that it belongs to it: by the key both can read.

The header is a time and a keyed hash of it, good for a minute. Whoever can read the key file could read everything anyway.
"""

from __future__ import annotations

import hmac
from datetime import timedelta

from connector.clock import Clock
from connector.secrets import SecretBox

SCHEME = "connector-local"
GOOD_FOR = timedelta(minutes=1)


class LocalCalls:
    """Makes and checks the proof."""

    def __init__(self, box: SecretBox, clock: Clock) -> None:
        self._box = box
        self._clock = clock

    def header(self) -> str:
        """The value of `Authorization`."""
        seconds = str(int(self._clock.now().timestamp()))
        return f"{SCHEME} {seconds}.{self._proof(seconds)}"

    def check(self, given: str) -> bool:
        """Whether what follows the scheme was made with our key, just now."""
        seconds, _, proof = given.partition(".")
        if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= 12):
            return False
        if not hmac.compare_digest(proof.encode(), self._proof(seconds).encode()):
            return False
        age = int(self._clock.now().timestamp()) - int(seconds)
        return abs(age) <= GOOD_FOR.total_seconds()

    def _proof(self, seconds: str) -> str:
        return self._box.content_hash(f"local call {seconds}".encode()).hex()
