"""Start the page server in a process of its own, and speak with its controls."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stats:
    """What the server saw since it was last asked."""

    requests: int
    max_in_flight: int
    """Requests waiting at the same time; counted only while a latency is set."""
    cpu_seconds: float
    """Of the server's process, since it started."""


@dataclass(frozen=True, slots=True)
class PageServer:
    """A running page server."""

    port: int
    records: int

    @property
    def url(self) -> str:
        """The base address for clients, with Finexio's version segment."""
        return f"http://127.0.0.1:{self.port}/v2"

    def stats(self) -> Stats:
        """Read the counters and set them back to zero."""
        return self._control("stats")

    def set_latency(self, milliseconds: int) -> None:
        """Let every answer wait this long."""
        self._control(f"latency?ms={milliseconds}")

    def change(self, count: int, within_last: int | None = None, hours_ago: int = 0) -> None:
        """Change `count` invoices, spread evenly over the whole walk or over its last `within_last` records; their
        timestamps say that it was so many hours ago."""
        last = f"&last={within_last}" if within_last is not None else ""
        self._control(f"change?count={count}&hours_ago={hours_ago}{last}")

    def _control(self, command: str) -> Stats:
        address = f"http://127.0.0.1:{self.port}/_bench/{command}"
        with urllib.request.urlopen(address, timeout=120) as response:
            return Stats(**json.load(response))


@contextmanager
def page_server(records: int, latency_ms: int = 0, seed: int = 7) -> Iterator[PageServer]:
    """Run a page server for the length of a `with` block."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "bench.server"),
            *("--records", str(records), "--latency-ms", str(latency_ms), "--seed", str(seed)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the page server has no standard output")
        ready = process.stdout.readline()
        if not ready:
            raise RuntimeError("the page server ended before it was ready")
        yield PageServer(json.loads(ready)["port"], records)
    finally:
        process.communicate()  # closes its standard input, which ends it


def throughput(server: PageServer, connections: int, seconds: float) -> float:
    """Pages a second that plain sockets in this process can fetch: a lower bound of what the server can give."""
    pages = max(1, server.records // 100)
    deadline = time.monotonic() + seconds
    counts = [0] * connections

    def fetch(slot: int) -> None:
        buffer = bytearray(1 << 18)
        with socket.create_connection(("127.0.0.1", server.port)) as stream:
            page = slot
            while time.monotonic() < deadline:
                page = page % pages + 1
                stream.sendall(b"GET /v2/invoices/?page=%d HTTP/1.1\r\nHost: b\r\n\r\n" % page)
                received = stream.recv_into(buffer)
                head = bytes(buffer[:received]).partition(b"\r\n\r\n")[0]
                size = int(head.rpartition(b"Content-Length: ")[2]) + len(head) + 4
                while received < size:
                    received += stream.recv_into(buffer)
                counts[slot] += 1

    started = time.monotonic()
    threads = [threading.Thread(target=fetch, args=(slot,)) for slot in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - started)
