"""Where a connection may go and how hard it may try."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, fields, validate

from connector.errors import ConfigError

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Scheme, host and port of a URL: what the allow-list is made of."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """The settings every connection has, whatever its system. Durations in seconds."""

    base_url: str
    allow_http: bool = False
    """Plain HTTP to a host that is not this machine. Credentials then travel readably."""
    other_urls: tuple[str, ...] = ()
    """Further URLs whose origins may be asked (a token URL on another host)."""
    ca_file: str | None = None
    """PEM file of certificate authorities, instead of the ones that come with the program."""
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 30.0
    """Longest silence while an answer is awaited."""
    answer_timeout_seconds: float = 120.0
    """Longest duration of a whole answer."""
    max_answer_bytes: int = 32 * MEBIBYTE
    """Largest answer, after decompression."""
    requests_per_second: int | None = None
    requests_per_minute: int | None = None
    concurrency: int = 4
    """How many requests may be under way at once."""
    tries: int = 3
    """How often a request without effect is sent at most."""
    retry_total_seconds: float = 60.0
    """No further try begins later than this."""
    patience_seconds: float = 5.0
    """The longest Retry-After that is waited for on the spot; a longer one goes back to the schedule."""
    forbidden_means_reconnect: bool = True
    """Whether a 403 says that the credentials are bad (else: that this one thing is refused)."""
    heeds_rate_headers: bool = False
    """Whether the platform's `RateLimit-Remaining: 0` is waited out, until its `RateLimit-Reset`."""


class TransportSchema(Schema):
    """The configuration keys behind `TransportSettings`. A system's own schema extends this one."""

    base_url = fields.Url(
        required=True,
        schemes={"http", "https"},
        require_tld=False,
        metadata={"label": "Address", "description": "Of its API, like https://host/path."},
    )
    allow_http = fields.Boolean(
        load_default=False,
        metadata={
            "description": "Plain http to another machine: credentials then travel readably."
        },
    )
    ca_file = fields.String(
        load_default=None,
        allow_none=True,
        metadata={
            "label": "Certificate authorities",
            "description": "A PEM file on the connector's machine, instead of the usual ones.",
        },
    )
    connect_timeout_seconds = fields.Float(
        load_default=5.0, validate=validate.Range(min=0, max=120, min_inclusive=False)
    )
    read_timeout_seconds = fields.Float(
        load_default=30.0, validate=validate.Range(min=0, max=600, min_inclusive=False)
    )
    requests_per_second = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(min=1)
    )
    requests_per_minute = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(min=1)
    )
    concurrency = fields.Integer(
        load_default=4, strict=True, validate=validate.Range(min=1, max=64)
    )


_SHARED_KEYS = tuple(TransportSchema().fields)


def transport_settings(settings: Mapping[str, Any], **further: Any) -> TransportSettings:
    """Build TransportSettings from a connection's loaded settings; `further` wins."""
    shared = {key: settings[key] for key in _SHARED_KEYS if key in settings}
    return TransportSettings(**{**shared, **further})


def is_loopback(host: str) -> bool:
    """Whether a host name can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(url: str, *, key: str, allow_http: bool) -> Origin:
    """The origin of a configured URL. Raises ConfigError naming `key` and the remedy."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError(f"`{key}` is not a URL.", remedy="Write https://HOST/PATH.") from None
    if parts.scheme not in ("https", "http") or not host:
        raise ConfigError(f"`{key}` is not an http(s) URL.", remedy="Write https://HOST/PATH.")
    if parts.username is not None or parts.query or parts.fragment or "\\" in url:
        raise ConfigError(
            f"`{key}` holds credentials, a query or a fragment.",
            remedy="Give the address alone; credentials have their own settings.",
        )
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ConfigError(
            f"`{key}` uses plain http, so credentials would travel readably.",
            remedy="Use https, or set `allow_http = true` when the network is yours.",
        )
    return Origin(parts.scheme, host.lower(), port or (443 if parts.scheme == "https" else 80))
