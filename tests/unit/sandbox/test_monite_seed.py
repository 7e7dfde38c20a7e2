"""The seeded world of the Monite stand-in: the same seed gives the same books, and the oracle knows what they come to."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connector.sandbox.monite.oracle import can_be_financed, gross, outcome_of, totals_of
from connector.sandbox.monite.seed import DEFECTS
from connector.sandbox.platform import Sandbox
from connector.sandbox.wire import from_json, to_json
from tests.monite_contract import checked
from tests.unit.sandbox.conftest import START, Serve
from tests.unit.sandbox.monite_client import Monite, monite_sandbox, served_monite

TODAY = START.date()
SIDES = {"payable": "payables", "receivable": "receivables"}
READY = {
    "status": "issued",
    "type": "invoice",
    "currency": "USD",
    "total_amount": 100,
    "document_id": "R-1",
    "due_date": "2026-06-30",
}


def filled(directory: Path, **settings: Any) -> Sandbox:
    sandbox = monite_sandbox(directory, **settings)
    sandbox.start(background=False)
    return sandbox


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Any:
    sandbox = filled(tmp_path_factory.mktemp("monite"), invoices=300)
    yield sandbox
    sandbox.close()


def own(sandbox: Sandbox, kind: str) -> list[dict[str, Any]]:
    entity = sandbox.settings.entity_id
    return [s.body for s in sandbox.ledger.select(kind) if s.body["_entity"] == entity]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    def content(name: str, seed: int) -> list[bytes]:
        sandbox = filled(tmp_path / name, invoices=40, seed=seed)
        kinds = ("entity", "counterpart", "payable", "receivable", "file")
        found = [to_json(s.body) for kind in kinds for s in sandbox.ledger.select(kind)]
        sandbox.close()
        return found

    assert content("a", 1) == content("b", 1)
    assert content("c", 2) != content("d", 1)


def test_every_status_and_exponent_is_there(books: Sandbox) -> None:
    payables, receivables = own(books, "payable"), own(books, "receivable")
    assert (len(payables), len(receivables)) == (150, 150)
    assert len({body["status"] for body in payables}) == 8
    assert len({body["status"] for body in receivables}) == 7
    assert {body["type"] for body in receivables} == {"invoice", "credit_note"}
    for side in (payables, receivables):
        assert {"USD", "EUR", "GBP", "JPY", "KWD"} <= {body["currency"] for body in side}
    amounts = {body["total_amount"] for body in receivables}
    assert {1, 99, 100, 101, 2**53 - 1} <= amounts
    assert any(body["attachments"] for body in receivables)


def test_amounts_add_up(books: Sandbox) -> None:
    rows = books.ledger.rows("SELECT id, detail FROM expectations")
    spoilt = {row["id"] for row in rows if "defect" in from_json(row["detail"])}
    for kind in SIDES:
        for body in own(books, kind):
            if body["id"] in spoilt or body["total_amount"] is None or "amount_due" not in body:
                continue
            after = body["total_amount_with_credit_notes"]
            assert body["amount_due"] + body["amount_paid"] == after
            assert 0 < after <= body["total_amount"]


def test_the_oracle_agrees_with_what_was_written_when_the_books_were_made(books: Sandbox) -> None:
    seen: Counter[str] = Counter()
    for kind in SIDES:
        bodies = {s.id: s.body for s in books.ledger.select(kind)}
        rows = books.ledger.rows("SELECT * FROM expectations WHERE kind=?", (kind,))
        assert len(rows) == len(bodies)
        for row in rows:
            found = outcome_of(kind, bodies[row["id"]], TODAY)
            assert found == (row["outcome"], row["reason"])
            seen[row["outcome"]] += 1
            seen["defects"] += "defect" in from_json(row["detail"])
    assert seen["defects"] == 12
    assert min(seen[word] for word in ("mapped", "held", "excluded", "rejected")) > 3


def test_each_defect_is_the_one_thing_against_its_record() -> None:
    status = {"payable": "waiting_to_be_paid", "receivable": "issued"}
    for defect in DEFECTS:
        body = {**READY, "status": status[defect.side]}
        assert outcome_of(defect.side, body, TODAY) == ("mapped", "")
        defect.spoil(body)
        assert outcome_of(defect.side, body, TODAY) == defect.outcome


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, ("mapped", "")),
        ({"status": "partially_paid"}, ("mapped", "")),
        ({"status": "overdue"}, ("excluded", "status")),
        ({"type": "credit_note"}, ("excluded", "credit_note")),
        ({"currency": "JPY"}, ("excluded", "currency")),
        ({"currency": "XXX"}, ("rejected", "currency")),
        ({"total_amount": True}, ("rejected", "total_amount")),
        ({"total_amount": 2**53}, ("rejected", "total_amount")),
        ({"due_date": "2026-03-01"}, ("excluded", "past_due")),
        ({"due_date": "2026-03-02"}, ("mapped", "")),
    ],
)
def test_outcomes(changes: dict[str, Any], outcome: tuple[str, str]) -> None:
    assert outcome_of("receivable", {**READY, **changes}, TODAY) == outcome


@pytest.mark.parametrize(
    ("kind", "changes", "outcome"),
    [
        ("receivable", {"due_date": "2026-03-09"}, ("mapped", "")),
        ("receivable", {"due_date": "2026-03-08"}, ("excluded", "due_too_soon")),
        ("receivable", {"currency": "EUR"}, ("excluded", "currency")),
        ("receivable", {"total_amount": None}, ("rejected", "total_amount")),
        ("payable", {"status": "new"}, ("excluded", "payable")),
        ("payable", {"status": "new", "total_amount": None}, ("excluded", "payable")),
        ("payable", {"status": "new", "total_amount": 0}, ("rejected", "total_amount")),
    ],
)
def test_outcomes_where_monite_finances(
    kind: str, changes: dict[str, Any], outcome: tuple[str, str]
) -> None:
    body = {**READY, "due_date": "2026-04-01", **changes}
    assert outcome_of(kind, body, TODAY, financed_by_monite=True) == outcome


def test_what_is_beyond_reason_is_left_out_of_the_totals() -> None:
    records = [("receivable", {**READY, "total_amount": amount}) for amount in (1_000, 1_001)]
    totals = totals_of(records, TODAY, largest=1_000)
    assert totals["mapped"] == {"USD": {"count": 1, "gross_minor_units": 1_000}}
    assert totals["rejected"] == {"unreadable": {"count": 1, "gross_minor_units": 0}}


def test_who_can_be_financed_and_until_when() -> None:
    def why(due: str, country: str = "US") -> str | None:
        return can_be_financed("receivable", {**READY, "due_date": due}, country, date(2026, 3, 2))

    assert why("2026-03-09") is None
    assert "7 days" in str(why("2026-03-08"))
    assert "US" in str(why("2026-03-09", "DE"))


def test_totals_are_counted_and_summed() -> None:
    odd = {**READY, "total_amount": None}
    totals = totals_of([("receivable", READY), ("receivable", READY), ("receivable", odd)], TODAY)
    assert totals["mapped"] == {"USD": {"count": 2, "gross_minor_units": 200}}
    assert totals["rejected"] == {"unreadable": {"count": 1, "gross_minor_units": 0}}
    assert gross({"total_amount": -5, "currency": "KWD"}) == ("KWD", -5)


@pytest.mark.parametrize("absent_fields", ["null", "absent"])
def test_every_seeded_record_is_as_the_vendors_document_wants_it(
    serve_platform: Serve, tmp_path: Path, absent_fields: str
) -> None:
    sandbox = monite_sandbox(tmp_path, invoices=120, absent_fields=absent_fields)
    with checked(sandbox) as contract:
        monite: Monite = served_monite(serve_platform, sandbox)
        for path in ("payables", "receivables", "counterparts", "entities"):
            assert list(monite.walk(path, limit=100))
        assert monite.page("files")["data"]
        assert monite.get("/sandbox/totals").json()["mapped"]["USD"]["count"] > 20
    # A field without a value is left out: then the document is met to the letter.
    assert (sum(contract.tolerated.values()) == 0) == (absent_fields == "absent")


def test_every_disturbance_of_the_sandbox_works_here(serve_platform: Serve, tmp_path: Path) -> None:
    monite = served_monite(serve_platform, monite_sandbox(tmp_path, invoices=10))
    known = sorted(monite.sandbox.faults.known)
    assert len(known) >= 30
    for fault in known:
        monite.fault(
            "WEBHOOK payable.*" if fault.startswith("webhook") else "GET /v1/nowhere", fault
        )
    body = {"object_type": "payable", "url": "http://127.0.0.1:9/hook"}
    assert monite.post("/v1/webhook_subscriptions", body).ok
    webhook_faults = [fault for fault in known if fault.startswith("webhook")]
    for _ in webhook_faults:
        monite.person_sets("payables", monite.one("payables")["id"], description="x")
    assert monite.sandbox.faults.counts == dict.fromkeys(webhook_faults, 1)


def test_data_faults_find_the_records_and_the_next_token(
    serve_platform: Serve, tmp_path: Path
) -> None:
    monite = served_monite(serve_platform, monite_sandbox(tmp_path, invoices=10))
    true = monite.page("payables", limit=2)

    def disturbed(fault: str) -> dict[str, Any]:
        monite.fault("GET /v1/payables", fault)
        return monite.page("payables", limit=2)

    assert [r["id"] for r in disturbed("reversed_page")["data"]] == [
        r["id"] for r in true["data"][::-1]
    ]
    assert disturbed("next_missing")["next_pagination_token"] is None
    assert "sandbox_novelty" in disturbed("new_field")["data"][0]
    assert disturbed("empty_page")["data"] == []
