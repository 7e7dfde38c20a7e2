"""Durable webhook acknowledgements a second, against a bare Flask handler on the same server in the same run.

    python bench/webhooks.py [--rounds 5] [--seconds 2] [--senders 16 64] [--json]

The load comes from this process, the server is another: closed loop, one kept-alive connection a sender, every event
id used once. Afterwards every 200 must be a row of the database and every row an answered request.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import hmac
import json
import os
import select
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.webhook_server import PATH_SECRET, SIGNATURE_HEADER, SIGNING_SECRET  # noqa: E402

BODY_BYTES = 500
MINIMUM_RATIO = 0.45
P99_LIMIT_MILLISECONDS = {16: 50, 64: 150}


@dataclass(frozen=True)
class Result:
    """One timed stretch: answers a second, latencies in milliseconds, ids answered with 200, other answers."""

    per_second: float
    p50: float
    p99: float
    maximum: float
    acknowledged: list[str]
    others: int
    cpu_microseconds: float = 0
    """Of the server, an answer: what a busy machine does not change as it changes the clock's figures."""


def signed_request(event_id: str, timestamp: int) -> bytes:
    """A whole HTTP request with a body of about 500 bytes."""
    event = {
        "id": event_id,
        "object": "event",
        "type": "invoice.financed",
        "created": timestamp,
        "data": {"object": {"id": f"inv_{event_id}", "object": "invoice", "padding": ""}},
    }
    missing = BODY_BYTES - len(json.dumps(event))
    event["data"]["object"]["padding"] = "x" * max(0, missing)  # type: ignore[index]
    body = json.dumps(event).encode()
    signature = hmac.new(SIGNING_SECRET, b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    head = (
        f"POST /webhooks/bench/{PATH_SECRET} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"{SIGNATURE_HEADER}: t={timestamp},v1={signature}\r\n\r\n"
    )
    return head.encode() + body


def bare_request() -> bytes:
    return b"GET /ok HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def load(
    port: int, senders: int, seconds: float, next_request: Callable[[], tuple[str, bytes]]
) -> Result:
    """Keep `senders` connections busy for `seconds`, then wait for the last answers."""
    connections = {}
    poll = select.epoll()
    for _ in range(senders):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(connection, select.EPOLLIN)
        connections[connection.fileno()] = connection
    in_flight: dict[int, tuple[str, float, bytes]] = {}
    acknowledged: list[str] = []
    latencies: list[float] = []
    others = 0
    began = time.perf_counter()
    ends = began + seconds
    for number, connection in connections.items():
        event_id, request = next_request()
        in_flight[number] = (event_id, time.perf_counter(), b"")
        connection.sendall(request)
    while in_flight:
        for number, _ in poll.poll(10):
            connection = connections[number]
            event_id, sent, received = in_flight[number]
            data = connection.recv(65536)
            received += data
            if not data:
                raise RuntimeError("the server closed a connection")
            if not complete(received):
                in_flight[number] = (event_id, sent, received)
                continue
            now = time.perf_counter()
            latencies.append(now - sent)
            if received.startswith(b"HTTP/1.1 200 "):
                acknowledged.append(event_id)
            else:
                others += 1
            if now < ends:
                event_id, request = next_request()
                in_flight[number] = (event_id, time.perf_counter(), b"")
                connection.sendall(request)
            else:
                del in_flight[number]
    elapsed = time.perf_counter() - began
    for connection in connections.values():
        connection.close()
    latencies.sort()
    return Result(
        per_second=len(latencies) / elapsed,
        p50=latencies[len(latencies) // 2] * 1000,
        p99=latencies[int(len(latencies) * 0.99)] * 1000,
        maximum=latencies[-1] * 1000,
        acknowledged=acknowledged,
        others=others,
    )


def complete(received: bytes) -> bool:
    """Whether one whole answer has come."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    raise RuntimeError("an answer without Content-Length")


@contextlib.contextmanager
def running_server(database: Path, *options: str) -> Iterator[tuple[int, int]]:
    """The server as a process of its own; gives its process id and port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.webhook_server", f"sqlite:///{database}", *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the server has no pipes")
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()


def with_cpu(pid: int, run: Callable[[], Result]) -> Result:
    """A result with what the server spent on it."""
    before = cpu_seconds(pid)
    result = run()
    answers = len(result.acknowledged) + result.others
    spent = (cpu_seconds(pid) - before) / answers * 1_000_000
    return replace(result, cpu_microseconds=spent)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prepared(count: int, label: str) -> Iterator[tuple[str, bytes]]:
    """Signed requests made before the clock runs: signing them is the sender's work, not ours."""
    timestamp = int(time.time())
    made = [
        (f"evt_{label}_{number}", signed_request(f"evt_{label}_{number}", timestamp))
        for number in range(count)
    ]
    return iter(made)


def measure(
    rounds: int, seconds: float, senders: list[int], options: list[str]
) -> list[dict[str, object]]:
    """Bare and durable by turns, `rounds` times for each number of senders."""
    report: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "bench.sqlite"
        acknowledged: list[str] = []
        others = 0
        with running_server(database, *options) as (pid, port):
            bare_one = bare_request()
            load(port, 4, 0.3, lambda: ("bare", bare_one))
            events = prepared(4000, "warm")
            warm = load(port, 4, 0.3, events.__next__)
            acknowledged += warm.acknowledged
            for count in senders:
                bare: list[Result] = []
                durable: list[Result] = []
                for turn in range(rounds):
                    bare.append(
                        with_cpu(
                            pid, partial(load, port, count, seconds, lambda: ("bare", bare_one))
                        )
                    )
                    enough = int(bare[-1].per_second * seconds * 2) + 1000
                    events = prepared(enough, f"{count}_{turn}")
                    durable.append(
                        with_cpu(pid, partial(load, port, count, seconds, events.__next__))
                    )
                    acknowledged += durable[-1].acknowledged
                    others += durable[-1].others
                report.append(summary(count, bare, durable))
        with contextlib.closing(sqlite3.connect(database)) as connection:
            rows = {row[0] for row in connection.execute("select event_id from inbox")}
        if len(acknowledged) != len(set(acknowledged)):
            raise RuntimeError("an event id was used twice: the figures are void")
        missing = set(acknowledged) - rows
        if missing or others or len(rows) != len(acknowledged):
            raise RuntimeError(
                f"{len(missing)} acknowledged events are not on disk; {others} answers were not 200; "
                f"{len(rows)} rows, {len(acknowledged)} acknowledged"
            )
        for line in report:
            line["acknowledged_equal_rows"] = len(rows)
    return report


def summary(senders: int, bare: list[Result], durable: list[Result]) -> dict[str, object]:
    ratios = [ours.per_second / base.per_second for ours, base in zip(durable, bare, strict=True)]
    ratio = statistics.median(ratios)
    p99 = statistics.median(result.p99 for result in durable)
    limit = P99_LIMIT_MILLISECONDS.get(senders)
    return {
        "senders": senders,
        "bare_per_second": round(statistics.median(r.per_second for r in bare)),
        "acks_per_second": round(statistics.median(r.per_second for r in durable)),
        "ratio": round(ratio, 3),
        "ratio_minimum": round(min(ratios), 3),
        "ratio_maximum": round(max(ratios), 3),
        "p50_milliseconds": round(statistics.median(r.p50 for r in durable), 1),
        "p99_milliseconds": round(p99, 1),
        "p99_worst_round": round(max(r.p99 for r in durable), 1),
        "maximum_milliseconds": round(max(r.maximum for r in durable), 1),
        "bare_p99_milliseconds": round(statistics.median(r.p99 for r in bare), 1),
        "cpu_microseconds": round(statistics.median(r.cpu_microseconds for r in durable)),
        "bare_cpu_microseconds": round(statistics.median(r.cpu_microseconds for r in bare)),
        "target_met": ratio >= MINIMUM_RATIO and (limit is None or p99 <= limit),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--senders", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--threads", type=int, help="worker threads of the server")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    options = ["--threads", str(given.threads)] if given.threads else []
    report = measure(given.rounds, given.seconds, given.senders, options)
    if given.json:
        print(json.dumps(report, indent=2))
    else:
        for line in report:
            print("\n".join(f"{name:26} {value}" for name, value in line.items()), end="\n\n")
    return 0 if all(line["target_met"] for line in report) else 1


if __name__ == "__main__":
    sys.exit(main())
