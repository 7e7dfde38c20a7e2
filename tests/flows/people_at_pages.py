"""People at the pages of a running connector."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from connector.console.app import create_console
from connector.people.roles import Role
from tests.flows.conftest import Build
from tests.flows.stage import Stage
from tests.unit.console.conftest import signed_in
from tests.unit.console.page import Page

HOSTILE = "<img src=x onerror=alert(1)>"


class Somebody:
    """A person at the pages."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def see(self, address: str, status: int = 200) -> Page:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.text[:3000]
        page = Page(answer.text)
        assert not page.crossed
        assert HOSTILE not in answer.text
        return page

    def send(self, address: str, **fields: object) -> TestResponse:
        found = re.search(r'name="csrf_token" value="(\w+)"', self.client.get("/inbox").text)
        assert found is not None
        return self.client.post(address, data={**fields, "csrf_token": found[1]})

    def sent(self, address: str, **fields: object) -> str:
        """Send a form, and read the page it leads to."""
        answer = self.send(address, **fields)
        assert answer.status_code == 303, answer.text[:3000]
        return self.see(answer.headers["Location"]).text


class House:
    """A stage with people at its pages."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.woken: list[str] = []
        stage.program.people.add(
            email="root@example.com",
            name="Root",
            role=Role.ADMIN,
            by="test",
            password="four words it is",
        )
        self.app = create_console(stage.program, self._wake)

    def _wake(self, key: str) -> bool:
        self.woken.append(key)
        return True

    def somebody(self, role: Role) -> Somebody:
        return Somebody(signed_in(self.app, self.stage.program, role))

    def record(self, source_id: str) -> int:
        with self.stage.read() as tx:
            return tx.records.by_source_id(source_id)[0].id

    def added(self, **fields: object) -> int:
        """A new invoice, pulled and decided: our number of it."""
        source_id = self.stage.add(**fields)
        self.stage.settle()
        return self.record(source_id)

    def actions(self) -> list[str]:
        with self.stage.read() as tx:
            assert not tx.audit.verify_chain()
            return [row.action for row in tx.audit.recent(1000)]


@pytest.fixture
def open_house(build: Build):
    def make(**options: object) -> House:
        stage = build(**options)
        text = stage.config_path.read_text("utf-8")
        cheap = "[access]\npassword_memory_mebibytes = 1\n\n"
        stage.config_path.write_text(cheap + text, "utf-8")
        return House(stage)

    return make
