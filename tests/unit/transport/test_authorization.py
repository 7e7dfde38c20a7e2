"""OAuth2 client credentials: one token request at a time, renewed early, once again after a 401."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest

from connector.errors import ContractDrift, OutcomeUnknown, ReconnectRequired, Unavailable
from connector.transport import BearerAuthorization, ClientCredentials, JsonGrant
from tests.unit.transport.doubles import answer


def token(value: str, expires_in: str = "86400") -> bytes:
    body = f'{{"access_token": "{value}", "token_type": "Bearer", "expires_in": {expires_in}}}'
    return answer(200, body.encode())


@pytest.fixture
def account(server, transport, clock):
    def make(tokens, answers, **options):
        giver, there = server(*tokens), server(*answers)
        url = giver.url + "/auth/v1/token"
        proof = ClientCredentials(url, "the-client", "the-secret", clock, **options)
        return giver, there, transport(there.url, proof, other_urls=(url,), concurrency=1)

    return make


def test_token_is_asked_for_once_and_sent(account):
    giver, there, one = account([token("tok-1")], [answer()])
    for _ in range(3):
        one.get("/companies")
    assert [asked.headers["authorization"] for asked in there.asked] == ["Bearer tok-1"] * 3
    assert len(giver.asked) == 1
    asked = giver.asked[0]
    assert (asked.method, asked.target) == ("POST", "/auth/v1/token")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in asked.headers
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["the-client"],
        "client_secret": ["the-secret"],
    }


def test_threads_share_one_token_request(account):
    giver, _, one = account([token("tok-1")], [answer()])
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: one.get("/x"), range(16)))
    assert len(giver.asked) == 1


@pytest.mark.parametrize(
    ("expires_in", "fresh_seconds"),
    [
        ("86400", 71_700),
        ('"3600"', 3_300),
        ("100", 50),
        ("null", 3_300),
        ("-1", 3_300),
        ('"x"', 3_300),
    ],
)
def test_token_is_replaced_early(account, clock, expires_in, fresh_seconds):
    giver, _, one = account([token("tok-1", expires_in), token("tok-2", expires_in)], [answer()])
    one.get("/x")
    clock.advance(seconds=fresh_seconds - 1)
    one.get("/x")
    assert len(giver.asked) == 1
    clock.advance(seconds=2)
    one.get("/x")
    assert len(giver.asked) == 2


def test_one_more_try_after_a_401_even_when_unsafe(account):
    _, there, one = account([token("tok-1"), token("tok-2")], [answer(401), answer(200, b"[1]")])
    reply = one.request("POST", "/invoices", safe=False, body=b"{}")
    assert reply.json() == [1]
    assert [asked.headers["authorization"] for asked in there.asked] == [
        "Bearer tok-1",
        "Bearer tok-2",
    ]


def test_a_second_401_means_reconnect(account):
    giver, there, one = account([token("tok-1"), token("tok-2")], [answer(401)])
    with pytest.raises(ReconnectRequired):
        one.get("/x")
    assert (len(giver.asked), len(there.asked)) == (2, 2)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_client_means_reconnect_without_the_secret(account, status):
    refused = answer(status, b'{"error": "invalid_client", "error_description": "the-secret?"}')
    _, there, one = account([refused], [answer()])
    with pytest.raises(ReconnectRequired) as raised:
        one.get("/x")
    assert "the-secret" not in str(raised.value)
    assert there.asked == []


def test_token_server_down_means_nothing_was_sent(account):
    _, there, one = account([answer(503)], [answer()])
    with pytest.raises(Unavailable):
        one.request("POST", "/invoices", safe=False, body=b"{}")
    assert there.asked == []


@pytest.mark.parametrize(
    "body", [b"{}", b'{"access_token": ""}', b'{"access_token": "a\\r\\nb"}', b"[]", b'"x"', b"{"]
)
def test_unusable_token_answer_is_drift(account, body):
    _, there, one = account([answer(200, body)], [answer()])
    with pytest.raises(ContractDrift):
        one.request("POST", "/invoices", safe=False, body=b"{}")
    assert there.asked == []


def test_new_token_is_masked(account):
    _, _, one = account(
        [token("tok-very-secret")], [answer(400, b'{"message": "tok-very-secret"}')]
    )
    with pytest.raises(Exception, match=r"\*\*\*"):
        one.get("/x")


def test_static_bearer(server, transport):
    there = server()
    transport(there.url, BearerAuthorization("key-123")).get("/x")
    assert there.asked[0].headers["authorization"] == "Bearer key-123"


def test_unsafe_outcome_stays_unknown_with_a_token(account):
    _, _, one = account([token("tok-1")], [answer(500)])
    with pytest.raises(OutcomeUnknown):
        one.request("POST", "/invoices", safe=False, body=b"{}")


# -- token endpoints that take JSON -----------------------------------------------------------------------------------


@pytest.fixture
def json_account(server, transport, clock):
    def make(*tokens):
        giver = server(*tokens)
        grant = {"client_id": "id", "client_secret": "the-secret", "grant_type": "entity_user"}
        proof = JsonGrant(
            "/auth/token", grant, clock, secrets=["the-secret"], headers={"x-version": "2024"}
        )
        return giver, transport(giver.url, proof)

    return make


def test_a_json_grant_is_sent_as_it_stands(json_account):
    giver, one = json_account(token("tok-1"), answer())
    one.get("/x")
    one.get("/x")
    first, *others = giver.asked
    assert (first.method, first.target) == ("POST", "/auth/token")
    assert first.headers["content-type"] == "application/json"
    assert first.headers["x-version"] == "2024"
    assert json.loads(first.body) == {
        "client_id": "id",
        "client_secret": "the-secret",
        "grant_type": "entity_user",
    }
    assert [asked.headers["authorization"] for asked in others] == ["Bearer tok-1"] * 2


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_refused_json_grant_is_for_the_user_to_renew(json_account, status):
    _, one = json_account(answer(status, b'{"error": {"message": "no, the-secret"}}'))
    with pytest.raises(ReconnectRequired) as raised:
        one.get("/x")
    assert "the-secret" not in str(raised.value)
