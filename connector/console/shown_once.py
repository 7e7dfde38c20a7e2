"""What is shown once after something was made: a token, a secret address, a password.

Whoever sends a form is sent on to a page, so that loading that page again does nothing twice. What the page is to show
waits meanwhile in this process alone: for the session that made it, for the one page, for minutes, until it is looked at.
It is in no address, no cookie and no store. A process that ends, or another one that answers, shows nothing: then another
is made.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from flask import g

from connector.console import here
from connector.people.random_texts import sha256

LASTS = timedelta(minutes=2)
MOST = 200
"""How many wait at most; the oldest make room."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    value: Any = field(repr=False)
    until: datetime


_waiting: OrderedDict[tuple[bytes, str], _Waiting] = OrderedDict()
"""By session and page. Not of one application: a changed configuration is taken up by making another."""
_lock = Lock()


def keep(page: str, value: Any) -> None:
    """Let the present session see `value` the next time it looks at `page`."""
    now = here.program().clock.now()
    with _lock:
        for key in [key for key, each in _waiting.items() if each.until <= now]:
            del _waiting[key]
        _waiting.pop(_key(page), None)
        _waiting[_key(page)] = _Waiting(value, now + LASTS)
        while len(_waiting) > MOST:
            _waiting.popitem(last=False)


def take(page: str) -> Any:
    """What the present session is to see on `page`, this once; None where there is nothing (any more)."""
    with _lock:
        found = _waiting.pop(_key(page), None)
    return None if found is None or found.until <= here.program().clock.now() else found.value


def _key(page: str) -> tuple[bytes, str]:
    return sha256(g.get("session_token", "")), page
