"""Every answer a Tryton server, or what stands before it, can give: which of our errors it becomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from connector.errors import (
    ConnectorError,
    ContractDrift,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    Refused,
    Unavailable,
)
from connector.secrets import Secret
from connector.system import StatusNote
from connector.systems.tryton import Tryton
from connector.transport import AdapterContext
from tests.fakes import FakeClock

HTML = b"<!doctype html>\n<html lang=en>\n<title>Not now</title>"
NOTE = StatusNote("5", "m/1", "funded", "It is funded.", datetime(2026, 3, 2, tzinfo=UTC))
Reply = tuple[int, bytes, dict[str, str]]


class Canned:
    """A server that logs everybody in and answers every other call as it is told to."""

    def __init__(self) -> None:
        self.reply: Reply = (200, b"{}", {})
        self.login: Reply = (200, b'{"id":1,"result":[2,"token-token",null]}', {})
        self.only_create = False
        self.calls: list[dict[str, Any]] = []
        canned = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Quiet."""

            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                canned.calls.append(call)
                status, body, headers = canned.answer(call["method"])
                self.send_response(status)
                for name, value in {"Content-Type": "text/html", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def answer(self, method: str) -> Reply:
        if method == "common.db.login":
            return self.login
        if self.only_create and not method.endswith(".create"):
            return 200, b'{"id":1,"result":[]}', {}
        return self.reply

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def canned() -> Iterator[Canned]:
    server = Canned()
    yield server
    server.close()


@pytest.fixture
def system(canned: Canned) -> Iterator[Tryton]:
    raw = {
        "base_url": canned.url,
        "database": "erp",
        "username": "connector",
        "password": Secret("not-a-real-password"),
    }
    made = Tryton(Tryton.settings_schema().load(raw), AdapterContext("acme", FakeClock()))
    yield made
    made.close()


def error(kind: str, arguments: Any) -> bytes:
    return json.dumps({"id": 1, "error": [kind, arguments]}).encode()


ANSWERS = [
    # status, body, when it was a reading, when it was a writing
    (404, HTML, Unavailable, OutcomeUnknown),
    (500, HTML, Unavailable, OutcomeUnknown),
    (503, HTML, Unavailable, OutcomeUnknown),
    (403, HTML, Refused, Refused),
    (405, HTML, Refused, Refused),
    (429, HTML, RateLimited, RateLimited),
    (401, b"", ReconnectRequired, ReconnectRequired),
    (200, HTML, ContractDrift, OutcomeUnknown),
    (200, b"", ContractDrift, OutcomeUnknown),
    (200, b"[]", ContractDrift, OutcomeUnknown),
    (200, b"{}", ContractDrift, OutcomeUnknown),
    (200, b'{"id":1,"result":{"a":1}}', ContractDrift, OutcomeUnknown),
    (200, b'{"id":1,"result":[{"x":{"__class__":"nope"}}]}', ContractDrift, OutcomeUnknown),
    (200, b'{"id":1,"result":[{"id":1,"x":{"__class__":"date"}}]}', ContractDrift, OutcomeUnknown),
    (200, error("UserError", ["You may not.", "", None]), Refused, Refused),
    (200, error("UserWarning", ["Sure?", "", None]), Refused, Refused),
    (200, error("ConcurrencyException", "Records were modified"), Unavailable, Unavailable),
    (200, error("LoginException", ["password", "", "password"]), *[ReconnectRequired] * 2),
    (200, error("RateLimitException", []), RateLimited, RateLimited),
    (200, error("'no.such'", ""), ContractDrift, ContractDrift),
    (200, error("could not serialize access", ""), Unavailable, OutcomeUnknown),
    (200, b'{"id":1,"error":"text"}', Unavailable, OutcomeUnknown),
    (200, b'{"id":1,"error":[]}', Unavailable, OutcomeUnknown),
]


@pytest.mark.parametrize(("status", "body", "reading", "writing"), ANSWERS)
def test_what_an_answer_means(
    canned: Canned,
    system: Tryton,
    status: int,
    body: bytes,
    reading: type[ConnectorError],
    writing: type[ConnectorError],
) -> None:
    canned.reply = (status, body, {})
    with pytest.raises(ConnectorError) as raised:
        list(system.pull("invoices", None))
    assert type(raised.value) is reading
    canned.only_create = True
    with pytest.raises(ConnectorError) as raised:
        system.write_status(NOTE)
    assert type(raised.value) is writing
    sent = [call["method"] for call in canned.calls if call["method"].endswith(".create")]
    assert len(sent) == (2 if status == 401 else 1)


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ((404, HTML, {}), Unavailable),
        ((503, HTML, {}), Unavailable),
        ((401, HTML, {}), ReconnectRequired),
        ((429, HTML, {}), RateLimited),
        ((200, error("LoginException", ["password", "", "password"]), {}), ReconnectRequired),
        ((200, b'{"id":1,"result":null}', {}), ContractDrift),
    ],
)
def test_what_an_answer_to_the_login_means(
    canned: Canned, system: Tryton, reply: Reply, wanted: type[ConnectorError]
) -> None:
    """Trap 9: during an outage the login answers 404, which says nothing about the credentials."""
    canned.login = reply
    with pytest.raises(ConnectorError) as raised:
        list(system.pull("invoices", None))
    assert type(raised.value) is wanted
    assert "not-a-real-password" not in str(raised.value)


def test_a_limit_without_retry_after_says_so(canned: Canned, system: Tryton) -> None:
    canned.reply = (429, HTML, {})
    with pytest.raises(RateLimited) as raised:
        list(system.pull("invoices", None))
    assert raised.value.retry_after_seconds is None


def test_a_call_has_exactly_three_keys_and_the_context_last(canned: Canned, system: Tryton) -> None:
    canned.reply = (200, b'{"id":1,"result":[]}', {})
    assert list(system.pull("invoices", None)) == []
    assert len(canned.calls) > 1
    for call in canned.calls:
        assert set(call) == {"id", "method", "params"}
    assert all(call["params"][-1] == {} for call in canned.calls[1:])


def test_seven_point_zero_gives_a_session_of_two(canned: Canned, system: Tryton) -> None:
    canned.login = (200, b'{"id":1,"result":[2,"token-token"]}', {})
    canned.reply = (200, b'{"id":1,"result":[]}', {})
    assert list(system.pull("invoices", None)) == []


def test_an_older_server_is_named(canned: Canned, system: Tryton) -> None:
    canned.reply = (200, b'{"id":1,"result":"7.0"}', {})
    findings = system.check()
    assert [finding.ok for finding in findings] == [False]
    assert "7.0" in findings[0].detail
    canned.reply = (405, HTML, {})
    assert "older than Tryton 8.0" in system.check()[0].detail


def test_the_time_out_is_longer_than_the_servers_own_wait() -> None:
    """Trap 9: a server whose database is away answers after 30 seconds."""
    loaded = Tryton.settings_schema().load(
        {
            "base_url": "https://erp.example.com",
            "database": "erp",
            "username": "u",
            "password": Secret("not-a-real-password"),
        }
    )
    assert loaded["read_timeout_seconds"] > 30


@pytest.mark.parametrize("database", ["../other", "a/b", "", "a b", "x" * 64, "a\n"])
def test_a_database_name_is_one_segment(database: str, refuses: Callable[..., None]) -> None:
    refuses("database", database=database)


@pytest.fixture
def refuses() -> Callable[..., None]:
    from marshmallow import ValidationError

    def check(key: str, **changes: Any) -> None:
        raw = {
            "base_url": "https://erp.example.com",
            "database": "erp",
            "username": "u",
            "password": Secret("not-a-real-password"),
            **changes,
        }
        with pytest.raises(ValidationError) as raised:
            Tryton.settings_schema().load(raw)
        assert list(raised.value.messages_dict) == [key]

    return check


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("overlap_seconds", 5),
        ("page_size", 0),
        ("company_id", "1"),
        ("write_fields", ["number"]),
        ("surprise", 1),
    ],
)
def test_settings_that_cannot_be_meant(key: str, value: Any, refuses: Callable[..., None]) -> None:
    refuses(key, **{key: value})
