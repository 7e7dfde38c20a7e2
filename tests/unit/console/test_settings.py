"""Settings and people: adding people and tokens, what is shown once, and the configuration without its secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.people.roles import Role
from tests.fakes import FakeClock
from tests.unit.console.conftest import signed_in
from tests.unit.console.desk import Desk, desk_in

PAGES = ("/settings", "/settings/tokens", "/settings/configuration")


@pytest.fixture
def desk(tmp_path: Path, migrated_sqlite_file: Path) -> Iterator[Desk]:
    with desk_in(tmp_path, migrated_sqlite_file) as made:
        yield made


def test_each_page_is_well_formed_and_for_admins_only(desk: Desk):
    approver = signed_in(desk.app, desk.program, Role.APPROVER)
    for address in PAGES:
        found = desk.get(address)

        assert not found.crossed
        ids = [e.attributes["id"] for e in found.elements if "id" in e.attributes]
        assert len(ids) == len(set(ids))
        here = [e.text for e in found.all("a") if e.attributes.get("aria-current") == "page"]
        assert here[0] == "Settings & people"
        assert approver.get(address).status_code == 403


def test_somebody_is_added_and_the_password_is_shown_once(desk: Desk):
    desk.send("/settings/people", email="Bo@example.com", name="<b>Bo</b>", role="operator")
    password = desk.get("/settings").one("pre").text
    assert len(password) > 10
    assert password not in desk.get("/settings").source
    assert "<b>Bo" not in desk.get("/settings").source
    person = desk.program.people.by_email("bo@example.com")
    assert (person.role, bool(person.must_change_password)) == ("operator", True)

    again = desk.send("/settings/people", 422, email="bo@example.com", name="Bo", role="operator")
    assert "has the e-mail address bo@example.com already" in again.text
    bad = desk.send("/settings/people", 422, email="nobody", name="Bo", role="king")
    assert "Nothing was changed" in bad.text


def test_role_state_and_password_of_somebody_are_changed(desk: Desk):
    desk.send("/settings/people", email="bo@example.com", name="Bo", role="viewer")
    person = desk.program.people.by_email("bo@example.com")
    desk.send(f"/settings/people/{person.id}/role", role="approver")
    desk.send(f"/settings/people/{person.id}/disable")
    assert desk.program.people.get(person.id).state == "disabled"
    desk.send(f"/settings/people/{person.id}/enable")
    asked = desk.send(f"/settings/people/{person.id}/password", 200)
    assert "every session of this person end" in asked.text
    assert "person.set_password" not in desk.actions()
    desk.send(f"/settings/people/{person.id}/password", confirmed="yes")
    assert len(desk.get("/settings").one("pre").text) > 10
    assert not desk.get("/settings").all("pre")
    assert desk.program.people.get(person.id).role == "approver"
    assert desk.actions()[-4:] == [
        "person.set_role",
        "person.disable",
        "person.enable",
        "person.set_password",
    ]


def test_the_last_admin_stays(desk: Desk):
    own = desk.program.people.by_email("admin@example.com")
    desk.send(f"/settings/people/{own.id}/disable")

    assert "This is the only active admin." in desk.get("/settings").text
    assert desk.program.people.get(own.id).state == "active"


def test_a_token_is_shown_once_and_revoked(desk: Desk):
    desk.send("/settings/tokens", name="reporting", role="viewer", days="30")
    text = desk.get("/settings/tokens").one("pre").text
    assert text.startswith("ifc_")
    assert text not in desk.get("/settings/tokens").source
    assert desk.program.tokens.check(text) is not None
    (row,) = desk.program.tokens.list()
    assert "cannot be taken back" in desk.send(f"/settings/tokens/{row.id}/revoke", 200).text
    assert desk.program.tokens.check(text) is not None
    desk.send(f"/settings/tokens/{row.id}/revoke", confirmed="yes")
    assert desk.program.tokens.check(text) is None


def test_a_term_that_cannot_be_is_refused(desk: Desk):
    for days in ("0", "9999", "many", "1.5"):
        shown = desk.send("/settings/tokens", 422, name="a", role="viewer", days=days)
        assert "The term is" in shown.text
    assert desk.program.tokens.list() == []


def test_the_configuration_is_shown_without_its_secrets(desk: Desk):
    found = desk.get("/settings/configuration")

    assert "https://books.example.com" in found.text
    assert "A mapping" not in found.text
    for secret in desk.program.config.secrets():
        assert secret.reveal() not in found.source
    assert "********" in found.text


def test_what_is_shown_once_is_for_the_session_that_made_it_and_not_for_long(
    desk: Desk, tmp_path: Path
):
    other = signed_in(desk.app, desk.program, Role.ADMIN)
    desk.send("/settings/tokens", name="first", role="viewer")
    assert "ifc_" not in other.get("/settings").text
    assert "Shown only now" not in other.get("/settings/tokens").text
    assert "Shown only now" in desk.get("/settings/tokens").text

    desk.send("/settings/tokens", name="second", role="viewer")
    clock = desk.program.clock
    assert isinstance(clock, FakeClock)
    clock.advance(minutes=3)
    assert "Shown only now" not in desk.get("/settings/tokens").text


def test_loading_the_page_again_after_something_was_made_makes_nothing(desk: Desk):
    """What a browser loads again is the last answer's address: that of a page, not of the form."""
    csrf = next(
        e.attributes["value"]
        for e in desk.get("/settings/tokens").all("input")
        if e.attributes.get("name") == "csrf_token"
    )
    form = {"name": "reporting", "role": "viewer", "csrf_token": csrf}
    shown = desk.client.post("/settings/tokens", data=form, follow_redirects=True)
    assert "Shown only now" in shown.text
    assert "ifc_" not in shown.request.url
    desk.client.open(shown.request.url, method=shown.request.method, data=form)
    assert len(desk.program.tokens.list()) == 1
