"""An admin's browser on a program of its own, whose platforms nobody answers for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask.testing import FlaskClient

from connector.bootstrap import Program, read_config
from connector.console.app import create_console
from connector.people.roles import Role
from tests.fakes import START, FakeClock
from tests.flows.configuration import write_config
from tests.unit.console.conftest import signed_in
from tests.unit.console.page import Page


class Desk:
    """An admin's browser on a program of its own."""

    def __init__(self, program: Program, role: Role = Role.ADMIN) -> None:
        self.program = program
        self.woken: list[str] = []
        self.app = create_console(program, self._wake)
        self.client: FlaskClient = signed_in(self.app, program, role)

    def _wake(self, key: str) -> bool:
        self.woken.append(key)
        return True

    def get(self, address: str, status: int = 200) -> Page:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.text[:2000]
        return Page(answer.text)

    def send(self, address: str, status: int = 303, **fields: str) -> Page:
        start = Page(self.client.get("/account").text)
        token = next(
            e.attributes["value"]
            for e in start.all("input")
            if e.attributes.get("name") == "csrf_token"
        )
        answer = self.client.post(address, data={**fields, "csrf_token": token})
        assert answer.status_code == status, answer.text[:2000]
        return Page(answer.text)

    def actions(self) -> list[str]:
        with self.program.database.read() as tx:
            return [row.action for row in tx.audit.recent(100)[::-1]]


@contextmanager
def desk_in(directory: Path, template: Path, *, flow: bool = True) -> Iterator[Desk]:
    """`template`: a store to begin with; without `flow`, its connection leads nowhere."""
    shutil.copy(template, directory / "connector.db")
    path = write_config(
        directory,
        "signing-secret-of-a-test-0000000001",
        books={"system": "finexio", "base_url": "https://books.example.com"},
        bank={"base_url": "https://bank.example.com"},
        flow={"document": "render"},
    )
    text = path.read_text("utf-8").replace(
        "[encryption]", "[access]\npassword_memory_mebibytes = 1\n[encryption]"
    )
    path.write_text(text if flow else text.partition("[[flows]]")[0], "utf-8")
    program = Program(read_config(path, {}), clock=FakeClock(START))
    yield Desk(program)
    program.close()
