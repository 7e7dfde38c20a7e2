"""Tryton's JSON: typed values travel as objects with a `__class__` key. Source: trytond/protocols/jsonrpc.py, 8.0.

Decoded, a Decimal stays the text the server wrote, a date is `YYYY-MM-DD`, a timestamp is ISO text of fixed width
with microseconds and `Z` (Tryton's servers run in UTC: they set TZ and PGTZ themselves), bytes are bytes.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, date, datetime
from typing import Any

_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"


class WireRefused(ValueError):
    """A typed value that has not the promised shape. The message names the type, never the content."""


def decode(value: Any) -> Any:
    """A JSON value as the server sent it, with its typed objects decoded. Raises WireRefused."""
    if isinstance(value, list):
        return [decode(part) for part in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind is None:
        return {key: decode(part) for key, part in value.items()}
    decoder = _DECODERS.get(kind) if isinstance(kind, str) else None
    if decoder is None:
        raise WireRefused("the answer holds a value of a type that is not known here")
    try:
        return decoder(value)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise WireRefused(f"the answer holds a {kind} that cannot be read") from None


def moment_text(instant: datetime) -> str:
    """An aware instant in the form `decode` gives, which sorts as it is."""
    return instant.astimezone(UTC).strftime(_MOMENT)


def moment(text: str) -> datetime:
    """Back from `moment_text`. Raises ValueError."""
    return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)


def encode_moment(text: str) -> dict[str, Any]:
    """A timestamp as a domain holds it."""
    at = moment(text)
    return {"__class__": "datetime", **{name: getattr(at, name) for name in _PARTS}}


def _decode_moment(value: dict[str, Any]) -> str:
    year, month, day, *clock = (value[name] for name in _PARTS)
    at = datetime(year, month, day, tzinfo=UTC)
    return moment_text(at.replace(**dict(zip(_PARTS[3:], clock, strict=True))))


def _decode_bytes(value: dict[str, Any]) -> bytes:
    try:
        # Tryton breaks the lines of its base64.
        return base64.b64decode("".join(value["base64"].split()), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def _decode_decimal(value: dict[str, Any]) -> str:
    if not isinstance(value["decimal"], str):
        raise TypeError("not text")
    return value["decimal"]


_DECODERS = {
    "Decimal": _decode_decimal,
    "bytes": _decode_bytes,
    "date": lambda value: date(value["year"], value["month"], value["day"]).isoformat(),
    "datetime": _decode_moment,
}
