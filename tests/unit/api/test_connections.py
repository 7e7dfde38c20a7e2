"""What programs do with connections and deliveries: the same use cases as the pages, with the same permissions."""

from __future__ import annotations

import pytest

from connector.feed import replaying as feed_replaying
from connector.people.roles import Role
from connector.system import Finding
from tests.unit.access.house import House
from tests.unit.api.conftest import Caller
from tests.unit.feed.conftest import tell


class FakeSystem:
    """A system that answers, or not."""

    streams = ()

    def check(self) -> list[Finding]:
        return [Finding(False, "sign in", "refused", "Renew the password.")]

    def close(self) -> None:
        pass


@pytest.fixture
def house(stocked: House) -> House:
    stocked.program.__dict__["systems"] = {"books": FakeSystem()}
    vars(stocked.program.financiers["stenn"])["repeatable_steps"] = frozenset()
    return stocked


def test_running_walking_and_trying(admin: Caller, house: House) -> None:
    assert admin("POST", "/connections/books/run").json == {"woken": "pull:books"}
    body = {"since": "2026-01-31"}
    assert admin("POST", "/connections/books/full-walk", json=body).status_code == 202
    assert admin("POST", "/connections/stenn/full-walk", json={}).status_code == 422
    (found,) = admin("POST", "/connections/books/check").json["items"]
    assert (found["ok"], found["remedy"]) == (False, "Renew the password.")
    admin("POST", "/connections/books/pause")
    assert admin("POST", "/connections/books/run").json["detail"] == "books is paused."
    assert [a for _, a, _ in house.actions()][-4:] == [
        "task.run",
        "connection.full_walk",
        "connection.checked",
        "connection.pause",
    ]


def test_deliveries_are_repeated_after_asking_what_it_does(admin: Caller, house: House) -> None:
    shown = admin.get("/deliveries/repeat", what="events").json
    assert (shown["count"], shown["is_cut"], shown["rest"]) == (0, False, None)
    assert admin.get("/deliveries/repeat", what="feed", name="erp").json["count"] == 0
    assert admin.get("/deliveries/repeat", what="everything").status_code == 422
    body = {"what": "messages", "reason": "looked at it", "since": "2026-01-01"}
    assert admin("POST", "/deliveries/repeat", json=body).json == {"count": 0}
    assert house.actions()[-1][1] == "messages.repeated"
    assert admin("POST", "/deliveries/repeat", json={"what": "events"}).status_code == 422


def test_a_long_range_of_the_feed_is_sent_again_part_by_part(
    admin: Caller, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_replaying, "MOST", 2)
    program = house.program
    program.feed.register()
    with program.database.write() as tx:
        financing = tx.financing.recent(1)[0].id
        for status in ("draft", "submitted", "approved"):
            tell(tx, financing, status)
        tx.feed_endpoints.moved("erp", tx.feed.end())
    wanted = {"what": "feed", "name": "erp"}
    shown = admin.get("/deliveries/repeat", **wanted).json
    assert (shown["count"], shown["is_cut"]) == (2, True)
    assert shown["goes_on_at"] in shown["rest"]
    body = {**wanted, "reason": "lost"}
    assert admin("POST", "/deliveries/repeat", json=body).json == {"count": 2}

    rest = {**wanted, "after": shown["goes_on_at"]}
    assert admin.get("/deliveries/repeat", **rest).json["count"] == 1
    assert admin("POST", "/deliveries/repeat", json={**body, **rest}).json == {"count": 1}
    assert admin.get("/deliveries/repeat", **rest).json["rest"] is None
    assert admin.get("/deliveries/repeat", **wanted, after="nonsense").status_code == 400


def test_what_stands_in_the_main_file_is_not_changed_from_here(admin: Caller, house: House) -> None:
    assert admin("DELETE", "/connections/books").status_code == 404
    assert admin("PUT", "/connections/books", json={}).status_code == 404
    assert admin("POST", "/connections/books/path-secrets").status_code == 404
    assert admin("DELETE", "/connections/books/path-secrets/oldest").status_code == 404
    wrong = admin("POST", "/connections", json={"name": "No!", "system": "finexio"})
    assert wrong.status_code == 422
    assert "small letters" in wrong.json["detail"]
    assert admin("POST", "/connections", json={"name": "a", "system": "no"}).status_code == 404


def test_the_settings_are_told_without_secrets(admin: Caller, house: House) -> None:
    told = admin.get("/settings")
    assert "[encryption]" in told.text
    for secret in house.program.config.secrets():
        assert secret.reveal() not in told.text


def test_a_viewer_changes_nothing(house: House) -> None:
    viewer = Caller(house, Role.VIEWER)
    for method, path in (
        ("POST", "/connections/books/run"),
        ("POST", "/connections/books/check"),
        ("POST", "/connections"),
        ("GET", "/settings"),
        ("GET", "/deliveries/repeat"),
    ):
        assert viewer(method, path, **({"json": {}} if method == "POST" else {})).status_code == 403
