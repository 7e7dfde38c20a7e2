"""The resources: what they answer, page by page, and how they say no."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest, WerkzeugOpenAPIResponse
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from connector import views
from connector.access.guard import declared
from connector.access.person import NEED, PUBLIC
from connector.api.resource import LARGEST_NUMBER, CursorField
from connector.people.roles import Permission, Role, may
from tests.unit.access.house import House
from tests.unit.api.conftest import HOSTILE, Caller
from tests.unit.api.operations import HEADING, PAGE, listed

PLACES: dict[str, str] = {
    "word": "r1", "name": "books", "connection": "books", "counterparty_id": "p-1", "key": "pull:x",
}  # fmt: skip
"""What stands in a path where a test does not care."""


def routes(house: House) -> list[tuple[str, str, Any]]:
    """(method, path, need) of every route below /api."""
    needs = dict(declared(house.app))
    found = []
    for rule in house.app.url_map.iter_rules():
        if not rule.rule.startswith("/api/") or rule.endpoint == "api_page.unknown":
            continue
        path = rule.rule
        for name in rule.arguments:
            whole = next(p for p in path.split("/") if p.strip("<>").endswith(name))
            path = path.replace(whole, PLACES.get(name, "1"))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            found.append((method, path, needs[rule.endpoint]))
    return found


# -- who may ------------------------------------------------------------------------------------------------------------


def test_every_route_says_who_may(api_house: House) -> None:
    assert len(routes(api_house)) > 30
    for method, path, need in routes(api_house):
        assert isinstance(need, Permission), (
            f"{method} {path} declares no permission: use `operation`"
        )
    public = {name for name, need in declared(api_house.app) if need == PUBLIC}
    assert {name for name in public if name.startswith("api_")} == {"api_page.unknown"}


def test_every_route_refuses_whom_it_says(api_house: House) -> None:
    """All routes for all roles, for nobody, and for a token that was revoked."""
    callers = {role: {"Authorization": f"Bearer {api_house.token(role)}"} for role in Role}
    revoked = api_house.token(Role.ADMIN)
    api_house.program.tokens.revoke(api_house.program.tokens.list()[0].id, by="test")
    client = api_house.app.test_client()
    for method, path, need in routes(api_house):
        for stranger in (
            {},
            {"Authorization": f"Bearer {revoked}"},
            {"Authorization": "Basic eDp5"},
        ):
            answer = client.open(path, method=method, headers=stranger)
            assert answer.status_code == 401, f"{method} {path}"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        for role, headers in callers.items():
            if may(role, Permission(need)):
                continue
            answer = client.open(path, method=method, headers=headers)
            assert answer.status_code == 403, f"{method} {path} for {role}"
            assert answer.content_type == "application/problem+json"
    assert [action for _, action, _ in api_house.actions()].count("token.revoke") == 1


def test_every_route_lets_in_whom_it_says(stocked: House) -> None:
    """The view itself decides what comes of it; it is never 401 or 403."""
    client = stocked.app.test_client()
    admin = {"Authorization": f"Bearer {stocked.token(Role.ADMIN)}"}
    for method, path, need in routes(stocked):
        role = next(role for role in Role if may(role, Permission(need)))
        headers = {"Authorization": f"Bearer {stocked.token(role)}"} if method == "GET" else admin
        if method != "GET" and need in (Permission.MAPPING_ACTIVATE, Permission.MAPPING_BACKTEST):
            continue  # these have flows of their own
        answer = client.open(path, method=method, headers=headers)
        assert answer.status_code not in (401, 403, 405), f"{method} {path} for {role}"


def test_a_browser_reads_but_needs_the_form_token_to_change(stocked: House) -> None:
    browser = stocked.browser(Role.ADMIN)
    assert browser.get("/api/v1/status").status_code == 200
    path = "/api/v1/connections/books/pause"
    assert browser.post(path).status_code == 403
    token = browser.csrf("/account")
    assert browser.post(path, headers={"X-CSRF-Token": token}).get_json()["state"] == "paused"
    # a bad API token does not fall back on the session
    bad = {"Authorization": "Bearer ifc_x"}
    assert browser.get("/api/v1/status", headers=bad).status_code == 401


def test_a_token_is_good_for_the_api_alone(stocked: House) -> None:
    headers = {"Authorization": f"Bearer {stocked.token(Role.ADMIN)}"}
    assert stocked.app.test_client().get("/", headers=headers).status_code == 303


# -- the description ----------------------------------------------------------------------------------------------------


def test_the_document_is_openapi_and_every_answer_is_as_it_says(stocked: House) -> None:
    caller = Caller(stocked, Role.ADMIN)
    client = stocked.app.test_client()
    headers = {"Authorization": f"Bearer {stocked.token(Role.ADMIN)}"}
    document = client.get("/api/openapi.json", headers=headers).get_json()
    document["servers"] = [{"url": "http://localhost"}]
    config = Config(extra_media_type_deserializers={"application/problem+json": json.loads})
    described = OpenAPI.from_dict(document, config=config)
    described.check_spec()
    checked = 0
    for method, path, _ in routes(stocked):
        # what asks a real system has tests of its own
        if method != "GET" or not path.startswith("/api/v1/") or "/mappings" in path:
            continue
        answer = caller("GET", path.removeprefix("/api/v1"))
        request = Request(EnvironBuilder(path=path, base_url="http://localhost").get_environ())
        response = Response(answer.data, answer.status_code, content_type=answer.content_type)
        described.validate_response(
            WerkzeugOpenAPIRequest(request), WerkzeugOpenAPIResponse(response)
        )
        checked += answer.status_code == 200
    assert checked >= 18


def test_every_operation_is_described(api_house: House) -> None:
    headers = {"Authorization": f"Bearer {api_house.token(Role.VIEWER)}"}
    document = api_house.app.test_client().get("/api/openapi.json", headers=headers).get_json()
    operations = [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(operations) == len([r for r in routes(api_house) if r[1].startswith("/api/v1/")])
    identifiers = [operation["operationId"] for _, _, operation in operations]
    assert len(set(identifiers)) == len(identifiers)
    for path, method, operation in operations:
        assert operation["summary"].endswith("."), f"{method} {path} has no sentence"
        Permission(operation["x-permission"])


def test_the_docs_list_every_operation(api_house: House) -> None:
    assert PAGE.read_text("utf-8").endswith(f"{HEADING}{listed(api_house)}"), (
        "make it anew: python -m tests.unit.api.operations"
    )


def test_the_page_has_every_operation_and_no_script(api_house: House) -> None:
    page = api_house.browser(Role.VIEWER).get("/api/").text
    for method, path, _ in routes(api_house):
        if path.startswith("/api/v1/") and not any(
            p in path for p in ("/1", "r1", "books", "pull:")
        ):
            assert f"<code>{method} {path}</code>" in page
    assert "<script" not in page and "style=" not in page and "http://" not in page.replace("http://localhost", "")  # fmt: skip


# -- lists ----------------------------------------------------------------------------------------------------------------


def all_pages(caller: Caller, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = caller.get(path, **query, **cursor).json
        found += answer["items"]
        if answer["next_cursor"] is None:
            return found
        cursor = {"cursor": answer["next_cursor"]}


@pytest.mark.parametrize("path", ["/invoices", "/records", "/runs", "/audit", "/deliveries/sent", "/deliveries/heard"])  # fmt: skip
@pytest.mark.parametrize("limit", [1, 2, 7])
def test_lists_are_whole_whatever_the_page(reader: Caller, path: str, limit: int) -> None:
    assert all_pages(reader, path, limit=limit) == reader.get(path, limit=500).json["items"]


def test_invoices_are_filtered_and_summed(reader: Caller) -> None:
    items = reader.get("/invoices").json["items"]
    assert [item["source_id"] for item in items] == [HOSTILE, "h0", "a4", "a3", "a2", "a1", "a0"]
    held = reader.get("/invoices", outcome="held").json["items"]
    assert [item["source_id"] for item in held] == [HOSTILE, "h0"]
    offered = reader.get("/invoices", state="ready").json["items"]
    (line,) = offered
    assert (line["amount"], line["amount_minor_units"], line["currency"]) == ("12000.50", 1_200_050, "USD")  # fmt: skip
    assert line["client_reference_id"] == "reference-a0"
    sums = reader.get("/invoices/sums", outcome="held").json["sums"]
    assert sums == [{"amount": "24001.00", "amount_minor_units": 2_400_100, "count": 2, "currency": "USD"}]  # fmt: skip
    assert reader.get("/invoices", amount_from="12000.51").json["items"] == []
    assert len(reader.get("/invoices", amount_from="12000.50").json["items"]) == 7


def test_one_invoice_has_its_whole_life(reader: Caller) -> None:
    life = reader.get("/invoices/reference-a0").json
    assert (life["source_id"], life["record"]) == ("a0", "r1")
    assert life["financing"][0]["state"] == "ready"
    assert life == reader.get("/invoices/a0").json == reader.get("/invoices/r1").json
    answer = reader.get("/invoices/unknown")
    assert answer.status_code == 404
    assert "record number" in answer.json["remedy"]


def test_what_the_views_say_is_not_lost_on_the_way(admin: Caller, stocked: House) -> None:
    """A schema leaves out what it does not name: this fails when a view says more than its schema."""
    with stocked.program.database.read() as tx:
        shown = {
            "/status": views.status(tx, ["books", "stenn"]),
            "/totals": views.totals(tx),
            "/invoices/a0": views.life(tx, "a0"),
        }
    for path, said in shown.items():
        assert admin.get(path).json == json.loads(json.dumps(said)), path


def test_no_amount_is_a_fraction_or_loses_a_cent(reader: Caller) -> None:
    def no_fraction(text: str) -> Any:
        raise AssertionError(f"{text} travels as a number with a fraction")

    for path in ("/runs", "/status", "/invoices", "/totals", "/invoices/a0"):
        json.loads(reader.get(path).data, parse_float=no_fraction)
    (total,) = [t for run in reader.get("/runs").json["items"] for t in run["totals"]]
    assert total["amount_minor_units"] == 9_007_199_254_740_993
    assert total["amount"] == "90071992547409.93"


@pytest.mark.parametrize("cursor", ["x", "MQ", "MS54", "=", "é", "MS4tMQ", "Mi4x", "A" * 500])
def test_only_our_cursors_are_taken(reader: Caller, cursor: str) -> None:
    answer = reader.get("/runs", cursor=cursor)
    assert answer.status_code == 422
    assert answer.json["errors"] == [
        {"where": "query.cursor", "problem": "Not a cursor that this API gave. Begin without one."}
    ]


def test_a_cursor_survives_the_way_there_and_back() -> None:
    field = CursorField()
    for number in (0, 1, LARGEST_NUMBER):
        text = field._serialize(number)
        assert text is not None and field._deserialize(text) == number


# -- how it says no -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "where"),
    [
        ("GET", "/runs?limit=0", {}, 422, "query.limit"),
        ("GET", "/runs?limit=501", {}, 422, "query.limit"),
        ("GET", "/runs?limt=5", {}, 422, "query.limt"),
        ("GET", "/records?kind=mapped", {}, 422, "query.kind"),
        ("GET", "/runs?state=%00", {}, 422, "query.state"),
        ("GET", "/invoices?amount_from=NaN", {}, 422, "query.amount_from"),
        ("GET", "/invoices?due_from=2026-02-30", {}, 422, "query.due_from"),
        ("POST", "/people", {"json": {}}, 422, "json.email"),
        ("POST", "/people", {"json": {"email": "a@b", "name": "A", "role": "owner"}}, 422, "json.role"),
        ("POST", "/people", {"json": {"is_admin": True}}, 422, "json.is_admin"),
        ("POST", "/tokens", {"json": {"name": "x", "role": "viewer", "expires_in_days": "1"}}, 422, "json.expires_in_days"),
        ("POST", "/people", {"data": b"{", "content_type": "application/json"}, 400, None),
        ("POST", "/people", {"json": []}, 422, None),
        ("GET", "/status-feed?after=x", {}, 400, None),
        ("GET", "/status-feed?after=9-0123abcd", {}, 410, None),
        ("GET", "/status-feed?limit=0", {}, 422, "query.limit"),
        ("GET", "/nothing/here", {}, 404, None),
        ("DELETE", "/status", {}, 404, None),
        ("GET", "/runs/99", {}, 404, None),
        ("GET", f"/runs/{'9' * 40}", {}, 404, None),
        ("GET", f"/invoices/{HOSTILE}x", {}, 404, None),
    ],
)  # fmt: skip
def test_refusals_are_problems(
    reader: Caller, method: str, path: str, more: dict[str, Any], status: int, where: str | None
) -> None:
    answer = reader(method, path, **more)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status and problem["type"] and problem["title"]
    assert problem["detail"].endswith(".")
    if where is not None:
        assert where in [error["where"] for error in problem["errors"]]


def test_the_marks_of_views_are_not_lost_by_decorators(api_house: House) -> None:
    view = api_house.app.view_functions["api_runs.runs"]
    assert getattr(view, NEED) is Permission.INVOICES_READ
