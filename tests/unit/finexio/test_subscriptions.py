"""Finexio's webhooks against the sandbox: subscribing, hearing, and what an event is good for."""

from __future__ import annotations

import ast
import inspect
import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from connector.errors import ConfigError, ContractDrift, OutcomeUnknown, Refused, Unsupported
from connector.sandbox.clock import SandboxClock
from connector.sandbox.faults import Rule
from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.finexio.mutations import advance_invoice, change_counterparty
from connector.sandbox.platform import Sandbox
from connector.sandbox.server import serve
from connector.secrets import Secret
from connector.system import Door, ManagesWebhooks, RecordHint
from connector.systems.finexio import Finexio, subscriptions
from connector.transport import AdapterContext
from tests.fakes import START, FakeClock
from tests.unit.transport.doubles import Server, answer

PASSWORD = "c4n4ry-webhook-password"
DOOR = Door("https://connector.example.com/webhooks/finexio/", "path-secret", "finexio", PASSWORD)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[tuple[Sandbox, str]]:
    settings = FinexioSettings(invoices=45, suppliers=3, dirty_percent=0)
    made = create_finexio(settings, tmp_path, SandboxClock(START, frozen=True))
    with serve(made) as url:
        yield made, url


Connect = Callable[..., Finexio]


@pytest.fixture
def connect(sandbox: tuple[Sandbox, str], clock: FakeClock) -> Iterator[Connect]:
    made = []

    def make(version: str = "v2", base_url: str = sandbox[1], **changes: Any) -> Finexio:
        raw = {"base_url": base_url, "version": version, "username": "sandbox-user"}
        settings: dict[str, Any] = {**raw, "password": Secret("sandbox-password"), **changes}
        loaded = Finexio.settings_schema().load(settings)
        made.append(Finexio(loaded, AdapterContext("acme", clock)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/webhooks/finexio/", got
    server.shutdown()
    thread.join()
    server.server_close()


def one_invoice(sandbox: Sandbox) -> str:
    return next(o.id for o in sandbox.ledger.select("invoice") if o.status == "pending")


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("below_host", [False, True])
@pytest.mark.parametrize("event", subscriptions.EVENTS)
def test_a_subscription_lives_and_ends(
    sandbox: tuple[Sandbox, str], connect: Connect, version: str, below_host: bool, event: str
) -> None:
    system = connect(version, webhooks_below_host=below_host, webhook_event=event)
    assert isinstance(system, ManagesWebhooks)
    (wanted,) = system.wanted_subscriptions(DOOR)
    assert system.subscriptions() == []
    made = system.subscribe(wanted, DOOR)
    assert made.secret is None
    (found,) = system.subscriptions()
    assert (found.topic, found.url, found.remote_id) == (wanted.topic, DOOR.url, made.remote_id)
    stored = sandbox[0].ledger.select("webhook")[0].body
    assert (stored["event"], stored["username"], stored["password"]) == (event, "finexio", PASSWORD)

    moved = Door(DOOR.prefix, "another-path-secret", "finexio", "another-password-of-ours")
    system.change_subscription(made.remote_id, wanted, moved)
    assert [one.url for one in system.subscriptions()] == [moved.url]
    assert sandbox[0].ledger.select("webhook")[0].body["password"] == "another-password-of-ours"
    system.unsubscribe(made.remote_id)
    assert system.subscriptions() == []
    with pytest.raises(Unsupported, match="signing secrets"):
        system.renew_secret(made.remote_id)


def test_a_changed_payment_is_told_with_our_credentials_and_leads_to_its_invoice(
    sandbox: tuple[Sandbox, str],
    connect: Connect,
    receiver: tuple[str, list[tuple[dict[str, str], bytes]]],
) -> None:
    prefix, got = receiver
    door = Door(prefix, "path-secret", "finexio", PASSWORD)
    system = connect()
    system.subscribe(system.wanted_subscriptions(door)[0], door)
    invoice_id = one_invoice(sandbox[0])
    advance_invoice(sandbox[0], invoice_id)
    give_up = time.monotonic() + 15
    while not got and time.monotonic() < give_up:
        time.sleep(0.01)
    headers, body = got[0]
    assert headers["Authorization"] == "Basic ZmluZXhpbzpjNG40cnktd2ViaG9vay1wYXNzd29yZA=="
    event = json.loads(body)
    assert set(event) == {"object_type", "object_id", "event"}
    hint = RecordHint("payment.changed", (("invoices", invoice_id),))
    assert system.read_hint(event) == hint == connect("v1").read_hint(event)
    assert json.loads(system.fetch("invoices", invoice_id).raw)["status"] == "in-progress"


@pytest.mark.parametrize(
    ("changes", "records"),
    [
        ({"object_id": "pmt_of_nobody"}, ()),
        ({"object_type": "invoice"}, ()),
        ({"event": "payment.exploded"}, ()),
    ],
)
def test_an_event_about_nothing_of_ours_names_nothing(
    connect: Connect, changes: dict[str, str], records: tuple[Any, ...]
) -> None:
    event = {"object_type": "payment", "object_id": "pmt_1", "event": "payment.change", **changes}
    assert connect().read_hint(event).records == records


@pytest.mark.parametrize(
    "body",
    [{}, {"event": "payment.changed"}, {"object_type": 1, "object_id": "a", "event": "b"},
     {"object_type": "payment", "object_id": "", "event": "payment.changed"}],
)  # fmt: skip
def test_what_is_no_event_is_drift(connect: Connect, body: dict[str, Any]) -> None:
    with pytest.raises(ContractDrift, match="no event of Finexio"):
        connect().read_hint(body)


@pytest.mark.parametrize(
    "door",
    [
        Door(DOOR.prefix, "path-secret"),
        Door(DOOR.prefix, "path-secret", "finexio", None),
        Door(DOOR.prefix, "x" * 190, "finexio", PASSWORD),
    ],
)
def test_a_door_that_finexio_would_not_take_is_refused_before_anything_is_sent(
    sandbox: tuple[Sandbox, str], connect: Connect, door: Door
) -> None:
    system = connect()
    with pytest.raises(ConfigError) as raised:
        system.subscribe(system.wanted_subscriptions(door)[0], door)
    assert raised.value.remedy
    assert PASSWORD not in str(raised.value)
    assert sandbox[0].ledger.table_size("requests") == 0


def test_an_answer_that_is_lost_is_unknown_and_the_list_tells(
    sandbox: tuple[Sandbox, str], connect: Connect
) -> None:
    system = connect()
    wanted = system.wanted_subscriptions(DOOR)[0]
    sandbox[0].faults.add(Rule("POST /v2/webhooks/", "commit_then_timeout"))
    with pytest.raises(OutcomeUnknown) as raised:
        system.subscribe(wanted, DOOR)
    assert PASSWORD not in str(raised.value)
    assert [one.url for one in system.subscriptions()] == [DOOR.url]
    sandbox[0].faults.add(Rule("POST /v2/webhooks/", "bad_request"))
    with pytest.raises(Refused):
        system.subscribe(wanted, DOOR)


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (b"[]", []),
        (b'[{"uuid": "a", "event": "payment.change", "url": "https://x.example/"}]', ["a"]),
        (b'{"results": [{"id": "b", "event": "e", "url": "u"}], "count": 1}', ["b"]),
    ],
)
def test_either_form_of_the_list_is_read(connect: Connect, body: bytes, ids: list[str]) -> None:
    other = Server([answer(200, body)])
    found = connect(base_url=other.url).subscriptions()
    assert [one.remote_id for one in found] == ids
    other.close()


@pytest.mark.parametrize("body", [b"{}", b'[{"event": "e", "url": "u"}]', b'["a"]', b"3"])
def test_another_form_of_the_list_is_drift(connect: Connect, body: bytes) -> None:
    other = Server([answer(200, body)])
    with pytest.raises(ContractDrift):
        connect(base_url=other.url).subscriptions()
    other.close()


def test_nothing_but_webhooks_is_ever_written_to() -> None:
    sends = [
        ast.unparse(node.args[1])
        for node in ast.walk(ast.parse(inspect.getsource(subscriptions)))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._send"
    ]
    assert sends
    assert all(path.startswith(("self._path", "f'{self._path}")) for path in sends)
    assert "/webhooks/" in inspect.getsource(subscriptions.Subscriptions.__init__)
    assert inspect.getsource(subscriptions).count(".request(") == 1


def test_the_sandbox_tells_which_fields_of_a_counterparty_changed(
    sandbox: tuple[Sandbox, str], connect: Connect
) -> None:
    party = sandbox[0].ledger.select("counterparty")[0]
    change_counterparty(sandbox[0], party.id, {"city": "Elsewhere", "bank_account_number": "1"})
    transport = connect()._transport
    told = transport.get("/counterparties/history", [("object_id", party.id)]).json()
    assert told["count"] == 2
    assert told["results"][0]["changed_fields"] == ["city", "bank_account_number"]
    assert '"1"' not in json.dumps(told["results"])
    everything = transport.get("/counterparties/history").json()
    assert everything["count"] > 2
