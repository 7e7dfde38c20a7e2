"""Sessions, the person, the desk: the life of an invoice at the financier."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from connector.sandbox.hosted_session.desk import financing_parts
from connector.sandbox.hosted_session.invoices import FINANCING_PARTS
from tests.unit.sandbox.conftest import Financier, Serve, hosted_session

STATUSES = {
    "draft", "new", "additional_info_required", "declined", "requesting_signatures", "approved", "financed",
    "overdue", "repaid",
}  # fmt: skip


def test_the_session_object(financier: Financier) -> None:
    made = financier.invoice()
    airway_bill = financier.document("transport")
    session = financier.session(
        made["id"],
        supporting_documents=[{"document": airway_bill, "invoice": made["id"]}],
        locale="zh_CN",
    )
    assert session["id"].startswith("ifs_")
    assert (session["object"], session["status"]) == ("invoice.financing.session", "open")
    assert session["invoices"] == {
        "object": "list",
        "data": [{"id": made["id"], "status": "draft"}],
    }
    supporting = session["supporting_documents"]["data"][0]
    assert supporting["invoice_id"] == made["id"]
    assert supporting["documents"]["data"][0]["id"] == airway_bill
    assert session["locale"] == "zh_CN"
    for word in ("financing_sessions", "financing-sessions"):
        assert financier.get(f"/v1/{word}/{session['id']}").json() == session
        assert financier.get(f"/v1/{word}?invoice={made['id']}").json()["data"] == [session]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"invoices": []}, "exactly one"),
        ({"invoices": ["inv_a", "inv_b"]}, "exactly one"),
        ({"invoices": ["inv_none"]}, "existing invoice"),
        ({"success_url": "ftp://example.com"}, "success_url"),
        ({"cancel_url": "nonsense"}, "cancel_url"),
        ({"submitted_by": "nobody"}, "submitted_by"),
        ({"locale": "de_DE"}, "locale"),
        ({"buyer": "company_none"}, "buyer"),
    ],
)
def test_bad_sessions_are_refused(financier: Financier, changes: dict[str, Any], word: str) -> None:
    made = financier.invoice()
    answer = financier.post("/v1/financing_sessions", financier.session_body(made["id"], **changes))
    assert answer.status_code == 400
    assert word in answer.json()["message"]


def test_a_past_due_invoice_is_refused(financier: Financier) -> None:
    made = financier.invoice(due_date="2026-03-01")
    answer = financier.post("/v1/financing_sessions", financier.session_body(made["id"]))
    assert (answer.status_code, "past" in answer.json()["message"]) == (400, True)
    today = financier.invoice("today", due_date="2026-03-02")
    assert financier.session(today["id"])["status"] == "open"


def test_one_open_session_for_each_invoice(financier: Financier) -> None:
    made = financier.invoice()
    first = financier.session(made["id"])
    body = financier.session_body(made["id"])
    assert financier.post("/v1/financing_sessions", body).status_code == 409
    canceled = requests.post(first["session_url"] + "/cancel", allow_redirects=False, timeout=10)
    assert (canceled.status_code, canceled.headers["Location"]) == (
        303,
        "https://example.com/canceled",
    )
    assert financier.get(f"/v1/financing_sessions/{first['id']}").json()["status"] == "canceled"
    assert financier.status(made["id"]) == "draft"
    second = financier.session(made["id"])
    financier.post("/sandbox/clock", {"advance_seconds": 86_400})
    financier.let_in()
    assert financier.get(f"/v1/financing_sessions/{second['id']}").json()["status"] == "expired"
    assert requests.post(second["session_url"] + "/complete", timeout=10).status_code == 409
    assert financier.session(made["id"])["status"] == "open"


def test_a_person_completes_the_page(financier: Financier) -> None:
    made = financier.invoice(amount=123.53)
    session = financier.session(made["id"])
    page = requests.get(session["session_url"], timeout=10)
    assert "Complete" in page.text
    assert "123.53 USD" in page.text
    done = requests.post(session["session_url"] + "/complete", allow_redirects=False, timeout=10)
    assert (done.status_code, done.headers["Location"]) == (303, "https://example.com/done")
    invoice = financier.get(f"/v1/invoices/{made['id']}").json()
    assert invoice["status"] == "new"
    assert invoice["financing"]["first_payment"] == 111.17
    assert "volume_adjument_fees" in invoice["financing"]
    assert invoice["financing"]["sessions"]["data"][0]["status"] == "completed"
    assert financier.get(f"/v1/financing_sessions/{session['id']}").json()["status"] == "complete"
    assert "Complete</button>" not in requests.get(session["session_url"], timeout=10).text
    assert requests.post(session["session_url"] + "/cancel", timeout=10).status_code == 409
    again = financier.post("/v1/financing_sessions", financier.session_body(made["id"]))
    assert (again.status_code, "already submitted" in again.json()["message"]) == (400, True)


def submit(financier: Financier, count: int) -> list[str]:
    document = financier.document()
    ids = []
    for number in range(count):
        made = financier.invoice(f"ref-{number}", invoice_document=document)
        financier.session(made["id"])
        ids.append(made["id"])
    return ids


def test_the_desk_brings_every_invoice_to_its_end(serve_platform: Serve, tmp_path: Path) -> None:
    financier = hosted_session(
        serve_platform, tmp_path, decline_percent=20, information_percent=30, overdue_percent=30
    )
    ids = submit(financier, 30)
    assert financier.post("/sandbox/person/complete-all").json() == {"completed": 30, "canceled": 0}
    assert {financier.status(invoice) for invoice in ids} == {"new"}
    assert financier.post("/sandbox/desk/advance", {"steps": "all"}).json()["active"] == 0
    assert {financier.status(invoice) for invoice in ids} == {"declined", "repaid"}
    histories = [
        [row["status"] for row in financier.sandbox.ledger.history("invoice", invoice)]
        for invoice in ids
    ]
    assert {status for history in histories for status in history} == STATUSES
    for invoice in ids:
        revisions = [
            row["revision"] for row in financier.sandbox.ledger.history("invoice", invoice)
        ]
        assert revisions == list(range(1, len(revisions) + 1))
        body = financier.get(f"/v1/invoices/{invoice}").json()
        assert body["sandbox_revision"] == revisions[-1]


def test_the_desk_is_the_same_for_the_same_seed(serve_platform: Serve, tmp_path: Path) -> None:
    def run(name: str) -> list[list[str]]:
        financier = hosted_session(serve_platform, tmp_path / name, person_cancel_percent=30)
        ids = submit(financier, 12)
        financier.post("/sandbox/person/complete-all")
        financier.post("/sandbox/desk/advance", {"steps": "all"})
        ledger = financier.sandbox.ledger
        return [
            [row["body"].decode() for row in ledger.history("invoice", invoice)] for invoice in ids
        ]

    first = run("first")
    assert first == run("second")
    assert any('"canceled"' in history[-1] for history in first)


def test_a_canceled_first_session_is_completed_the_second_time(
    serve_platform: Serve, tmp_path: Path
) -> None:
    financier = hosted_session(serve_platform, tmp_path, person_cancel_percent=100)
    (invoice,) = submit(financier, 1)
    assert financier.post("/sandbox/person/complete-all").json() == {"completed": 0, "canceled": 1}
    financier.session(invoice)
    assert financier.post("/sandbox/person/complete-all").json() == {"completed": 1, "canceled": 0}


def test_person_and_desk_follow_the_clock(serve_platform: Serve, tmp_path: Path) -> None:
    financier = hosted_session(
        serve_platform, tmp_path, person_delay_seconds=60, desk_interval_seconds=3600, decline_percent=0,
        information_percent=0, overdue_percent=0, tick_seconds=0.02,
    )  # fmt: skip
    (invoice,) = submit(financier, 1)
    seen: Counter[str] = Counter()
    expected = ["new", "requesting_signatures", "approved", "financed", "repaid"]
    for status, seconds in zip(expected, [60, 3600, 3600, 3600, 3600], strict=True):
        financier.post("/sandbox/clock", {"advance_seconds": seconds})
        for _ in range(1000):
            stored = financier.sandbox.ledger.get("invoice", invoice)
            if stored is not None and stored.status == status:
                seen[status] += 1
                break
            financier.sandbox.stopping.wait(0.01)
    assert list(seen) == expected


def test_a_person_can_be_told_what_to_do(financier: Financier) -> None:
    made = financier.invoice()
    session = financier.session(made["id"])["id"]
    assert financier.post("/sandbox/person/cancel", {"session": session}).json() == {
        "status": "canceled"
    }
    assert financier.post("/sandbox/person/complete", {"session": session}).status_code == 409
    session = financier.session(made["id"])["id"]
    assert financier.post("/sandbox/person/complete", {"session": session}).json() == {
        "status": "complete"
    }
    financier.post("/sandbox/desk/set", {"invoice": made["id"], "status": "teleported"})
    assert financier.status(made["id"]) == "teleported", (
        "an unknown word, to try the connector with"
    )


@given(st.integers(1, 10**15), st.booleans())
def test_the_parts_of_a_financing_add_up(amount: int, late: bool) -> None:
    parts: dict[str, int | None] = financing_parts(amount, "new", dict.fromkeys(FINANCING_PARTS))
    assert parts["first_payment"] == amount * 90 // 100
    for status in ["financed", *(["overdue"] if late else []), "repaid"]:
        parts = financing_parts(amount, status, parts)
    assert sum(part or 0 for part in parts.values()) == amount
    assert all(part is None or part >= 0 for part in parts.values())
