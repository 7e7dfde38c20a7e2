"""What stands before every view: the name the server was called by, who is asking, whether they may.

Denied unless declared: a view without a need takes any signed-in person, and only to look. One that changes something
without saying who may is refused for everybody.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from flask import Flask, current_app, g, redirect, request, url_for
from werkzeug.exceptions import BadRequest, Forbidden, ServiceUnavailable, Unauthorized
from werkzeug.wrappers import Response

from connector.access import cookies
from connector.access.csrf import SAFE_METHODS, Csrf
from connector.access.person import NEED, PUBLIC, Person, person_or_none
from connector.bootstrap import Program
from connector.config.model import Config
from connector.people.local_calls import SCHEME as LOCAL_SCHEME
from connector.people.local_calls import LocalCalls
from connector.people.roles import Role

log = logging.getLogger(__name__)

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: browsers then send `Origin: null` with our own forms, which the check of forms must refuse.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
STRICT_TRANSPORT = "max-age=31536000"


class Guard:
    """Stands before every request."""

    def __init__(self, program: Program, csrf: Csrf) -> None:
        self._program = program
        self._csrf = csrf
        self._names = host_names(program.config)
        self._local_calls = LocalCalls(program.box, program.clock)
        self._is_set_up = False
        self._told_of_proxy = False

    def before(self) -> Response | None:
        """Let the request through (None), or send the person somewhere else. Raises what werkzeug calls errors."""
        if request.blueprint == "webhooks":
            return None  # proven by signatures of their own; no cookie means anything there
        self._check_name()
        if request.endpoint is not None and request.endpoint.rpartition(".")[2] == "static":
            return None
        g.person = self._who()
        if request.endpoint is None:
            return None  # there is no such page; whoever is signed in is shown that with their navigation
        need = getattr(current_app.view_functions[request.endpoint], NEED, None)
        if not self.is_set_up():
            if request.endpoint != "access.set_up":
                return _to_set_up()
            self._csrf.check()
            return None
        person = person_or_none()
        if person is None and need != PUBLIC:
            return _to_sign_in()
        if person is None or person.session_id is not None:
            self._csrf.check()
        if need == PUBLIC or person is None:
            return None
        if person.must_change_password and request.blueprint != "access":
            if is_api():
                raise Forbidden("Change your password on your account page first.")
            return redirect(url_for("access.account"), 303)
        if need is None and request.method not in SAFE_METHODS:
            log.error("access.undeclared endpoint=%s", request.endpoint)
            raise Forbidden("Nobody may do this: the page does not say who may.")
        return None

    def after(self, response: Response) -> Response:
        """Harden the answer."""
        if request.blueprint == "webhooks":
            return response
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.endpoint is None or not request.endpoint.endswith("static"):
            response.headers.setdefault("Cache-Control", "no-store")
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
        self._csrf.keep_visit(response)
        return response

    def is_set_up(self) -> bool:
        """Whether a first admin exists. Once there is one there always is: the last one cannot be taken away."""
        if not self._is_set_up:
            self._is_set_up = self._program.people.has_admin()
        return self._is_set_up

    def _check_name(self) -> None:
        if host_of(request.host) not in self._names:
            raise BadRequest(
                "This server is not called by that name. Use one it knows, or add the name to access.host_names."
            )
        forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        if (
            forwarded
            and not self._program.config.access.trusted_proxies
            and not self._told_of_proxy
        ):
            self._told_of_proxy = True
            log.warning(
                "access.untrusted_proxy: requests come through a proxy, and access.trusted_proxies is 0: everybody "
                "is seen with the proxy's address."
            )

    def _who(self) -> Person | None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme and is_api():
            # No falling back: a program with an ended token must not act as whoever's browser it borrowed.
            return self._program_calling(scheme, given.strip())
        held = cookies.read(cookies.SESSION)
        resumed = None if held is None else self._program.sessions.resume(held)
        if held is None or resumed is None:
            return None
        g.session_token = held
        person = resumed.person
        return Person(
            id=person.id,
            name=person.name,
            email=person.email,
            role=Role(person.role),
            csrf=self._csrf.of_session(held),
            actor=f"person:{person.email}",
            session_id=resumed.session.id,
            must_change_password=person.must_change_password,
        )

    def _program_calling(self, scheme: str, given: str) -> Person:
        if scheme.lower() == LOCAL_SCHEME and self._local_calls.check(given):
            return Person(None, "command line", None, Role.OPERATOR, "", "operator:command line")
        row = self._program.tokens.check(given) if scheme.lower() == "bearer" else None
        if row is None:
            raise Unauthorized("The API token is unknown, has ended or was revoked.")
        return Person(None, row.name, None, Role(row.role), "", f"token:{row.prefix}")


def is_api() -> bool:
    """Whether a program is asking, which cannot be sent to a page."""
    return request.path.startswith("/api/")


def host_of(netloc: str) -> str:
    """A host without its port, in lower case."""
    host, _, port = netloc.rpartition(":")
    bare = host if host and port.isdecimal() and not netloc.endswith("]") else netloc
    return bare.lower().rstrip(".")


def host_names(config: Config) -> frozenset[str]:
    """What this server may be called."""
    names: list[str] = [*LOOPBACK_NAMES, *config.access.host_names]
    listens = config.server.host
    if listens not in EVERYWHERE:
        names.append(f"[{listens}]" if ":" in listens else listens)
    if config.server.public_url:
        names.append(host_of(config.server.public_url.partition("://")[2].partition("/")[0]))
    return frozenset(name.lower() for name in names)


def safe_next(path: str | None) -> str | None:
    """A path of ours to go on to, or None: never another site, however it is spelt."""
    if not path or len(path) > 2000 or not path.startswith("/") or not path.isprintable():
        return None
    return None if path[1:2] in ("/", "\\") or "\\" in path else path


def _to_set_up() -> Response:
    if is_api():
        raise ServiceUnavailable("The connector is not set up yet: it has no admin. Open /set-up.")
    return redirect(url_for("access.set_up"), 303)


def _to_sign_in() -> Response:
    if is_api():
        raise Unauthorized("Give an API token: Authorization: Bearer ifc_…")
    if request.method not in SAFE_METHODS:
        raise Unauthorized("Your session has ended. Sign in, and send the form once more.")
    wanted = request.full_path.rstrip("?")
    return redirect(url_for("access.sign_in", next=None if wanted == "/" else wanted), 303)


def declared(app: Flask) -> Iterable[tuple[str, Any]]:
    """Every endpoint and what it asks for (None: nothing is declared)."""
    return ((name, getattr(view, NEED, None)) for name, view in app.view_functions.items())
