"""The status feed over the sandbox: a receiver that fails, hangs up, and is gone for a while gets every status, in order
for each invoice, whatever becomes of the connector meanwhile."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from connector.clock import SystemClock
from connector.feed.signing import new_secret
from connector.sandbox.run import control
from connector.store.feed_deliveries import FeedDeliveries
from tests.flows.conftest import Build
from tests.flows.stage import Stage
from tests.unit.cli.conftest import Run, run
from tests.unit.feed.receiver import CUT_AFTER, CUT_BEFORE, Receiver, set_library_clock

__all__ = ["run"]

STATUSES = ("requesting_signatures", "approved")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(new_secret())
    yield made
    made.stop()


def with_feed(stage: Stage, receiver: Receiver, *lines: str) -> Stage:
    """Name the receiver in the configuration, before the connector starts."""
    secret = stage.directory / "feed"
    secret.write_text(receiver.secret, encoding="utf-8")
    secret.chmod(0o600)
    text = stage.config_path.read_text(encoding="utf-8")
    table = [
        "[feed]",
        "retry_seconds = [5, 30]",
        *lines,
        "[[feed.endpoints]]",
        'name = "erp"',
        f'url = "{receiver.url}"',
        'secrets = [{ file = "feed" }]',
    ]
    stage.config_path.write_text(text + "\n".join(table) + "\n", encoding="utf-8")
    return stage


def send_all(stage: Stage) -> None:
    """Let time pass until the endpoint has everything."""
    for _ in range(60):
        if stage.tasks.feed("erp"):
            return
        stage.clock.advance(40)
    raise AssertionError("The feed does not drain.")


def order_told(receiver: Receiver) -> dict[str, list[int]]:
    """The sequence numbers of each invoice, in the order in which they were first taken."""
    told = defaultdict(list)
    for event in receiver.once():
        told[event["data"]["client_reference_id"]].append(event["data"]["sequence"])
    return dict(told)


def timelines(stage: Stage) -> dict[str, list[tuple[int, str, str]]]:
    with stage.read() as tx:
        return {
            row.client_reference_id: [
                (one.seq, one.status, one.raw_status) for one in tx.timeline.of_invoice(row.id)
            ]
            for row in tx.financing.recent(100)
        }


def kept(receiver: Receiver) -> dict[str, list[tuple[int, str, str]]]:
    told: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for event in receiver.once():
        data: dict[str, Any] = event["data"]
        told[data["client_reference_id"]].append(
            (data["sequence"], data["status"], data["raw_status"])
        )
    return dict(told)


def desk(stage: Stage, status: str) -> None:
    """The desk gives every invoice a status."""
    stage.clock.advance(1)
    for invoice in stage.ledger.select("invoice"):
        body = {"invoice": invoice.id, "status": status}
        control(stage.financier_url, "/sandbox/desk/set", body)


def test_every_status_arrives_in_order_through_failures_kills_and_a_restart(
    build: Build, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = with_feed(build(), receiver)
    set_library_clock(monkeypatch, stage.clock.now)
    for cents in (10_001, 20_002, 30_003):
        stage.add(amount_cents=cents)
    receiver.answers = [500, 204, CUT_AFTER, 429, CUT_BEFORE, 302]
    stage.settle()
    stage.complete_sessions()
    stage.settle()

    receiver.stop()  # gone: connections are refused
    desk(stage, STATUSES[0])
    stage.settle()
    assert stage.tasks.feed("erp") is False
    receiver.start()

    # The connector dies after the receiver took an event and before that is written down.
    complete = FeedDeliveries.complete

    def dies(*_: object, **__: object) -> None:
        raise MemoryError("killed")

    monkeypatch.setattr(FeedDeliveries, "complete", dies)
    stage.clock.advance(60)
    with pytest.raises(MemoryError):
        stage.tasks.feed("erp")
    monkeypatch.setattr(FeedDeliveries, "complete", complete)
    stage.restart()
    desk(stage, STATUSES[1])
    stage.settle()
    stage.clock.advance(200)  # longer than a lease
    send_all(stage)

    assert kept(receiver) == timelines(stage)
    assert len(kept(receiver)) == 3
    assert all(told == sorted(told) for told in order_told(receiver).values())
    assert all(told[-1] == len(told) >= 4 for told in order_told(receiver).values())
    assert len(receiver.taken) > len(receiver.once()), "some came twice, under the same identifier"
    amounts = {event["data"]["amount"] for event in receiver.taken}
    assert amounts == {"100.01", "200.02", "300.03"}
    assert not stage.violations()


def test_a_person_looks_exports_sends_again_and_enables(
    build: Build, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    stage = with_feed(build(), receiver)
    set_library_clock(monkeypatch, stage.clock.now)
    monkeypatch.setattr(SystemClock, "now", lambda _: stage.clock.now())  # the commands' own
    stage.add()
    stage.settle()
    stage.complete_sessions()
    stage.settle()
    send_all(stage)
    taken = len(receiver.once())
    assert taken >= 2
    stage.complete_sessions()
    receiver.answers = [410]
    stage.desk("requesting_signatures")
    stage.settle()
    assert stage.tasks.feed("erp") is False
    stage.stop()
    config = ("--config", stage.config_path)

    shown = run(*config, "feed", "status", "--json")
    (line,) = json.loads(shown.out)
    assert (line["state"], line["waiting"], line["delivered"]) == ("disabled", 1, taken)
    assert "410" in run(*config, "status").out

    exported = run(*config, "feed", "export", "--format", "csv", "--limit", 2)
    rows = list(csv.DictReader(io.StringIO(exported.out)))
    assert len(rows) == 2
    cursor = exported.err.rsplit(maxsplit=1)[-1]
    rest = json.loads(run(*config, "feed", "export", "--after", cursor).out)
    assert len(rest["events"]) == taken + 1 - 2
    assert run(*config, "feed", "export", "--after", "nonsense").code == 6

    assert run(*config, "feed", "enable", "erp").code == 0
    refused = run(*config, "feed", "replay", "--endpoint", "nobody")
    assert (refused.code, "There are: erp." in refused.err) == (6, True)
    again = run(*config, "feed", "replay", "--endpoint", "erp", "--from", "2026-03-02", "--yes")
    assert again.code == 0, again.err
    assert f"{taken} events are queued" in again.err
    assert "1 of them are on their way already" in again.err
    assert run(*config, "feed", "replay", "--endpoint", "erp", "--to", "2020-01-01").code == 0
    before = len(receiver.taken)
    send_all(stage)
    assert len(receiver.taken) == before + taken + 1
    assert len(receiver.once()) == taken + 1
    stage.stop()
    run(*config, "feed", "disable", "erp", "--reason", "The ERP moves house.")
    assert "The ERP moves house." in run(*config, "feed", "status").out
    assert run(*config, "feed", "new-secret").out.startswith("whsec_")
    assert not stage.violations(at_rest=False)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('url = "ftp://erp"', "expected a web address"),
        ('url = "http://erp.example.com/"', "expected https://"),
        ('secrets = [{ file = "password" }]', "connector feed new-secret"),
        ('connections = ["boks"]', "Did you mean books?"),
        ('statuses = ["paid"]', "expected one of"),
    ],
)
def test_a_wrong_endpoint_is_refused_with_its_line(
    build: Build, receiver: Receiver, run: Run, table: str, sentence: str
) -> None:
    stage = with_feed(build(), receiver)
    text = stage.config_path.read_text(encoding="utf-8")
    key = table.partition(" ")[0]
    head, tail = text.split("[[feed.endpoints]]")
    tail = "\n".join(one for one in tail.splitlines() if not one.startswith(key))
    stage.config_path.write_text(f"{head}[[feed.endpoints]]{tail}\n{table}\n", encoding="utf-8")
    said = run("--config", stage.config_path, "feed", "status")
    assert said.code == 3
    assert sentence in said.err
    assert "feed.endpoints[1]" in said.err
