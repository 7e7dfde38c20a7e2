"""Values nobody may see: how they are held in memory, how they rest on disk, and how records are compared without
revealing them.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connector.errors import ConfigError, InvariantBroken

MASK = "********"
CONTENT_HASH_BYTES = 16
_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"


class Secret:
    """A text that never shows itself: not in `str`, `repr`, an f-string, a log line or a traceback of ours."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Call it at the last moment, and keep the result in no attribute."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __len__(self) -> int:
        return len(self._text)

    def __deepcopy__(self, _memo: object) -> Secret:
        return self

    def __reduce__(self) -> str:
        raise TypeError("A secret is not pickled: it would rest on disk unencrypted.")


def new_key() -> str:
    """A fresh encryption key: 32 random bytes in URL-safe base64, as `encryption.key` takes it."""
    return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


class SecretBox:
    """Encrypts what rests on disk (AES-256-GCM), and gives records a keyed hash.

    `keys` stand newest first. The first encrypts, each of them decrypts. The last, the oldest, is also what the
    content hash derives from: it stays in the list for as long as the database is used, so that putting a new key
    in front does not make every record look changed.

    Sealed content is one version byte, four bytes that name the key, a random nonce of twelve, then ciphertext and
    tag. GCM was measured at 2 microseconds a record where Fernet takes 18, and every pulled record passes here.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ConfigError(
                "There is no encryption key.", remedy="Generate one with `connector init`."
            )
        self._keys = tuple(keys)
        materials = [_key_bytes(key) for key in keys]
        self._ciphers = {
            _derive(material, b"key name", 4): AESGCM(_derive(material, b"encryption", 32))
            for material in materials
        }
        self._prefix = _VERSION + _derive(materials[0], b"key name", 4)
        self._newest = self._ciphers[self._prefix[1:]]
        self._hash_key = _derive(materials[-1], b"content hash", 32)

    @classmethod
    def from_secret(cls, secret: Secret) -> SecretBox:
        """Make a box from the text of `encryption.key`: keys separated by white space, newest first."""
        return cls(secret.reveal().split())

    def keys_for_another_process(self) -> tuple[str, ...]:
        """What a process of our own needs to make the same box. Never for a log, a file or a command line."""
        return self._keys

    def encrypt(self, content: bytes) -> bytes:
        """Seal with the newest key."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._prefix + nonce + self._newest.encrypt(nonce, content, None)

    def decrypt(self, sealed: bytes) -> bytes:
        """What `encrypt` was given. Raises ConfigError where no key opens it, InvariantBroken where it was altered."""
        cipher = self._ciphers.get(sealed[1:5])
        if sealed[:1] != _VERSION or cipher is None:
            raise ConfigError(
                "A stored secret cannot be opened with the present encryption keys.",
                remedy="Put the key it was stored under back into `encryption.key`, on a line after the newest.",
            )
        nonce, ciphertext = sealed[5 : 5 + _NONCE_BYTES], sealed[5 + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, ciphertext, None)
        except (InvalidTag, ValueError):
            raise InvariantBroken("A stored secret was altered since it was stored.") from None

    def rotate(self, sealed: bytes) -> bytes:
        """The same content under the newest key. Raises as `decrypt` does."""
        return self.encrypt(self.decrypt(sealed))

    def content_hash(self, content: bytes) -> bytes:
        """Sixteen bytes that tell contents apart. Keyed: nobody can guess a secret field by trying values."""
        return hashlib.blake2b(content, digest_size=CONTENT_HASH_BYTES, key=self._hash_key).digest()


def _key_bytes(key: str) -> bytes:
    try:
        material = base64.b64decode(key, altchars=b"-_", validate=True)
    except ValueError:
        material = b""
    if len(material) != _KEY_BYTES:
        raise ConfigError(
            "An encryption key is not 32 bytes in URL-safe base64.",
            remedy="Generate one with `connector init`; several stand on a line each, newest first.",
        )
    return material


def _derive(material: bytes, purpose: bytes, size: int) -> bytes:
    """A key for one purpose, from which neither the material nor a key for another purpose can be found."""
    return hashlib.blake2b(digest_size=size, key=material, person=purpose).digest()
