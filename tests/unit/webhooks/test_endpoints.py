"""Endpoints: which of them cannot be built, because they would keep nobody out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.webhooks.deliveries import OLD_PATH, PATH, SECRET, TIMESTAMPED, endpoint
from webhooks.endpoints import Endpoint, Endpoints
from webhooks.signatures import SignatureScheme


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": ""}, "endpoint's name"),
        ({"name": "Has Space"}, "endpoint's name"),
        ({"name": "../x"}, "endpoint's name"),
        ({"path_secrets": ()}, "Endpoint hook: There must be 1 to 8"),
        ({"path_secrets": ("",)}, "0 bytes; at least 24"),
        ({"path_secrets": ("x" * 23,)}, "23 bytes; at least 24"),
        ({"path_secrets": (PATH, "short")}, "5 bytes; at least 24"),
        ({"path_secrets": ("a" * 32,)}, "placeholder"),
        ({"path_secrets": (PATH + "/x",)}, "letters, digits"),
        ({"path_secrets": (PATH + "é",)}, "letters, digits"),
        ({"path_secrets": (PATH + "\n",)}, "letters, digits"),
        ({"event_id_field": ""}, "event_id_field"),
        ({"body_limit_bytes": 0}, "body_limit_bytes"),
        ({"body_limit_bytes": 2**30}, "body_limit_bytes"),
    ],
)
def test_an_endpoint_that_keeps_nobody_out_cannot_be_built(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Endpoint(**{"name": "hook", "path_secrets": (PATH,), **settings})


def test_the_remedy_is_a_command() -> None:
    with pytest.raises(ValueError, match="token_urlsafe"):
        Endpoint(name="hook", path_secrets=("short",))


def test_all_secrets_of_a_rotation_open_the_path() -> None:
    hook = endpoint()
    assert hook.accepts_path(PATH)
    assert hook.accepts_path(OLD_PATH)
    for wrong in ("", PATH[:-1], PATH + "x", PATH.upper(), "é", "\ud800"):
        assert not hook.accepts_path(wrong)


def test_every_endpoint_has_secrets_of_its_own() -> None:
    with pytest.raises(ValueError, match="Endpoints one and two use one secret twice"):
        Endpoints([endpoint("one", path=(PATH,)), endpoint("two", path=(OLD_PATH,))])
    with pytest.raises(ValueError, match="defined twice"):
        Endpoints([endpoint("one", None), endpoint("one", None, path=(OLD_PATH,))])
    with pytest.raises(ValueError, match="its path another one than its signature"):
        Endpoints([endpoint("one", SignatureScheme(header="X", secrets=(PATH.encode(),)))])


def test_endpoints_are_found_by_name() -> None:
    hook = endpoint("one")
    endpoints = Endpoints([hook])
    assert endpoints.get("one") is hook
    assert endpoints.get("two") is None
    assert (len(endpoints), list(endpoints)) == (1, [hook])


def test_an_endpoint_does_not_show_its_secrets() -> None:
    shown = repr(endpoint("one", TIMESTAMPED))
    assert PATH not in shown
    assert SECRET.decode() not in shown
