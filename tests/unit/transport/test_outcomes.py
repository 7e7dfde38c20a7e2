"""Each ending of a request is said by the right class."""

from __future__ import annotations

import gzip
import socket
import struct

import pytest

from connector.errors import (
    ConnectorError,
    ContractDrift,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    Refused,
    Unavailable,
)
from tests.unit.transport.doubles import answer

HTML = answer(200, b"<!doctype html><title>Maintenance</title>", {"Content-Type": "text/html"})


def cut(connection: socket.socket) -> None:
    """Reset the connection without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up_inside_the_body(connection: socket.socket) -> None:
    connection.sendall(answer(200, b'{"id": "in', content_length=500))


def post(transport):
    return transport.request("POST", "/invoices", safe=False, body=b"{}").json()


def get(transport):
    return transport.get("/invoices").json()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_safe_request_is_tried_three_times_then_unavailable(server, transport, clock, status):
    there = server(answer(status))
    with pytest.raises(Unavailable, match=f"acme: GET /invoices was answered with HTTP {status}"):
        get(transport(there.url))
    assert len(there.asked) == 3
    assert len(clock.sleeps) == 2


def test_safe_request_recovers(server, transport):
    there = server(answer(503), cut, answer(200, b'{"a": 1}'))
    assert get(transport(there.url)) == {"a": 1}
    assert len(there.asked) == 3


def test_retries_end_with_the_total_time(server, transport, clock):
    there = server(answer(503))
    with pytest.raises(Unavailable):
        get(transport(there.url, tries=50, retry_total_seconds=10))
    assert sum(clock.sleeps) <= 10
    assert len(there.asked) > 3


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 302, 303])
def test_unsafe_request_is_sent_once_and_is_unknown_after_a_server_error(server, transport, status):
    there = server(answer(status, headers={"Location": "/elsewhere"}))
    with pytest.raises(OutcomeUnknown):
        post(transport(there.url))
    assert len(there.asked) == 1


@pytest.mark.parametrize(
    "ending",
    [
        cut,
        hang_up_inside_the_body,
        HTML,
        answer(200, b'{"id": '),
        answer(200, b""),
        answer(200, b"not gzip", {"Content-Encoding": "gzip"}),
    ],
    ids=["reset", "cut body", "html", "half json", "empty", "false gzip"],
)
def test_unusable_answer_to_an_unsafe_request_is_unknown(server, transport, ending):
    there = server(ending)
    with pytest.raises(OutcomeUnknown):
        post(transport(there.url))
    assert len(there.asked) == 1


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (cut, Unavailable),
        (hang_up_inside_the_body, Unavailable),
        (HTML, ContractDrift),
        (answer(200, b'{"id": '), ContractDrift),
        (answer(200, b'{"id": 1, "id": 2}'), ContractDrift),
        (answer(200, b"not gzip", {"Content-Encoding": "gzip"}), ContractDrift),
        (answer(301, headers={"Location": "http://127.0.0.1:1/"}), ContractDrift),
        (answer(302, headers={"Location": "/other"}), ContractDrift),
    ],
    ids=["reset", "cut body", "html", "half json", "key twice", "false gzip", "301", "302"],
)
def test_unusable_answer_to_a_safe_request(server, transport, ending, expected):
    there = server(ending)
    with pytest.raises(expected):
        get(transport(there.url))


@pytest.mark.parametrize("ask", [get, post])
def test_refused_connection_sent_nothing(transport, ask):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unavailable, match="connection was refused"):
        ask(transport(f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize("ask", [get, post])
def test_unknown_host_sent_nothing(transport, ask):
    with pytest.raises(Unavailable, match="host name is not known"):
        ask(transport("https://no-such-host.invalid"))


def test_silence_is_a_time_out(server, transport):
    def wait_for_the_other_side(connection: socket.socket) -> None:
        connection.recv(1)

    with pytest.raises(OutcomeUnknown, match="did not come in time"):
        post(transport(server(wait_for_the_other_side).url, read_timeout_seconds=0.05))
    with pytest.raises(Unavailable, match="did not come in time"):
        get(transport(server(wait_for_the_other_side).url, read_timeout_seconds=0.05, tries=1))


@pytest.mark.parametrize("ask", [get, post])
@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, Refused), (401, ReconnectRequired), (403, ReconnectRequired), (404, NotFound)]
    + [(409, Refused), (422, Refused), (301, ContractDrift), (308, ContractDrift)],
)
def test_client_errors(server, transport, ask, status, expected):
    there = server(answer(status, b'{"detail": "Amount is missing."}'))
    with pytest.raises(expected) as raised:
        ask(transport(there.url))
    assert type(raised.value) is expected
    assert len(there.asked) == 1
    if isinstance(raised.value, Refused):
        assert raised.value.http_status == status
        assert "Amount is missing." in raised.value.message


def test_forbidden_can_mean_refused(server, transport):
    with pytest.raises(Refused):
        get(transport(server(answer(403)).url, forbidden_means_reconnect=False))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 02 Mar 2026 09:32:03 GMT", 123.0),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("999999999999", 3600.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("9" * 5000, None),
        ("\u0661\u0662", None),
    ],
)
def test_retry_after_in_every_form(server, transport, header, seconds):
    there = server(answer(429, headers={"Retry-After": header}))
    with pytest.raises(RateLimited) as raised:
        post(transport(there.url))
    assert raised.value.retry_after_seconds == seconds
    assert len(there.asked) == 1


def test_retry_after_date_is_read_by_the_servers_own_clock(server, transport):
    there = server(
        answer(
            429,
            headers={
                "Date": "Sat, 21 Nov 2026 12:00:00 GMT",
                "Retry-After": "Sat, 21 Nov 2026 12:00:30 GMT",
            },
        )
    )
    with pytest.raises(RateLimited) as raised:
        post(transport(there.url))
    assert raised.value.retry_after_seconds == 30.0


def test_safe_request_waits_out_a_short_retry_after(server, transport, clock):
    there = server(answer(429, headers={"Retry-After": "2"}), answer(200, b"[]"))
    assert get(transport(there.url)) == []
    assert clock.monotonic_seconds() == pytest.approx(2.0)


def test_safe_request_hands_a_long_retry_after_on(server, transport, clock):
    there = server(answer(429, headers={"Retry-After": "600"}))
    with pytest.raises(RateLimited) as raised:
        get(transport(there.url))
    assert raised.value.retry_after_seconds == 600.0
    assert clock.sleeps == []


def test_returned_status_is_an_answer(server, transport):
    there = server(answer(409, b'{"message": "exists"}'))
    reply = transport(there.url).request(
        "POST", "/invoices", safe=False, body=b"{}", returned_statuses=(409,)
    )
    assert (reply.status, reply.json()) == (409, {"message": "exists"})


def test_gzip_is_accepted_and_decoded(server, transport):
    packed = gzip.compress(b'{"total": 1.10}')
    there = server(answer(200, packed, {"Content-Encoding": "gzip"}))
    reply = transport(there.url).get("/x")
    assert str(reply.json()["total"]) == "1.10"
    assert there.asked[0].headers["accept-encoding"] == "gzip"


def test_chunked_answer(server, transport):
    chunks = b'5\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n'
    there = server(answer(200, chunks, {"Transfer-Encoding": "chunked"}))
    assert get(transport(there.url)) == {"a": 1}


@pytest.mark.parametrize("ask", [get, post])
def test_answer_larger_than_the_cap_is_cut(server, transport, ask):
    bomb = gzip.compress(b"0" * 20_000_000)
    there = server(answer(200, bomb, {"Content-Encoding": "gzip"}))
    with pytest.raises(ContractDrift if ask is get else OutcomeUnknown, match="larger than 1000"):
        ask(transport(there.url, max_answer_bytes=1000))


def test_endless_error_body_is_cut(server, transport):
    def drip(connection: socket.socket) -> None:
        connection.sendall(answer(400, b"", {"Transfer-Encoding": "chunked"}))
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    with pytest.raises(Refused):
        post(transport(server(drip).url))


def test_dripping_answer_meets_the_deadline(server, transport, clock):
    def drip(connection: socket.socket) -> None:
        connection.sendall(answer(200, b"{", content_length=10_000))
        while True:
            clock.advance(seconds=10)
            connection.sendall(b" ")

    with pytest.raises(OutcomeUnknown, match="too long"):
        post(transport(server(drip).url, answer_timeout_seconds=60))


def test_connections_are_kept(server, transport):
    there = server(answer(200, b"{}"))
    one = transport(there.url)
    for _ in range(5):
        get(one)
    with pytest.raises(NotFound):
        there.answers[:] = [answer(404), answer(200, b"{}")]
        get(one)
    get(one)
    assert there.connections == 1


def test_unsafe_request_survives_a_connection_that_was_closed_meanwhile(server, transport):
    there = server(answer(200, b"{}", {"Connection": "close"}), answer(200, b"[]"))
    one = transport(there.url)
    assert post(one) == {}
    assert post(one) == []


def test_closed_transport_sends_nothing(server, transport):
    there = server()
    one = transport(there.url)
    one.close()
    with pytest.raises(Unavailable):
        post(one)
    assert there.asked == []


def test_every_error_is_ours_whatever_the_answer(server, transport):
    for raw in (
        b"",
        b"\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
    ):

        def say(connection: socket.socket, raw: bytes = raw) -> None:
            connection.sendall(raw)

        with pytest.raises(ConnectorError):
            transport(server(say).url, max_answer_bytes=1).get("/x")
