"""Canonical JSON and the hash chains built on it (audit log, status timeline)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

GENESIS = bytes(32)
"""The `previous_hash` of the first link of every chain."""


def canonical_json(value: Any) -> str:
    """Write `value` as JSON in the one way that is hashed: keys sorted, no spaces, no float.

    Raises TypeError for a float or anything else that JSON cannot hold exactly.
    """
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def link_hash(previous_hash: bytes, content: Mapping[str, Any]) -> bytes:
    """The hash of a chain's next link: SHA-256 of the previous hash and the canonical JSON of `content`."""
    return hashlib.sha256(previous_hash + canonical_json(content).encode()).digest()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("a float is not exact and is not stored")
    if isinstance(value, Mapping):
        for key, part in value.items():
            if not isinstance(key, str):
                raise TypeError("a key of a JSON object must be text")
            _refuse_floats(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_floats(part)
