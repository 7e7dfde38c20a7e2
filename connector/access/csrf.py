"""Forms carry a token that only this server can have put into them (cross-site request forgery).

The token is an HMAC of the session's own cookie (before sign-in: of a visit cookie), the "signed double submit" of the
OWASP cheat sheet. Nothing is stored, a token is worth nothing in another session, and it changes at sign-in. Beside it
the browser's own word is heard: `Sec-Fetch-Site` and `Origin` must not name another site.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from flask import g, request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from connector.access import cookies
from connector.people.random_texts import new_token

FIELD, HEADER = "csrf_token", "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Csrf:
    """Makes tokens and checks them. `key` is this server's own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self) -> str:
        """The token for forms of this answer."""
        held = g.get("session_token")
        if held is not None:
            return self.of_session(held)
        visit = g.get("visit") or cookies.read(cookies.VISIT)
        if visit is None:
            visit = new_token()
            g.new_visit = visit
        g.visit = visit
        return self._of("visit", visit)

    def of_session(self, session_token: str) -> str:
        """The token for forms of a session."""
        return self._of("session", session_token)

    def check(self) -> None:
        """Raise Forbidden where a request that changes something does not come from a page of ours."""
        if request.method in SAFE_METHODS:
            return
        self._check_site()
        held = g.get("session_token")
        visit = cookies.read(cookies.VISIT)
        if held is not None:
            wanted = self.of_session(held)
        elif visit is not None:
            wanted = self._of("visit", visit)
        else:
            wanted = None
        given = request.headers.get(HEADER) or request.form.get(FIELD) or ""
        if wanted is None or not hmac.compare_digest(wanted.encode(), given.encode()):
            raise Forbidden(
                "This form is out of date, or did not come from here. Load the page again, and send it once more."
            )

    def keep_visit(self, response: Response) -> None:
        """Let the browser hold the visit that a form of this answer is tied to."""
        visit = g.get("new_visit")
        if visit is not None:
            cookies.put(response, cookies.VISIT, visit)

    def _check_site(self) -> None:
        site = request.headers.get("Sec-Fetch-Site")
        origin = request.headers.get("Origin")
        foreign = site not in (None, "same-origin", "none")
        if origin is not None and urlsplit(origin).netloc != request.host:
            foreign = True
        if foreign:
            raise Forbidden("This request was made by a page of another site.")

    def _of(self, kind: str, held: str) -> str:
        return hmac.new(self._key, f"{kind}:{held}".encode(), sha256).hexdigest()
