"""How a connection proves who it is."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from connector.clock import Clock
from connector.errors import ContractDrift, ReconnectRequired, Refused

if TYPE_CHECKING:
    from connector.transport.client import Transport

FORM = "application/x-www-form-urlencoded"
_UNSTATED_LIFE_SECONDS = 3600


class Authorization(Protocol):
    """Gives the `Authorization` header of each request. Must work with threads."""

    def header(self, transport: Transport, /) -> str:
        """The header's value. May ask the other side for it, by `transport.request(..., authorized=False)`."""

    def renew(self, transport: Transport, rejected: str, /) -> bool:
        """After a 401 for the header `rejected`: whether another one is worth one more try."""

    def secrets(self) -> Iterable[str]:
        """What must never be shown."""


class BasicAuthorization:
    """HTTP Basic (RFC 7617), UTF-8."""

    def __init__(self, username: str, password: str) -> None:
        pair = f"{username}:{password}".encode()
        self._password = password
        self._pair = base64.b64encode(pair).decode("ascii")

    def header(self, _transport: Transport, /) -> str:
        return f"Basic {self._pair}"

    def renew(self, _transport: Transport, _rejected: str, /) -> bool:
        return False

    def secrets(self) -> Iterable[str]:
        return (self._password, self._pair)


class BearerAuthorization:
    """A bearer token that does not end, for example an application key."""

    def __init__(self, token: str) -> None:
        self._token = token

    def header(self, _transport: Transport, /) -> str:
        return f"Bearer {self._token}"

    def renew(self, _transport: Transport, _rejected: str, /) -> bool:
        return False

    def secrets(self) -> Iterable[str]:
        return (self._token,)


class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749 section 4.4), form-encoded, one token request at a time.

    A token is replaced `early_seconds` before its end (at the latest after half its life), and never used longer
    than `max_life_seconds`, whatever the platform says about it.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        clock: Clock,
        *,
        early_seconds: float = 300.0,
        max_life_seconds: float = 72_000.0,
    ) -> None:
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._early_seconds = early_seconds
        self._max_life_seconds = max_life_seconds
        self._lock = Lock()
        self._header: str | None = None
        self._fresh_until = 0.0

    def header(self, transport: Transport, /) -> str:
        with self._lock:
            if self._header is None or self._clock.monotonic_seconds() >= self._fresh_until:
                self._ask(transport)
            if self._header is None:
                raise ReconnectRequired(f"{transport.name}: no access token was given.")
            return self._header

    def renew(self, _transport: Transport, rejected: str, /) -> bool:
        with self._lock:
            # Another thread may have renewed it while this one waited.
            if self._header == rejected:
                self._header = None
        return True

    def secrets(self) -> Iterable[str]:
        return (self._client_secret,)

    def _ask(self, transport: Transport) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        asked_at = self._clock.monotonic_seconds()
        try:
            reply = transport.request(
                "POST",
                self._token_url,
                safe=True,
                body=urlencode(form).encode("ascii"),
                content_type=FORM,
                authorized=False,
            )
        except Refused as error:
            if error.http_status in (400, 401, 403):
                raise ReconnectRequired(
                    f"{transport.name}: the client id or secret was refused. {error.message}",
                    remedy="Check `client_id` and `client_secret`.",
                ) from None
            raise
        answer = reply.json()
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if (
            not isinstance(token, str)
            or not token.isascii()
            or not token.isprintable()
            or not token
        ):
            raise ContractDrift(f"{transport.name}: the token answer has no usable access_token.")
        transport.redactor.learn(token)
        life_seconds = _life(answer.get("expires_in"), self._max_life_seconds)
        self._fresh_until = asked_at + max(life_seconds - self._early_seconds, life_seconds / 2)
        self._header = f"Bearer {token}"


def _life(stated: object, most: float) -> float:
    """`expires_in` as seconds; some platforms send it as text. Unusable values mean an hour."""
    text = str(stated)
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0:
        return min(float(int(text)), most)
    return min(float(_UNSTATED_LIFE_SECONDS), most)
