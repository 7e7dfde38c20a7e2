"""The contract check finds what it must: each way of being wrong is one violation, and what is right passes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.server import serve
from tests.monite_contract import TOLERATED, Contract, ContractError, checked, checking_proxy
from tests.unit.sandbox.monite_client import NOWHERE, monite_sandbox

ENTITY = "9a1d7b52-6c6e-4c09-8c39-5b7c0a6a2b02"
PAYABLE = {
    "id": ENTITY,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "credit_notes": [],
    "entity_id": ENTITY,
    "payable_origin": "upload",
    "source_of_payable_data": "ocr",
    "status": "new",
}
EVENT = {
    "id": ENTITY,
    "action": "paid",
    "api_version": None,
    "description": "payable paid",
    "entity_id": ENTITY,
    "object": {"id": ENTITY},
    "object_type": "payable",
    "webhook_subscription_id": ENTITY,
}
PUSHED = {"invoices": [{"id": ENTITY, "type": "receivable"}]}


def environ(method: str, path: str, query: str = "", **headers: str | None) -> dict[str, Any]:
    named = {
        "HTTP_AUTHORIZATION": "Bearer x",
        "HTTP_X_MONITE_VERSION": "2024-05-25",
        "HTTP_X_MONITE_ENTITY_ID": ENTITY,
        **headers,
    }
    base = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "CONTENT_TYPE": "application/json",
    }
    return base | {name: value for name, value in named.items() if value is not None}


def asked(
    method: str, path: str, query: str = "", body: Any = None, **headers: str | None
) -> Contract:
    contract = Contract()
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    contract.check_request(environ(method, path, query, **headers), data)
    return contract


def answered(path: str, status: int, body: Any) -> Contract:
    contract = Contract()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    contract.check_answer(environ("GET", path), status, {"content-type": "application/json"}, data)
    return contract


@pytest.mark.parametrize(
    ("call", "query", "body"),
    [
        ("GET /v1/payables", "", None),
        ("GET /v1/payables", f"status__in=new&status__in=paid&has_file=true&id__in={ENTITY}", None),
        ("GET /v1/receivables", "limit=250&sort=created_at&order=asc&type=invoice", None),
        ("GET /v1/events", "object_type=payable&created_at__gte=2026-01-01T00:00:00%2B00:00", None),
        ("POST /v1/financing_invoices", "", PUSHED),
        ("PATCH /v1/receivables/" + ENTITY, "", {"issued_invoice": {"partner_metadata": {"a": 1}}}),
        ("POST /v1/payables/" + ENTITY + "/mark_as_paid", "", None),
        (
            "POST /v1/webhook_subscriptions",
            "",
            {"object_type": "payable", "url": "https://a.example/"},
        ),
    ],
)
def test_right_requests_pass(call: str, query: str, body: Any) -> None:
    method, path = call.split(" ")
    assert asked(method, path, query, body).violations == []


@pytest.mark.parametrize(
    ("call", "query", "body"),
    [
        ("GET /v1/payable", "", None),
        ("DELETE /v1/payables", "", None),
        ("GET /v1/payables/17", "", None),
        ("GET /v1/payables", "updated_at__gte=2026-01-01T00:00:00Z", None),
        ("GET /v1/payables", "limit=101", None),
        ("GET /v1/payables", "limit=1.0", None),
        ("GET /v1/payables", "status=approval_in_progress", None),
        ("GET /v1/payables", "has_file=perhaps", None),
        ("GET /v1/payables", "created_at__gte=yesterday", None),
        ("POST /v1/financing_invoices", "", None),
        ("POST /v1/financing_invoices", "", b"{"),
        ("POST /v1/financing_invoices", "", {"invoices": []}),
        ("POST /v1/financing_invoices", "", {"invoices": PUSHED["invoices"] * 11}),
        ("POST /v1/financing_invoices", "", {"invoices": [{"id": ENTITY, "type": "bill"}]}),
        ("POST /v1/financing_invoices", "", {**PUSHED, "amount": 1}),
        ("PATCH /v1/receivables/" + ENTITY, "", {"issued_invoice": {"metadata": {}}}),
        (
            "POST /v1/webhook_subscriptions",
            "",
            {"object_type": "payables", "url": "https://a.example/"},
        ),
    ],
)
def test_wrong_requests_are_found(call: str, query: str, body: Any) -> None:
    method, path = call.split(" ")
    contract = asked(method, path, query, body)
    assert len(contract.violations) == 1
    with pytest.raises(ContractError, match=path):
        contract.verify()


@pytest.mark.parametrize(
    "header", ["HTTP_AUTHORIZATION", "HTTP_X_MONITE_VERSION", "HTTP_X_MONITE_ENTITY_ID"]
)
def test_a_missing_header_is_found(header: str) -> None:
    contract = Contract()
    sent = environ("GET", "/v1/payables")
    del sent[header]
    contract.check_request(sent, b"")
    assert len(contract.violations) == 1


def test_an_integer_is_one_digit_for_digit() -> None:
    target = {"id": ENTITY, "type": "payable"}
    for amount, wrong in ((12, 0), (12.0, 1), ("12", 1), (True, 1), (None, 1)):
        body = {"amount": amount, "currency": "USD", "object": target}
        assert len(asked("POST", "/v1/payment_records", "", body).violations) == wrong


@pytest.mark.parametrize(
    "change",
    [
        {"total_amount": "1"},
        {"total_amount": 1.0},
        {"total_amount": True},
        {"status": None},
        {"status": "approval_in_progress"},
        {"due_date": "2026-02-30"},
        {"currency": "usd"},
        {"novelty": 1},
    ],
)
def test_wrong_answers_are_found(change: dict[str, Any]) -> None:
    assert answered(f"/v1/payables/{ENTITY}", 200, {**PAYABLE, **change}).violations
    # What was found right before is still right, and does not hide what is wrong beside it.
    page = {"data": [PAYABLE]}
    assert answered("/v1/payables", 200, page).violations == []
    assert answered("/v1/payables", 200, {"data": [PAYABLE, {**PAYABLE, **change}]}).violations


def test_answers_that_are_none() -> None:
    assert answered("/v1/payables", 200, b"<html>Back soon.</html>").violations
    assert answered("/v1/payables", 418, {}).violations
    assert answered("/v1/payables", 404, {"message": "not the vendor's form"}).violations


def test_what_is_tolerated_has_a_name_and_is_counted() -> None:
    payable = f"/v1/payables/{ENTITY}"
    assert not answered(payable, 200, {**PAYABLE, "total_amount": 5}).tolerated
    told = answered(payable, 200, {**PAYABLE, "total_amount": None})
    assert (told.violations, dict(told.tolerated)) == ([], {"null_for_optional": 1})
    told = answered("/v1/events", 409, {"error": {"message": "another time"}})
    assert (told.violations, dict(told.tolerated)) == ([], {"status_of_all_calls": 1})
    told = asked("GET", "/v1/payables", HTTP_X_MONITE_VERSION="2024-01-31")
    assert (told.violations, dict(told.tolerated)) == ([], {"earlier_version": 1})
    told = Contract()
    older = {**EVENT, "object_id": ENTITY}
    del older["object"]
    told.check_webhook(json.dumps(older).encode())
    assert (told.violations, dict(told.tolerated)) == ([], {"older_event": 1})
    assert set(told.tolerated) < set(TOLERATED)


def test_webhook_bodies() -> None:
    contract = Contract()
    contract.check_webhook(json.dumps(EVENT).encode())
    contract.verify()
    for change in ({"id": "17"}, {"object_type": "invoice"}, {"novelty": 1}, {"action": None}):
        contract = Contract()
        contract.check_webhook(json.dumps({**EVENT, **change}).encode())
        assert contract.violations
    contract = Contract()
    contract.check_webhook(b"[]")
    contract.check_webhook(b"nothing")
    assert len(contract.violations) == 2


def test_around_a_sandbox_and_as_a_proxy(tmp_path: Path) -> None:
    headers = {"X-Monite-Version": "2024-05-25"}
    sandbox = monite_sandbox(tmp_path / "one", invoices=4)
    unknown = "unknown query parameter 'colour'"
    with (
        pytest.raises(ContractError, match=unknown),
        checked(sandbox) as contract,
        serve(sandbox) as url,
    ):
        requests.get(url + "/v1/entities?colour=red", headers=headers, timeout=10)
        requests.get(url + "/sandbox/totals", timeout=10)
        assert (contract.requests, contract.answers) == (1, 1)
    sandbox = monite_sandbox(tmp_path / "two", invoices=4)
    with (
        serve(sandbox) as base,
        pytest.raises(ContractError, match="Security"),
        checking_proxy(base, answers=True) as (url, contract),
    ):
        answer = requests.get(f"{url}/v1/payables/{NOWHERE}", headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["error"]["message"][:3]) == (401, "The")
        assert answer.headers["RateLimit-Limit"]
        assert contract.answers == 1


def test_a_fault_spoils_no_answer_in_the_eyes_of_the_check(tmp_path: Path) -> None:
    sandbox = monite_sandbox(tmp_path, invoices=4)
    with checked(sandbox, requests=False) as contract, serve(sandbox) as url:
        fault = {"match": "GET /v1/entities", "fault": "truncated_json"}
        requests.post(url + "/sandbox/faults", json=fault, timeout=10)
        requests.get(url + "/v1/entities", timeout=10)
        assert contract.answers == 1
