"""The financing part of the Monite stand-in: what can be pushed, how it moves, what the offers say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.monite_contract import checked
from tests.unit.sandbox.conftest import Serve
from tests.unit.sandbox.monite_client import NOWHERE, Monite, monite_sandbox, served_monite

STATUSES = {"DRAFT", "NEW", "FUNDED", "PAID", "LATE", "REJECTED", "DEFAULTED"}


@pytest.fixture
def monite(serve_platform: Serve, tmp_path: Path) -> Iterator[Monite]:
    with checked(sandbox := monite_sandbox(tmp_path), requests=False):
        yield served_monite(serve_platform, sandbox)


def added(monite: Monite, side: str = "receivables", count: int = 1, **fields: Any) -> list[str]:
    """New invoices that can be financed."""
    ready = {"currency": "USD", "total_amount": 100_001, "due_date": "2026-06-30", **fields}
    answer = monite.post(f"/sandbox/{side}", {"set": ready, "count": count})
    assert answer.ok, answer.text
    return [str(own) for own in answer.json()["ids"]]


def push(monite: Monite, ids: list[str], kind: str = "receivable") -> requests.Response:
    body = {"invoices": [{"id": own, "type": kind} for own in ids]}
    return monite.post("/v1/financing_invoices", body)


def statuses(monite: Monite) -> dict[str, str]:
    return {f["invoice_id"]: f["status"] for f in monite.walk("financing_invoices")}


def set_status(monite: Monite, own: str, status: str) -> None:
    assert monite.post("/sandbox/desk/set", {"invoice": own, "status": status}).ok


def test_pushed_invoices_are_drafts_until_a_person_confirms(monite: Monite) -> None:
    ids = added(monite, count=2)
    pushed = push(monite, ids)
    assert pushed.status_code == 201
    assert set(pushed.json()) == {"connect_token", "session_token"}
    assert statuses(monite) == dict.fromkeys(ids, "DRAFT")
    first = monite.one("financing_invoices")
    assert (first["total_amount"], first["currency"], first["advance_amount"]) == (
        100_001,
        "USD",
        None,
    )
    assert {"id", "created_at", "updated_at"} & set(first) == set()
    token = {"session_token": pushed.json()["session_token"]}
    assert monite.post("/sandbox/person/complete", token).json() == {"submitted": 2}
    assert statuses(monite) == dict.fromkeys(ids, "NEW")
    assert monite.post("/sandbox/person/complete", token).status_code == 409


def test_the_money_of_a_funded_invoice(monite: Monite) -> None:
    [own] = added(monite)
    push(monite, [own])
    before = monite.get("/v1/financing_offers").json()["offers"][0]["available_amount"]
    set_status(monite, own, "FUNDED")
    funded = monite.one("financing_invoices", invoice_id=own)
    assert funded["requested_amount"] == 100_001
    assert (funded["advance_rate_percentage"], funded["fee_percentage"]) == (8_000, 300)
    assert (funded["advance_amount"], funded["fee_amount"]) == (80_000, 2_400)
    assert funded["repayment_amount"] == 82_400
    assert funded["repayment_schedule"]["repayment_date"] == funded["due_date"]
    offer = monite.get("/v1/financing_offers").json()["offers"][0]
    assert before - offer["available_amount"] == 80_000
    set_status(monite, own, "PAID")
    assert monite.get("/v1/financing_offers").json()["offers"][0]["available_amount"] == before


def test_every_status_can_be_reached_and_filtered(monite: Monite) -> None:
    ids = added(monite, count=7)
    push(monite, ids)
    wanted = dict(zip(ids, sorted(STATUSES), strict=True))
    for own, status in wanted.items():
        set_status(monite, own, status)
    assert statuses(monite) == wanted
    late = list(monite.walk("financing_invoices", status__in=["LATE", "DEFAULTED"]))
    assert {f["status"] for f in late} == {"LATE", "DEFAULTED"}
    assert len(list(monite.walk("financing_invoices", type="payable"))) == 0
    found = monite.walk("financing_invoices", invoice_id__in=ids[:2], limit=1)
    assert [f["invoice_id"] for f in found] == ids[:2]
    assert (
        monite.post("/sandbox/desk/set", {"invoice": ids[0], "status": "DONE"}).status_code == 400
    )


def test_the_desk_moves_along_a_path_of_the_seed(monite: Monite) -> None:
    ids = added(monite, count=10)
    push(monite, ids)
    monite.post("/sandbox/person/complete-all")
    monite.post("/sandbox/settings", {"reject_percent": 0})
    assert monite.post("/sandbox/desk/advance").json()["moved"] == 10
    assert set(statuses(monite).values()) <= {"FUNDED", "REJECTED"}
    [one, *_] = [own for own, status in statuses(monite).items() if status == "FUNDED"]
    assert monite.post("/sandbox/desk/advance", {"invoice": one}).json()["moved"] == 1
    assert statuses(monite)[one] in ("PAID", "LATE")
    monite.post("/sandbox/desk/advance", {"steps": "all"})
    assert set(statuses(monite).values()) <= {"PAID", "REJECTED", "DEFAULTED"}


@pytest.mark.parametrize(
    "fields",
    [
        {"due_date": "2026-03-08"},
        {"due_date": None},
        {"status": "draft"},
        {"status": "paid"},
        {"status": "overdue"},
        {"currency": "EUR"},
        {"document_id": None},
        {"type": "credit_note"},
    ],
)
def test_what_cannot_be_financed_is_refused_and_with_it_the_whole_call(
    monite: Monite, fields: dict[str, Any]
) -> None:
    [good], [bad] = added(monite), added(monite)
    monite.post(f"/sandbox/receivables/{bad}", {"set": fields})
    answer = push(monite, [good, bad])
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "invoices", 1, "id"]
    assert statuses(monite) == {}


def test_seven_days_ahead_and_partially_paid_are_enough(monite: Monite) -> None:
    [own] = added(monite, due_date="2026-03-09", status="partially_paid")
    assert push(monite, [own]).status_code == 201


def test_payables_can_be_pushed(monite: Monite) -> None:
    [own] = added(monite, "payables")
    assert push(monite, [own], "payable").status_code == 201
    assert push(monite, [own], "receivable").status_code == 422
    [financing] = monite.walk("financing_invoices")
    assert (financing["type"], financing["payer_business_name"]) == (
        "payable",
        "Sandbox Trading Inc.",
    )


def test_one_to_ten_invoices_a_call(monite: Monite) -> None:
    ids = added(monite, count=11)
    assert push(monite, []).status_code == 422
    assert push(monite, ids).status_code == 422
    assert push(monite, ids[:10]).status_code == 201
    assert push(monite, [NOWHERE]).status_code == 422
    assert push(monite, ["17"]).status_code == 422
    assert push(monite, ids[10:], "bill").status_code == 422


def test_entities_outside_the_us_cannot_finance(monite: Monite) -> None:
    monite.http.headers["X-Monite-Entity-Id"] = monite.settings.other_entity_id
    own = next(r["id"] for r in monite.walk("receivables", status="issued"))
    answer = push(monite, [own])
    assert answer.status_code == 422
    assert "US" in answer.json()["detail"][0]["msg"]


def test_pushing_again(monite: Monite) -> None:
    [own] = added(monite)
    first, second = push(monite, [own]).json(), push(monite, [own]).json()
    assert first["session_token"] != second["session_token"]
    assert len(statuses(monite)) == 1
    set_status(monite, own, "NEW")
    assert push(monite, [own]).status_code == 409
    monite.post("/sandbox/settings", {"repeated_push": "accept"})
    assert push(monite, [own]).status_code == 201
    assert statuses(monite) == {own: "NEW"}


def test_a_session_is_closed_or_ends_and_the_invoice_stays_a_draft(monite: Monite) -> None:
    [own] = added(monite)
    token = {"session_token": push(monite, [own]).json()["session_token"]}
    assert monite.post("/sandbox/person/cancel", token).ok
    assert monite.post("/sandbox/person/complete", token).status_code == 409
    token = {"session_token": push(monite, [own]).json()["session_token"]}
    monite.push_clock(3_600)
    assert monite.post("/sandbox/person/complete", token).status_code == 409
    assert statuses(monite) == {own: "DRAFT"}


def test_a_list_can_lag(monite: Monite) -> None:
    monite.post("/sandbox/settings", {"financing_list_lag_seconds": 30})
    push(monite, added(monite))
    assert statuses(monite) == {}
    monite.push_clock(30)
    assert len(statuses(monite)) == 1


def test_a_business_that_is_not_onboarded_has_no_offers(monite: Monite) -> None:
    assert monite.post("/sandbox/business", {"status": "INPUT_REQUIRED"}).ok
    offers = monite.get("/v1/financing_offers").json()
    assert offers == {"business_status": "INPUT_REQUIRED", "offers": []}
    answer = monite.post("/v1/financing_tokens")
    assert answer.status_code == 201
    assert answer.json()["connect_token"]


def test_the_widgets_page(monite: Monite) -> None:
    first, second = added(monite, count=2)
    tokens = [push(monite, [own]).json()["session_token"] for own in (first, second)]
    page = requests.get(f"{monite.url}/widget", params={"session_token": tokens[0]}, timeout=10)
    assert "1000.01 USD" in page.text
    for action, token in (("confirm", tokens[0]), ("close", tokens[1])):
        form = {"session_token": token}
        assert requests.post(f"{monite.url}/widget/{action}", data=form, timeout=10).ok
    assert statuses(monite) == {first: "NEW", second: "DRAFT"}
    assert requests.get(f"{monite.url}/widget?session_token=x", timeout=10).status_code == 404


def test_the_person_and_the_desk_follow_the_clock(serve_platform: Serve, tmp_path: Path) -> None:
    settings = {"person_delay_seconds": 60, "desk_interval_seconds": 3_600, "tick_seconds": 0.01}
    monite = served_monite(serve_platform, monite_sandbox(tmp_path, reject_percent=0, **settings))
    [own] = added(monite)
    push(monite, [own])
    for seconds, expected in ((60, {"NEW"}), (3_600, {"FUNDED"}), (3_600, {"PAID", "LATE"})):
        monite.push_clock(seconds)
        wait_until(partial(has_one_of, monite, own, expected))


def has_one_of(monite: Monite, own: str, wanted: set[str]) -> bool:
    return statuses(monite)[own] in wanted


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)
