"""The Monite stand-in keeps the vendor's contract: access, lists, counterparts, files. Every answer is checked against the
vendor's own document."""

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
    token = str(monite.http.headers["Authorization"]).removeprefix("Bearer ")
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
