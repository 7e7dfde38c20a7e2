"""The pages of sign-in: set-up, sign-in by password, link or provider, sign-out, and one's own account."""

from __future__ import annotations

import json
import logging
from typing import Any

from flask import (
    Blueprint,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response

from connector.access import cookies
from connector.access.csrf import SAFE_METHODS
from connector.access.guard import Guard, safe_next
from connector.access.person import current_person, person_or_none, public, require
from connector.access.provider import Begun, Provider
from connector.bootstrap import Program
from connector.errors import ConnectorError, RateLimited, Refused, Unavailable
from connector.people.roles import Role, permissions_of

log = logging.getLogger(__name__)

_KEPT = {"state", "nonce", "verifier", "next"}
Answer = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]
CALLBACK = "/sign-in/callback"


def create_pages(program: Program, guard: Guard) -> Blueprint:
    """The blueprint `access`."""
    pages = Blueprint("access", __name__, template_folder="templates")
    oidc = program.config.access.oidc
    provider = None if oidc is None else Provider(oidc, program.clock)
    _add_set_up(pages, program, guard)
    _add_sign_in(pages, program, provider)
    _add_link(pages, program)
    _add_account(pages, program)
    if provider is not None:
        _add_provider(pages, program, provider)
    return pages


def _add_set_up(pages: Blueprint, program: Program, guard: Guard) -> None:
    @pages.route("/set-up", methods=["GET", "POST"])
    @public
    def set_up() -> Answer:
        if guard.is_set_up():
            return redirect(url_for("access.sign_in"), 303)
        if request.method in SAFE_METHODS:
            return render_template("access/set_up.html", given={})
        form = request.form
        try:
            _check_repeated(form.get("password", ""), form.get("repeated", ""))
            token = program.sign_in.set_up(
                form.get("code", ""),
                email=form.get("email", ""),
                name=form.get("name", ""),
                password=form.get("password", ""),
                address=_address(),
            )
        except (Refused, RateLimited) as error:
            given = {name: form.get(name, "") for name in ("code", "email", "name")}
            return _again("access/set_up.html", error, given=given)
        return _signed_in(token, "/")


def _add_sign_in(pages: Blueprint, program: Program, provider: Provider | None) -> None:
    label = None if provider is None else provider.label

    def page(error: ConnectorError | None = None, **given: Any) -> Answer:
        if error is None:
            return render_template("access/sign_in.html", provider=label, **given)
        return _again("access/sign_in.html", error, provider=label, **given)

    @pages.route("/sign-in", methods=["GET", "POST"])
    @public
    def sign_in() -> Answer:
        wanted = safe_next(request.values.get("next")) or "/"
        if request.method in SAFE_METHODS:
            if person_or_none() is not None:
                return redirect(wanted, 303)
            return page(next=wanted, email="")
        email = request.form.get("email", "")
        try:
            token = program.sign_in.by_password(
                email, request.form.get("password", ""), address=_address()
            )
        except (Refused, RateLimited) as error:
            return page(error, next=wanted, email=email[:254])
        return _signed_in(token, wanted, program)

    @pages.post("/sign-out")
    @public
    def sign_out() -> Answer:
        held = g.get("session_token")
        if held is not None:
            program.sessions.end(held)
        response = redirect(url_for("access.sign_in"), 303)
        cookies.drop(response, cookies.SESSION)
        # What the browser kept of our pages is of no use to whoever sits down next.
        response.headers["Clear-Site-Data"] = '"cache"'
        return response


def _add_link(pages: Blueprint, program: Program) -> None:
    @pages.route("/sign-in/link/<code>", methods=["GET", "POST"])
    @public
    def link(code: str) -> Answer:
        # A page with a button: what merely looks at addresses must not use the link up.
        if request.method in SAFE_METHODS:
            return render_template("access/link.html", code=code)
        try:
            token = program.sign_in.by_link(code, address=_address())
        except (Refused, RateLimited) as error:
            return _again("access/link.html", error, code=None)
        return _signed_in(token, "/", program)


def _add_provider(pages: Blueprint, program: Program, provider: Provider) -> None:
    label = provider.label

    def refused(error: ConnectorError) -> Answer:
        return _again("access/sign_in.html", error, provider=label, next="/", email="")

    @pages.get("/sign-in/provider", endpoint="provider")
    @public
    def begin() -> Answer:
        try:
            begun = provider.begin(_callback(program))
        except ConnectorError as error:
            return refused(_unavailable(error))
        kept = {
            "state": begun.state,
            "nonce": begun.nonce,
            "verifier": begun.verifier,
            "next": safe_next(request.args.get("next")) or "/",
        }
        response = redirect(begun.url, 303)
        sealed = program.box.encrypt(json.dumps(kept).encode()).hex()
        cookies.put(response, cookies.PROVIDER, sealed, seconds=cookies.PROVIDER_SECONDS)
        return response

    @pages.get(CALLBACK)
    @public
    def callback() -> Answer:
        kept = _kept(program)
        try:
            if kept is None:
                raise Refused(
                    "This sign-in took too long, or was begun in another browser.",
                    remedy="Begin anew.",
                )
            begun = Begun("", kept["state"], kept["nonce"], kept["verifier"])
            identity = provider.finish(request.args, begun, _callback(program))
            token = program.sign_in.by_identity(identity, address=_address())
        except (Refused, RateLimited) as error:
            answer = refused(error)
        except ConnectorError as error:
            answer = refused(_unavailable(error))
        else:
            answer = _signed_in(token, kept["next"], program)
        response = make_response(answer)
        cookies.drop(response, cookies.PROVIDER)
        return response


def _add_account(pages: Blueprint, program: Program) -> None:
    def page(error: ConnectorError | None = None) -> Answer:
        person = current_person()
        shown = {
            "permissions": permissions_of(person.role),
            "sessions": [] if person.id is None else program.sessions.of(person.id),
            "has_password": person.id is not None
            and program.people.get(person.id).password_hash is not None,
        }
        if error is None:
            return render_template("access/account.html", **shown)
        return _again("access/account.html", error, **shown)

    @pages.get("/account")
    @require(Role.VIEWER)
    def account() -> Answer:
        return page()

    @pages.post("/account/password")
    @require(Role.VIEWER)
    def change_password() -> Answer:
        person = current_person()
        if person.id is None:
            raise Refused("Only people have passwords.")
        form = request.form
        try:
            _check_repeated(form.get("password", ""), form.get("repeated", ""))
            program.people.change_own_password(
                person.id,
                form.get("old", ""),
                form.get("password", ""),
                address=_address(),
                session_id=person.session_id,
            )
        except (Refused, RateLimited) as error:
            return page(error)
        flash("Your password is changed. Other sessions of yours have ended.", "good")
        return redirect(url_for("access.account"), 303)

    @pages.post("/account/sessions/end")
    @require(Role.VIEWER)
    def end_sessions() -> Answer:
        person = current_person()
        if person.id is not None:
            program.sessions.end_all(person.id, but=person.session_id)
        flash("Your other sessions have ended.", "good")
        return redirect(url_for("access.account"), 303)


# -- what they share --------------------------------------------------------------------------------------------------


def _signed_in(token: str, wanted: str, program: Program | None = None) -> Response:
    """On to the page that was wanted, with a new session; the one the browser had before ends."""
    held = g.get("session_token")
    if held is not None and program is not None:
        program.sessions.end(held)
    response = redirect(wanted, 303)
    cookies.put(response, cookies.SESSION, token)
    cookies.drop(response, cookies.VISIT)
    return response


def _again(template: str, error: ConnectorError, **given: Any) -> Answer:
    """The page once more, with what was wrong."""
    page = render_template(template, error=error, **given)
    if isinstance(error, RateLimited):
        return page, 429, {"Retry-After": str(int(error.retry_after_seconds or 1))}
    return page, 503 if isinstance(error, Unavailable) else 422


def _unavailable(error: ConnectorError) -> Unavailable:
    """What a person is told when the provider cannot be used; the log has the rest."""
    log.warning("access.provider_unusable error=%s", error)
    return Unavailable(
        "The provider cannot be used at the moment.",
        remedy="Try again later, or sign in with a password.",
    )


def _check_repeated(password: str, repeated: str) -> None:
    if password != repeated:
        raise Refused("The two passwords are not the same.", remedy="Type the new one twice.")


def _address() -> str:
    return request.remote_addr or "unknown"


def _callback(program: Program) -> str:
    public_url = program.config.server.public_url
    return f"{public_url or request.host_url.rstrip('/')}{CALLBACK}"


def _kept(program: Program) -> dict[str, str] | None:
    """What this browser was given when the sign-in began, None where it was given nothing."""
    sealed = cookies.read(cookies.PROVIDER)
    try:
        kept = json.loads(program.box.decrypt(bytes.fromhex(sealed or "")))
    except (ConnectorError, ValueError):
        return None
    return kept if isinstance(kept, dict) and kept.keys() >= _KEPT else None
