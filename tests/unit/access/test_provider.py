"""Sign-in with a provider: the good way, and every bad one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey

from connector.people.roles import Role
from tests.fakes import FakeClock
from tests.unit.access.conftest import Build
from tests.unit.access.fake_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeProvider,
    forged_with_the_secret,
    query_of,
)
from tests.unit.access.house import Browser, House

CONFIG = """
[access.oidc]
issuer = "{issuer}"
client_id = "connector"
client_secret = {{ file = "client" }}
label = "Example ID"
allowed_email_domains = ["Example.com"]
role_claim = "groups"
roles = {{ "finance-admins" = "admin", "finance" = "operator" }}
"""


@pytest.fixture
def provider(clock: FakeClock) -> Iterator[FakeProvider]:
    running = FakeProvider(clock)
    running.claims["groups"] = ["everybody", "finance"]
    yield running
    running.close()


@pytest.fixture
def join(build: Build, provider: FakeProvider) -> Callable[..., House]:
    """A house with that provider."""

    def make(more: str = "", **changes: str) -> House:
        config = CONFIG.format(issuer=provider.issuer)
        for old, new in changes.items():
            config = config.replace(old, new)
        return build(config + more)

    return make


@pytest.fixture
def house(join: Callable[..., House]) -> House:
    return join()


def begin(browser: Browser, path: str = "/sign-in/provider") -> str:
    answer = browser.get(path)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def finish(browser: Browser, answer: dict[str, str]) -> Any:
    return browser.get("/sign-in/callback", query_string=answer)


def refusal(browser: Browser, provider: FakeProvider, **changes: str) -> str:
    """Go the whole way; gives the page of the refusal."""
    answer = finish(browser, {**provider.authorize(begin(browser)), **changes})
    assert answer.status_code in (422, 503), answer.headers.get("Location")
    assert browser.cookie("connector_session") is None
    assert CLIENT_SECRET not in answer.text
    return answer.text


def test_a_person_comes_in_and_keeps_their_role(house: House, provider: FakeProvider) -> None:
    browser = house.browser()
    assert "Sign in with Example ID" in browser.get("/sign-in").text
    url = begin(browser, "/sign-in/provider?next=/account")
    asked = query_of(url)
    assert asked["redirect_uri"] == "http://localhost/sign-in/callback"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    answer = finish(browser, provider.authorize(url))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    assert "Ana Alba (operator)" in browser.get("/account").text
    assert browser.cookie("connector_provider") is None
    person = house.program.people.by_email("ana@example.com")
    assert (person.issuer, person.subject, person.password_hash) == (provider.issuer, "7", None)
    provider.claims["groups"] = "finance-admins"
    finish(browser, provider.authorize(begin(browser)))
    assert "(admin)" in browser.get("/account").text
    assert len(house.program.people.list()) == 2
    # what the provider says about itself is asked once
    assert provider.seen.count("/.well-known/openid-configuration") == 1


def test_the_secret_may_travel_in_the_body(house: House, provider: FakeProvider) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    browser = house.browser()
    assert finish(browser, provider.authorize(begin(browser))).status_code == 303


def test_changed_keys_are_fetched_anew(house: House, provider: FakeProvider) -> None:
    browser = house.browser()
    finish(browser, provider.authorize(begin(browser)))
    provider.key = ECKey.generate_key("P-256", {"kid": "second", "alg": "ES256", "use": "sig"})
    provider.published = [provider.key]
    other = house.browser()
    assert finish(other, provider.authorize(begin(other))).status_code == 303
    assert other.is_signed_in()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"state": "made up"}, "not begun in this browser"), ({"state": ""}, "not begun"),
     ({"state": "é"}, "not begun"), ({"iss": "https://evil.example"}, "another provider"),
     ({"error": "access_denied"}, "refused the sign-in: access_denied"),
     ({"error": "<script>alert(1)</script>"}, "refused the sign-in: error."),
     ({"code": ""}, "no code"), ({"code": "made-up"}, "did not confirm")],
)  # fmt: skip
def test_a_wrong_answer_is_refused(
    house: House, provider: FakeProvider, changes: dict[str, str], words: str
) -> None:
    page = refusal(house.browser(), provider, **changes)
    assert words in page
    assert "<script" not in page


def test_an_answer_without_a_beginning_is_refused(house: House, provider: FakeProvider) -> None:
    """Another browser's answer (login CSRF), one that was used, and one that is too late."""
    victim, attacker = house.browser(), house.browser()
    answer = provider.authorize(begin(attacker))
    assert "another browser" in finish(victim, answer).text
    victim.client.set_cookie("connector_provider", "00" * 60, domain="localhost")
    assert "another browser" in finish(victim, answer).text
    sealed = house.program.box.encrypt(b'{"next": "/"}').hex()
    victim.client.set_cookie("connector_provider", sealed, domain="localhost")
    assert "another browser" in finish(victim, answer).text
    begin(victim)
    assert "not begun in this browser" in finish(victim, answer).text
    assert not victim.is_signed_in()
    assert finish(attacker, answer).status_code == 303
    assert "another browser" in finish(attacker, answer).text


OF_OTHERS: tuple[dict[str, Any], ...] = (
    {"nonce": "of another sign-in"}, {"nonce": None}, {"aud": "another client"}, {"aud": None},
    {"iss": "https://evil.example"}, {"exp": 1}, {"exp": None}, {"iat": 4_000_000_000},
    {"sub": None}, {"aud": [CLIENT_ID, "other"], "azp": "other"}, {"at_hash": "AAAA"},
)  # fmt: skip


def test_an_id_token_for_others_is_refused(house: House, provider: FakeProvider) -> None:
    good = dict(provider.claims)
    for claims in OF_OTHERS:
        provider.claims = good | claims
        assert "did not confirm" in refusal(house.browser(), provider), claims
    provider.claims = good
    browser = house.browser()
    assert finish(browser, provider.authorize(begin(browser))).status_code == 303


def test_only_the_provider_signs(house: House, provider: FakeProvider) -> None:
    browser = house.browser()
    stranger = ECKey.generate_key("P-256", {"kid": "first"})
    for forge in (
        lambda asked: provider.signed(asked, stranger),
        lambda asked: provider.signed(asked, stranger, kid="unknown"),
        lambda asked: forged_with_the_secret(provider, asked),
        _unsigned,
        lambda _asked: "not.a.token",
        lambda asked: provider.signed(asked).rpartition(".")[0] + ".AAAA",
    ):
        url = begin(browser)
        provider.id_token = forge(query_of(url))
        answer = finish(browser, provider.authorize(url))
        assert "did not confirm" in answer.text
        assert not browser.is_signed_in()


def _unsigned(asked: dict[str, str]) -> str:
    parts = ({"alg": "none"}, {"sub": "7", "aud": CLIENT_ID, "nonce": asked["nonce"]})
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."  # fmt: skip


NOT_LET_IN: tuple[tuple[dict[str, Any], str], ...] = (
    ({"email_verified": False}, "does not vouch"), ({"email_verified": None}, "does not vouch"),
    ({"email": None}, "does not vouch"), ({"email": "ana@evil.example"}, "not of a domain"),
    ({"email": "ana@example.com.evil.example"}, "not of a domain"),
    ({"email": "ana@evil.example@sub.example.com"}, "not of a domain"),
    ({"email": "ana@evil.example@example.com"}, "not an e-mail address"),
    ({"groups": ["everybody"]}, "no role"), ({"groups": None}, "no role"),
)  # fmt: skip


def test_whom_the_configuration_does_not_let_in(house: House, provider: FakeProvider) -> None:
    good = dict(provider.claims)
    for claims, words in NOT_LET_IN:
        provider.claims = good | claims
        assert words in refusal(house.browser(), provider), claims


def test_without_a_role_claim_people_are_added_first(
    join: Callable[..., House], provider: FakeProvider
) -> None:
    house = join(**{'role_claim = "groups"': ""})
    browser = house.browser()
    assert "no account here yet" in refusal(browser, provider)
    house.add("ana@example.com", Role.APPROVER)
    finish(browser, provider.authorize(begin(browser)))
    assert "(approver)" in browser.get("/account").text


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/token"},
     {"jwks_uri": None}, {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": "/x"}],
)  # fmt: skip
def test_a_provider_that_describes_itself_wrongly_is_not_used(
    house: House, provider: FakeProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata |= metadata
    answer = house.browser().get("/sign-in/provider")
    assert answer.status_code == 503
    assert "cannot be used at the moment" in answer.text


def test_a_provider_that_is_down_leaves_the_password(house: House, provider: FakeProvider) -> None:
    browser = house.browser()
    url = begin(browser)
    answer = provider.authorize(url)
    provider.close()
    assert "cannot be used at the moment" in finish(browser, answer).text
    assert browser.sign_in("admin@example.com").status_code == 303


def test_there_is_no_such_way_without_configuration(build: Build) -> None:
    browser = build().browser()
    assert browser.get("/sign-in/provider").status_code == 404
    assert "provider" not in browser.get("/sign-in").text
