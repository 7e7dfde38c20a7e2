"""What the API changes: pauses, links, tasks, people, tokens, endpoints of the feed. Each leaves an audit row."""

from __future__ import annotations

from connector.people.roles import Role
from tests.fakes import FakeClock
from tests.unit.access.house import House
from tests.unit.api.conftest import HOSTILE, Caller


def test_pausing_and_resuming(admin: Caller, stocked: House) -> None:
    assert admin("POST", "/connections/books/pause").json["state"] == "paused"
    assert admin.get("/connections/books").json["state"] == "paused"
    assert admin("POST", "/connections/books/resume").json["state"] == "ok"
    assert admin("POST", "/connections/nobody/pause").status_code == 404
    by = [(actor.partition(":")[0], action) for actor, action, _ in stocked.actions()][-2:]
    assert by == [("token", "connection.pause"), ("token", "connection.resume")]
    items = admin.get("/connections").json["items"]
    assert [(i["name"], i["role"]) for i in items] == [
        ("books", "connection"),
        ("stenn", "financier"),
    ]


def test_companies_are_linked_and_unlinked(admin: Caller, stocked: House) -> None:
    (company,) = admin.get("/companies", linked="false").json["items"]
    assert (company["name"], company["company_id"]) == (HOSTILE, None)
    assert admin.get("/companies/books/at-financier").json["items"][0]["company_id"] == "c-1"
    path = "/companies/books/p-1/link"
    linked = admin("PUT", path, json={"company_id": "c-1"}).json
    assert (linked["company_id"], linked["how"]) == ("c-1", "hand")
    assert linked["linked_by"].startswith("token:")
    assert admin.get("/companies", linked="false").json["items"] == []
    assert admin("DELETE", path).json["company_id"] is None
    assert stocked.actions()[-1][1] == "company.unlinked"
    assert admin("PUT", path, json={"company_id": "c-2"}).status_code == 404
    assert admin("PUT", "/companies/books/p-2/link", json={"company_id": "c-1"}).status_code == 404
    assert admin("PUT", "/companies/other/p-1/link", json={"company_id": "c-1"}).status_code == 404


def test_an_endpoint_of_the_feed_is_disabled_and_enabled(admin: Caller, stocked: House) -> None:
    path = "/status-feed/endpoints/erp"
    disabled = admin("POST", f"{path}/disable", json={"reason": HOSTILE}).json
    assert (disabled["state"], disabled["reason"]) == ("disabled", HOSTILE)
    assert admin("POST", f"{path}/enable").json["state"] == "enabled"
    assert stocked.woken == ["feed:erp"]
    assert [row[1:] for row in stocked.actions()][-2:] == [
        ("feed.disabled", "erp"),
        ("feed.enabled", "erp"),
    ]
    assert admin("POST", "/status-feed/endpoints/nobody/enable").status_code == 404
    assert admin.get("/status-feed").json == {"events": [], "has_more": False, "next_cursor": "0"}
    many = admin("GET", "/status-feed?connection=a&connection=b&status=funded&limit=2")
    assert many.status_code == 200


def test_tasks_run_now(admin: Caller, stocked: House) -> None:
    assert admin("POST", "/tasks/pull:books/run").status_code == 202
    assert admin("POST", "/tasks/nothing/run").status_code == 404
    assert stocked.woken == ["pull:books", "nothing"]


def test_people_are_managed(admin: Caller, stocked: House) -> None:
    body = {"email": "Bo@example.com", "name": HOSTILE, "role": "approver"}
    made = admin("POST", "/people", json=body)
    assert made.status_code == 201
    assert (made.json["email"], made.json["role"]) == ("bo@example.com", "approver")
    browser = stocked.browser()
    assert browser.sign_in("bo@example.com", made.json["one_time_password"]).status_code == 303
    path = f"/people/{made.json['id']}"
    assert admin("PATCH", path, json={"role": "viewer"}).json["role"] == "viewer"
    assert admin("PATCH", path, json={"state": "disabled"}).json["state"] == "disabled"
    assert browser.get("/account").status_code == 303
    assert admin("PATCH", path, json={"state": "active"}).json["state"] == "active"
    assert admin("POST", f"{path}/reset-password").json["one_time_password"]
    assert admin("POST", "/people", json=body).status_code == 422
    first = stocked.program.people.by_email("admin@example.com").id
    refused = admin("PATCH", f"/people/{first}", json={"role": "viewer"})
    assert refused.json["detail"] == "This is the only active admin."
    assert "password" not in admin.get("/people").text.replace("must_change_password", "").replace("has_password", "")  # fmt: skip


def test_tokens_are_managed(admin: Caller, stocked: House, clock: FakeClock) -> None:
    made = admin("POST", "/tokens", json={"name": "etl", "role": "operator"})
    assert made.status_code == 201
    text = made.json["token"]
    assert text not in admin.get("/tokens").text
    headers = {"Authorization": f"Bearer {text}"}
    client = stocked.app.test_client()
    me = client.get("/api/v1/me", headers=headers).get_json()
    assert (me["name"], me["role"], me["email"]) == ("etl", "operator", None)
    assert "runs.start" in me["permissions"] and "people.manage" not in me["permissions"]
    assert admin("DELETE", f"/tokens/{made.json['id']}").status_code == 204
    assert client.get("/api/v1/me", headers=headers).status_code == 401
    lasting = admin(
        "POST", "/tokens", json={"name": "bi", "role": "viewer", "expires_in_days": None}
    )
    assert lasting.json["expires_at"] is None


def test_the_audit_log_is_shown_and_checked(admin: Caller) -> None:
    admin("POST", "/connections/books/pause")
    newest = admin.get("/audit", limit=1).json["items"][0]
    assert (newest["action"], newest["subject"]) == ("connection.pause", "books")
    assert admin.get("/audit/check").json == {"whole": True, "broken": []}


def test_records_and_causes_are_given_to_people(admin: Caller, stocked: House) -> None:
    stocked.add("ana@example.com", Role.OPERATOR)
    given = admin("PUT", "/records/h0/assignment", json={"person": "Ana@example.com"})
    assert (given.json["person"], given.json["name"]) == ("ana@example.com", "Ana")
    number = given.json["subject"]
    (cause,) = admin.get("/records/causes").json["items"]
    assert cause["assigned_to"] is None
    asked = {"subject": cause["subject"], "person": "ana@example.com"}
    assert admin("POST", "/records/causes/assign", json=asked).status_code == 200
    assert admin.get("/records/causes").json["items"][0]["assigned_to"] == "Ana"
    with stocked.program.database.read() as tx:
        assert set(tx.assignments.all()) == {number, cause["subject"]}

    left = {"subject": cause["subject"]}
    assert admin("POST", "/records/causes/release", json=left).json["person"] is None
    assert admin("DELETE", "/records/h0/assignment").json["person"] is None
    with stocked.program.database.read() as tx:
        assert not tx.assignments.all()
        done = [row.action for row in tx.audit.recent(4)[::-1]]
    assert done == ["inbox.assigned", "inbox.assigned", "inbox.released", "inbox.released"]


def test_nothing_is_given_to_nobody_or_for_nothing(admin: Caller, stocked: House) -> None:
    stocked.add("ana@example.com", Role.OPERATOR)
    nobody = admin("PUT", "/records/h0/assignment", json={"person": "x@example.com"})
    assert nobody.status_code == 404
    asked = {"subject": "cause of nothing", "person": "ana@example.com"}
    assert admin("POST", "/records/causes/assign", json=asked).status_code == 404
    viewer = Caller(stocked, Role.VIEWER)
    refused = viewer("PUT", "/records/h0/assignment", json={"person": "ana@example.com"})
    assert refused.status_code == 403
    with stocked.program.database.read() as tx:
        assert not tx.assignments.all()


def test_a_message_that_is_not_parked_is_not_decided(admin: Caller, stocked: House) -> None:
    body = {"what": "took_effect", "reason": "I saw it."}
    assert admin("POST", "/deliveries/sent/999/decide", json=body).status_code == 404
    assert admin("POST", "/deliveries/sent/999/decide", json={"what": "done"}).status_code == 422
    viewer = Caller(stocked, Role.VIEWER)
    assert viewer("POST", "/deliveries/sent/999/decide", json=body).status_code == 403
