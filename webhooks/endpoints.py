"""Who may post where: one endpoint per connection, each with secrets of its own."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from webhooks.signatures import SignatureScheme, require_secrets

DEFAULT_BODY_LIMIT_BYTES = 262_144

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_PATH_SECRET = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`POST /webhooks/<name>/<one of path_secrets>`. Raises ValueError when it would not keep anyone out.

    `path_secrets`: every accepted one; two while a rotation lasts. `signature`: None where the platform does not sign;
    its events are then hints. `basic`: (user name, password) pairs of which one must be shown (RFC 7617), where the
    platform can be told some; an event is a hint all the same, for it proves nothing of its body. `event_id_field`: the top-level field that identifies an event over its retries; None
    where the platform sends no such thing: every delivery is then an event of its own.
    """

    name: str
    path_secrets: tuple[str, ...] = field(repr=False)
    signature: SignatureScheme | None = None
    basic: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    event_id_field: str | None = "id"
    body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES
    _path_secret_bytes: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    _basic_headers: tuple[bytes, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                "An endpoint's name must be 1 to 64 of a-z, 0-9, '_' and '-', and begin with a letter or digit."
            )
        encoded = tuple(secret.encode("utf-8", "replace") for secret in self.path_secrets)
        try:
            require_secrets("path secret", encoded)
        except ValueError as error:
            raise ValueError(f"Endpoint {self.name}: {error}") from None
        if not all(_PATH_SECRET.fullmatch(secret) for secret in self.path_secrets):
            raise ValueError(
                f"Endpoint {self.name}: a path secret may hold letters, digits, '-', '_', '.' and '~' only."
            )
        if self.event_id_field == "":
            raise ValueError(
                f"Endpoint {self.name}: event_id_field must be a field's name, or absent."
            )
        if not 1 <= self.body_limit_bytes <= 16_777_216:
            raise ValueError(
                f"Endpoint {self.name}: body_limit_bytes must be from 1 to 16777216 (16 MiB)."
            )
        object.__setattr__(self, "_path_secret_bytes", encoded)
        object.__setattr__(self, "_basic_headers", self._headers())

    def _headers(self) -> tuple[bytes, ...]:
        """Every accepted `Authorization` header."""
        if not self.basic:
            return ()
        try:
            require_secrets("password", [password.encode() for _, password in self.basic])
        except ValueError as error:
            raise ValueError(f"Endpoint {self.name}: {error}") from None
        if any(":" in username for username, _ in self.basic):
            raise ValueError(f"Endpoint {self.name}: a Basic user name may not hold a colon.")
        pairs = (f"{username}:{password}".encode() for username, password in self.basic)
        return tuple(b"Basic " + base64.b64encode(pair) for pair in pairs)

    def accepts_credentials(self, presented: str) -> bool:
        """Whether the `Authorization` header is one of those, in constant time; true where none is asked for."""
        candidate = presented.encode("latin-1", "replace")
        matched = not self._basic_headers
        for header in self._basic_headers:
            matched |= hmac.compare_digest(header, candidate)
        return matched

    def accepts_path(self, presented: str) -> bool:
        """Whether the last part of the path is one of the secrets, in constant time."""
        candidate = presented.encode("utf-8", "replace")
        matched = False
        for secret in self._path_secret_bytes:
            matched |= hmac.compare_digest(secret, candidate)
        return matched


class Endpoints:
    """All endpoints, by name. Raises ValueError when two share a name or a secret."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._by_name: dict[str, Endpoint] = {}
        owner: dict[bytes, str] = {}
        for endpoint in endpoints:
            if endpoint.name in self._by_name:
                raise ValueError(f"Endpoint {endpoint.name} is defined twice.")
            self._by_name[endpoint.name] = endpoint
            signing = endpoint.signature.secrets if endpoint.signature else ()
            passwords = (password.encode() for _, password in endpoint.basic)
            paths = (text.encode() for text in endpoint.path_secrets)
            for secret in (*paths, *signing, *dict.fromkeys(passwords)):
                if secret in owner:
                    raise ValueError(
                        f"Endpoints {owner[secret]} and {endpoint.name} use one secret twice. Give every endpoint "
                        "secrets of its own, and its path another one than its signature."
                    )
                owner[secret] = endpoint.name

    def get(self, name: str) -> Endpoint | None:
        """The endpoint of that name."""
        return self._by_name.get(name)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)
