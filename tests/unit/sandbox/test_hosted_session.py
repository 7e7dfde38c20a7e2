"""The hosted-session stand-in keeps the contract of the documents."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.unit.sandbox.conftest import Financier, Serve, hosted_session


def refused(answer: requests.Response, status: int, word: str) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"message", "exception_key"}
    assert word in body["message"]


def test_the_token(financier: Financier) -> None:
    good = {
        "grant_type": "client_credentials",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-client-secret",
    }
    url = financier.url + "/auth/v1/token"
    answer = requests.post(url, data=good, timeout=10).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 86_400)
    refused(requests.post(url, data={**good, "client_secret": "x"}, timeout=10), 401, "credentials")
    refused(
        requests.post(url, data={**good, "grant_type": "password"}, timeout=10), 400, "grant_type"
    )
    refused(requests.post(url, json=good, timeout=10), 400, "form-encoded")
    refused(requests.get(financier.url + "/v1/companies", timeout=10), 401, "missing")
    other = financier.url + "/v1/auth/token"
    refused(requests.post(other, data=good, timeout=10), 401, "missing")
    financier.post(
        "/sandbox/settings", {"token_paths": ["/v1/auth/token"], "token_life_seconds": 72_000}
    )
    assert requests.post(other, data=good, timeout=10).json()["expires_in"] == 72_000


def test_an_expired_token_is_401(financier: Financier) -> None:
    assert financier.get("/v1/companies").ok
    financier.post("/sandbox/clock", {"advance_seconds": 86_400})
    refused(financier.get("/v1/companies"), 401, "expired")
    financier.let_in()
    assert financier.get("/v1/companies").ok


def test_companies(financier: Financier) -> None:
    listed = financier.get("/v1/companies").json()
    assert (listed["object"], len(listed["data"])) == ("list", 2)
    made = financier.post(
        "/v1/companies", {"name": "Größe & Söhne", "address": {"country_code": "DE"}}
    )
    assert made.status_code == 200
    company = made.json()
    assert company["id"].startswith("company_")
    assert company["buyer_limit"]["status"] == "approved"
    assert financier.get(f"/v1/companies/{company['id']}").json() == company
    refused(financier.post("/v1/companies", {"name": ""}), 400, "empty string")
    refused(financier.post("/v1/companies", {}), 400, "name")
    refused(financier.get("/v1/companies/company_none"), 404, "company")


def test_the_invoice_object(financier: Financier) -> None:
    goods = ["perishables", "other"]
    made = financier.invoice(type_of_goods=goods)
    assert made["id"].startswith("inv_")
    assert (made["object"], made["status"], made["financing"]) == ("invoice", "draft", None)
    assert (made["amount"], made["currency"], made["type_of_goods"]) == (88000, "usd", goods)
    assert (made["invoice_document"]["purpose"], made["invoice_document"]["file_format"]) == (
        "invoice",
        "pdf",
    )
    assert made["sandbox_revision"] == 1
    assert financier.get(f"/v1/invoices/{made['id']}").json() == made
    assert financier.get("/v1/invoices").json() == {"object": "list", "data": [made]}
    stored = financier.sandbox.ledger.get("invoice", made["id"])
    assert stored is not None
    assert (stored.currency, stored.amount_minor_units) == ("USD", 8_800_000)


@pytest.mark.parametrize(
    ("sent", "minor_units", "printed"),
    [("123.53", 12_353, "123.53"), ("90071992547.09", 9_007_199_254_709, "90071992547.09"), ("0.01", 1, "0.01"),
     ("1e2", 10_000, "100"), ("12.50", 1250, "12.5")],
)  # fmt: skip
def test_amounts_are_exact(financier: Financier, sent: str, minor_units: int, printed: str) -> None:
    text = json.dumps(financier.invoice_body()).replace("88000", sent)
    answer = financier.post("/v1/invoices", data=text)
    assert answer.ok, answer.text
    assert f'"amount":{printed},' in answer.text
    stored = financier.sandbox.ledger.get("invoice", answer.json()["id"])
    assert stored is not None
    assert stored.amount_minor_units == minor_units


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"amount": "88000"}, "amount"),
        ({"amount": 0}, "greater than 0"),
        ({"amount": -1}, "greater than 0"),
        ({"amount": 1.005}, "two decimals"),
        ({"amount": None}, "amount"),
        ({"amount": True}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"currency": "jpy"}, "currency"),
        ({"due_date": "2026-02-30"}, "due_date"),
        ({"due_date": "20260630"}, "due_date"),
        ({"invoice_number": ""}, "empty string"),
        ({"invoice_number": None}, "invoice_number"),
        ({"client_reference_id": None}, "client_reference_id"),
        ({"type_of_goods": ["weapons"]}, "type_of_goods"),
        ({"type_of_goods": [""]}, "type_of_goods.0 is an empty string"),
        ({"type_of_goods": 3}, "type_of_goods"),
        ({"buyer": "company_none"}, "buyer"),
        ({"supplier": None}, "supplier"),
        ({"invoice_document": "doc_none"}, "invoice_document"),
    ],
)
def test_bad_invoices_are_refused(financier: Financier, changes: dict[str, Any], word: str) -> None:
    body = {**financier.invoice_body(), **changes}
    refused(financier.post("/v1/invoices", body), 400, word)
    assert financier.sandbox.ledger.count("invoice") == 0


def test_other_refusals(financier: Financier) -> None:
    refused(financier.post("/v1/invoices", data="[]"), 400, "JSON object")
    refused(financier.post("/v1/invoices", data='{"a":'), 400, "not valid JSON")
    transport = financier.document("transport")
    body = financier.invoice_body(invoice_document=transport)
    refused(financier.post("/v1/invoices", body), 400, "purpose invoice")
    body = financier.invoice_body(supplier=financier.buyer)
    refused(financier.post("/v1/invoices", body), 400, "different companies")
    refused(financier.post("/v1/documents", data={"purpose": "invoice"}), 400, "file is required")
    refused(financier.get("/v1/nothing"), 404, "Not Found")


def test_a_known_reference_is_409(financier: Financier) -> None:
    financier.invoice("same")
    refused(
        financier.post("/v1/invoices", financier.invoice_body("same")), 409, "client_reference_id"
    )
    assert financier.sandbox.ledger.count("invoice") == 1


def test_of_many_at_once_one_is_accepted(financier: Financier) -> None:
    body, headers = financier.invoice_body("same"), dict(financier.http.headers)

    def create(_: int) -> int:
        url = financier.url + "/v1/invoices"
        return requests.post(url, json=body, headers=headers, timeout=10).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(create, range(16)))
    assert answers == {200: 1, 409: 15}
    assert financier.sandbox.ledger.count("invoice") == 1


def test_the_dumb_mode_accepts_everything(serve_platform: Serve, tmp_path: Path) -> None:
    financier = hosted_session(serve_platform, tmp_path, create_mode="dumb")
    first, second = financier.invoice("same"), financier.invoice("same")
    assert first["id"] != second["id"]
    found = financier.get("/v1/invoices?client_reference_id=same").json()["data"]
    assert [invoice["id"] for invoice in found] == [first["id"], second["id"]]
    financier.post("/sandbox/settings", {"list_filter": False})
    assert len(financier.get("/v1/invoices?client_reference_id=other").json()["data"]) == 2


def test_the_key_mode_repeats_the_answer(serve_platform: Serve, tmp_path: Path) -> None:
    financier = hosted_session(serve_platform, tmp_path, create_mode="key")
    body, headers = financier.invoice_body(), {"Idempotency-Key": "k"}
    first = financier.post("/v1/invoices", body, headers=headers).json()
    assert financier.post("/v1/invoices", body, headers=headers).json() == first
    refused(
        financier.post("/v1/invoices", {**body, "amount": 1}, headers=headers),
        409,
        "Idempotency-Key",
    )
    financier.post("/sandbox/clock", {"advance_seconds": 86_401})
    financier.let_in()
    assert financier.post("/v1/invoices", body, headers=headers).json()["id"] != first["id"]


def test_a_lagging_list(serve_platform: Serve, tmp_path: Path) -> None:
    financier = hosted_session(serve_platform, tmp_path, list_lag_seconds=30)
    made = financier.invoice()
    assert financier.get("/v1/invoices").json()["data"] == []
    assert financier.get(f"/v1/invoices/{made['id']}").ok
    financier.post("/sandbox/clock", {"advance_seconds": 31})
    assert len(financier.get("/v1/invoices").json()["data"]) == 1


def test_commit_then_time_out_leaves_the_invoice(financier: Financier) -> None:
    body = financier.invoice_body()
    financier.fault("POST /v1/invoices", "commit_then_timeout")
    with pytest.raises(requests.ConnectionError):
        financier.post("/v1/invoices", body)
    found = financier.get("/v1/invoices?client_reference_id=ref-1").json()["data"]
    assert len(found) == 1
    refused(financier.post("/v1/invoices", body), 409, "client_reference_id")


def test_buyer_limits_are_decided(serve_platform: Serve, tmp_path: Path) -> None:
    financier = hosted_session(serve_platform, tmp_path, auto_approve_limits=False)
    assert financier.get(f"/v1/companies/{financier.buyer}").json()["buyer_limit"] is None
    made = financier.invoice()
    body = financier.session_body(made["id"])
    refused(financier.post("/v1/financing_sessions", body), 400, "buyer limit")
    ask = {
        "company": financier.buyer,
        "business_information_id": "123456789",
        "requested_limit": 500_000,
    }
    assert financier.post("/v1/buyer_limits", ask).json()["status"] == "under_review"
    refused(financier.post("/v1/financing_sessions", body), 400, "buyer limit")
    assert financier.post("/sandbox/desk/limits").json() == {"decided": 1}
    limit = financier.get(f"/v1/companies/{financier.buyer}").json()["buyer_limit"]
    assert (limit["status"], limit["total_limit"]) == ("approved", 500_000)
    assert financier.post("/v1/financing_sessions", body).ok
    denied = {**ask, "company": financier.supplier, "business_information_id": "000000000"}
    financier.post("/v1/buyer_limits", denied)
    financier.post("/sandbox/clock", {"advance_seconds": 10})
    financier.post("/sandbox/desk/limits")
    assert (
        financier.get(f"/v1/companies/{financier.supplier}").json()["buyer_limit"]["status"]
        == "denied"
    )


def test_a_document_may_come_as_json(financier: Financier) -> None:
    body = {"name": "a.png", "purpose": "invoice", "file": "aGVsbG8="}
    made = financier.post("/v1/documents", body).json()
    assert (made["file_format"], made["name"]) == ("png", "a.png")
    stored = financier.sandbox.ledger.facts("document_stored")[0]
    assert json.loads(stored["detail"])["bytes"] == 5
    refused(financier.post("/v1/documents", {**body, "file": "*"}), 400, "base64")
    refused(financier.post("/v1/documents", {**body, "purpose": None}), 400, "purpose")
    refused(financier.post("/v1/documents", {**body, "name": None}), 400, "name")
