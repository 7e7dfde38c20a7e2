"""Which event a verified body is: the identity by which duplicates are recognised for good."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

MAXIMUM_EVENT_ID_CHARACTERS = 200
DIGEST_PREFIX = "sha256:"


def event_id(
    body: bytes,
    *,
    field: str | None,
    signed_message_id: str | None,
    parse_json: Callable[[bytes], object],
    received_at: datetime,
) -> str:
    """The identity of an event; never raises.

    The signed message id where the scheme has one; else the value of the top-level `field`; else, for a body that is
    no JSON object or has no usable id, `sha256:` and the digest of the body: such a body is stored as it is and left
    to the worker, for answering it with an error would only bring it again. Where the platform sends no ids at all
    (`field` None), two deliveries of one body may tell of two changes: the instant is then part of the identity.
    """
    if signed_message_id is not None:
        return signed_message_id
    if field is None:
        return f"{_digest(body)}@{received_at.isoformat()}"
    try:
        document = parse_json(body)
    except Exception:  # noqa: BLE001 (whatever a parser does with hostile bytes, RecursionError included)
        return _digest(body)
    if not isinstance(document, dict):
        return _digest(body)
    return _usable(document.get(field)) or _digest(body)


def _usable(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    if not isinstance(value, str) or not 0 < len(value) <= MAXIMUM_EVENT_ID_CHARACTERS:
        return None
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        return None
    return None if value.startswith(DIGEST_PREFIX) else value


def _digest(body: bytes) -> str:
    return DIGEST_PREFIX + hashlib.sha256(body).hexdigest()
