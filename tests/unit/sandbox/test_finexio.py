"""The Finexio stand-in keeps the vendor's contract, versions 1 and 2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.unit.sandbox.conftest import Served

V1_FIELDS = {
    "id", "url", "created", "updated", "amount_cents", "currency", "discount_amount_cents", "invoice_date",
    "invoice_due_date", "invoice_number", "line_items", "note", "originating_counterparty_id",
    "receiving_counterparty_id", "metadata", "status", "status_detail", "installments", "payment_id",
}  # fmt: skip
V2_FIELDS = (V1_FIELDS - {"url", "line_items", "status_detail", "installments"}) | {
    "reconciliation_id", "account_number", "payment_group_id", "can_be_resubmitted", "accounting_id",
}  # fmt: skip
NAIVE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")


def walk(finexio: Served, collection: str, version: str = "v2") -> Iterator[dict[str, Any]]:
    page: int | None = 1
    while page:
        body = finexio.get(f"/{version}/{collection}/?page={page}").json()
        yield from body["results"]
        page = page + 1 if body["next"] else None


def test_bad_credentials_are_403(finexio: Served) -> None:
    for auth in (None, ("sandbox-user", "wrong"), ("ünbekannt", "x")):
        answer = requests.get(finexio.url + "/v2/invoices/", auth=auth, timeout=10)
        assert answer.status_code == 403
        assert answer.json() == {"detail": "Invalid username/password."}


def test_pages_of_a_hundred(finexio: Served) -> None:
    first, last = (finexio.get(f"/v1/invoices/?page={n}").json() for n in (1, 3))
    assert list(first) == ["count", "next", "previous", "results"]
    assert (first["count"], len(first["results"]), first["previous"]) == (250, 100, None)
    assert first["next"] == f"{finexio.url}/v1/invoices/?page=2"
    assert (len(last["results"]), last["next"]) == (50, None)
    for past in ("4", "0", "x"):
        answer = finexio.get(f"/v1/invoices/?page={past}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


def test_list_order_and_foreign_links_are_settings(finexio: Served) -> None:
    oldest = [record["id"] for record in walk(finexio, "invoices")]
    finexio.post("/sandbox/settings", {"newest_first": True, "foreign_next_links": True})
    assert [record["id"] for record in walk(finexio, "invoices")] == oldest[::-1]
    assert finexio.get("/v2/invoices/").json()["next"].startswith("http://localhost:8000/")


@pytest.mark.parametrize(("version", "fields"), [("v1", V1_FIELDS), ("v2", V2_FIELDS)])
def test_invoices_have_the_fields_of_their_version(
    finexio: Served, version: str, fields: set[str]
) -> None:
    records = list(walk(finexio, "invoices", version))
    assert len({record["id"] for record in records}) == 250
    for record in records:
        assert set(record) - {"documentationPresented"} == fields
        assert NAIVE.fullmatch(record["created"])
        assert record["updated"] >= record["created"]
        assert finexio.get(f"/{version}/invoices/{record['id']}/").json() == record
        if version == "v1":
            assert record["url"].endswith(f"/v1/invoices/{record['id']}/")
    missing = finexio.get(f"/{version}/invoices/inv_missing/")
    assert missing.status_code == 404


def test_statuses_and_installments(finexio: Served) -> None:
    v1, v2 = list(walk(finexio, "invoices", "v1")), list(walk(finexio, "invoices", "v2"))
    assert {r["status"] for r in v1} == {"pending", "in-progress", "sent", "complete", "failed"}
    assert {r["status"] for r in v2} == {r["status"] for r in v1} | {"canceled"}
    spellings = {frozenset(part) for record in v1 for part in record["installments"]}
    assert len(spellings) == 2
    assert {"amountCents", "dueDate", "paymentId"} <= frozenset.union(*spellings)
    assert any(len(record["installments"]) == 2 for record in v1)


def test_payments_hold_their_invoices(finexio: Served) -> None:
    payments = list(walk(finexio, "payments"))
    paid = {r["id"]: r["payment_id"] for r in walk(finexio, "invoices") if r["payment_id"]}
    assert {p["invoices"][0]["id"]: p["id"] for p in payments} == paid
    assert {p["status"] for p in payments} <= {
        "pending", "in-progress", "settled", "failed", "canceled",
    }  # fmt: skip
    first = next(walk(finexio, "payments", "v1"))
    assert first["status"] in {"in-progress", "complete", "failed"}
    assert first["payment_method"] == "ACH"


def test_time_filters_are_inclusive_and_of_version_2(finexio: Served) -> None:
    updated = sorted(payment["updated"] for payment in walk(finexio, "payments"))
    middle = updated[len(updated) // 2]

    def count(version: str = "v2", **query: str) -> int:
        return int(finexio.get(f"/{version}/payments/", params=query).json()["count"])

    later = sum(value >= middle for value in updated)
    assert count(updated_start=middle) == later
    assert count(updated_start=middle + "+00:00") == later
    assert count(updated_end=middle) == sum(value <= middle for value in updated)
    assert count(updated_start=middle, updated_end=middle) == updated.count(middle)
    assert count("v1", updated_start=middle) == len(updated)
    assert count(status="settled") < len(updated)
    assert count(refunded="true") == 0
    assert finexio.get("/v2/payments/?updated_start=x").status_code == 400
    everything = finexio.get("/v2/counterparties/").json()["count"]
    assert finexio.get("/v2/counterparties/?updated_after=2030-01-01").json()["count"] == 0
    assert finexio.get("/v1/counterparties/?updated_after=2030-01-01").json()["count"] == everything


def test_counterparties(finexio: Served) -> None:
    records = list(walk(finexio, "counterparties"))
    assert len(records) == 43
    assert [r["type"] for r in records].count("Buyer") == 3
    assert {r["country"] for r in records} == {"USA", "CAN"}
    assert all(len(r["name"]) <= 40 and len(r["primary_contact_phone"]) <= 16 for r in records)
    one = finexio.get("/v2/counterparties/", params={"name": records[5]["name"]}).json()
    assert [r["id"] for r in one["results"]] == [records[5]["id"]]
    assert "tax_id" not in finexio.get(f"/v1/counterparties/{one['results'][0]['id']}/").json()


def test_no_invoice_can_be_changed_by_the_api(finexio: Served) -> None:
    record = next(walk(finexio, "invoices"))
    for method in ("PUT", "PATCH", "DELETE"):
        url = f"{finexio.url}/v2/invoices/{record['id']}/"
        assert finexio.http.request(method, url, timeout=10).status_code == 405


def test_a_posted_invoice_starts_a_payment(finexio: Served) -> None:
    parties = next(walk(finexio, "invoices"))
    given = {
        "amount_cents": 10_000,
        "invoice_date": "2026-03-01",
        "invoice_number": "12345",
        "originating_counterparty_id": parties["originating_counterparty_id"],
        "receiving_counterparty_id": parties["receiving_counterparty_id"],
    }
    refused = finexio.post("/v1/invoices/batch/", [given, {**given, "amount_cents": None}])
    assert refused.status_code == 400
    assert refused.json() == [{}, {"amount_cents": ["This field is required."]}]
    assert finexio.sandbox.ledger.count("invoice") == 250
    made = finexio.post("/v1/invoices/batch/", [given])
    assert made.status_code == 201
    assert (made.json()[0]["status"], made.json()[0]["amount_cents"]) == ("pending", 10_000)
    assert [row["id"] for row in finexio.sandbox.ledger.facts("payment_started")] == [
        made.json()[0]["id"]
    ]
    again = finexio.post("/v1/invoices/batch/", [given])
    assert "invoice_number" in again.json()[0]
    assert finexio.post("/v1/invoices/batch/", [given] * 501).status_code == 400
    assert finexio.post("/v1/invoices/batch/", given).status_code == 400


def test_changes_behind_the_api(finexio: Served) -> None:
    record = next(r for r in walk(finexio, "invoices") if r["status"] == "pending")
    finexio.post("/sandbox/clock", {"advance_seconds": 60})
    finexio.post(f"/sandbox/invoices/{record['id']}", {"set": {"amount_cents": 7}})
    changed = finexio.get(f"/v2/invoices/{record['id']}/").json()
    assert changed["amount_cents"] == 7
    assert changed["updated"] == "2026-03-02T09:31:00.000000"
    finexio.post(f"/sandbox/invoices/{record['id']}/advance", {})
    payments = finexio.get("/v2/payments/?updated_start=2026-03-02T09:31:00").json()["results"]
    assert [p["invoices"][0]["id"] for p in payments] == [record["id"]]
    assert payments[0]["status"] == "in-progress"
    finexio.post(f"/sandbox/invoices/{record['id']}/advance", {"status": "complete"})
    assert finexio.get(f"/v2/payments/{payments[0]['id']}/").json()["status"] == "settled"
    added = finexio.post("/sandbox/invoices", {"count": 2, "set": {"amount_cents": 5}}).json()[
        "ids"
    ]
    assert [r["id"] for r in walk(finexio, "invoices")][-2:] == added
    assert finexio.http.delete(f"{finexio.url}/sandbox/invoices/{added[0]}", timeout=10).json() == {
        "removed": True
    }
    assert finexio.get("/v2/invoices/").json()["count"] == 251
    assert finexio.post("/sandbox/invoices/none", {}).status_code == 400


def test_pages_drift_when_the_list_changes_in_between(finexio: Served) -> None:
    finexio.post("/sandbox/settings", {"newest_first": True})
    first = finexio.get("/v2/invoices/").json()["results"]
    finexio.post("/sandbox/invoices", {})
    second = finexio.get("/v2/invoices/?page=2").json()["results"]
    assert first[-1]["id"] == second[0]["id"], "the last record of page 1 comes again"
