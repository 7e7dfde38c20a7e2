"""Subscriptions of the Monite stand-in: what they cover, how deliveries are signed, what can be read afterwards."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pytest

from tests.monite_contract import Contract, checked
from tests.unit.sandbox.conftest import Serve
from tests.unit.sandbox.monite_client import Monite, monite_sandbox, served_monite

RETRY_SECONDS = 60


class Listener:
    """A server that notes what is posted to it and answers `status`."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self._lock = Lock()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with listener._lock:
                    listener.heard.append((dict(self.headers.items()), body))
                self.send_response(listener.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self._thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def wait_for(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        deadline = time.monotonic() + 20
        while len(self.heard) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        assert len(self.heard) == count
        return self.heard

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def monite(serve_platform: Serve, tmp_path: Path) -> Iterator[Monite]:
    sandbox = monite_sandbox(tmp_path, webhook_retry_seconds=(RETRY_SECONDS,))
    with checked(sandbox, requests=False):
        yield served_monite(serve_platform, sandbox)


def subscribe(monite: Monite, object_type: str, url: str, **more: Any) -> dict[str, Any]:
    body = {"object_type": object_type, "url": url, **more}
    answer = monite.post("/v1/webhook_subscriptions", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def is_signed_with(secret: str, headers: dict[str, str], body: bytes) -> bool:
    parts = dict(part.split("=", 1) for part in headers["Monite-Signature"].split(","))
    signed = parts["t"].encode() + b"." + body
    return parts["v1"] == hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def test_a_change_is_told_to_who_subscribed(monite: Monite, listener: Listener) -> None:
    given = subscribe(monite, "receivable", listener.url)
    assert given["secret"].startswith("whsec_")
    assert given["status"] == "enabled"
    own = monite.one("receivables", type="invoice", status="issued")["id"]
    assert monite.post(f"/v1/receivables/{own}/mark_as_paid").ok
    monite.person_sets("payables", monite.one("payables")["id"], description="nobody hears this")
    [(headers, body)] = listener.wait_for(1)
    assert is_signed_with(given["secret"], headers, body)
    contract = Contract()
    contract.check_webhook(body)
    contract.verify()
    told = json.loads(body)
    assert told["object"] == {"id": own}
    assert (told["object_type"], told["action"]) == ("receivable", "paid")
    assert told["webhook_subscription_id"] == given["id"]
    [event] = monite.walk("events")
    assert event == {name: value for name, value in told.items() if name in event}
    assert monite.get(f"/v1/events/{event['id']}").json() == event


def test_one_event_and_a_delivery_for_each_subscription(monite: Monite, listener: Listener) -> None:
    first, second = (subscribe(monite, "payable", listener.url) for _ in range(2))
    assert first["secret"] != second["secret"]
    monite.person_sets("payables", monite.one("payables")["id"], description="told twice")
    heard = [json.loads(body) for _, body in listener.wait_for(2)]
    assert len({body["id"] for body in heard}) == 1
    assert {body["webhook_subscription_id"] for body in heard} == {first["id"], second["id"]}
    assert len(monite.page("events")["data"]) == 1


def test_nothing_is_kept_where_nobody_subscribed(monite: Monite, listener: Listener) -> None:
    own = monite.one("payables")["id"]
    monite.person_sets("payables", own, description="before")
    only_paid = subscribe(monite, "payable", listener.url, event_types=["paid"])
    monite.person_sets("payables", own, description="another kind")
    monite.post(f"/v1/webhook_subscriptions/{only_paid['id']}/disable")
    monite.person_sets("payables", own, status="paid")
    assert monite.page("events")["data"] == []
    monite.post(f"/v1/webhook_subscriptions/{only_paid['id']}/enable")
    monite.person_sets("payables", own, status="paid")
    assert [event["action"] for event in monite.walk("events")] == ["paid"]


def test_subscriptions_are_managed(monite: Monite, listener: Listener) -> None:
    own = subscribe(monite, "payable", "https://first.example/hook")
    path = f"/v1/webhook_subscriptions/{own['id']}"
    changed = monite.patch(path, {"url": listener.url, "event_types": ["updated"]}).json()
    assert (changed["url"], changed["event_types"]) == (listener.url, ["updated"])
    assert "secret" not in changed
    assert list(monite.walk("webhook_subscriptions", object_type="payable")) == [changed]
    assert list(monite.walk("webhook_subscriptions", object_type="receivable")) == []
    renewed = monite.post(f"{path}/regenerate_secret").json()
    assert renewed["secret"] != own["secret"]
    monite.person_sets("payables", monite.one("payables")["id"], description="x")
    [(headers, body)] = listener.wait_for(1)
    assert is_signed_with(renewed["secret"], headers, body)
    assert not is_signed_with(own["secret"], headers, body)
    assert monite.http.delete(monite.url + path, timeout=10).status_code == 204
    assert monite.get(path).status_code == 404
    for wrong in ({"object_type": "bill", "url": "https://a.example/"}, {"object_type": "payable"}):
        assert monite.post("/v1/webhook_subscriptions", wrong).status_code == 422
    wrong = {"object_type": "payable", "url": "nowhere"}
    assert monite.post("/v1/webhook_subscriptions", wrong).status_code == 422


def test_forms_of_an_event_that_the_documents_leave_open(
    monite: Monite, listener: Listener
) -> None:
    subscribe(monite, "payable", listener.url)
    monite.post("/sandbox/settings", {"webhook_payload": "object_id", "action_form": "dotted"})
    own = monite.one("payables")["id"]
    monite.person_sets("payables", own, description="x")
    [(_, body)] = listener.wait_for(1)
    told = json.loads(body)
    assert (told["object_id"], told["action"]) == (own, "payable.updated")
    assert "object" not in told


def test_a_delivery_is_tried_again_with_the_present_secret(
    monite: Monite, listener: Listener
) -> None:
    given = subscribe(monite, "payable", listener.url)
    listener.status = 503
    monite.person_sets("payables", monite.one("payables")["id"], description="x")
    listener.wait_for(1)
    renewed = monite.post(f"/v1/webhook_subscriptions/{given['id']}/regenerate_secret").json()
    listener.status = 200
    monite.push_clock(RETRY_SECONDS)
    heard = listener.wait_for(2)
    assert [is_signed_with(given["secret"], *told) for told in heard] == [True, False]
    assert is_signed_with(renewed["secret"], *heard[1])
    deadline = time.monotonic() + 20
    while monite.get("/sandbox/webhooks").json() != {"acknowledged": 1}:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    [delivery] = monite.walk("webhook_deliveries")
    assert (delivery["requests_made_count"], delivery["response_status_code"]) == (2, 200)
    assert delivery["was_successful"] is True
    assert list(monite.walk("webhook_deliveries", event_id=delivery["event_id"])) == [delivery]


def test_events_can_be_caught_up_with_for_three_months(monite: Monite) -> None:
    subscribe(monite, "payable", "http://127.0.0.1:9/hook")
    monite.post("/sandbox/settings", {"webhook_timeout_seconds": 0.2})
    ids = [record["id"] for record in monite.page("payables", limit=5)["data"]]
    for own in ids:
        monite.person_sets("payables", own, description="changed")
        monite.push_clock(1)
    events = list(monite.walk("events", limit=2))
    assert [event["object"]["id"] for event in events] == ids
    after = list(monite.walk("events", created_at__gt=events[2]["created_at"], limit=1))
    assert [event["object"]["id"] for event in after] == ids[3:]
    newest_first = list(monite.walk("events", sort="created_at", order="desc", limit=2))
    assert newest_first == events[::-1]
    other = {"X-Monite-Entity-Id": monite.settings.other_entity_id}
    assert monite.get("/v1/events", headers=other).json()["data"] == []
    monite.push_clock(90 * 86_400 - 3)
    monite.let_in()
    assert list(monite.walk("events")) == events[2:]


def test_what_people_do_is_told(monite: Monite, listener: Listener) -> None:
    subscribe(monite, "receivable", listener.url)
    [own] = monite.post("/sandbox/receivables", {"set": {"total_amount": 500}}).json()["ids"]
    monite.person_sets("receivables", own, status="overdue")
    assert monite.http.delete(f"{monite.url}/sandbox/receivables/{own}", timeout=10).ok
    listener.wait_for(3)
    assert [e["action"] for e in monite.walk("events")] == ["created", "overdue", "deleted"]
