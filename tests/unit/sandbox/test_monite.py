"""The Monite stand-in keeps the vendor's contract: access, lists, payables, receivables, files. Every answer is checked
against the vendor's own document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.monite_contract import checked
from tests.unit.sandbox.conftest import Serve
from tests.unit.sandbox.monite_client import NOWHERE, Monite, monite_sandbox, served_monite

LISTS = (
    "payables",
    "receivables",
    "counterparts",
    "events",
    "payment_records",
    "financing_invoices",
    "webhook_subscriptions",
    "webhook_deliveries",
    "entities",
)


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


# -- access -----------------------------------------------------------------------------------------------------------


def test_a_token_and_what_is_wrong_with_others(monite: Monite) -> None:
    given = monite.token().json()
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 86_400)
    assert monite.token(client_secret="wrong").status_code == 401
    assert monite.token(client_id="no uuid").status_code == 422
    assert monite.token(grant_type="password").status_code == 422
    assert monite.token(grant_type="entity_user").status_code == 422
    assert monite.token(grant_type="entity_user", entity_user_id=NOWHERE).status_code == 401
    assert monite.token(scope="everything").status_code == 422


def test_a_token_ends_and_can_be_revoked(monite: Monite) -> None:
    token = monite.http.headers["Authorization"].removeprefix("Bearer ")  # type: ignore[union-attr]
    monite.push_clock(86_399)
    assert monite.get("/v1/payables").ok
    monite.push_clock(1)
    assert monite.get("/v1/payables").status_code == 401
    monite.let_in()
    fresh = str(monite.http.headers["Authorization"]).removeprefix("Bearer ")
    assert fresh != token
    body = {"client_id": monite.settings.client_id, "client_secret": monite.settings.client_secret}
    assert monite.post("/v1/auth/revoke", {**body, "token": fresh}).ok
    assert monite.get("/v1/payables").status_code == 401


def test_an_entity_user_sees_its_own_entity_only(monite: Monite) -> None:
    assert monite.get("/v1/entities/me").status_code == 400
    monite.let_in(grant_type="entity_user", entity_user_id=monite.settings.entity_user_id)
    assert monite.get("/v1/entities/me").json()["id"] == monite.settings.entity_id
    assert [entity["id"] for entity in monite.walk("entities")] == [monite.settings.entity_id]
    other = {"X-Monite-Entity-Id": monite.settings.other_entity_id}
    assert monite.get("/v1/payables", headers=other).status_code == 403
    assert monite.get(f"/v1/entities/{monite.settings.other_entity_id}").status_code == 403
    assert monite.get("/v1/webhook_subscriptions").status_code == 403


@pytest.mark.parametrize("version", ["2024-01-31", "2024-05-25"])
def test_both_versions_of_the_header(monite: Monite, version: str) -> None:
    answer = monite.get("/v1/payables?limit=1", headers={"X-Monite-Version": version})
    assert answer.ok
    assert answer.headers["X-Monite-Version"] == version
    assert answer.headers["X-Monite-Entity-Id"] == monite.settings.entity_id
    assert answer.headers["X-Request-Id"]


def test_headers_that_are_missing_or_wrong(monite: Monite) -> None:
    def status(**headers: str | None) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return monite.get("/v1/payables", headers=named).status_code

    assert status(X_Monite_Version=None) == 422
    assert status(X_Monite_Version="soon") == 422
    assert status(X_Monite_Version="2019-01-01") == 400
    assert status(X_Monite_Entity_Id=None) == 422
    assert status(X_Monite_Entity_Id="x") == 422
    assert status(X_Monite_Entity_Id=NOWHERE) == 403
    assert status(Authorization=None) == 401
    assert status(Authorization="Bearer made-up") == 401


def test_the_rate_is_in_the_headers_and_over_it_is_429(monite: Monite) -> None:
    monite.push_clock(1)
    monite.post("/sandbox/settings", {"rate_limit_per_second": 3})
    left = [monite.get("/v1/events").headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    over = monite.get("/v1/events")
    assert (over.status_code, over.headers["Retry-After"]) == (429, "1")
    assert over.headers["RateLimit-Limit"] == over.headers["X-RateLimit-Limit-Second"] == "3"
    monite.push_clock(1)
    assert monite.get("/v1/events").ok


def test_another_entitys_records_are_not_found(monite: Monite) -> None:
    own = monite.one("payables")["id"]
    other = {"X-Monite-Entity-Id": monite.settings.other_entity_id}
    assert monite.get(f"/v1/payables/{own}", headers=other).status_code == 404
    listed = monite.get("/v1/payables", headers=other).json()["data"]
    assert len(listed) == 5
    assert {record["entity_id"] for record in listed} == {monite.settings.other_entity_id}


# -- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LISTS)
def test_every_list_answers(monite: Monite, path: str) -> None:
    page = monite.page(path)
    assert set(page) == {"data", "next_pagination_token", "prev_pagination_token"}


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_by_token_forth_and_back(monite: Monite, order: str) -> None:
    whole = [r["id"] for r in monite.page("payables", order=order)["data"]]
    assert len(whole) == 30
    assert [r["id"] for r in monite.walk("payables", order=order, limit=7)] == whole
    first = monite.page("payables", order=order, limit=7)
    second = monite.page("payables", pagination_token=first["next_pagination_token"])
    back = monite.page("payables", pagination_token=second["prev_pagination_token"])
    assert back["data"] == first["data"]
    assert first["prev_pagination_token"] is None


def test_the_token_remembers_everything_but_the_limit_of_receivables(monite: Monite) -> None:
    first = monite.page("payables", limit=2, status__in=["new", "paid"])
    token = first["next_pagination_token"]
    second = monite.page("payables", pagination_token=token, status="draft", limit=50)
    assert len(second["data"]) == 2
    assert {record["status"] for record in second["data"]} <= {"new", "paid"}
    first = monite.page("receivables", limit=2)
    token = first["next_pagination_token"]
    assert len(monite.page("receivables", pagination_token=token, limit=3)["data"]) == 3
    assert len(monite.page("receivables", pagination_token=token)["data"]) == 28


def test_limits(monite: Monite) -> None:
    for path, longest in (("payables", 100), ("receivables", 250)):
        assert monite.get(f"/v1/{path}?limit={longest}").ok
        for limit in (0, longest + 1, "x", "1.0"):
            assert monite.get(f"/v1/{path}?limit={limit}").status_code == 422
    monite.post("/sandbox/settings", {"bad_limit_status": 416})


def test_a_token_can_end(monite: Monite) -> None:
    token = monite.page("payables", limit=1)["next_pagination_token"]
    assert monite.get("/v1/receivables", params={"pagination_token": token}).status_code == 422
    assert monite.get("/v1/payables?pagination_token=nonsense").status_code == 422
    monite.post("/sandbox/settings", {"pagination_token_life_seconds": 60})
    monite.push_clock(60)
    assert monite.get("/v1/payables", params={"pagination_token": token}).status_code == 422


def test_a_record_added_while_walking_is_not_doubled_and_none_is_lost(monite: Monite) -> None:
    before = [record["id"] for record in monite.page("payables")["data"]]
    walk = monite.walk("payables", limit=10, order="desc")
    seen = [next(walk)["id"]]
    added = monite.post("/sandbox/payables", {"count": 3}).json()["ids"]
    seen += [record["id"] for record in walk]
    assert sorted(seen) == sorted(before)
    assert not set(added) & set(seen)


def test_filters(monite: Monite) -> None:
    everything = list(monite.walk("receivables"))

    def found(**query: Any) -> list[dict[str, Any]]:
        return list(monite.walk("receivables", **query))

    ready = [r for r in everything if r["status"] in ("issued", "paid")]
    assert found(status__in=["issued", "paid"]) == ready
    middle = sorted(r["created_at"] for r in everything)[14]
    assert len(found(created_at__gt=middle)) == 15
    assert len(found(created_at__lte=middle)) == 15
    due = [r for r in everything if (r["due_date"] or "") >= "2026-04-01"]
    assert found(due_date__gte="2026-04-01") == due
    assert found(total_amount__gt=10**6) == [r for r in everything if r["total_amount"] > 10**6]
    some = [r["id"] for r in everything[:2]]
    assert [r["id"] for r in found(id__in=some)] == some
    assert found(document_id__icontains="r-00000") == [
        r for r in everything if "R-00000" in (r["document_id"] or "")
    ]
    assert found(foo="ignored") == everything
    assert monite.get("/v1/receivables?created_at__gt=yesterday").status_code == 422
    assert monite.get("/v1/receivables?sort=memo").status_code == 422
    body = {"status__in": ["issued"], "limit": 3, "type": "invoice"}
    searched = monite.post("/v1/receivables/search", body).json()["data"]
    assert searched == found(status="issued", type="invoice")[:3]


def test_files_filter_of_payables(monite: Monite) -> None:
    with_file = list(monite.walk("payables", has_file="true"))
    assert all(record["file"]["id"] == record["file_id"] for record in with_file)
    assert {r["file_id"] for r in monite.walk("payables", has_file="false")} == {None}


def test_sorting_puts_empty_values_first(monite: Monite) -> None:
    dates = [r["due_date"] for r in monite.walk("receivables", sort="due_date", limit=4)]
    assert dates == sorted(dates, key=lambda value: value or "")
    amounts = [r["total_amount"] for r in monite.walk("receivables", sort="amount", order="desc")]
    assert amounts == sorted(amounts, reverse=True)
    names = [r["id"] for r in monite.walk("counterparts", sort="counterpart_name")]
    assert len(names) == 24


def test_empty_fields_are_null_or_absent(monite: Monite) -> None:
    draft = monite.one("payables", status="draft")
    for name in ("total_amount", "currency", "due_date", "document_id", "issued_at"):
        assert draft[name] is None
    monite.post("/sandbox/settings", {"absent_fields": "absent"})
    assert not {"total_amount", "currency"} & set(monite.one("payables", status="draft"))
    assert "next_pagination_token" in monite.page("payables", limit=1)


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


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_counterparts_and_their_lists(monite: Monite) -> None:
    people = list(monite.walk("counterparts"))
    assert {record["type"] for record in people} == {"organization", "individual"}
    for record in people[:6]:
        base = f"/v1/counterparts/{record['id']}"
        assert monite.get(base).json() == record
        [address] = monite.get(f"{base}/addresses").json()["data"]
        assert address["id"] == record["default_billing_address_id"]
        [vat] = monite.get(f"{base}/vat_ids").json()["data"]
        assert vat["counterpart_id"] == record["id"]
        assert monite.get(f"{base}/contacts").json()["data"]
        assert monite.get(f"{base}/bank_accounts").json()["data"] == []
    body = {"metadata": {"our_id": "17"}}
    assert monite.http.put(monite.url + base + "/partner_metadata", json=body, timeout=10).ok
    assert monite.get(f"{base}/partner_metadata").json() == body
    assert {r["type"] for r in monite.walk("counterparts", type="individual")} == {"individual"}
    vendors = list(monite.walk("counterparts", is_vendor="true"))
    assert 0 < len(vendors) < len(people)


def test_links_to_files_may_end(monite: Monite) -> None:
    monite.post("/sandbox/settings", {"file_link_life_seconds": 300})
    link = monite.one("payables", has_file="true")["file"]["url"]
    assert requests.get(link, timeout=10).headers["Content-Type"] == "application/pdf"
    assert requests.get(link.partition("?")[0], timeout=10).status_code == 403
    monite.push_clock(300)
    assert requests.get(link, timeout=10).status_code == 403


def test_what_is_not_there(monite: Monite) -> None:
    for path in ("payables", "receivables", "counterparts", "files", "events", "entities"):
        assert monite.get(f"/v1/{path}/{NOWHERE}").status_code == 404
        assert monite.get(f"/v1/{path}/17").status_code == 422
    for folder in ("files", "receivables", "else"):
        assert (
            requests.get(f"{monite.url}/storage/{folder}/{NOWHERE}.pdf", timeout=10).status_code
            == 404
        )
