"""A program with sign-in and API before it, on a store of its own, and browsers that speak to it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache, DictLoader
from jinja2.bccache import Bucket
from marshmallow import Schema
from werkzeug.test import TestResponse

from connector import access, api
from connector.bootstrap import Program
from connector.config.load import load_config
from connector.config.model import Config
from connector.feed.signing import new_secret
from connector.people.roles import Permission, Role
from connector.secrets import new_key
from tests.fakes import FakeClock
from tests.unit.access.fake_provider import CLIENT_SECRET

BASE = """<!doctype html><html lang="en"><head><title>{% block title %}{% endblock %}</title></head><body>
{% if person %}<p id="who">{{ person.name }} ({{ person.role }})</p>{% endif %}
{% for message in get_flashed_messages() %}<p>{{ message }}</p>{% endfor %}
{% block main %}{% endblock %}</body></html>"""
PASSWORD = "four words nobody knows"
HTTPS = "https://connector.example.com"
CONFIG = """
[store]
url = "sqlite:///{store}"
[encryption]
key = {{ file = "key" }}
[access]
password_memory_mebibytes = 1
"""
_FIELD = re.compile(r'name="csrf_token" value="([0-9a-f]{64})"')


class _Compiled(BytecodeCache):
    """Templates are compiled once for all tests."""

    kept: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


class House:
    """One application, with the API or (cheaper) without."""

    def __init__(self, program: Program, *, with_api: bool = True) -> None:
        self.program = program
        self.woken: list[str] = []
        self.app = Flask("house")
        self.app.jinja_loader = DictLoader({"base.html": BASE})
        self.app.jinja_env.bytecode_cache = _Compiled()
        access.install(self.app, program)
        if with_api:
            api.install(self.app, program, self._wake)
        self._add_pages()

    def _wake(self, key: str) -> bool:
        self.woken.append(key)
        return key.startswith("pull:")

    def _add_pages(self) -> None:
        @self.app.get("/")
        def today() -> str:
            return f"today of {access.current_person().name}"

        @self.app.post("/change")
        @access.require(Permission.RECORDS_CORRECT)
        def change() -> str:
            return f"changed by {access.current_person().actor}"

        @self.app.post("/undeclared")
        def undeclared() -> str:
            return "changed by anybody"

        @self.app.post("/webhooks/x", endpoint="webhooks.receive")
        def receive() -> str:
            return "stored"

    # -- people -------------------------------------------------------------------------------------------------------

    def add(self, email: str, role: Role = Role.VIEWER, password: str = PASSWORD) -> int:
        """A person who may sign in at once."""
        people = self.program.people
        people.add(
            email=email,
            name=email.partition("@")[0].title(),
            role=role,
            by="test",
            password=password,
        )
        return people.by_email(email).id

    def browser(self, role: Role | None = None, **options: Any) -> Browser:
        """A browser, signed in as somebody of that role."""
        browser = Browser(self.app, **options)
        if role is not None:
            email = f"{role.value}@example.com"
            if all(person.email != email for person in self.program.people.list()):
                self.add(email, role)
            assert browser.sign_in(email).status_code == 303
        return browser

    def token(self, role: Role, **options: Any) -> str:
        """The text of an API token."""
        given = {"name": f"a {role.value}", "expires_in_days": 30, "by": "test", **options}
        return self.program.tokens.new(role=role, **given).text

    def actions(self) -> list[tuple[str, str, str]]:
        """Actor, action and subject of the audit log, oldest first."""
        with self.program.database.read() as tx:
            assert not tx.audit.verify_chain()
            return [(row.actor, row.action, row.subject) for row in tx.audit.recent(1000)[::-1]]


class Browser:
    """A browser: keeps cookies, and sends forms as a page of ours has them."""

    def __init__(self, app: Flask, base_url: str = "http://localhost", address: str = "127.0.0.1"):
        self.client: FlaskClient = app.test_client()
        self.options: dict[str, Any] = {
            "base_url": base_url,
            "environ_base": {"REMOTE_ADDR": address},
        }

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **{**self.options, **more})

    def post(self, path: str, **more: Any) -> TestResponse:
        return self.client.post(path, **{**self.options, **more})

    def send(self, page: str, action: str | None = None, **fields: str) -> TestResponse:
        """Look at a page, and send its form."""
        token = self.csrf(page)
        return self.post(action or page, data={**fields, "csrf_token": token})

    def csrf(self, page: str) -> str:
        found = _FIELD.search(unescape(self.get(page).text))
        assert found is not None, f"{page} has no form"
        return found[1]

    def sign_in(self, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
        return self.send("/sign-in", email=email, password=password, **more)

    def cookie(self, name: str) -> str | None:
        """The value of a cookie of ours."""
        for prefix in ("", "__Host-"):
            found = self.client.get_cookie(
                f"{prefix}{name}", "localhost"
            ) or self.client.get_cookie(f"{prefix}{name}", "connector.example.com")
            if found is not None:
                return found.value
        return None

    def is_signed_in(self) -> bool:
        return self.get("/").status_code == 200


def make_program(directory: Path, clock: FakeClock, more: str = "", **store: Any) -> Program:
    """A program on an SQLite file, with cheap password hashes."""
    for name, text in (("key", new_key()), ("client", CLIENT_SECRET), ("feed", new_secret())):
        file = directory / name
        file.write_text(text, "utf-8")
        file.chmod(0o600)
    path = directory / "connector.toml"
    path.write_text(CONFIG.format(store=store.get("store", "connector.db")) + more, "utf-8")
    return Program(configuration(path), clock=clock)


def configuration(path: Path) -> Config:
    """The configuration, for one made-up accounting system and one financing platform."""
    return load_config(path, {}, systems={"ledger": Schema}, financiers={"bank": Schema})
