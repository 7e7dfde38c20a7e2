"""A form that was sent and not taken: where it stands, and what was written into it, so that nothing is written twice."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from flask import current_app, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from connector.access.csrf import SAFE_METHODS
from connector.access.guard import safe_next

TEXTS = {"text": "The document", "reason": "Why", "note": "Why"}
"""The fields that people write into at length, by name. No other is repeated: it may hold a secret."""
MOST_BYTES = 400_000


def form_page() -> str | None:
    """The path of the page whose form was sent, by the browser's word: one of ours that can be looked at, or None."""
    if request.method in SAFE_METHODS or not request.referrer:
        return None
    try:
        parts = urlsplit(request.referrer)
        routes = current_app.create_url_adapter(request)
        if routes is None or parts.netloc != request.host:
            return None
        routes.match(unquote(parts.path), method="GET")
    except (ValueError, HTTPException, RequestRedirect):
        return None
    return safe_next(parts.path + (f"?{parts.query}" if parts.query else ""))


def sign_in_again() -> str:
    """The address at which to sign in, which leads back to the form."""
    return url_for("access.sign_in", next=form_page())


def written() -> dict[str, str]:
    """What was written into the form of a page of ours, by what the field is called."""
    size = request.content_length
    if form_page() is None or size is None or size > MOST_BYTES:
        return {}
    return {TEXTS[name]: text for name in TEXTS if (text := request.form.get(name, "").strip())}
