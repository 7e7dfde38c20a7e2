"""The doorway on its real server and a real file: slow senders, endless bodies, a kill in the middle."""

from __future__ import annotations

import contextlib
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from waitress.server import create_server

from bench.webhooks import ROOT, complete, signed_request
from connector.clock import SystemClock
from connector.store.database import Database
from connector.store.group_commit import GroupCommitInbox
from connector.strict_json import loads
from tests.unit.webhooks.deliveries import BODY_LIMIT, PATH, endpoint, event
from webhooks.endpoints import Endpoints
from webhooks.receiver import create_app
from webhooks.serving import server_options, set_body_limits

OTHER_LIMIT = 10**6
PATIENCE_SECONDS = 120  # a busy machine is no finding


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A doorway for hints at `/webhooks/plain/PATH`, served in a thread of this process."""
    database = Database.open(f"sqlite:///{tmp_path}/inbox.sqlite3", clock=SystemClock())
    database.migrate()
    inbox = GroupCommitInbox(database)
    inbox.start()
    endpoints = Endpoints([endpoint("plain", None)])
    app = create_app(endpoints, inbox, loads, SystemClock().now)
    server = create_server(app, host="127.0.0.1", port=0, **server_options(endpoints))
    set_body_limits(server, endpoints, other_body_limit_bytes=OTHER_LIMIT)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.effective_port
    server.trigger.pull_trigger(server.close)  # in its own thread, between two events
    thread.join(PATIENCE_SECONDS)
    server.task_dispatcher.shutdown()
    inbox.stop()
    database.close()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)


def head(*lines: str, path: str = f"/webhooks/plain/{PATH}") -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: x", *lines, "", "")).encode()


def status_of(connection: socket.socket) -> int:
    received = b""
    while not received or not complete(received):
        data = connection.recv(65536)
        if not data:
            break
        received += data
    return int(received.split(b" ")[1]) if received else 0


def test_an_answer_carries_nothing_it_need_not(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(head(f"Content-Length: {len(event())}") + event())
        received = connection.recv(65536)
    lines = received.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    names = sorted(line.partition(":")[0] for line in lines[1:] if line)
    assert names == ["Content-Length", "Date"]


def test_slow_senders_do_not_stop_the_others(port: int) -> None:
    slow = [connected(port) for _ in range(60)]
    try:
        for number, connection in enumerate(slow):
            whole = head("Content-Length: 1000") + b'{"id":'
            connection.sendall(whole[: 20 if number % 2 else len(whole)])
        for _ in range(20):
            with connected(port) as connection:
                connection.sendall(head(f"Content-Length: {len(event())}") + event())
                assert status_of(connection) == 200
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize("announced", [BODY_LIMIT + 1, 10**7, 10**15])
def test_a_body_that_announces_too_much_is_cut(port: int, announced: int) -> None:
    with connected(port) as connection:
        connection.sendall(head(f"Content-Length: {announced}"))
        if announced == BODY_LIMIT + 1:
            connection.sendall(b"x" * announced)
        assert status_of(connection) == 413


def test_what_other_pages_take_is_no_reason_to_take_it_at_the_doorway(port: int) -> None:
    announced = OTHER_LIMIT // 2
    statuses = {}
    for path in ("/webhooks/plain/other", "/webhooks/", "/elsewhere", "/"):
        with connected(port) as connection:
            connection.sendall(head(f"Content-Length: {announced}", path=path))
            with contextlib.suppress(OSError):
                connection.sendall(b"x" * announced)
            statuses[path] = status_of(connection)
    assert statuses == {
        "/webhooks/plain/other": 413,
        "/webhooks/": 413,
        "/elsewhere": 404,  # read whole, and no such page
        "/": 404,
    }


def test_an_endless_chunked_body_is_cut(port: int) -> None:
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    sent = 0
    with connected(port) as connection:
        connection.sendall(head("Transfer-Encoding: chunked"))
        with contextlib.suppress(OSError):  # the server had enough and hung up
            while sent < 200 * len(chunk):
                connection.sendall(chunk)
                sent += len(chunk)
            assert status_of(connection) in (413, 0)
    assert accepted_events(port) == 200


def accepted_events(port: int) -> int:
    """The doorway still works."""
    with connected(port) as connection:
        connection.sendall(head(f"Content-Length: {len(event())}") + event())
        return status_of(connection)


def test_a_chunked_body_is_read(port: int) -> None:
    body = event("evt_chunked")
    with connected(port) as connection:
        connection.sendall(
            head("Transfer-Encoding: chunked") + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
        )
        assert status_of(connection) == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["negative", "two lengths", "gzip, chunked", "large header", "bad chunk"],
)
def test_what_is_not_http_is_refused_by_the_server(port: int, request_bytes: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(request_bytes)
        assert status_of(connection) in (400, 404, 413, 431, 501)
    assert accepted_events(port) == 200


@contextmanager
def child(database: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.webhook_server", f"sqlite:///{database}"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(PATIENCE_SECONDS)
        process.stdout.close()


class Sender(threading.Thread):
    """Sends one event after the other and remembers which were acknowledged, until the server is gone."""

    def __init__(self, port: int, name: str, enough: threading.Semaphore) -> None:
        super().__init__()
        self._port, self._name, self._enough = port, name, enough
        self.acknowledged: list[str] = []
        self.others: list[int] = []

    def run(self) -> None:
        timestamp = int(time.time())
        try:
            with connected(self._port) as connection:
                for number in range(100_000):
                    event_id = f"evt_{self._name}_{number}"
                    connection.sendall(signed_request(event_id, timestamp))
                    status = status_of(connection)
                    if status == 0:
                        return
                    if status == 200:
                        self.acknowledged.append(event_id)
                        self._enough.release()
                    else:
                        self.others.append(status)
        except OSError:
            return


def rows(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        return [row[0] for row in connection.execute("select event_id from inbox")]


def test_everything_acknowledged_before_a_kill_is_on_disk_and_known_after_it(
    tmp_path: Path,
) -> None:
    database = tmp_path / "inbox.sqlite3"
    acknowledged: list[str] = []
    for life in range(2):
        enough = threading.Semaphore(0)
        with child(database) as (process, port):
            senders = [Sender(port, f"{life}_{number}", enough) for number in range(8)]
            for sender in senders:
                sender.start()
            for _ in range(60 + 40 * life):
                assert enough.acquire(timeout=PATIENCE_SECONDS)
            process.send_signal(signal.SIGKILL)
            for sender in senders:
                sender.join(PATIENCE_SECONDS)
        assert [status for sender in senders for status in sender.others] == []
        acknowledged += [event_id for sender in senders for event_id in sender.acknowledged]
        stored = rows(database)
        assert set(acknowledged) <= set(stored)
        assert len(stored) == len(set(stored))
    before = rows(database)
    with child(database) as (_, port), connected(port) as connection:
        for event_id in acknowledged[:20]:
            connection.sendall(signed_request(event_id, int(time.time())))
            assert status_of(connection) == 200
    assert rows(database) == before
