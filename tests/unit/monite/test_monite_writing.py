"""What the Monite adapter writes: statuses, payments where the settings say so, subscriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ContractDrift, OutcomeUnknown, Refused, Unsupported
from connector.system import Door, ManagesWebhooks, RecordHint, StatusNote
from connector.systems.monite.subscriptions import read_hint
from tests.conformance.proxy import Answer, Proxy, cut_after
from tests.fakes import START
from tests.unit.monite.conftest import Connect, Platform

CONTRACT = json.loads((Path(__file__).parents[2] / "contracts" / "monite.json").read_text())
ENTITY = "9a1d7b52-6c6e-4c09-8c39-5b7c0a6a2b02"
DOOR = Door("https://connector.example.com/webhooks/acme/", "path-secret-of-ours")


def note(source_id: str, status: str = "approved", number: int = 1) -> StatusNote:
    return StatusNote(source_id, f"ref/{number}", status, f"Invoice was {status}.", START)


# -- notes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("patching", ["merge", "replace"])
def test_a_status_joins_what_others_keep_there(
    connect: Connect, platform: Platform, patching: Any
) -> None:
    platform.settings.metadata_patch = patching
    receivable = platform.one("receivable", "issued")
    platform.control(f"receivables/{receivable}", {"set": {"partner_metadata": {"theirs": 1}}})
    written = connect().write_status(note(f"receivable:{receivable}"))
    kept = platform.body("receivable", receivable)["partner_metadata"]
    assert kept == {
        "theirs": 1,
        "financing_status": "approved",
        "financing_note": "Invoice was approved.",
        "financing_marker": "ref/1",
        "financing_status_at": "2026-03-02T09:30:00+00:00",
    }
    assert written.fields == {"partner_metadata": kept}


def test_the_same_note_is_written_once(connect: Connect, platform: Platform, proxy: Proxy) -> None:
    system = connect()
    mine = note(f"receivable:{platform.one('receivable', 'issued')}")
    first = system.write_status(mine)
    assert system.write_status(mine) == system.find_status(mine)
    assert first.remote_id == system.write_status(mine).remote_id
    assert [p.method for p in proxy.passed].count("PATCH") == 1


@pytest.mark.parametrize(("kind", "status"), [("receivable", "draft"), ("payable", "new")])
def test_drafts_and_new_payables_take_a_note(
    connect: Connect, platform: Platform, kind: str, status: str
) -> None:
    system, mine = connect(), note(f"{kind}:{platform.one(kind, status)}")
    system.write_status(mine)
    assert system.find_status(mine) is not None


@pytest.mark.parametrize("status", ["waiting_to_be_paid", "approve_in_progress", "paid"])
def test_an_approved_payable_says_by_name_that_it_takes_none(
    connect: Connect, platform: Platform, proxy: Proxy, status: str
) -> None:
    system = connect()
    mine = note(f"payable:{platform.one('payable', status)}")
    with pytest.raises(Unsupported, match=status):
        system.write_status(mine)
    assert [p.method for p in proxy.passed].count("PATCH") == 1
    assert system.find_status(mine) is None


def test_409_means_look_again(connect: Connect, platform: Platform, proxy: Proxy) -> None:
    """It was issued between our reading and our writing: looked at once more, then written as what it is now."""
    receivable = platform.one("receivable", "draft")
    done: list[bool] = []

    def issue_first(forward: Any) -> Answer:
        if not done:
            done.append(True)
            platform.control(f"receivables/{receivable}", {"set": {"status": "issued"}})
        answered: Answer = forward()
        return answered

    proxy.disturb(issue_first, times=1, method="PATCH")
    system, mine = connect(), note(f"receivable:{receivable}")
    system.write_status(mine)
    assert system.find_status(mine) is not None
    assert [p.method for p in proxy.passed].count("PATCH") == 2


def test_a_lost_answer_is_found_by_the_marker(
    connect: Connect, platform: Platform, proxy: Proxy
) -> None:
    system, mine = connect(), note(f"receivable:{platform.one('receivable', 'issued')}")
    proxy.disturb(cut_after, times=1, method="PATCH")
    with pytest.raises(OutcomeUnknown):
        system.write_status(mine)
    assert system.find_status(mine) is not None


# -- payments ---------------------------------------------------------------------------------------------------------


def test_nothing_is_paid_unless_asked_for(connect: Connect, platform: Platform) -> None:
    receivable = platform.one("receivable", "issued")
    connect().write_status(note(f"receivable:{receivable}", "repaid"))
    assert platform.body("receivable", receivable)["status"] == "issued"


@pytest.mark.parametrize("way", ["mark_as_paid", "payment_record"])
def test_a_repaid_receivable_is_paid_where_the_settings_say_so(
    connect: Connect, platform: Platform, proxy: Proxy, way: str
) -> None:
    receivable = platform.one("receivable", "issued")
    due = platform.body("receivable", receivable)["amount_due"]
    system = connect(receivable_paid_on="repaid", payments_as=way)
    mine = note(f"receivable:{receivable}", "repaid")
    system.write_status(note(f"receivable:{receivable}", "funded", 0))
    written = system.write_status(mine)
    body = platform.body("receivable", receivable)
    assert (body["status"], body["amount_due"], body["amount_paid"]) == ("paid", 0, due)
    assert (written.fields["status"], written.fields["amount_due"]) == ("paid", 0)
    system.write_status(mine)
    assert system.find_status(mine) is not None
    posted = [p.path for p in proxy.passed if p.method == "POST" and "token" not in p.path]
    assert len(posted) == 1
    assert way.replace("record", "records") in posted[0]


def test_a_note_without_its_payment_is_not_there_yet(
    connect: Connect, platform: Platform, proxy: Proxy
) -> None:
    system = connect(receivable_paid_on="repaid")
    mine = note(f"receivable:{platform.one('receivable', 'issued')}", "repaid")
    connect().write_status(mine)
    assert system.find_status(mine) is None
    proxy.disturb(cut_after, times=1, path="mark_as_paid")
    with pytest.raises(OutcomeUnknown):
        system.write_status(mine)
    assert system.find_status(mine) is not None


def test_a_payable_is_paid_only_from_where_it_may_be(connect: Connect, platform: Platform) -> None:
    system = connect(payable_paid_on="funded")
    with pytest.raises(Refused, match="waiting_to_be_paid or partially_paid"):
        system.write_status(note(f"payable:{platform.one('payable', 'new')}", "funded"))


# -- webhooks ---------------------------------------------------------------------------------------------------------


def test_subscriptions_one_for_each_object(connect: Connect, platform: Platform) -> None:
    # A user's connection manages them with the partner's own token.
    system = connect(entity_user_id=platform.settings.entity_user_id)
    assert isinstance(system, ManagesWebhooks)
    wanted = system.wanted_subscriptions(DOOR)
    assert [one.topic for one in wanted] == ["payable", "receivable", "counterpart"]
    made = [system.subscribe(one, DOOR) for one in wanted]
    assert len({one.secret for one in made}) == 3
    assert not any((one.secret or "none") in repr(one) for one in made)
    assert {(one.topic, one.url, one.enabled) for one in system.subscriptions()} == {
        (one.topic, DOOR.url, True) for one in wanted
    }
    assert system.renew_secret(made[0].remote_id) not in {one.secret for one in made}
    moved = Door(DOOR.prefix, "another-path-secret")
    system.change_subscription(made[0].remote_id, system.wanted_subscriptions(moved)[0], moved)
    system.unsubscribe(made[1].remote_id)
    left = {one.topic: one.url for one in system.subscriptions()}
    assert left == {"payable": moved.url, "counterpart": DOOR.url}


@pytest.mark.parametrize("action", ["paid", "payable.paid"])
@pytest.mark.parametrize("older", [False, True])
def test_an_event_names_its_object_in_both_spellings(action: str, older: bool) -> None:
    body = {**CONTRACT["event"], "action": action}
    if older:
        body["object_id"] = body.pop("object")["id"]
    source_id = f"payable:{CONTRACT['payable']['id']}"
    assert read_hint(body, ENTITY) == RecordHint("payable.paid", (("invoices", source_id),))


def test_events_of_others_and_of_other_things_name_nothing() -> None:
    other = {**CONTRACT["event"], "entity_id": "00000000-0000-4000-8000-000000000001"}
    assert read_hint(other, ENTITY).records == ()
    assert read_hint({**CONTRACT["event"], "object_type": "tag"}, ENTITY).records == ()
    counterpart = {**CONTRACT["event"], "object_type": "counterpart", "action": "delete"}
    assert read_hint(counterpart, ENTITY).records[0][0] == "counterparties"


@pytest.mark.parametrize("changes", [{"object_type": None}, {"action": 1}, {"object": {"id": "x"}}])
def test_what_is_no_event_is_drift(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractDrift):
        read_hint({**CONTRACT["event"], **changes}, ENTITY)
