"""How a connection proves who it is."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from connector import strict_json
from connector.clock import Clock
from connector.errors import ContractDrift, ReconnectRequired, Refused

if TYPE_CHECKING:
    from connector.transport.client import Transport

FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
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


class _TokenGrant:
    """Asks for access tokens at one address, one request at a time, and keeps the newest while it is fresh.

    A token is replaced `early_seconds` before its end (at the latest after half its life), and never used longer
    than `max_life_seconds`, whatever the platform says about it.
    """

    remedy = "Check `client_id` and `client_secret`."
    refused_statuses: frozenset[int] = frozenset({400, 401, 403})
    """With which the platform says that the credentials are bad."""

    def __init__(
        self, token_url: str, clock: Clock, *, early_seconds: float, max_life_seconds: float
    ) -> None:
        self._token_url = token_url
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

    def _request(self) -> tuple[bytes, str, Mapping[str, str]]:
        """Body, content type and further headers of the token request."""
        raise NotImplementedError

    def _ask(self, transport: Transport) -> None:
        body, content_type, headers = self._request()
        asked_at = self._clock.monotonic_seconds()
        try:
            reply = transport.request(
                "POST",
                self._token_url,
                safe=True,
                body=body,
                content_type=content_type,
                headers=headers,
                authorized=False,
            )
        except Refused as error:
            if error.http_status in self.refused_statuses:
                raise ReconnectRequired(
                    f"{transport.name}: the client id or secret was refused. {error.message}",
                    remedy=self.remedy,
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


class ClientCredentials(_TokenGrant):
    """OAuth 2.0 client credentials (RFC 6749 section 4.4), form-encoded."""

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
        super().__init__(
            token_url, clock, early_seconds=early_seconds, max_life_seconds=max_life_seconds
        )
        self._client_id = client_id
        self._client_secret = client_secret

    def secrets(self) -> Iterable[str]:
        return (self._client_secret,)

    def _request(self) -> tuple[bytes, str, Mapping[str, str]]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        return urlencode(form).encode("ascii"), FORM, {}


class JsonGrant(_TokenGrant):
    """A token endpoint whose request is a JSON object: `grant` as it stands, with the headers the platform wants.

    `secrets` are the values in it that must never be shown. Some platforms answer wrong credentials with 422.
    """

    refused_statuses = frozenset({400, 401, 403, 422})

    def __init__(
        self,
        token_url: str,
        grant: Mapping[str, str],
        clock: Clock,
        *,
        secrets: Iterable[str],
        headers: Mapping[str, str] | None = None,
        early_seconds: float = 300.0,
        max_life_seconds: float = 72_000.0,
    ) -> None:
        super().__init__(
            token_url, clock, early_seconds=early_seconds, max_life_seconds=max_life_seconds
        )
        self._grant = dict(grant)
        self._secrets = tuple(secrets)
        self._headers = dict(headers or {})

    def secrets(self) -> Iterable[str]:
        return self._secrets

    def _request(self) -> tuple[bytes, str, Mapping[str, str]]:
        return strict_json.write(self._grant), _JSON, self._headers


def _life(stated: object, most: float) -> float:
    """`expires_in` as seconds; some platforms send it as text. Unusable values mean an hour."""
    text = str(stated)
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0:
        return min(float(int(text)), most)
    return min(float(_UNSTATED_LIFE_SECONDS), most)
