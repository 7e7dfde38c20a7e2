"""Random texts that open something, and how they rest: as the SHA-256 of what only their holder has.

A plain hash is enough here, unlike for passwords: 32 random bytes cannot be guessed however fast one tries.
"""

from __future__ import annotations

import hashlib
import secrets

TOKEN_BYTES = 32


def new_token() -> str:
    """43 characters of URL-safe base64, from 32 random bytes."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_code() -> str:
    """Four groups of five characters for a person to copy: 99 bits, without letters that look alike."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ["".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4)]
    return "-".join(groups)


def sha256(token: str) -> bytes:
    """What of a token is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
