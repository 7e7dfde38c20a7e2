"""Keeping secrets and noise out of what is shown, logged and stored."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable
from urllib.parse import quote, quote_plus

from connector import strict_json

MAX_WORDS = 300
MASK = "***"
_SHORTEST_SECRET = 4
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_TOLD_IN = ("message", "detail", "error_description", "error", "errors", "title", "description")


@runtime_checkable
class Secret(Protocol):
    """A value of the configuration that does not show itself."""

    def reveal(self) -> str:
        """The value."""


def reveal(value: object) -> str:
    """The text of a setting that may be a Secret."""
    return value.reveal() if isinstance(value, Secret) else str(value)


class Redactor:
    """Replaces known secrets, also in the forms in which they travel (base64, URL-quoted)."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Add secrets. Shorter than four characters they would mask ordinary text, and are left out."""
        for secret in secrets:
            if len(secret) >= _SHORTEST_SECRET:
                plain = secret.encode("utf-8")
                self._known |= {
                    secret,
                    quote(secret, safe=""),
                    quote_plus(secret),
                    base64.b64encode(plain).decode("ascii"),
                    json.dumps(secret)[1:-1],
                }
        if self._known:
            longest_first = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def clean(self, text: str) -> str:
        """One bounded line without secrets and control characters."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        text = " ".join(_CONTROL.sub(" ", text).split())
        return text if len(text) <= MAX_WORDS else text[:MAX_WORDS] + " ..."


def platform_words(body: bytes) -> str:
    """What an error answer says, for people. Knows the usual JSON shapes; an HTML page is only named.

    The result is raw: pass it through `Redactor.clean`.
    """
    start = body[:64].lstrip().lower()
    if not start:
        return "no explanation"
    if start.startswith(b"<"):
        return "an HTML page"
    try:
        value = strict_json.loads(body)
    except strict_json.JsonRefused:
        return body[: 4 * MAX_WORDS].decode("utf-8", "replace")
    return _told(value)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        for key in _TOLD_IN:
            if value.get(key):
                return _told(value[key])
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str, ensure_ascii=False)
