"""HMAC signature schemes, as data.

Shapes known from public documents (header, what is signed):

    timestamped        `t=<unix seconds>,v1=<signature>[,v1=...]`, signs `{t}.{body}` (Stripe; Monite)
    plain              the signature alone, after an optional prefix, signs the body (Xero, Intuit, GitHub)
    standard-webhooks  three headers, signs `{id}.{t}.{body}` (Standard Webhooks specification 1.0.0)

Verification never decodes what the sender wrote: the expected text is computed for each accepted secret and compared,
in constant time, with the presented text. So there is no second spelling of a signature, and no decoder to break.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

Format = Literal["timestamped", "plain", "standard-webhooks"]
Encoding = Literal["hex", "hex-upper", "base64"]
Hash = Literal["sha256", "sha384", "sha512"]
Signed = Literal["body", "timestamp.body"]
SecretEncoding = Literal["text", "hex", "base64", "whsec"]

MINIMUM_SECRET_BYTES = 24
"""Standard Webhooks: secrets are 24 to 64 bytes. Shorter ones are refused for paths and signatures alike."""

_MAXIMUM_SECRETS = 8
_MAXIMUM_SIGNATURES = 16
_MAXIMUM_HEADER_CHARACTERS = 4096
_MAXIMUM_TOLERANCE_SECONDS = 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_MESSAGE_ID = re.compile(r"[!-\-/-~]{1,200}", re.ASCII)
"""Printable ASCII without space and without `.`, which separates the signed parts."""
_HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}", re.ASCII)


class BadSignature(Exception):
    """The sender is not proven. `reason` is a code for our own log; the sender learns nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Stale(BadSignature):
    """The signed timestamp is further from now than the tolerance, in either direction."""

    def __init__(self) -> None:
        super().__init__("timestamp_outside_tolerance")


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """How one connection's deliveries are signed. Refuses to exist with a secret that proves nothing.

    `secrets` holds every accepted key as bytes (see `secret_key`): the new one and, while a rotation lasts, the old.
    `tolerance_seconds` works both ways and only where a timestamp is signed. `header` is the signature's header; for
    `standard-webhooks` it is the common prefix of the three (`webhook`, or `svix`). Raises ValueError.
    """

    header: str
    secrets: tuple[bytes, ...] = field(repr=False)
    format: Format = "plain"
    encoding: Encoding = "hex"
    hash: Hash = "sha256"
    signed: Signed = "body"
    tolerance_seconds: int = 300
    prefix: str = ""
    """Constant text before a plain signature, `sha256=` for example."""
    version: str = "v1"
    """Name of the accepted signatures in a list of several versions."""

    def __post_init__(self) -> None:
        require_secrets("signature secret", self.secrets)
        for name, value, allowed in (
            ("format", self.format, get_args(Format)),
            ("encoding", self.encoding, get_args(Encoding)),
            ("hash", self.hash, get_args(Hash)),
            ("signed", self.signed, get_args(Signed)),
        ):
            if value not in allowed:
                raise ValueError(
                    f"Signature {name} {value!r} is unknown. Use one of: {', '.join(allowed)}."
                )
        if not _HEADER_NAME.fullmatch(self.header):
            raise ValueError(
                "Signature header must be a header's name: letters, digits and hyphens."
            )
        if not 1 <= self.tolerance_seconds <= _MAXIMUM_TOLERANCE_SECONDS:
            raise ValueError(
                "Signature tolerance_seconds must be from 1 to 3600; it cannot be switched off."
            )
        if self.format == "plain" and self.signed != "body":
            raise ValueError(
                "A plain signature carries no timestamp. Use signed = 'body', or another format."
            )
        if not (self.prefix + self.version).isascii() or not self.version:
            raise ValueError(
                "Signature prefix and version must be ASCII text, the version not empty."
            )

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
        """Prove the sender, or raise BadSignature. `headers` has lower-case names.

        Returns the message id where the scheme signs one (standard-webhooks), else None.
        """
        if self.format == "plain":
            presented = _header(headers, self.header)
            if not presented.startswith(self.prefix):
                raise BadSignature("header_malformed")
            self._require_match([presented[len(self.prefix) :]], body)
            return None
        if self.format == "timestamped":
            timestamp, signatures = self._read_timestamped(_header(headers, self.header))
            _require_fresh(timestamp, self.tolerance_seconds, now)
            signed = body if self.signed == "body" else timestamp.encode("ascii") + b"." + body
            self._require_match(signatures, signed)
            return None
        return self._verify_standard(headers, body, now)

    def _read_timestamped(self, text: str) -> tuple[str, list[str]]:
        timestamp: str | None = None
        signatures: list[str] = []
        for part in text.split(","):
            name, equals, value = part.strip(" ").partition("=")
            if not equals:
                raise BadSignature("header_malformed")
            if name == "t":
                if timestamp is not None:
                    raise BadSignature("header_malformed")
                timestamp = value
            elif name == self.version:
                signatures.append(value)
        if timestamp is None:
            raise BadSignature("header_malformed")
        return timestamp, signatures

    def _verify_standard(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        message_id = _header(headers, f"{self.header}-id")
        timestamp = _header(headers, f"{self.header}-timestamp")
        if not _MESSAGE_ID.fullmatch(message_id):
            raise BadSignature("header_malformed")
        _require_fresh(timestamp, self.tolerance_seconds, now)
        signatures = []
        for part in _header(headers, f"{self.header}-signature").split(" "):
            version, _, value = part.partition(",")
            if version == self.version:
                signatures.append(value)
        self._require_match(signatures, f"{message_id}.{timestamp}.".encode("ascii") + body)
        return message_id

    def _require_match(self, presented: list[str], signed: bytes) -> None:
        if not 1 <= len(presented) <= _MAXIMUM_SIGNATURES:
            raise BadSignature("header_malformed")
        candidates = [text.encode("latin-1", "replace") for text in presented]
        matched = False
        for secret in self.secrets:
            expected = self._encode(hmac.digest(secret, signed, self.hash))
            for candidate in candidates:
                # No early end: the time taken must not tell which secret or which signature was near.
                matched |= hmac.compare_digest(expected, candidate)
        if not matched:
            raise BadSignature("signature_mismatch")

    def _encode(self, digest: bytes) -> bytes:
        if self.encoding == "base64" or self.format == "standard-webhooks":
            return base64.b64encode(digest)
        text = digest.hex()
        return (text.upper() if self.encoding == "hex-upper" else text).encode("ascii")


def secret_key(text: str, encoding: SecretEncoding = "text") -> bytes:
    """The key bytes of a secret as it is written in a configuration.

    `text`: its UTF-8 bytes (Stripe, Monite: the whole `whsec_...`) · `hex`, `base64`: decoded · `whsec`: base64 after
    the prefix `whsec_` (Standard Webhooks). Raises ValueError, which never repeats the secret.
    """
    if encoding == "text":
        return text.encode("utf-8")
    try:
        if encoding == "hex":
            return bytes.fromhex(text)
        if encoding == "base64":
            return base64.b64decode(text, validate=True)
        if encoding == "whsec" and text.startswith("whsec_"):
            return base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error):
        pass
    raise ValueError(
        f"A signature secret is not {encoding}. Copy it from the platform again, in full."
    )


def require_secrets(kind: str, secrets: Iterable[bytes]) -> None:
    """Raise ValueError unless there are 1 to 8 secrets, each of at least 24 bytes and not a placeholder."""
    listed = tuple(secrets)
    if not 1 <= len(listed) <= _MAXIMUM_SECRETS:
        raise ValueError(
            f"There must be 1 to {_MAXIMUM_SECRETS} values of {kind}, not {len(listed)}."
        )
    for secret in listed:
        if len(secret) < MINIMUM_SECRET_BYTES:
            raise ValueError(
                f"A {kind} has {len(secret)} bytes; at least {MINIMUM_SECRET_BYTES} are needed. "
                "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        if len(set(secret)) < 8:
            raise ValueError(f"A {kind} looks like a placeholder. Use a random one.")


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name.lower())
    if value is None:
        raise BadSignature("header_missing")
    if len(value) > _MAXIMUM_HEADER_CHARACTERS:
        raise BadSignature("header_malformed")
    return value


def _require_fresh(timestamp: str, tolerance_seconds: int, now: datetime) -> None:
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature("timestamp_malformed")
    if abs((now - _EPOCH) // _SECOND - int(timestamp)) > tolerance_seconds:
        raise Stale
