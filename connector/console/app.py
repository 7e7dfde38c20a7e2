"""The Flask application with the pages, the API and (registered by the service) the webhook doorway."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from connector import access, api
from connector.bootstrap import Program
from connector.console import formatting, here, interrupted, navigation, pages, queries, tables
from connector.errors import ConnectorError, NotFound, Refused

THEMES = ("light", "dark")
_THEME_SECONDS = 365 * 86_400
_STATIC = Path(__file__).parent / "static"


def create_console(
    program: Program, wake: Callable[[str], bool], reload: Callable[[], bool] = lambda: False
) -> Flask:
    """The application. `wake` runs a task now, by key; `reload` takes up a changed configuration soon."""
    app = Flask("connector.console", template_folder="templates", static_folder="static")
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
    here.place(app, here.Console(program, wake, reload))
    access.install(app, program)
    formatting.install(app)
    tables.install(app)
    app.jinja_env.globals.update(
        navigation=navigation.entries,
        theme=_chosen_theme,
        asset=asset,
        here_path=lambda: request.full_path.rstrip("?"),
        url_with=queries.url_with,
    )
    app.add_url_rule("/theme/<name>", "theme", _theme)
    for blueprint in pages.blueprints():
        app.register_blueprint(blueprint)
    api.install(app, program, wake, reload)
    app.register_error_handler(ConnectorError, _failed)
    app.register_error_handler(HTTPException, _refused)
    return app


def _chosen_theme() -> str | None:
    theme = request.cookies.get("theme")
    return theme if theme in THEMES else None


def asset(name: str) -> str:
    """The address of a file of ours, which changes with its content so that a browser may keep it."""
    return url_for("static", filename=name, v=_fingerprint(name))


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:10]


@access.public
def _theme(name: str) -> Any:
    """Keep a person's choice of colours in a cookie, and go back. It says nothing about the person."""
    back = request.args.get("back", "/")
    parts = urlsplit(back)
    if parts.scheme or parts.netloc or not back.startswith("/") or back.startswith(("//", "/\\")):
        back = "/"
    answer = redirect(back)
    if name in THEMES:
        answer.set_cookie(
            "theme",
            name,
            max_age=_THEME_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure,
        )
    else:
        answer.delete_cookie("theme")
    return answer


def _failed(error: ConnectorError) -> tuple[str, int]:
    code = 404 if isinstance(error, NotFound) else 422 if isinstance(error, Refused) else 503
    title = "There is no such thing" if code == 404 else "That is not possible"
    back = interrupted.form_page()
    return render_template("error.html", title=title, sentence=str(error), back=back), code


_SENTENCES = {
    403: "This page is not open to you from here.",
    404: "There is no page at this address. It may have been moved, or the address was cut off.",
    405: "This address does not take that kind of request.",
}


def _refused(error: HTTPException) -> Any:
    """An HTTP refusal as a page; the doorway and the API have answers of their own."""
    code = error.code or 500
    if error.response is not None or request.path.startswith(("/api/", "/webhooks/")):
        return error
    ours = error.description if error.description != type(error).description else None
    sentence = ours or _SENTENCES.get(code) or error.description or "Something went wrong here."
    if code == 401 and request.method == "POST":
        return render_template(
            "session_ended.html",
            sign_in=interrupted.sign_in_again(),
            written=interrupted.written(),
        ), code
    back = interrupted.form_page()
    return render_template("error.html", title=error.name, sentence=sentence, back=back), code
