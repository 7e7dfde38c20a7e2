"""A local page server in the shape of Finexio's API, in a process of its own, never the bottleneck.

    python -m bench.server --records 100000 [--seed 7] [--latency-ms 100]

It prints one JSON line `{"port": N}` when it is ready, and ends when its standard input closes. Answers of the
invoice walk are rendered before that, headers and all. Any path prefix is accepted (`/v1/invoices/`, `/invoices/`).

What is Finexio's (GET): `/invoices/?page=`, `/invoices/ID/`, `/counterparties/?page=&updated_after=`,
`/counterparties/ID/`, `/payments/?page=&updated_start=`, `/webhooks/`. Credentials are not looked at.
What is the benchmark's own: `/invoices/?updated__gte=` (Finexio has no such filter: it serves the incremental
case of the peers), and `/_bench/change?count=&last=&hours_ago=`, `/_bench/latency?ms=`, `/_bench/stats`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import socket
import sys
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench.records import COUNTERPARTIES, PAGE_SIZE, Change, Ledger, encode_json, stamp

_NOT_FOUND = b'{"detail":"Not found."}'
_INVALID_PAGE = b'{"detail":"Invalid page."}'
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found"}
Query = dict[str, str]


def answer(status: int, body: bytes) -> bytes:
    """A whole HTTP/1.1 answer that keeps the connection."""
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Account:
    """The data behind the server, and the answers to requests."""

    def __init__(self, ledger: Ledger, records: int, base_url: str) -> None:
        self._ledger = ledger
        self._records = records
        self._base_url = base_url
        self._changes: dict[int, Change] = {}
        self.latency_seconds = 0.0
        self.requests = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self._pages = [self._invoice_page(n) for n in range(1, self._last_page(records) + 1)]
        self._prepared: dict[bytes, int] = {}
        for prefix in ("/v2", "/v1", ""):
            for number in range(1, len(self._pages) + 1):
                self._prepared[f"{prefix}/invoices/?page={number}".encode()] = number - 1

    @staticmethod
    def _last_page(count: int) -> int:
        return max(1, -(-count // PAGE_SIZE))

    def _listing(self, path: str, number: int, count: int, query: Query, results: bytes) -> bytes:
        def link(page: int) -> bytes:
            others = "".join(f"&{key}={value}" for key, value in query.items() if key != "page")
            return f'"{self._base_url}{path}?page={page}{others}"'.encode()

        following = link(number + 1) if number < self._last_page(count) else b"null"
        previous = link(number - 1) if number > 1 else b"null"
        return answer(
            200,
            b'{"count":%d,"next":%s,"previous":%s,"results":[%s]}'
            % (count, following, previous, results),
        )

    def _invoice_page(self, number: int) -> bytes:
        first = (number - 1) * PAGE_SIZE
        indexes = range(first, min(first + PAGE_SIZE, self._records))
        return self._listing(
            "/v2/invoices/", number, self._records, {}, self._render_invoices(list(indexes))
        )

    def _render_invoices(self, indexes: list[int]) -> bytes:
        changes = self._changes
        return b",".join(self._ledger.invoice_json(i, changes.get(i)) for i in indexes)

    def answer_to(self, target: bytes) -> bytes:
        """The answer to `GET target`."""
        prepared = self._prepared.get(target)
        if prepared is not None:
            return self._pages[prepared]
        parts = urlsplit(target.decode("latin-1"))
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/v1").removeprefix("/v2")
        if path.startswith("/_bench/"):
            return self._control(path.removeprefix("/_bench/"), query)
        try:
            return self._resource(path, query)
        except ValueError:
            return answer(400, b'{"detail":"Invalid query."}')

    def _resource(self, path: str, query: Query) -> bytes:
        collection, _, key = path.strip("/").partition("/")
        if collection == "invoices":
            return self._invoice(key) if key else self._invoices(query)
        if collection == "counterparties":
            return self._counterparty(key) if key else self._counterparties(query)
        if collection == "payments" and not key:
            return self._payments(query)
        if collection == "webhooks" and not key:
            return self._page("/v2/webhooks/", [], query)
        return answer(404, _NOT_FOUND)

    def _page(self, path: str, items: list[bytes], query: Query) -> bytes:
        number = int(query.get("page", "1"))
        if not 1 <= number <= self._last_page(len(items)):
            return answer(404, _INVALID_PAGE)
        chosen = items[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        return self._listing(path, number, len(items), query, b",".join(chosen))

    def _invoice(self, key: str) -> bytes:
        try:
            index = int(key[-8:], 16)
        except ValueError:
            return answer(404, _NOT_FOUND)
        if index >= self._records or self._ledger.invoice_id(index) != key:
            return answer(404, _NOT_FOUND)
        return answer(200, self._ledger.invoice_json(index, self._changes.get(index)))

    def _invoices(self, query: Query) -> bytes:
        since = query.get("updated__gte")
        if since is None:
            number = int(query.get("page", "1"))
            if not 1 <= number <= len(self._pages):
                return answer(404, _INVALID_PAGE)
            return self._pages[number - 1]
        low, high = 0, self._records
        while low < high:  # `updated` grows with the index, except where an invoice was changed
            middle = (low + high) // 2
            if self._ledger.updated(middle) < since:
                low = middle + 1
            else:
                high = middle
        indexes = set(range(low, self._records)) - self._changes.keys()
        indexes |= {i for i, change in self._changes.items() if change.at >= since}
        number = int(query.get("page", "1"))
        if not 1 <= number <= self._last_page(len(indexes)):
            return answer(404, _INVALID_PAGE)
        chosen = sorted(indexes)[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        rendered = self._render_invoices(chosen)
        return self._listing("/v2/invoices/", number, len(indexes), query, rendered)

    def _counterparty(self, key: str) -> bytes:
        for number in range(COUNTERPARTIES):
            if self._ledger.counterparty_id(number) == key:
                return answer(200, encode_json(self._ledger.counterparty(number)))
        return answer(404, _NOT_FOUND)

    def _counterparties(self, query: Query) -> bytes:
        since = query.get("updated_after", "")
        found = (self._ledger.counterparty(number) for number in range(COUNTERPARTIES))
        rendered = [encode_json(company) for company in found if company["updated"] > since]
        return self._page("/v2/counterparties/", rendered, query)

    def _payments(self, query: Query) -> bytes:
        since, until = query.get("updated_start", ""), query.get("updated_end", "9999")
        found = [
            encode_json(self._ledger.payment(index, change))
            for index, change in sorted(self._changes.items())
            if since <= change.at <= until
        ]
        return self._page("/v2/payments/", found, query)

    def _control(self, command: str, query: Query) -> bytes:
        if command == "latency":
            self.latency_seconds = int(query["ms"]) / 1000
        elif command == "change":
            self.change(
                int(query["count"]),
                within_last=int(query.get("last", self._records)),
                hours_ago=int(query.get("hours_ago", 0)),
            )
        elif command != "stats":
            return answer(404, _NOT_FOUND)
        stats = {
            "requests": self.requests,
            "max_in_flight": self.max_in_flight,
            "cpu_seconds": time.process_time(),
        }
        if command == "stats":
            self.requests = self.max_in_flight = 0
        return answer(200, json.dumps(stats).encode())

    def change(self, count: int, within_last: int, hours_ago: int) -> None:
        """Change `count` invoices, spread evenly over the last `within_last` of the walk; amounts grow by 1.00."""
        now = stamp(datetime.now(UTC) - timedelta(hours=hours_ago))
        first = self._records - within_last
        pages = set()
        for number in range(count):
            index = first + number * within_last // count
            earlier = self._changes.get(index)
            self._changes[index] = Change(earlier.revision + 1 if earlier else 1, now)
            pages.add(index // PAGE_SIZE)
        for page in pages:
            self._pages[page] = self._invoice_page(page + 1)


class Connection(asyncio.Protocol):
    """One client connection: GET requests without bodies, kept alive."""

    def __init__(self, account: Account, loop: asyncio.AbstractEventLoop) -> None:
        self._account = account
        self._loop = loop
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("the page server speaks over stream transports only")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            self._received = rest
            method, _, tail = head.partition(b" ")
            if method != b"GET":
                self._transport.write(answer(400, b'{"detail":"Only GET is served."}'))
                self._transport.close()
                return
            self._serve(tail[: tail.index(b" ")])

    def _serve(self, target: bytes) -> None:
        account = self._account
        account.requests += 1
        if not account.latency_seconds:
            self._transport.write(account.answer_to(target))
            return
        account.in_flight += 1
        account.max_in_flight = max(account.max_in_flight, account.in_flight)
        self._loop.call_later(account.latency_seconds, self._answer_late, target)

    def _answer_late(self, target: bytes) -> None:
        self._account.in_flight -= 1
        if not self._transport.is_closing():
            self._transport.write(self._account.answer_to(target))


async def serve(records: int, seed: int, latency_ms: int, today: date) -> None:
    """Listen on an ephemeral port of the loopback address until standard input closes."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listener.getsockname()[1]
    account = Account(Ledger(seed, today), records, f"http://127.0.0.1:{port}")
    account.latency_seconds = latency_ms / 1000
    gc.collect()
    gc.freeze()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(account, loop), sock=listener)
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m bench.server")
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--latency-ms", type=int, default=0)
    options: Any = parser.parse_args()
    today = datetime.now(UTC).date()
    asyncio.run(serve(options.records, options.seed, options.latency_ms, today))


if __name__ == "__main__":
    main()
