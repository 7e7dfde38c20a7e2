"""The one JSON reader and writer for everything that comes from or goes to other systems.

Reading refuses what two readers could understand differently: a key given twice, NaN and Infinity, a byte order
mark, bytes that are not UTF-8, lone surrogates, numbers beyond 40 digits, nesting beyond 50 levels. Numbers with a
fraction or an exponent become Decimal, whole numbers int: never float. Writing keeps Decimals digit for digit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

MAX_DIGITS = 40
MAX_DEPTH = 50

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_EXACT_ENCODER = msgspec.json.Encoder(decimal_format="number")


class JsonRefused(ValueError):
    """The bytes are not JSON that has exactly one meaning. The message is a clause without content and full stop."""


def _object_of_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise JsonRefused("the JSON names one key of an object twice")
    return made


def _fraction(text: str) -> Decimal:
    mantissa, _, exponent = text.lower().partition("e")
    # An exponent is a few bytes that can stand for a number of a gigabyte.
    if (
        len(mantissa.strip("-.")) > MAX_DIGITS + 1
        or len(exponent) > 3
        or abs(int(exponent or 0)) > MAX_DIGITS
    ):
        raise JsonRefused(f"the JSON has a number of more than {MAX_DIGITS} digits")
    return Decimal(text)


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS and len(text.lstrip("-")) > MAX_DIGITS:
        raise JsonRefused(f"the JSON has a number of more than {MAX_DIGITS} digits")
    return int(text)


def _no_constant(text: str) -> Any:
    raise JsonRefused(f"the JSON has {text}, which is not a number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_of_unique_keys,
    parse_float=_fraction,
    parse_int=_whole,
    parse_constant=_no_constant,
)


_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")
_MANY_DIGITS = b"0" * (MAX_DIGITS + 1)
_QUICK_DECODER = msgspec.json.Decoder(float_hook=_fraction)


def loads(raw: bytes) -> Any:
    """Read one JSON document. Raises JsonRefused; nothing else, whatever the bytes."""
    value = _quickly(raw)
    return _carefully(raw) if value is None else value


def _quickly(raw: bytes) -> Any:
    """The value where writing it again gives the very same bytes: then they have one meaning, because a key given
    twice or a number read inexactly would not come back. None where that is not so; then every byte is looked at."""
    if (
        b"\\u" in raw
        or raw.count(b"[") + raw.count(b"{") > MAX_DEPTH
        or _MANY_DIGITS in raw.translate(_DIGITS_AS_ZERO)
    ):
        return None
    try:
        value = _QUICK_DECODER.decode(raw)
    except (msgspec.MsgspecError, JsonRefused, RecursionError, UnicodeDecodeError):
        return None
    return value if _EXACT_ENCODER.encode(value) == raw else None


def _carefully(raw: bytes) -> Any:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise JsonRefused("the JSON begins with a byte order mark")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonRefused(f"the JSON is not UTF-8 at byte {error.start}") from None
    try:
        value = _DECODER.decode(text)
    except JsonRefused:
        raise
    except json.JSONDecodeError as error:
        raise JsonRefused(f"the text is not JSON at character {error.pos}") from None
    except RecursionError:
        raise JsonRefused(f"the JSON is nested deeper than {MAX_DEPTH} levels") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _refuse_depth(value)
    if b"\\u" in raw and _SURROGATE_ESCAPE.search(raw):
        _refuse_lone_surrogates(value)
    return value


def loads_storable(raw: bytes) -> Any:
    """`loads` for what is stored as text: refuses NUL characters too, because PostgreSQL keeps none."""
    value = loads(raw)
    if b"\\u0000" in raw:
        for part in _everything_in(value):
            texts = (part,) if isinstance(part, str) else part if isinstance(part, dict) else ()
            if any("\0" in text for text in texts):
                raise JsonRefused("the JSON has a NUL character in a string")
    return value


def loads_object(raw: bytes) -> dict[str, Any]:
    """Read one JSON document that must be an object. Raises JsonRefused."""
    value = loads(raw)
    if not isinstance(value, dict):
        raise JsonRefused("the JSON is not an object")
    return value


def write(value: Any) -> bytes:
    """Write JSON: Decimals as numbers, digit for digit. Raises JsonRefused for a float or a non-finite Decimal."""
    for part in _everything_in(value):
        if isinstance(part, float):
            raise JsonRefused("a float was about to be written as JSON; use Decimal or int")
        if isinstance(part, Decimal) and not part.is_finite():
            raise JsonRefused("a number that is not finite was about to be written as JSON")
    return _EXACT_ENCODER.encode(value)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, (list, tuple)):
        return value
    return ()


def _everything_in(value: Any) -> Iterable[Any]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(_children(part))


def _refuse_depth(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child for part in level for child in _children(part) if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise JsonRefused(f"the JSON is nested deeper than {MAX_DEPTH} levels")


def _refuse_lone_surrogates(value: Any) -> None:
    for part in _everything_in(value):
        texts = (part,) if isinstance(part, str) else part if isinstance(part, dict) else ()
        for text in texts:
            try:
                text.encode("utf-8")
            except UnicodeEncodeError:
                raise JsonRefused("the JSON has half of a surrogate pair in a string") from None
