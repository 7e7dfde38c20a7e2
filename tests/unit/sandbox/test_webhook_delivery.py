"""Events are delivered until they are acknowledged, and every attempt is in the ledger."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.unit.sandbox.conftest import Financier, Serve, hosted_session

SECRET = "made-up-webhook-secret"


@dataclass
class Receiver:
    """Answers with `statuses` in turn, then 200; keeps what it got."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def events(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((dict(self.headers), body))
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def financier(serve_platform: Serve, tmp_path: Path, receiver: Receiver) -> Financier:
    return hosted_session(
        serve_platform, tmp_path, webhook_url=receiver.url, webhook_secret=SECRET, decline_percent=0,
        information_percent=0, overdue_percent=0,
    )  # fmt: skip


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("It did not happen within 15 seconds.")
        time.sleep(0.01)


def wait_for_attempts(financier: Financier, count: int) -> None:
    wait_for(lambda: financier.sandbox.ledger.table_size("attempts") == count)


def submitted(financier: Financier) -> str:
    made = financier.invoice()
    financier.session(made["id"])
    financier.post("/sandbox/person/complete-all")
    return str(made["id"])


def states(financier: Financier) -> dict[str, int]:
    return dict(financier.get("/sandbox/webhooks").json())


def test_the_event_object_and_its_signature(financier: Financier, receiver: Receiver) -> None:
    invoice = submitted(financier)
    wait_for(lambda: states(financier) == {"acknowledged": 1})
    headers, body = receiver.got[0]
    event = json.loads(body)
    assert set(event) == {"id", "object", "type", "livemode", "created", "data"}
    assert (event["object"], event["type"], event["livemode"]) == ("event", "invoice.new", False)
    assert event["created"] == "2026-03-02T09:30:00.000Z"
    assert event["data"]["object"] == {
        "id": invoice, "object": "invoice", "supplier": financier.supplier, "buyer": financier.buyer,
        "client_reference_id": "ref-1", "status": "new",
    }  # fmt: skip
    stamp, given = (part.split("=")[1] for part in headers["Stenn-Signature"].split(","))
    right = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert given == right
    assert abs(int(stamp) - time.time()) < 300
    attempt = financier.sandbox.ledger.rows("SELECT * FROM attempts")[0]
    assert (attempt["event_id"], attempt["answer_status"], attempt["acknowledged"]) == (
        event["id"],
        200,
        1,
    )


def test_the_events_of_an_invoice_come_in_order(financier: Financier, receiver: Receiver) -> None:
    submitted(financier)
    financier.post("/sandbox/desk/advance", {"steps": "all"})
    wait_for(lambda: states(financier) == {"acknowledged": 5})
    words = ["new", "requesting_signatures", "approved", "financed", "repaid"]
    assert receiver.events() == [f"invoice.{word}" for word in words]


def test_only_200_acknowledges(financier: Financier, receiver: Receiver) -> None:
    receiver.statuses = [500, 204]
    submitted(financier)
    rows = financier.sandbox.ledger.rows
    for attempts, seconds in ((1, 60), (2, 300)):
        wait_for_attempts(financier, attempts)
        financier.sandbox.stopping.wait(0.05)
        assert len(receiver.got) == attempts, "nothing comes before the clock says so"
        financier.post("/sandbox/clock", {"advance_seconds": seconds})
    wait_for(lambda: states(financier) == {"acknowledged": 1})
    found = rows("SELECT answer_status, acknowledged FROM attempts ORDER BY sequence")
    assert [tuple(row) for row in found] == [(500, 0), (204, 0), (200, 1)]
    assert len({body for _, body in receiver.got}) == 1, "the same event each time"


def test_an_event_is_given_up_in_the_end(financier: Financier, receiver: Receiver) -> None:
    receiver.statuses = [503] * 3
    submitted(financier)
    for attempts in (1, 2):
        wait_for_attempts(financier, attempts)
        financier.post("/sandbox/clock", {"advance_seconds": 300})
    wait_for(lambda: states(financier) == {"given_up": 1})
    assert len(receiver.got) == 3


def test_nobody_there_is_an_attempt_too(financier: Financier) -> None:
    financier.post("/sandbox/settings", {"webhook_url": "http://127.0.0.1:9/"})
    submitted(financier)
    wait_for(lambda: financier.sandbox.ledger.table_size("attempts") == 1)
    row = financier.sandbox.ledger.rows("SELECT * FROM attempts")[0]
    assert (row["answer_status"], row["error"]) == (None, "ConnectionRefusedError")


def test_without_a_url_nothing_is_sent(financier: Financier, receiver: Receiver) -> None:
    financier.post("/sandbox/settings", {"webhook_url": None})
    submitted(financier)
    assert states(financier) == {"unregistered": 1}
    assert receiver.got == []


def test_duplicated_and_lost(financier: Financier, receiver: Receiver) -> None:
    financier.fault("WEBHOOK invoice.new", "webhook_duplicate", options={"copies": 3})
    financier.fault("WEBHOOK invoice.approved", "webhook_lose")
    submitted(financier)
    financier.post("/sandbox/desk/advance", {"steps": 2})
    wait_for(lambda: states(financier) == {"acknowledged": 4, "lost": 1})
    assert receiver.events() == ["invoice.new"] * 3 + ["invoice.requesting_signatures"]
    assert len({body for _, body in receiver.got[:3]}) == 1


def test_delayed_by_the_clock(financier: Financier, receiver: Receiver) -> None:
    financier.fault("WEBHOOK invoice.new", "webhook_delay", options={"seconds": 273_600})
    submitted(financier)
    financier.post("/sandbox/desk/advance")
    wait_for(lambda: receiver.events() == ["invoice.requesting_signatures"])
    financier.post("/sandbox/clock", {"advance_seconds": 273_600})
    wait_for(lambda: receiver.events()[1:] == ["invoice.new"])


def test_reordered(financier: Financier, receiver: Receiver) -> None:
    financier.fault("WEBHOOK invoice.new", "webhook_reorder", options={"seconds": 3600})
    submitted(financier)
    financier.post("/sandbox/desk/advance")
    financier.post("/sandbox/clock", {"advance_seconds": 1})
    wait_for(lambda: len(receiver.got) == 2)
    assert receiver.events() == ["invoice.requesting_signatures", "invoice.new"]


def test_forged_and_unsigned(financier: Financier, receiver: Receiver) -> None:
    for status, fault in (("new", "webhook_bad_signature"), ("requesting_signatures", "webhook_unsigned"),
                          ("approved", "webhook_old_timestamp"), ("financed", "webhook_cut_body")):  # fmt: skip
        financier.fault(f"WEBHOOK invoice.{status}", fault)
    submitted(financier)
    financier.post("/sandbox/desk/advance", {"steps": 3})
    wait_for(lambda: len(receiver.got) == 4)

    def valid(number: int) -> bool:
        headers, body = receiver.got[number]
        stamp, given = (part.split("=")[1] for part in headers["Stenn-Signature"].split(","))
        text = f"{stamp}.".encode() + body
        return hmac.compare_digest(
            given, hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
        )

    assert not valid(0)
    assert "Stenn-Signature" not in receiver.got[1][0]
    assert valid(2)
    assert int(receiver.got[2][0]["Stenn-Signature"][2:12]) < time.time() - 80_000
    with pytest.raises(json.JSONDecodeError):
        json.loads(receiver.got[3][1])


def test_the_plain_scheme(financier: Financier, receiver: Receiver) -> None:
    financier.post(
        "/sandbox/settings",
        {"webhook_signature_scheme": "plain", "webhook_signature_header": "X-Signature"},
    )
    submitted(financier)
    wait_for(lambda: receiver.got)
    headers, body = receiver.got[0]
    assert headers["X-Signature"] == hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def test_secrets_are_not_shown(financier: Financier) -> None:
    shown = financier.get("/sandbox/settings").json()
    assert (shown["webhook_secret"], shown["client_secret"]) == ("(hidden)", "(hidden)")
