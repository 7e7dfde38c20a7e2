"""The life of a mapping through the REST API, on a running connector."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from connector.people.roles import Role
from tests.flows.conftest import Build
from tests.flows.stage import Stage
from tests.unit.access.house import House

TOO_SMALL = """
# Only large invoices are worth the fee.
[exclude.too_small]
when = "amount_cents is less than 100000"
sentence = "The invoice is too small for financing."
"""


class Caller:
    """A program that speaks to the API as somebody."""

    def __init__(self, house: House, role: Role) -> None:
        token = house.token(role, name=f"{role.value} {secrets.token_hex(4)}")
        self._client = house.app.test_client()
        self._headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, status: int, body: Any = None) -> Any:
        answer = self._client.open(
            f"/api/v1/mappings{path}",
            method=method,
            base_url="http://localhost",
            headers=self._headers,
            **({} if body is None else {"json": body}),
        )
        assert answer.status_code == status, answer.text
        return answer.get_json(silent=True)


@pytest.fixture
def stage(build: Build) -> Stage:
    made = build(flow={"submit": "by_hand"})
    made.reconfigure(
        "[store]",
        '[mappings]\napproval = "second_person"\n\n[access]\npassword_memory_mebibytes = 1\n\n[store]',
    )
    made.add(amount_cents=10_000)
    made.add(amount_cents=500_000)
    made.settle()
    return made


@pytest.fixture
def house(stage: Stage) -> House:
    made = House(stage.program)
    made.add("admin@example.com", Role.ADMIN)
    return made


def test_from_draft_to_active_and_back(stage: Stage, house: House):
    author, approver = Caller(house, Role.MAPPING_AUTHOR), Caller(house, Role.APPROVER)
    assert "connection:books" in author("GET", "", 200)["subjects"]
    body = {"subject": "connection:books", "text": TOO_SMALL, "note": "fees"}
    document = author("POST", "/documents", 201, body)
    assert (document["state"], document["text"], document["note"]) == ("draft", TOO_SMALL, "fees")

    wrong = {"entries": {"exclude.too_small.when": "amount_cent is less than 5"}}
    broken = author("POST", f"/documents/{document['document']}/edit", 201, wrong)["document"]
    verdict = author("POST", f"/documents/{broken}/check", 200)
    assert not verdict["ok"]
    assert "amount_cents" in verdict["problems"][0]
    mended = author("POST", f"/documents/{broken}/edit", 201, {"text": TOO_SMALL})["document"]
    assert author("POST", f"/documents/{mended}/check", 200) == {"ok": True, "problems": []}
    assert author("GET", f"/documents/{broken}/diff/{mended}", 200)["problems"]

    (trial,) = author("POST", f"/documents/{mended}/backtest", 202, {})["items"]
    assert trial["state"] == "waiting"
    assert house.woken == ["trials"]
    stage.program.trials.run_waiting()
    found = author("GET", f"/trials/{trial['trial']}", 200)
    assert (found["state"], found["records"], found["report"]["counts"]["stopped"]) == (
        "finished",
        2,
        1,
    )

    author("POST", f"/documents/{mended}/activate", 403, {})
    refused = approver("POST", f"/documents/{mended}/activate", 422, {})
    assert "second person" in str(refused)
    approver("POST", f"/documents/{mended}/approve", 200)
    assert approver("POST", f"/documents/{mended}/activate", 200, {})["state"] == "active"
    stage.settle()
    assert sorted(filter(None, stage.outcomes().values())) == ["mapped", "too_small"]
    assert "connection books" in author("GET", "/in-force/books", 200)["text"]

    assert approver("POST", "/rollback", 200, {"subject": "connection:books"}) == {"items": []}
    stage.settle()
    assert set(stage.outcomes().values()) == {"mapped"}


def test_an_example_is_pinned_explained_and_retired(stage: Stage, house: House):
    author, approver = Caller(house, Role.MAPPING_AUTHOR), Caller(house, Role.APPROVER)
    with stage.read() as tx:
        record = tx.records.list_current(("mapped",), limit=1)[0].record
    explained = author("GET", f"/explain/{record.id}", 200)["text"]
    assert "amount_cents" in explained
    made = author("POST", "/examples", 201, {"record_id": record.id, "name": "usual"})
    assert (made["state"], made["expected"]["kind"]) == ("pinned", "mapped")
    assert len(author("GET", "/examples?connection=books", 200)["items"]) == 1
    approver("DELETE", "/examples/books/usual", 204)
    assert author("GET", "/examples", 200)["items"] == []
    author("GET", "/documents/99", 404)
    author("POST", "/documents", 422, {"subject": "connection:books"})
    author("POST", "/documents", 422, {"subject": "nonsense", "text": "x"})
