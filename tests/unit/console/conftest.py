"""A console over a store with a life in it: made once, read by every test; nothing here changes it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from connector.access import cookies
from connector.bootstrap import Program, read_config
from connector.console.app import create_console
from connector.people.roles import Role
from tests.fakes import START, FakeClock
from tests.flows.stage import Stage
from tests.unit.console.page import Page

HOSTILE = "<script>alert('x')</script>&\"'"
ACCOUNT_NUMBER = "998877665544"
MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def lived() -> Iterator[Path]:
    """The configuration file of a program whose store holds a few lives: financed, held, excluded, changed, hostile."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="console-", dir=place) as directory:
        stage = Stage(Path(directory), flow={"buyer_limits": "ignore"})
        try:
            stage.add(invoice_number="PLAIN-1", amount_cents=100_001)
            stage.add(invoice_number=HOSTILE, note=HOSTILE, amount_cents=250_000)
            stage.add(invoice_number="=1+2", amount_cents=3_333)
            stage.add(invoice_number="SECRET-4", amount_cents=4_444, account_number=ACCOUNT_NUMBER)
            paid = stage.add(invoice_number="PAID-5", amount_cents=5_555)
            changed = stage.add(invoice_number="CHANGED-6", amount_cents=6_666)
            stage.advance_source(paid, "complete")
            stage.fault("POST /v1/invoices", "status_500", times=1)
            stage.settle()
            stage.complete_sessions()
            stage.settle()
            stage.change(changed, amount_cents=7_777)
            stage.pull(full_walk=True)
            stage.settle()
            config = stage.config_path
        finally:
            stage.close()
        yield config


@pytest.fixture(scope="session")
def program(lived: Path) -> Iterator[Program]:
    opened = Program(read_config(lived, {}), clock=FakeClock(START + timedelta(minutes=12)))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def app(program: Program) -> Flask:
    return create_console(program, lambda _: True)


def signed_in(app: Flask, program: Program, role: Role) -> FlaskClient:
    """A browser of somebody of that role."""
    client = app.test_client()
    email = f"{role.value}@example.com"
    people = program.people
    if all(person.email != email for person in people.list()):
        people.add(
            email=email, name="Ana Ng", role=role, by="test", password="four words nobody knows"
        )
    with program.database.write() as tx:
        token = program.sessions.begin(
            tx, people.by_email(email).id, via="password", address="127.0.0.1"
        )
    client.set_cookie(cookies.SESSION, token)
    return client


@pytest.fixture(scope="session")
def client(app: Flask, program: Program) -> FlaskClient:
    """An admin's browser."""
    return signed_in(app, program, Role.ADMIN)


class Reader:
    """Reads pages."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def __call__(self, address: str, status: int = 200) -> Page:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.text[:2000]
        return Page(answer.text)


@pytest.fixture(scope="session")
def page(client: FlaskClient) -> Reader:
    return Reader(client)
