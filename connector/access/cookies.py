"""The cookies: one that holds a session, one for forms before sign-in, one while a provider is asked.

Over TLS each bears the prefix `__Host-`: the browser then takes it from this very host alone, over TLS alone, so that a
neighbouring host cannot plant one.
"""

from __future__ import annotations

from flask import request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.wrappers import Response as AnyResponse

SESSION = "connector_session"
VISIT = "connector_visit"
PROVIDER = "connector_provider"
PROVIDER_SECONDS = 600


def read(name: str) -> str | None:
    """A cookie's value, None where the browser has none (or one that is too long to be ours)."""
    value = request.cookies.get(_full(name))
    return value if value and len(value) <= 4096 else None


def put(response: AnyResponse, name: str, value: str, *, seconds: int | None = None) -> None:
    """Let the browser hold a value until it is closed, or so many seconds."""
    response.set_cookie(
        _full(name),
        value,
        max_age=seconds,
        path="/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def drop(response: AnyResponse, name: str) -> None:
    """Let the browser forget."""
    response.delete_cookie(
        _full(name), path="/", secure=request.is_secure, httponly=True, samesite="Lax"
    )


def _full(name: str) -> str:
    return f"__Host-{name}" if request.is_secure else name


class NoteCookies(SecureCookieSessionInterface):
    """Flask's own session, a signed cookie: only for what `flash` says on the next page, never for who one is."""

    def get_cookie_secure(self, app: object) -> bool:
        return request.is_secure
