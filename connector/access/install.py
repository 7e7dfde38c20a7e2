"""Puts sign-in before an application."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from connector.access.cookies import NoteCookies
from connector.access.csrf import Csrf
from connector.access.guard import Guard
from connector.access.pages import create_pages
from connector.access.person import person_or_none
from connector.bootstrap import Program
from connector.people.roles import Permission, Role


def install(app: Flask, program: Program) -> None:
    """Register the pages of sign-in and what stands before every other view."""
    proxies = program.config.access.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    csrf = Csrf(program.box.content_hash(b"forms") + program.box.content_hash(b"forms, too"))
    app.secret_key = program.box.content_hash(b"notes") + program.box.content_hash(b"notes, too")
    app.session_interface = NoteCookies()
    app.config["SESSION_COOKIE_NAME"] = "connector_notes"
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    guard = Guard(program, csrf)
    app.before_request(guard.before)
    app.after_request(guard.after)
    app.register_blueprint(create_pages(program, guard))
    app.jinja_env.globals["csrf_token"] = csrf.token
    app.context_processor(
        lambda: {"person": person_or_none(), "Role": Role, "Permission": Permission}
    )
