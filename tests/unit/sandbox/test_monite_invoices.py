"""Payables, receivables and payment records of the Monite stand-in; every answer is checked against the vendor's document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.monite_contract import checked
from tests.unit.sandbox.conftest import Serve
from tests.unit.sandbox.monite_client import NOWHERE, Monite, monite_sandbox, served_monite


@pytest.fixture
def monite(serve_platform: Serve, tmp_path: Path) -> Iterator[Monite]:
    sandbox = monite_sandbox(tmp_path)
    with checked(sandbox, requests=False):
        yield served_monite(serve_platform, sandbox)


def receivable(monite: Monite, status: str, **query: Any) -> str:
    return str(monite.one("receivables", type="invoice", status=status, **query)["id"])


def payable(monite: Monite, status: str) -> str:
    return str(monite.one("payables", status=status)["id"])


def act(monite: Monite, path: str, body: Any = None) -> tuple[int, Any]:
    answer = monite.post(f"/v1/{path}", body)
    return answer.status_code, answer.json().get("status") if answer.content else None


# -- payables ---------------------------------------------------------------------------------------------------------


def test_a_payables_life(monite: Monite) -> None:
    own = payable(monite, "new")
    assert act(monite, f"payables/{own}/submit_for_approval") == (200, "approve_in_progress")
    assert monite.patch(f"/v1/payables/{own}", {"description": "x"}).status_code == 409
    assert act(monite, f"payables/{own}/reject") == (200, "rejected")
    assert act(monite, f"payables/{own}/reopen") == (200, "new")
    assert act(monite, f"payables/{own}/approve_payment_operation") == (200, "waiting_to_be_paid")
    due = monite.get(f"/v1/payables/{own}").json()["amount_due"]
    half = {"amount_paid": due // 2}
    assert act(monite, f"payables/{own}/mark_as_partially_paid", half) == (200, "partially_paid")
    assert act(monite, f"payables/{own}/mark_as_partially_paid", half)[0] == 422
    assert act(monite, f"payables/{own}/mark_as_paid", {"comment": "by hand"}) == (200, "paid")
    paid = monite.get(f"/v1/payables/{own}").json()
    assert (paid["amount_due"], paid["amount_paid"]) == (0, due)
    assert paid["marked_as_paid_with_comment"] == "by hand"


@pytest.mark.parametrize(
    ("status", "step"),
    [
        ("paid", "mark_as_paid"),
        ("new", "mark_as_paid"),
        ("canceled", "cancel"),
        ("waiting_to_be_paid", "cancel"),
        ("draft", "submit_for_approval"),
        ("paid", "reopen"),
        ("new", "reject"),
    ],
)
def test_a_payables_wrong_step_is_409(monite: Monite, status: str, step: str) -> None:
    own = payable(monite, status)
    before = monite.get(f"/v1/payables/{own}").json()
    assert act(monite, f"payables/{own}/{step}")[0] == 409
    assert monite.get(f"/v1/payables/{own}").json() == before


def test_a_draft_with_all_it_needs_becomes_new(monite: Monite) -> None:
    own = payable(monite, "draft")
    body = {
        "document_id": "D-1",
        "currency": "KWD",
        "due_date": "2026-06-30",
        "issued_at": "2026-03-01",
    }
    assert monite.patch(f"/v1/payables/{own}", body).json()["status"] == "draft"
    done = monite.patch(f"/v1/payables/{own}", {"total_amount": 12_345}).json()
    assert (done["status"], done["amount_due"], done["currency"]) == ("new", 12_345, "KWD")
    assert monite.patch(f"/v1/payables/{own}", {"status": "paid"}).status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"total_amount": "12"},
        {"total_amount": 12.0},
        {"due_date": "2026-02-30"},
        {"due_date": "20260301"},
        {"currency": "usd"},
        {"document_id": None},
        {"partner_metadata": "text"},
    ],
)
def test_a_change_of_the_wrong_type_is_refused(monite: Monite, wrong: dict[str, Any]) -> None:
    own = payable(monite, "new")
    before = monite.get(f"/v1/payables/{own}").json()
    assert monite.patch(f"/v1/payables/{own}", wrong).status_code == 422
    assert monite.get(f"/v1/payables/{own}").json() == before


def test_a_file_is_attached_once(monite: Monite) -> None:
    own = payable(monite, "new")
    monite.person_sets("payables", own, file=None, file_id=None)
    parts = {"file": ("bill.pdf", b"%PDF-1.4 a bill", "application/pdf")}
    url = f"{monite.url}/v1/payables/{own}/attach_file"
    done = monite.http.post(url, files=parts, timeout=10).json()
    assert requests.get(done["file"]["url"], timeout=10).content == b"%PDF-1.4 a bill"
    assert monite.http.post(url, files=parts, timeout=10).status_code == 409
    assert monite.page("files", id__in=done["file_id"])["data"][0]["name"] == "bill.pdf"
    assert monite.get(f"/v1/files/{done['file_id']}").json()["size"] == 15


# -- receivables ------------------------------------------------------------------------------------------------------


def test_a_receivables_metadata(monite: Monite) -> None:
    own = receivable(monite, "issued")
    path = f"/v1/receivables/{own}"
    noted = monite.patch(path, {"issued_invoice": {"partner_metadata": {"status": "financed"}}})
    assert noted.json()["partner_metadata"] == {"status": "financed"}
    again = monite.patch(path, {"issued_invoice": {"partner_metadata": {"other": 1}}})
    assert again.json()["partner_metadata"] == {"other": 1}
    monite.post("/sandbox/settings", {"metadata_patch": "merge"})
    merged = monite.patch(path, {"issued_invoice": {"partner_metadata": {"status": "x"}}})
    assert merged.json()["partner_metadata"] == {"other": 1, "status": "x"}
    assert monite.patch(path, {"invoice": {"partner_metadata": {}}}).status_code == 409
    assert monite.patch(path, {"issued_invoice": {"status": "paid"}}).status_code == 422
    assert monite.patch(path, {}).status_code == 422
    draft = receivable(monite, "draft")
    body = {"invoice": {"partner_metadata": {"a": 1}, "memo": "x"}}
    assert monite.patch(f"/v1/receivables/{draft}", body).json()["memo"] == "x"


def test_a_receivable_is_issued_and_paid(monite: Monite) -> None:
    own = receivable(monite, "draft")
    assert monite.get(f"/v1/receivables/{own}/pdf_link").json()["file_url"] is None
    assert act(monite, f"receivables/{own}/mark_as_paid")[0] == 409
    issued = monite.post(f"/v1/receivables/{own}/issue").json()
    assert (issued["status"], issued["document_id"][:4]) == ("issued", "INV-")
    assert requests.get(issued["file_url"], timeout=10).content.startswith(b"%PDF-")
    body = {"comment": "wire", "paid_at": "2026-03-01T10:00:00Z"}
    paid = monite.post(f"/v1/receivables/{own}/mark_as_paid", body).json()
    assert (paid["status"], paid["comment"], paid["amount_due"]) == ("paid", "wire", 0)
    assert paid["paid_at"] == "2026-03-01T10:00:00.000000+00:00"
    assert act(monite, f"receivables/{own}/mark_as_paid")[0] == 409
    assert act(monite, f"receivables/{own}/cancel")[0] == 409


def test_a_receivable_is_canceled_without_a_body(monite: Monite) -> None:
    own = receivable(monite, "issued")
    answer = monite.post(f"/v1/receivables/{own}/cancel")
    assert (answer.status_code, answer.content) == (204, b"")
    assert monite.get(f"/v1/receivables/{own}").json()["status"] == "canceled"


def test_other_steps_of_a_receivable(monite: Monite) -> None:
    first, second = (r["id"] for r in monite.page("receivables", status="issued", limit=2)["data"])
    step = f"receivables/{first}/mark_as_partially_paid"
    assert act(monite, step, {"amount_paid": 0})[0] == 422
    assert act(monite, step, {"amount_paid": 1}) == (200, "partially_paid")
    assert act(monite, step, {"amount_paid": 10**12})[0] == 409
    assert act(monite, f"receivables/{second}/mark_as_uncollectible") == (200, "uncollectible")


def test_a_credit_note_lowers_what_is_due(monite: Monite) -> None:
    note = monite.one("receivables", type="credit_note")
    assert "amount_due" not in note
    invoice = monite.get(f"/v1/receivables/{note['based_on']}").json()
    assert invoice["related_documents"]["credit_note_ids"] == [note["id"]]
    after = invoice["total_amount"] - note["total_amount"]
    assert invoice["total_amount_with_credit_notes"] == invoice["amount_due"] == after
    assert act(monite, f"receivables/{note['id']}/mark_as_paid")[0] == 409


# -- payment records --------------------------------------------------------------------------------------------------


def record_body(invoice: dict[str, Any], kind: str, **changes: Any) -> dict[str, Any]:
    target = {"id": invoice["id"], "type": kind}
    return {"amount": 1, "currency": invoice["currency"], "object": target, **changes}


def test_a_succeeded_payment_moves_the_invoice(monite: Monite) -> None:
    invoice = monite.one("receivables", type="invoice", status="issued")
    part = monite.post("/v1/payment_records", record_body(invoice, "receivable"))
    assert part.status_code == 201
    assert part.json()["object"]["new_status"] == "partially_paid"
    rest = record_body(invoice, "receivable", amount=invoice["amount_due"] - 1)
    assert monite.post("/v1/payment_records", rest).json()["object"]["new_status"] == "paid"
    assert monite.post("/v1/payment_records", rest).status_code == 409
    back = record_body(invoice, "receivable", amount=-1)
    assert (
        monite.post("/v1/payment_records", back).json()["object"]["new_status"] == "partially_paid"
    )
    listed = list(monite.walk("payment_records", object_id=invoice["id"], limit=2))
    assert [record["amount"] for record in listed] == [1, invoice["amount_due"] - 1, -1]


def test_a_planned_payment_goes_its_way(monite: Monite) -> None:
    invoice = monite.one("payables", status="waiting_to_be_paid")
    body = record_body(invoice, "payable", status="created", planned_payment_date="2026-04-01")
    own = monite.post("/v1/payment_records", body).json()["id"]
    assert act(monite, f"payment_records/{own}/start_processing", {}) == (200, "processing")
    body = {"paid_at": "2026-03-02T09:00:00Z"}
    assert act(monite, f"payment_records/{own}/mark_as_succeeded", body) == (200, "succeeded")
    assert monite.get(f"/v1/payables/{invoice['id']}").json()["status"] == "partially_paid"
    assert act(monite, f"payment_records/{own}/cancel", {})[0] == 409
    history = monite.get(f"/v1/payment_records/{own}").json()["history"]
    assert [entry["status"] for entry in history] == ["created", "processing", "succeeded"]


def test_a_payment_record_that_cannot_be(monite: Monite) -> None:
    invoice = monite.one("receivables", type="invoice", status="issued")
    wrong = "JPY" if invoice["currency"] != "JPY" else "USD"
    for changes, status in (
        ({"currency": wrong}, 422),
        ({"amount": "1"}, 422),
        ({"status": "canceled"}, 422),
        ({"object": {"id": NOWHERE, "type": "receivable"}}, 404),
        ({"amount": 10**12}, 409),
    ):
        body = record_body(invoice, "receivable", **changes)
        assert monite.post("/v1/payment_records", body).status_code == status
