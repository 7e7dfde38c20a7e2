"""Where a connection may go, how fast, and what it never shows."""

from __future__ import annotations

import base64
import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest

from connector.errors import ConfigError, ConnectorError, Refused, Unavailable
from connector.transport import BasicAuthorization, Redactor, segment
from connector.transport.pace import RateBudget
from tests.fakes import START
from tests.unit.transport.doubles import answer

CANARY = "c4n4ry-S3cret/+ value"


@pytest.mark.parametrize(
    "url",
    [
        "http://accounting.example",
        "http://10.0.0.5/v1",
        "ftp://accounting.example",
        "https://",
        "accounting.example",
        "https://user:pass@accounting.example",
        "https://accounting.example/?key=1",
        "https://accounting.example/#x",
        "https://accounting.example:port/",
        "https://127.0.0.1\\@accounting.example/",
        "http://127.0.0.1.example/",
        "http://2130706433.example/",
    ],
)
def test_base_url_that_may_not_be_used(transport, url):
    with pytest.raises(ConfigError, match="base_url"):
        transport(url)


@pytest.mark.parametrize(
    "url",
    ["https://accounting.example/v1", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9"],
)
def test_base_url_that_may(transport, url):
    transport(url)


def test_plain_http_when_allowed(transport):
    transport("http://accounting.example", allow_http=True)


@pytest.mark.parametrize(
    "form",
    [
        "http://127.0.0.1:{other}/x",
        "http://localhost:{port}/x",
        "https://127.0.0.1:{port}/x",
        "http://127.0.0.1:{port}@127.0.0.1:{other}/x",
        "http://user@127.0.0.1:{port}/x",
        "http://127.1:{other}/x",
        "http://0x7f.1:{other}/x",
        "http://2130706433:{other}/x",
        "http://[::ffff:127.0.0.1]:{other}/x",
        "file:///etc/hosts",
        "gopher://127.0.0.1:{other}/",
        "x",
        "",
    ],
)
def test_only_allowed_origins_are_asked(server, transport, form):
    there, other = server(), server()
    with pytest.raises(Refused):
        transport(there.url).get(form.format(port=there.port, other=other.port))
    assert there.asked == other.asked == []


def test_configured_second_origin_is_asked(server, transport):
    there, other = server(), server()
    one = transport(there.url, other_urls=(other.url + "/token",))
    one.get(other.url + "/token?a=1", [("b", "2")])
    assert other.asked[0].target == "/token?a=1&b=2"


def test_redirect_is_not_followed(server, transport):
    other = server()
    there = server(answer(302, headers={"Location": other.url + "/x"}))
    with pytest.raises(ConnectorError, match="never followed"):
        transport(there.url).get("/x")
    assert other.asked == []


def test_environment_is_not_consulted(server, transport, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    there = server()
    transport(there.url).get("/x")
    assert "authorization" not in there.asked[0].headers


def test_base_path_and_parameters(server, transport):
    there = server()
    transport(there.url + "/v2/").get("/invoices/", [("page", "2"), ("q", "a b&c")])
    assert there.asked[0].target == "/v2/invoices/?page=2&q=a+b%26c"


def test_foreign_identifier_stays_one_segment():
    assert segment("a/../b?c#d e") == "a%2F..%2Fb%3Fc%23d%20e"
    for bad in ("", ".", ".."):
        with pytest.raises(Refused):
            segment(bad)


def test_missing_ca_file_is_a_configuration_error(transport):
    with pytest.raises(ConfigError, match="ca_file"):
        transport("https://accounting.example", ca_file="/no/such/file.pem")


# -- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_no_secret_in_errors_or_logs(server, transport, caplog, status):
    caplog.set_level(logging.DEBUG)
    pair = base64.b64encode(f"user:{CANARY}".encode()).decode()
    body = f'{{"detail": "user:{CANARY} Basic {pair} c4n4ry-S3cret%2F%2B%20value c4n4ry-S3cret%2F%2B+value"}}'
    there = server(answer(status, body.encode()))
    one = transport(there.url, BasicAuthorization("user", CANARY))
    with pytest.raises(ConnectorError) as raised:
        one.get("/x", [("key", CANARY)])
    for text in (str(raised.value), repr(raised.value), caplog.text):
        assert "c4n4ry" not in text
        assert pair not in text
    assert there.asked[0].headers["authorization"] == f"Basic {pair}"


def test_platform_words_are_bounded_and_printable(server, transport):
    body = b'{"message": "line one\\nline\\u0000 two \\u202e' + b"x" * 5000 + b'"}'
    with pytest.raises(Refused) as raised:
        transport(server(answer(422, body)).url).get("/x")
    assert raised.value.message.isprintable()
    assert "line one line two" in raised.value.message
    assert len(raised.value.message) < 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message": "Due date is past", "exception_key": "k"}', "Due date is past"),
        (b'{"detail": "Invalid username/password."}', "Invalid username/password."),
        (b'{"error": {"message": "no such payable"}}', "no such payable"),
        (b'{"type": "t", "title": "Not good", "status": 400}', "Not good"),
        (b'[{"amount_cents": ["This field is required."]}, {}]', "This field is required."),
        (b'{"detail": [{"loc": ["a"], "msg": "bad"}]}', "bad"),
        (b"plain words", "plain words"),
        (b"<html>secret page</html>", "an HTML page"),
        (b"", "no explanation"),
        (b"\xff\xfe", "HTTP 400"),
    ],
)
def test_platform_words_in_the_usual_shapes(server, transport, body, words):
    with pytest.raises(Refused) as raised:
        transport(server(answer(400, body)).url).get("/x")
    assert words in raised.value.message
    assert "secret page" not in raised.value.message


def test_redactor_leaves_ordinary_text():
    assert Redactor(["abc", ""]).clean("abc stays") == "abc stays"
    assert Redactor(["abcd"]).clean("xabcdx abcd") == "x***x ***"


# -- pace -------------------------------------------------------------------------------------------------------------


def test_rate_budget_holds_in_every_window(clock):
    budget = RateBudget([(3, 1.0), (5, 60.0)], clock)
    taken = []
    for _ in range(11):
        budget.acquire(Event())
        taken.append(clock.monotonic_seconds())
    for begin in taken:
        assert sum(begin <= at < begin + 1.0 for at in taken) <= 3
        assert sum(begin <= at < begin + 60.0 for at in taken) <= 5
    assert taken[:3] == [0.0, 0.0, 0.0]
    assert taken[-1] == pytest.approx(120.0)


def test_rate_budget_is_shared_by_threads(clock):
    budget = RateBudget([(4, 1.0)], clock)
    taken: list[float] = []
    lock = Lock()

    def take() -> None:
        with lock:
            budget.acquire(Event())
            taken.append(clock.monotonic_seconds())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: take(), range(20)))
    assert max(sum(begin <= at < begin + 1.0 for at in taken) for begin in taken) == 4


def test_budget_stops_waiting_when_closed(clock):
    stop = Event()
    stop.set()
    RateBudget([(1, 1.0)], clock).acquire(stop)
    assert clock.sleeps == []


def test_concurrency_limit_holds(server, transport):
    lock, gate = Lock(), Event()
    under_way, most = 0, 0

    def slow(connection):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
            if under_way == 3:
                gate.set()
        gate.wait(5)
        with lock:
            under_way -= 1
        connection.sendall(answer(200, b"{}", {"Connection": "close"}))

    one = transport(server(slow).url, concurrency=3, tries=1)
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: one.get("/x").status, range(9)))
    assert replies == [200] * 9
    assert most == 3


def test_closing_ends_the_retries(server, transport, clock):
    there = server(answer(503))
    one = transport(there.url, tries=50)
    clock.sleep = lambda seconds, until=None: one.close()  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        one.get("/x")
    assert len(there.asked) == 1


@pytest.mark.parametrize(
    ("headers", "waited_seconds"),
    [
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "2"}, 2.0),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(START.timestamp()) + 3)}, 3.0),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "9000"}, 5.0),  # no longer than patience
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(START.timestamp()) - 3)}, 0.0),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "soon"}, 0.0),
        ({"RateLimit-Remaining": "0"}, 0.0),
        ({"RateLimit-Remaining": "1", "RateLimit-Reset": "2"}, 0.0),
    ],
)
def test_a_budget_that_is_spent_is_waited_out(server, transport, clock, headers, waited_seconds):
    one = transport(server(answer(headers=headers)).url, heeds_rate_headers=True)
    one.get("/x")
    one.get("/x")
    assert sum(clock.sleeps) == pytest.approx(waited_seconds)


def test_rate_headers_are_heeded_only_where_that_is_asked_for(server, transport, clock):
    headers = {"RateLimit-Remaining": "0", "RateLimit-Reset": "2"}
    one = transport(server(answer(headers=headers)).url)
    one.get("/x")
    one.get("/x")
    assert clock.sleeps == []


def test_what_is_left_of_subtracting_instants_is_no_wait(clock):
    """A clock that counts microseconds never moves by 2e-16 seconds: waiting for that would never end."""
    clock.advance(microseconds=5440)
    budget = RateBudget([(1, 1.0)], clock)
    for _ in range(2):
        budget.acquire(Event())
    assert clock.sleeps == [1.0]
    assert clock.monotonic_seconds() == 1.00544
