"""Who may ask, and what every answer carries, until there is a sign-in: pages and API answer only when addressed by
this machine's own name, so that a proxy that lets the world reach /webhooks/ does not let it read invoices, and a page
of another site cannot reach them by a name of its own."""

from __future__ import annotations

from flask import Flask, Response, abort, request

OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
"""Headers by which a proxy shows itself: what comes through one is not this machine's own."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def install(app: Flask) -> None:
    """Guard every page of the application."""
    app.before_request(_own_name_only)
    app.after_request(_hardened)


def _is_ours() -> bool:
    return request.blueprint != "webhooks" and request.endpoint != "static"


def _own_name_only() -> None:
    if not _is_ours():
        return
    if any(name in request.headers for name in FORWARDING):
        abort(403)
    if request.host.rpartition(":")[0] not in OWN_NAMES and request.host not in OWN_NAMES:
        abort(403)


def _hardened(response: Response) -> Response:
    if request.blueprint != "webhooks":
        response.headers.update(HEADERS)
    if _is_ours():
        response.headers["Cache-Control"] = "no-store"
    return response
