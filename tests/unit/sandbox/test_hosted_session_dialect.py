"""The second dialect of the hosted-session sandbox takes its own words and no others; cancelling and limits."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from connector.financier import DOCUMENT_PURPOSES
from connector.sandbox.hosted_session.dialect import PARTS, told
from connector.sandbox.hosted_session.invoices import FINANCING_PARTS, PURPOSES
from tests.unit.sandbox.conftest import Financier, Serve, hosted_session

KEY = {"X-Api-Key": "sandbox-api-key"}


def test_a_key_its_own_paths_and_its_own_fields(serve_platform: Serve, tmp_path: Path) -> None:
    url = hosted_session(serve_platform, tmp_path).url
    requests.post(f"{url}/sandbox/settings", json={"dialect": "second"}, timeout=10)

    def post(path: str, body: object) -> requests.Response:
        return requests.post(url + path, json=body, headers=KEY, timeout=10)

    assert requests.get(f"{url}/api/partners", timeout=10).status_code == 401
    listed = requests.get(f"{url}/api/partners", headers=KEY, timeout=10).json()
    assert {one["type"] for one in listed["items"]} == {"partner"}
    assert requests.get(f"{url}/v1/companies", headers=KEY, timeout=10).status_code == 404
    made = post("/api/partners", {"title": "Ltd", "country": "GB"})
    assert made.json()["country"] == "GB"
    for body, said in (
        ({"name": "Ltd"}, "name is no field"),
        (["Ltd"], "not a JSON object"),
    ):
        refused = post("/api/partners", body)
        assert refused.status_code == 400
        assert said in refused.json()["error"]
    limit = {"partner": made.json()["uid"], "wanted": 25_000_000}
    assert post("/api/credit-lines", limit).json()["state"] == "pending"
    refused = post("/api/credit-lines", {**limit, "wanted": 25.5})
    assert "minor units" in refused.json()["error"]
    refused = post("/api/receivables", {"currency_code": "usd"})
    assert "upper case" in refused.json()["error"]


def test_words_are_complete() -> None:
    assert set(PARTS) == set(FINANCING_PARTS)
    assert told([1]) == [1]
    assert told({"object": "nothing known"}) == {"object": "nothing known"}


def test_every_purpose_of_a_document_is_known_on_both_sides() -> None:
    assert set(DOCUMENT_PURPOSES) == PURPOSES


@pytest.mark.parametrize("offered", [True, False])
def test_a_session_is_canceled_once(financier: Financier, offered: bool) -> None:
    financier.post("/sandbox/settings", {"cancel_sessions": offered})
    session = financier.session(financier.invoice()["id"])["id"]
    path = f"/v1/financing_sessions/{session}/cancel"
    if not offered:
        assert financier.post(path, {}).status_code == 404
        return
    assert financier.post(path, {}).json()["status"] == "canceled"
    assert financier.post(path, {}).status_code == 409


def test_the_desk_gives_a_limit_any_status(financier: Financier) -> None:
    company = financier.get("/v1/companies").json()["data"][0]["id"]
    financier.post("/sandbox/desk/limits", {"company": company, "status": "denied"})
    limit = financier.get(f"/v1/companies/{company}").json()["buyer_limit"]
    assert (limit["status"], limit["total_limit"]) == ("denied", 0)
