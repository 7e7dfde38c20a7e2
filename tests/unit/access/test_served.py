"""A real server, real sockets, and the commands of the same machine."""

from __future__ import annotations

import http.client
import io
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from waitress import create_server, wasyncore
from waitress.server import BaseWSGIServer

from connector.bootstrap import Program
from connector.cli.calling import wake_running
from connector.cli.main import main
from connector.cli.people import let_demo_in, tell_how_to_begin
from connector.people.roles import Role
from connector.store.people import PersonRow
from tests.unit.access.conftest import Build
from tests.unit.access.house import PASSWORD, House, configuration
from webhooks.endpoints import Endpoints
from webhooks.serving import server_options


@pytest.fixture
def served(build: Build) -> Iterator[tuple[House, int]]:
    """A house behind waitress, as the service starts it, and its port."""
    house = build("trusted_proxies = 1", with_api=True)
    sockets: dict[int, Any] = {}
    server = create_server(
        house.app, map=sockets, host="127.0.0.1", port=0, **server_options(Endpoints([]))
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield house, server.effective_port
    server.task_dispatcher.shutdown(cancel_pending=True, timeout=5)
    trigger = next(s for s in sockets.values() if isinstance(s, BaseWSGIServer)).trigger
    trigger.pull_trigger(lambda: wasyncore.close_all(sockets))
    thread.join(timeout=5)


def ask(port: int, method: str, path: str, body: str | None = None, **headers: str) -> Any:
    """Status, headers and text of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def cookies_of(headers: Any) -> dict[str, str]:
    return dict(
        cookie.partition(";")[0].split("=", 1) for cookie in headers.get_all("Set-Cookie", [])
    )


def test_a_person_signs_in_through_a_proxy_with_tls(served: tuple[House, int]) -> None:
    house, port = served
    proxied = {
        "X-Forwarded-For": "203.0.113.5",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "localhost",
    }
    status, headers, page = ask(port, "GET", "/sign-in", **proxied)
    assert status == 200
    assert headers["Strict-Transport-Security"]
    visit = cookies_of(headers)
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    form = urlencode({"email": "admin@example.com", "password": PASSWORD, "csrf_token": token})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    carried = "; ".join(f"{name}={value}" for name, value in visit.items())
    status, headers, _ = ask(port, "POST", "/sign-in", form, **proxied, **kind, Cookie=carried)
    assert (status, headers["Location"]) == (303, "/")
    session = cookies_of(headers)["__Host-connector_session"]
    cookie = f"__Host-connector_session={session}"
    assert ask(port, "GET", "/", **proxied, Cookie=cookie)[0] == 200
    # the same cookie over plain http is not looked at
    assert ask(port, "GET", "/", Cookie=cookie)[0] == 303
    person = house.program.people.by_email("admin@example.com")
    assert [row.address for row in house.program.sessions.of(person.id)] == ["203.0.113.5"]


def test_a_rebound_name_and_a_stranger_get_nothing(served: tuple[House, int]) -> None:
    _, port = served
    assert ask(port, "GET", "/", Host="evil.example")[0] == 400
    assert ask(port, "GET", "/", **{"X-Forwarded-Host": "evil.example"})[0] == 400
    assert ask(port, "GET", "/api/v1/status")[0] == 401
    assert ask(port, "POST", "/sign-in", "x" * 100)[0] == 403


def test_a_command_reaches_the_running_connector(served: tuple[House, int]) -> None:
    house, port = served
    program = house.program
    program.config = replace(program.config, server=replace(program.config.server, port=port))
    assert wake_running(program, "pull:books")
    assert house.woken == ["pull:books"]


# -- commands -----------------------------------------------------------------------------------------------------------


class Office:
    """Runs commands on the configuration of a house."""

    def __init__(self, house: House, capsys: pytest.CaptureFixture[str]) -> None:
        self.house = house
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        path = str(self.house.program.config.path)
        self._capsys.readouterr()
        code = 0
        try:
            main(["--config", path, *arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def person(self, email: str) -> PersonRow:
        return self.house.program.people.by_email(email)


@pytest.fixture
def office(
    build: Build, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Office:
    commands = sys.modules["connector.cli.main"]  # the package has a function of that name
    monkeypatch.setattr(commands, "read_config", configuration)
    monkeypatch.setattr(commands, "configure_logs", lambda *_: None)
    monkeypatch.setenv("COLUMNS", "200")
    return Office(build(), capsys)


def test_a_person_is_added_and_comes_in(office: Office) -> None:
    code, out, err = office("user", "add", "bo@example.com", "--role", "operator")
    assert code == 0 and "must be changed" in err
    browser = office.house.browser()
    assert browser.sign_in("bo@example.com", out.strip()).status_code == 303
    assert office.person("bo@example.com").must_change_password
    assert office.house.actions()[-2][0].startswith("operator:")
    code, _, err = office("user", "add", "bo@example.com")
    assert code == 6 and "already" in err


def test_a_password_is_given_on_standard_input(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("another good phrase\n"))
    assert office("user", "add", "bo@example.com", "--password-stdin")[0] == 0
    assert (
        office.house.browser().sign_in("bo@example.com", "another good phrase").status_code == 303
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("tiny\n"))
    code, _, err = office("user", "set-password", "bo@example.com", "--password-stdin")
    assert code == 6 and "too short" in err and "tiny" not in err
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert office("user", "set-password", "bo@example.com", "--password-stdin")[0] == 3
    monkeypatch.setattr("sys.stdin", io.StringIO("yet another phrase\n"))
    assert office("user", "set-password", "bo@example.com", "--password-stdin")[0] == 0


def test_people_are_listed_disabled_and_given_roles(office: Office) -> None:
    office("user", "add", "bo@example.com")
    assert office("user", "set-role", "bo@example.com", "approver")[0] == 0
    assert office("user", "disable", "bo@example.com")[0] == 0
    assert (office.person("bo@example.com").role, office.person("bo@example.com").state) == (
        "approver",
        "disabled",
    )
    assert office("user", "disable", "bo@example.com", "--undo")[0] == 0
    code, out, _ = office("user", "list")
    assert code == 0 and "approver" in out and "admin@example.com" in out
    assert '"signs_in_by": "password"' in office("user", "list", "--json")[1]
    code, _, err = office("user", "disable", "admin@example.com")
    assert code == 6 and "only active admin" in err
    code, _, err = office("user", "set-role", "nobody@example.com", "viewer")
    assert code == 6 and "Nobody has" in err
    code, out, _ = office("user", "set-password", "bo@example.com")
    assert code == 0 and len(out.strip()) == 23


def test_tokens_are_made_listed_and_revoked(office: Office) -> None:
    code, out, err = office("token", "new", "etl", "--role", "operator", "--days", "7")
    text = out.strip()
    assert code == 0 and "not shown again" in err
    row = office.house.program.tokens.check(text)
    assert row is not None and row.role == "operator"
    listed = office("token", "list")[1]
    assert text[:12] in listed and text not in listed
    assert text not in office("token", "list", "--json")[1]
    assert office("token", "revoke", str(row.id))[0] == 0
    assert office.house.program.tokens.check(text) is None
    assert office("token", "revoke", "999")[0] == 6
    assert office("token", "new", "bi", "--without-end")[0] == 0
    assert office.house.program.tokens.list()[0].expires_at is None


def test_the_set_up_code_is_printed_until_there_is_an_admin(
    build: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    house = build(admin=False)
    tell_how_to_begin(house.program, "http://127.0.0.1:8750/")
    told = capsys.readouterr().err
    assert "http://127.0.0.1:8750/set-up" in told
    code = next(line.strip() for line in told.splitlines() if line.startswith("    "))
    given = {"name": "Ana", "email": "a@b.example", "password": PASSWORD, "repeated": PASSWORD}
    assert house.browser().send("/set-up", code=code, **given).status_code == 303
    tell_how_to_begin(house.program, "http://127.0.0.1:8750/")
    assert capsys.readouterr().err == ""


def test_the_demo_lets_in_by_link_and_by_password(
    build: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    house = build(admin=False)
    for _ in range(2):  # a demo that is continued has its admin already
        let_demo_in(house.program, "http://localhost/")
        told = capsys.readouterr().err
        link = next(line.strip() for line in told.splitlines() if "/sign-in/link/" in line)
        browser = house.browser()
        assert browser.send(link.removeprefix("http://localhost")).status_code == 303
        assert browser.get("/").text == "today of Demo Admin"
        password = told.split()[-1]
        assert house.browser().sign_in("demo@example.com", password).status_code == 303
    assert [person.role for person in house.program.people.list()] == [Role.ADMIN]


def test_a_bind_beyond_this_machine_is_warned_about(build: Build) -> None:
    def warnings(config: str) -> str:
        program: Program = build(config, admin=False).program
        return " ".join(program.config.warnings)

    beyond = '[server]\nhost = "0.0.0.0"\n'
    assert "no TLS" in warnings(beyond)
    assert "no TLS" in warnings(f'{beyond}public_url = "https://c.example"')
    good = 'trusted_proxies = 1\n[server]\nhost = "0.0.0.0"\npublic_url = "https://c.example"'
    assert warnings(good) == "" == warnings("")
