"""Signing in and out in a browser: fixation, forged forms, set-up, what a stranger gets to see."""

from __future__ import annotations

import re

import pytest

from connector.people.roles import Role
from tests.fakes import FakeClock
from tests.unit.access.conftest import Build
from tests.unit.access.house import HTTPS, PASSWORD, Browser, House

HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}'


def test_a_stranger_is_sent_to_sign_in_and_back(house: House) -> None:
    browser = house.browser()
    answer = browser.get("/account?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/account?x%3D1")
    answer = browser.sign_in("admin@example.com", next="/account?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account?x=1")
    assert browser.get("/").text == "today of Admin"
    assert browser.get("/sign-in").headers["Location"] == "/"


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb",
     "\\/evil.example", "/\t/evil.example", "evil", "/" + "x" * 3000],
)  # fmt: skip
def test_nobody_is_sent_to_another_site(shared: House, wanted: str) -> None:
    answer = shared.browser().sign_in("admin@example.com", next=wanted)
    assert answer.headers["Location"] == "/"


def test_a_session_is_new_at_each_sign_in(house: House) -> None:
    """Fixation: what somebody else put into the browser before is worth nothing afterwards."""
    browser = house.browser()
    browser.client.set_cookie("connector_session", "planted-by-somebody-else", domain="localhost")
    browser.sign_in("admin@example.com")
    first = browser.cookie("connector_session")
    assert first not in (None, "planted-by-somebody-else")
    token = browser.csrf("/account")
    browser.post("/sign-in", data={"email": "admin@example.com", "password": PASSWORD, "csrf_token": token})  # fmt: skip
    second = browser.cookie("connector_session")
    assert second != first
    thief = house.browser()
    thief.client.set_cookie("connector_session", first or "", domain="localhost")
    assert not thief.is_signed_in()
    assert browser.is_signed_in()


def test_sign_out_ends_the_session_for_good(house: House) -> None:
    browser = house.browser(Role.ADMIN)
    kept = browser.cookie("connector_session") or ""
    answer = browser.send("/account", "/sign-out")
    assert answer.status_code == 303
    assert not browser.is_signed_in()
    browser.client.set_cookie("connector_session", kept, domain="localhost")
    assert not browser.is_signed_in()


def test_sessions_end_by_time(house: House, clock: FakeClock) -> None:
    browser = house.browser(Role.VIEWER)
    clock.advance(minutes=59)
    assert browser.is_signed_in()
    clock.advance(minutes=61)
    assert not browser.is_signed_in()


@pytest.mark.parametrize("base_url", ["http://localhost", HTTPS])
def test_cookies_are_out_of_reach(build: Build, base_url: str) -> None:
    house = build('host_names = ["connector.example.com"]')
    browser = house.browser(base_url=base_url)
    set_at = [
        cookie
        for answer in (browser.get("/sign-in"), browser.sign_in("admin@example.com"))
        for cookie in answer.headers.getlist("Set-Cookie")
    ]
    assert len(set_at) >= 3
    for cookie in set_at:
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
        assert "Domain" not in cookie
        assert ("Secure" in cookie and cookie.startswith("__Host-")) == (base_url == HTTPS)
    assert browser.is_signed_in()


def test_headers_leave_no_script_in(api_house: House) -> None:
    browser = api_house.browser()
    for path in ("/sign-in", "/", "/nowhere", "/api/v1/status"):
        headers = browser.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "*" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in browser.get("/").headers
    page = api_house.browser(Role.ADMIN).get("/account").text + browser.get("/sign-in").text
    assert not re.search(r"<script|style=|\son[a-z]+=|javascript:", page)


# -- forged forms -----------------------------------------------------------------------------------------------------


def test_forms_need_the_token_of_their_session(house: House) -> None:
    browser, other = house.browser(Role.OPERATOR), house.browser(Role.ADMIN)
    good = browser.csrf("/account")
    assert browser.post("/change", data={"csrf_token": good}).status_code == 200
    assert browser.post("/change", headers={"X-CSRF-Token": good}).status_code == 200
    wrong = ["", "x", good[:-1], other.csrf("/account"), "é", good.upper()]
    for token in wrong:
        assert browser.post("/change", data={"csrf_token": token}).status_code == 403
    assert browser.post("/change").status_code == 403
    assert browser.get("/change?csrf_token=" + good).status_code == 405


def test_a_form_from_before_sign_in_is_worth_nothing_after(house: House) -> None:
    browser = house.browser()
    before = browser.csrf("/sign-in")
    browser.sign_in("admin@example.com")
    assert browser.post("/change", data={"csrf_token": before}).status_code == 403


def test_another_site_cannot_sign_somebody_in(house: House) -> None:
    """Login CSRF: the form of sign-in is guarded, too."""
    data = {"email": "admin@example.com", "password": PASSWORD}
    assert house.browser().post("/sign-in", data=data).status_code == 403
    foreign = house.browser().csrf("/sign-in")
    assert house.browser().post("/sign-in", data={**data, "csrf_token": foreign}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"},
     {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://localhost.evil.example"}],
)  # fmt: skip
def test_a_page_of_another_site_is_refused_with_a_good_token_even(
    shared: House, headers: dict[str, str]
) -> None:
    browser = shared.browser(Role.OPERATOR)
    data = {"csrf_token": browser.csrf("/account")}
    assert browser.post("/change", data=data, headers=headers).status_code == 403
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert browser.post("/change", data=data, headers=own).status_code == 200


# -- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_a_page_asks_for_a_permission(house: House, role: Role) -> None:
    browser = house.browser(role)
    answer = browser.send("/account", "/change")
    assert answer.status_code == (403 if role is Role.VIEWER else 200)
    if role is Role.VIEWER:
        assert "needs the role operator; yours is viewer" in answer.text
    else:
        assert answer.text == f"changed by person:{role.value}@example.com"


def test_a_page_that_does_not_say_who_may_lets_nobody(house: House) -> None:
    answer = house.browser(Role.ADMIN).send("/account", "/undeclared")
    assert answer.status_code == 403


def test_a_role_counts_at_once(house: House) -> None:
    browser = house.browser(Role.OPERATOR)
    person = house.program.people.by_email("operator@example.com")
    house.program.people.set_role(person.id, Role.VIEWER, by="test")
    assert browser.send("/account", "/change").status_code == 403
    house.program.people.disable(person.id, by="test")
    assert not browser.is_signed_in()


def test_a_form_after_the_session_ended_is_refused_not_redirected(house: House) -> None:
    assert house.browser().post("/change").status_code == 401


def test_webhooks_are_left_alone(build: Build) -> None:
    for house in (build(), build(admin=False)):
        answer = house.browser(base_url="http://anything.example").post("/webhooks/x")
        assert answer.text == "stored"
        assert "Set-Cookie" not in answer.headers


# -- by which name ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status"),
    [("localhost", 303), ("127.0.0.1:8750", 303), ("[::1]:8750", 303), ("LOCALHOST.", 303),
     ("inside.example", 303), ("shown.example:443", 303), ("evil.example", 400),
     ("localhost.evil.example", 400), ("evil.example:127.0.0.1", 400), ("169.254.169.254", 400)],
)  # fmt: skip
def test_it_answers_to_its_own_names_alone(shared: House, name: str, status: int) -> None:
    answer = shared.app.test_client().get("/", headers={"Host": name})
    assert answer.status_code == status
    assert "evil" not in answer.text


def test_a_proxy_is_believed_only_when_trusted(build: Build) -> None:
    headers = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https"}
    for trusted, address in ((0, "127.0.0.1"), (1, "203.0.113.5")):
        house = build(f"trusted_proxies = {trusted}")
        browser = house.browser()
        browser.options["headers"] = headers
        browser.options["base_url"] = HTTPS.replace("connector.example.com", "localhost")
        browser.sign_in("admin@example.com")
        assert house.actions()[-1][1] == "person.sign_in"
        with house.program.database.read() as tx:
            assert tx.audit.recent(1)[0].detail["address"] == address


# -- brake ------------------------------------------------------------------------------------------------------------


def test_wrong_passwords_are_braked(house: House) -> None:
    answers = [house.browser().sign_in("admin@example.com", "wrong wrong") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "30"
    assert "Try again in 30 seconds." in answers[-1].text
    assert "The e-mail address or the password is wrong." in answers[0].text
    assert 'value="admin@example.com"' in answers[0].text
    assert "wrong wrong" not in answers[0].text


def test_hostile_words_are_escaped(house: House) -> None:
    answer = house.browser().sign_in(HOSTILE, next="/" + HOSTILE)
    assert "<script" not in answer.text and "&lt;script&gt;" in answer.text
    assert "{{ 7*7 }}" in answer.text  # and no template of a stranger is carried out
    house.program.people.add(email="x@example.com", name=HOSTILE, role=Role.VIEWER, by="t", password=PASSWORD)  # fmt: skip
    browser = house.browser()
    browser.sign_in("x@example.com")
    assert "<script" not in browser.get("/account").text
    assert "<script" not in house.browser().get(f"/sign-in/link/{HOSTILE.replace('/', '')}").text


# -- set-up -----------------------------------------------------------------------------------------------------------


def test_until_there_is_an_admin_everything_leads_to_set_up(build: Build) -> None:
    house = build(admin=False, with_api=True)
    browser = house.browser()
    for path in ("/", "/account", "/sign-in", "/api/"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers.get("Location")) in (
            (303, "/set-up"),
            (503, None),
        )
    assert browser.get("/api/v1/status").status_code == 503
    code = house.program.sign_in.new_set_up_code() or ""
    given = {"name": "Ana", "email": "ana@example.com", "password": PASSWORD, "repeated": PASSWORD}
    assert browser.post("/set-up", data={**given, "code": code}).status_code == 403
    for wrong in ({"code": "x"}, {"repeated": "other"}, {"password": "x", "repeated": "x"}):
        answer = browser.send("/set-up", **{**given, "code": code, **wrong})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text and PASSWORD not in answer.text
    assert browser.send("/set-up", **given, code=code).headers["Location"] == "/"
    assert browser.get("/").text == "today of Ana"
    assert house.browser().get("/set-up").headers["Location"] == "/sign-in"
    assert house.browser().send("/sign-in", "/set-up", **given, code=code).status_code == 303
    assert len(house.program.people.list()) == 1


# -- links and the own account ----------------------------------------------------------------------------------------


def test_a_link_is_used_by_its_button_not_by_looking(house: House) -> None:
    person = house.program.people.by_email("admin@example.com")
    path = f"/sign-in/link/{house.program.sign_in.new_link(person.id, by='test')}"
    browser = house.browser()
    for _ in range(2):
        assert browser.get(path).status_code == 200
    assert browser.send(path).headers["Location"] == "/"
    assert browser.is_signed_in()
    answer = house.browser().send(path)
    assert answer.status_code == 422 and "used already" in answer.text


def test_a_made_up_password_is_changed_before_anything_else(api_house: House) -> None:
    made_up = api_house.program.people.add(
        email="bo@example.com", name="Bo", role=Role.ADMIN, by="t"
    )
    browser, elsewhere = api_house.browser(), api_house.browser()
    browser.sign_in("bo@example.com", made_up or "")
    elsewhere.sign_in("bo@example.com", made_up or "")
    assert browser.get("/").headers["Location"] == "/account"
    assert browser.get("/api/v1/status").status_code == 403
    new = "another good phrase"
    for fields in ({"old": "x"}, {"repeated": "x"}, {"password": "x", "repeated": "x"}):
        given = {"old": made_up or "", "password": new, "repeated": new, **fields}
        assert browser.send("/account", "/account/password", **given).status_code == 422
    given = {"old": made_up or "", "password": new, "repeated": new}
    assert browser.send("/account", "/account/password", **given).status_code == 303
    assert browser.is_signed_in()
    assert not elsewhere.is_signed_in()


def test_other_sessions_are_ended_on_request(house: House) -> None:
    one, two = house.browser(Role.VIEWER), house.browser(Role.VIEWER)
    assert one.send("/account", "/account/sessions/end").status_code == 303
    assert one.is_signed_in()
    assert not two.is_signed_in()
    assert "other sessions have ended" in one.get("/account").text


def test_a_browser_keeps_no_secret_of_ours(house: House) -> None:
    browser = house.browser(Role.VIEWER)
    token = browser.cookie("connector_session")
    assert token is not None and len(token) == 43
    assert Browser(house.app).cookie("connector_session") is None
