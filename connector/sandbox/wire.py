"""JSON as the sandbox reads and writes it: exact numbers, never float."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

JsonObject = dict[str, Any]

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


class NotJsonError(ValueError):
    """The bytes are not one JSON value."""


def to_json(value: object) -> bytes:
    """Encode; a Decimal becomes a JSON number with exactly its digits."""
    return _encoder.encode(value)


def from_json(data: bytes | str) -> Any:
    """Decode; a number with a fraction or exponent becomes a Decimal. Raises NotJsonError."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise NotJsonError("The body is not valid JSON.") from error


def major_units(minor_units: int, exponent: int = 2) -> Decimal | int:
    """An amount in major units as a platform prints it: 8800000 is 88000, 12353 is 123.53, 12350 is 123.5."""
    amount = Decimal(minor_units).scaleb(-exponent)
    whole = amount.to_integral_value()
    return int(whole) if amount == whole else amount.normalize()
