"""HTTP Basic credentials at the door: of our choosing, more than one while they change, and never more than a hint."""

from __future__ import annotations

import base64

import pytest

from tests.fakes import START
from tests.unit.webhooks.deliveries import PATH, Doorway
from webhooks.endpoints import Endpoint, Endpoints
from webhooks.ports import Verification

NEW, OLD = "password-for-tests-0123456789-new", "password-for-tests-9876543210-old"


def hook(name: str = "hook", **more: object) -> Endpoint:
    pairs = (("sender", NEW), ("sender", OLD))
    return Endpoint(**{"name": name, "path_secrets": (PATH,), "basic": pairs, **more})  # type: ignore[arg-type]


def header(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def test_each_password_of_a_rotation_opens_the_door() -> None:
    assert hook().accepts_credentials(header("sender", NEW))
    assert hook().accepts_credentials(header("sender", OLD))
    for wrong in ("", "Basic ", header("other", NEW), header("sender", NEW + "x"), NEW, "é\ud800"):
        assert not hook().accepts_credentials(wrong)
    assert Endpoint("open", (PATH,)).accepts_credentials("")


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ((("sender", "short"),), "at least 24"),
        ((("a:b", NEW),), "colon"),
        ((("s", "a" * 30),), "placeholder"),
    ],
)
def test_credentials_that_keep_nobody_out_are_refused(
    pairs: tuple[tuple[str, str], ...], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        hook(basic=pairs)


def test_a_password_is_nobody_elses_secret_and_is_not_shown() -> None:
    assert NEW not in repr(hook())
    with pytest.raises(ValueError, match="one secret twice"):
        Endpoints([hook(), Endpoint("other", (NEW,))])


def test_without_them_nothing_is_stored_and_with_them_it_is_a_hint() -> None:
    door = Doorway(hook(event_id_field=None), now=lambda: START)
    path = f"/webhooks/hook/{PATH}"
    client = door.app.test_client()
    assert client.post(path, data=b"{}").status_code == 401
    good = {"Authorization": header("sender", NEW)}
    assert client.post(path, data=b"{}", headers=good).status_code == 200
    assert [e.verification for e in door.inbox.stored.values()] == [Verification.HINT]
