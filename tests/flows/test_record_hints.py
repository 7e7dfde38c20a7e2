"""Events of an accounting system, from the subscription to the record that is read anew: with Monite's sandbox."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import Program, read_config
from connector.cli.setup import doorway
from connector.config.doorways import open_endpoints
from connector.config.model import Config
from connector.errors import ConfigError, OutcomeUnknown, Unsupported
from connector.sandbox.webhook import signature
from connector.schedule import Tasks
from connector.secrets import Secret, new_key
from connector.store.group_commit import GroupCommitInbox
from connector.strict_json import loads, loads_object
from connector.subscribing import SubscriptionKeeper, keeper_of
from tests.conformance.proxy import cut_after, status
from tests.fakes import FakeClock
from tests.unit.cli.conftest import Run, run
from tests.unit.monite.conftest import Platform, connect, platform, proxy
from webhooks.receiver import create_app

__all__ = ["connect", "platform", "proxy", "run"]

PATH_SECRET = "path-of-hints-0123456789-abcdefgh"
PUBLIC = "https://connector.example.com"
TOML = """
[store]
url = "sqlite:///connector.db"
[server]
public_url = "{public}"
[encryption]
key = {{ file = "connector.key" }}
[connections.acme]
system = "monite"
base_url = "{url}/v1"
client_id = "{client_id}"
client_secret = {{ env = "MONITE_SECRET" }}
entity_id = "{entity_id}"
[connections.acme.webhook]
path_secrets = [{{ env = "PATH_SECRET" }}]
secrets_file = "acme.secrets"
"""


@dataclass
class Desk:
    """A configuration in a folder, and the program made of it as often as a test likes."""

    folder: Path
    platform: Platform
    clock: FakeClock
    programs: list[Program]

    @property
    def secrets_file(self) -> Path:
        return self.folder / "acme.secrets"

    def config(self) -> Config:
        environ = {
            "MONITE_SECRET": self.platform.settings.client_secret,
            "PATH_SECRET": PATH_SECRET,
        }
        return read_config(self.folder / "connector.toml", environ)

    def program(self) -> Program:
        self.programs.append(Program(self.config(), clock=self.clock))
        return self.programs[-1]

    def keeper(self) -> SubscriptionKeeper:
        program = self.program()
        return keeper_of(program.config, "acme", program.systems["acme"])


@pytest.fixture
def desk(tmp_path: Path, platform: Platform, proxy: Any, clock: FakeClock) -> Iterator[Desk]:
    folder = tmp_path / "desk"
    folder.mkdir()
    key = folder / "connector.key"
    key.write_text(new_key())
    key.chmod(0o600)
    settings = platform.settings
    text = TOML.format(
        public=PUBLIC, url=proxy.url, client_id=settings.client_id, entity_id=settings.entity_id
    )
    (folder / "connector.toml").write_text(text)
    made = Desk(folder, platform, clock, [])
    yield made
    for program in made.programs:
        program.close()


Deliver = Callable[..., int]


@pytest.fixture
def deliver(desk: Desk) -> Iterator[Deliver]:
    """Post an event to the doorway as the configuration opens it."""
    inboxes = []

    def post(program: Program, body: dict[str, Any], secret: str) -> int:
        inbox = GroupCommitInbox(program.database)
        inbox.start()
        inboxes.append(inbox)
        app = create_app(open_endpoints(program.config), inbox, loads, desk.clock.now)
        raw = json.dumps(body).encode()
        signed = signature("timestamped", secret, int(desk.clock.now().timestamp()), raw)
        headers = {"Monite-Signature": signed}
        path = f"/webhooks/acme/{PATH_SECRET}"
        return app.test_client().post(path, data=raw, headers=headers).status_code

    yield post
    for inbox in inboxes:
        inbox.stop()


def event(desk: Desk, source_id: str, event_id: str = "1") -> dict[str, Any]:
    kind, _, identifier = source_id.partition(":")
    return {
        "id": f"00000000-0000-4000-8000-{event_id:>012}",
        "created_at": "2026-03-02T09:30:00+00:00",
        "action": "updated",
        "api_version": "2024-05-25",
        "description": "",
        "entity_id": desk.platform.settings.entity_id,
        "object": {"id": identifier},
        "object_type": kind,
        "webhook_subscription_id": "00000000-0000-4000-8000-000000000077",
    }


def latest(program: Program, source_id: str) -> dict[str, Any]:
    with program.database.read() as tx:
        row = tx.records.find("acme", "invoices", source_id)
        assert row is not None
        return loads_object(tx.records.latest_raw(row.id))


def secrets_of(desk: Desk) -> list[str]:
    lines = desk.secrets_file.read_text().splitlines()
    return [line.split()[1] for line in lines if not line.startswith("#")]


# -- subscriptions ----------------------------------------------------------------------------------------------------


def test_sync_makes_what_is_missing_and_then_has_nothing_to_do(desk: Desk) -> None:
    assert [step.action for step in desk.keeper().plan()] == ["create"] * 3
    assert [step.action for step in desk.keeper().sync()] == ["create"] * 3
    assert [step.action for step in desk.keeper().plan()] == ["keep"] * 3
    assert stat.S_IMODE(desk.secrets_file.stat().st_mode) == 0o600
    accepted = desk.config().connections["acme"].webhook
    assert accepted is not None
    assert accepted.signature is not None
    assert [s.reveal() for s in accepted.signature.secrets] == secrets_of(desk)
    assert all(Secret(one) in desk.config().secrets() for one in secrets_of(desk))


def test_the_door_is_shut_until_there_are_secrets(desk: Desk) -> None:
    assert open_endpoints(desk.config()).get("acme") is None
    (finding,) = doorway(desk.config(), "acme")
    assert (finding.ok, finding.remedy) == (False, "Run `connector webhooks sync`.")
    list(desk.keeper().sync())
    assert open_endpoints(desk.config()).get("acme") is not None
    assert doorway(desk.config(), "acme")[0].ok


def test_a_secret_that_was_lost_on_the_way_is_made_anew(desk: Desk, proxy: Any) -> None:
    proxy.disturb(cut_after, times=1, method="POST", path="webhook_subscriptions")
    with pytest.raises(OutcomeUnknown):
        list(desk.keeper().sync())
    actions = sorted(step.action for step in desk.keeper().sync())
    assert actions == ["create", "create", "renew_secret"]
    assert len(secrets_of(desk)) == 3
    assert {step.action for step in desk.keeper().plan()} == {"keep"}


def test_rotation_keeps_the_secret_before_for_what_is_under_way(desk: Desk) -> None:
    list(desk.keeper().sync())
    first = secrets_of(desk)
    list(desk.keeper().sync(rotate=True))
    second = secrets_of(desk)
    assert len(set(second)) == 6
    assert set(first) < set(second)
    list(desk.keeper().sync(rotate=True))
    assert len(secrets_of(desk)) == 6
    assert not set(first) & set(secrets_of(desk))


def test_a_rotation_that_is_cut_off_is_finished_by_the_next(desk: Desk, proxy: Any) -> None:
    list(desk.keeper().sync())
    proxy.disturb(cut_after, times=1, path="regenerate_secret")
    with pytest.raises(OutcomeUnknown):
        list(desk.keeper().sync(rotate=True))
    assert [step.action for step in desk.keeper().plan()].count("renew_secret") == 1
    list(desk.keeper().sync())
    assert {step.action for step in desk.keeper().plan()} == {"keep"}


def test_what_leads_elsewhere_is_left_alone_and_what_is_off_is_switched_on(desk: Desk) -> None:
    keeper = desk.keeper()
    list(keeper.sync())
    system: Any = desk.programs[-1].systems["acme"]
    theirs = keeper.door.prefix.replace("connector", "somebody") + "x"
    wanted = system.wanted_subscriptions(keeper.door)[0]
    system.subscribe(type(wanted)(wanted.topic, theirs), keeper.door)
    ours = next(one for one in system.subscriptions() if one.topic == "payable")
    system._client.partner_change("POST", f"/webhook_subscriptions/{ours.remote_id}/disable")
    steps = {step.action: step for step in keeper.sync()}
    assert set(steps) == {"change", "keep", "foreign"}
    assert "switched off" in steps["change"].why
    assert "secret" not in repr(steps)
    assert {step.action for step in keeper.plan()} == {"keep", "foreign"}


def test_a_second_one_of_ours_is_removed(desk: Desk) -> None:
    keeper = desk.keeper()
    list(keeper.sync())
    system: Any = desk.programs[-1].systems["acme"]
    system.subscribe(system.wanted_subscriptions(keeper.door)[0], keeper.door)
    assert [step.action for step in keeper.sync()].count("remove") == 1
    assert {step.action for step in keeper.plan()} == {"keep"}
    assert len(secrets_of(desk)) == 3


def test_what_is_missing_in_the_configuration_is_named(desk: Desk) -> None:
    config, system = desk.config(), desk.program().systems["acme"]
    path = desk.folder / "connector.toml"
    text = path.read_text()
    path.write_text(text.replace(f'public_url = "{PUBLIC}"', ""))
    with pytest.raises(ConfigError, match="public_url"):
        keeper_of(desk.config(), "acme", system)
    path.write_text(text[: text.index("[connections.acme.webhook]")])
    with pytest.raises(ConfigError, match="door"):
        keeper_of(desk.config(), "acme", system)
    with pytest.raises(Unsupported, match="tryton"):
        keeper_of(config, "acme", _Tryton())  # type: ignore[arg-type]


class _Tryton:
    name = "tryton"


def test_the_command_shows_no_secret_and_says_what_it_did(
    desk: Desk, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITE_SECRET", desk.platform.settings.client_secret)
    monkeypatch.setenv("PATH_SECRET", PATH_SECRET)
    config = ("--config", desk.folder / "connector.toml")
    planned = run(*config, "webhooks", "sync", "--plan", "--json")
    assert [one["action"] for one in json.loads(planned.out)] == ["create"] * 3
    assert not desk.secrets_file.exists()
    done = run(*config, "webhooks", "sync")
    assert (done.code, done.out.count("create")) == (0, 3)
    assert "Restart" in done.err
    listed = run(*config, "webhooks", "list", "--connection", "acme")
    assert listed.out.count("keep") == 3
    for said in (planned, done, listed):
        for secret in (*secrets_of(desk), PATH_SECRET):
            assert secret not in said.out + said.err
    assert run(*config, "webhooks", "list", "--connection", "nobody").code == 3


# -- hints ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pulled(desk: Desk) -> Program:
    """Everything was read once, and the door is open."""
    list(desk.keeper().sync())
    program = desk.program()
    assert Tasks(program, lambda _key: None).pull("acme")
    return program


def test_a_hint_is_answered_by_reading_its_record_anew(
    desk: Desk, pulled: Program, deliver: Deliver
) -> None:
    payable = desk.platform.one("payable", "waiting_to_be_paid")
    source_id = f"payable:{payable}"
    with pulled.database.read() as tx:
        cursor = tx.cursors.get("acme", "invoices")
    desk.platform.control(f"payables/{payable}", {"set": {"status": "paid"}})
    lying = {**event(desk, source_id), "object": {"id": payable, "status": "canceled"}}
    assert deliver(pulled, lying, secrets_of(desk)[0]) == 200
    assert latest(pulled, source_id)["status"] == "waiting_to_be_paid"
    assert Tasks(pulled, lambda _key: None).take_hints("acme")
    assert latest(pulled, source_id)["status"] == "paid"
    with pulled.database.read() as tx:
        assert tx.inbox.counts() == {("acme", "done"): 1}
        assert tx.cursors.get("acme", "invoices") == cursor
        run = tx.runs.last("acme", "invoices")
        assert run is not None
        assert (run.task, run.records_changed) == ("hear", 1)


def test_a_forged_event_is_not_stored_and_a_repeated_one_once(
    desk: Desk, pulled: Program, deliver: Deliver
) -> None:
    payable = desk.platform.one("payable", "new")
    good = secrets_of(desk)[-1]
    assert deliver(pulled, event(desk, f"payable:{payable}"), "whsec_" + "y" * 40) == 401
    assert deliver(pulled, event(desk, f"payable:{payable}"), good) == 200
    assert deliver(pulled, event(desk, f"payable:{payable}"), good) == 200
    with pulled.database.read() as tx:
        assert tx.inbox.counts() == {("acme", "received"): 1}


def test_a_hint_about_what_is_gone_or_of_another_kind_is_done(
    desk: Desk, pulled: Program, deliver: Deliver
) -> None:
    secret = secrets_of(desk)[0]
    gone = event(desk, "payable:00000000-0000-4000-8000-00000000000f", "1")
    other = {**event(desk, "payable:x", "2"), "object_type": "tag"}
    nonsense = {"id": "3", "hello": "world"}
    for body in (gone, other, nonsense):
        assert deliver(pulled, body, secret) == 200
    Tasks(pulled, lambda _key: None).take_hints("acme")
    with pulled.database.read() as tx:
        assert tx.inbox.counts() == {("acme", "done"): 2, ("acme", "quarantined"): 1}


def test_an_outage_gives_the_hint_back(
    desk: Desk, pulled: Program, deliver: Deliver, proxy: Any
) -> None:
    payable = desk.platform.one("payable", "waiting_to_be_paid")
    deliver(pulled, event(desk, f"payable:{payable}"), secrets_of(desk)[0])
    desk.platform.control(f"payables/{payable}", {"set": {"status": "paid"}})
    tasks = Tasks(pulled, lambda _key: None)
    proxy.disturb(lambda _forward: None)
    assert not tasks.take_hints("acme")
    proxy.calm()
    desk.clock.advance(hours=2)
    assert tasks.take_hints("acme")
    assert latest(pulled, f"payable:{payable}")["status"] == "paid"


def test_while_a_pull_runs_hints_wait_for_its_end(
    desk: Desk, pulled: Program, deliver: Deliver
) -> None:
    payable = desk.platform.one("payable", "new")
    deliver(pulled, event(desk, f"payable:{payable}"), secrets_of(desk)[0])
    woken: list[str] = []
    tasks = Tasks(pulled, woken.append)
    with tasks._reading["acme"]:
        assert tasks.take_hints("acme")
    with pulled.database.read() as tx:
        assert tx.inbox.counts() == {("acme", "received"): 1}
    tasks.pull("acme")
    assert "hear:acme" in woken


def test_a_hint_whose_record_is_refused_is_tried_for_a_day(
    desk: Desk, pulled: Program, deliver: Deliver, proxy: Any
) -> None:
    payable = desk.platform.one("payable", "new")
    deliver(pulled, event(desk, f"payable:{payable}"), secrets_of(desk)[0])
    proxy.disturb(status(403), path=f"/v1/payables/{payable}")
    tasks = Tasks(pulled, lambda _key: None)
    assert tasks.take_hints("acme")
    desk.clock.advance(hours=25)
    assert tasks.take_hints("acme")
    with pulled.database.read() as tx:
        assert tx.inbox.counts() == {("acme", "quarantined"): 1}
        (row,) = tx.inbox.list()
        assert row.received_at < desk.clock.now() - timedelta(hours=24)
