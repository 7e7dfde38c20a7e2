"""Secrets out of text: those we know, and what has the shape of one.

For text of any length, log lines and tracebacks too. Over-masking is the better mistake.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from threading import Lock
from urllib.parse import quote, quote_plus

from connector.secrets import MASK, Secret

SHORTEST_KNOWN = 4
"""Shorter secrets would mask ordinary words; the shapes below still catch them where they are named."""

_NAMED = (
    r"pass(?:word|wd|phrase)?|secret|client[_-]?secret|(?:access|refresh|id|session)?[_-]?token|api[_-]?key"
    r"|private[_-]?key|signature|account[_-]?number|routing[_-]?number|iban"
)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*KEY-----|\Z)", re.DOTALL
        ),
        MASK,
    ),
    (
        re.compile(r"\b(Basic|Bearer|Session|Token)(\s+)[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE),
        rf"\1\2{MASK}",
    ),
    (
        re.compile(
            r"((?:^|[^A-Za-z])(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?)[^\s'\",;}]+(?: [^\s'\",;}]+)?",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"([a-z][a-z0-9+.-]*://)[^\s/@:'\"]*:[^\s/@'\"]+@", re.IGNORECASE), rf"\1{MASK}@"),
    (re.compile(r"\bey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]+"), MASK),
    (
        re.compile(
            rf"((?:\b|_)(?:{_NAMED})['\"]?\s*[:=]\s*)(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[^\s,;&'\"}}\])]+)",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
)


class Redactor:
    """Knows secrets and takes them out of text, also in the forms in which they travel (base64, URL-quoted, JSON)."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._lock = Lock()
        self._known: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self.learn(*(secret.reveal() for secret in secrets))

    def learn(self, *secrets: str) -> None:
        """Add secrets that came up later, access tokens for instance. Safe from several threads."""
        forms = {form for secret in secrets for form in _forms(secret)}
        with self._lock:
            if forms <= self._known:
                return
            self._known |= forms
            longest_first = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def scrub(self, text: str) -> str:
        """The text with every known secret, and everything of a credential's shape, masked."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        for pattern, replacement in _SHAPES:
            text = pattern.sub(replacement, text)
        return text


def _forms(secret: str) -> Iterable[str]:
    """How a secret may appear. Several lines (keys in rotation) are a secret each."""
    for text in {secret, *secret.split()}:
        if len(text) >= SHORTEST_KNOWN:
            yield text
            yield quote(text, safe="")
            yield quote_plus(text)
            yield json.dumps(text)[1:-1]
            yield base64.b64encode(text.encode()).decode()
