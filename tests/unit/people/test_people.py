"""People, passwords, API tokens and what an admin may not do to the last admin."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import NotFound, Refused
from connector.people.passwords import Passwords, check_password
from connector.people.roles import Role
from tests.fakes import FakeClock
from tests.unit.people.conftest import HERE, PASSWORD, Office


@pytest.mark.parametrize(
    "password",
    [
        *("tiny one", "aaaaaaaaaaaaaaaa", "password1234", "ana@example.com", "ana@example.comana"),
        *("invoice financing", "Connector1234", "x" * 300, "            "),
    ],
)
def test_easy_passwords_are_refused(password: str) -> None:
    with pytest.raises(Refused) as refused:
        check_password(password, email="ana@example.com")
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    "password", [PASSWORD, "größenwahnsinnig7", "ein anderer Satz", "密码密码安全第一步走好每天"]
)
def test_good_passwords_are_taken(password: str) -> None:
    check_password(password, email="ana@example.com")


def test_a_password_is_hashed_by_argon2id_and_fits_however_it_is_composed() -> None:
    passwords = Passwords(1)
    stored = passwords.hash("cafe\u0301 au lait bitte")
    assert stored.startswith("$argon2id$")
    assert stored != passwords.hash("cafe\u0301 au lait bitte")
    assert passwords.fits("caf\u00e9 au lait bitte", stored)
    assert not passwords.fits("cafe au lait bitte", stored)
    assert not passwords.fits("nobody has this password", None)
    assert not passwords.fits("anything", "not a hash")
    assert not passwords.is_outdated(stored)
    assert Passwords(2).is_outdated(stored)


def test_a_made_up_password_must_be_changed(office: Office) -> None:
    made_up = office.people.add(email=" Bo@Example.com ", name=" Bo  B ", role=Role.VIEWER, by="t")
    assert made_up is not None
    person = office.people.by_email("BO@example.com")
    assert (person.email, person.name, person.must_change_password) == (
        "bo@example.com",
        "Bo B",
        True,
    )
    token = office.enter("bo@example.com", made_up)
    resumed = office.sessions.resume(token)
    assert resumed is not None
    office.people.change_own_password(
        person.id, made_up, PASSWORD, address=HERE, session_id=resumed.session.id
    )
    assert office.sessions.resume(token) is not None
    assert not office.people.get(person.id).must_change_password


@pytest.mark.parametrize(
    ("email", "name"),
    [("ana", "Ana"), ("a b@example.com", "Ana"), ("<x>@example.com", "Ana"), ("a@b", ""),
     ("a@b.example", "A\x00"), ("a@b.example", "x" * 200), ("a@b\x7f.example", "Ana")],
)  # fmt: skip
def test_names_that_cannot_be_are_refused(office: Office, email: str, name: str) -> None:
    with pytest.raises(Refused):
        office.people.add(email=email, name=name, role=Role.VIEWER, by="test")


def test_an_address_is_taken_once(office: Office) -> None:
    office.add()
    with pytest.raises(Refused, match="already"):
        office.people.add(email="ANA@example.com", name="Other", role=Role.VIEWER, by="test")
    with pytest.raises(NotFound):
        office.people.by_email("nobody@example.com")


def test_there_is_always_an_admin(office: Office) -> None:
    ana = office.add()
    for change in (
        lambda: office.people.disable(ana, by="test"),
        lambda: office.people.set_role(ana, Role.OPERATOR, by="test"),
    ):
        with pytest.raises(Refused, match="only active admin"):
            change()
    bo = office.add("bo@example.com")
    office.people.disable(ana, by="test")
    with pytest.raises(Refused):
        office.people.set_role(bo, Role.VIEWER, by="test")
    office.people.enable(ana, by="test")
    office.people.set_role(bo, Role.VIEWER, by="test")
    assert office.people.has_admin()


def test_whoever_is_disabled_or_has_a_new_password_is_signed_out(office: Office) -> None:
    office.add()
    bo = office.add("bo@example.com", Role.OPERATOR)
    token = office.enter("bo@example.com")
    office.people.disable(bo, by="test")
    assert office.sessions.resume(token) is None
    with pytest.raises(Refused):
        office.enter("bo@example.com")
    office.people.enable(bo, by="test")
    token = office.enter("bo@example.com")
    code = office.sign_in.new_link(bo, by="test")
    office.people.reset_password(bo, by="test")
    assert office.sessions.resume(token) is None
    with pytest.raises(Refused):
        office.enter("bo@example.com")
    with pytest.raises(Refused, match="link"):
        office.sign_in.by_link(code, address=HERE)


def test_ones_own_password_needs_the_present_one(office: Office) -> None:
    ana = office.add()
    here, elsewhere = office.enter(), office.enter()
    resumed = office.sessions.resume(here)
    assert resumed is not None
    own = resumed.session.id

    def change(old: str, new: str) -> None:
        office.people.change_own_password(ana, old, new, address=HERE, session_id=own)

    with pytest.raises(Refused, match="wrong"):
        change("not the password", "another good phrase")
    with pytest.raises(Refused, match="is the old one"):
        change(PASSWORD, PASSWORD)
    with pytest.raises(Refused, match="short"):
        change(PASSWORD, "short")
    change(PASSWORD, "another good phrase")
    assert office.sessions.resume(here) is not None
    assert office.sessions.resume(elsewhere) is None
    office.enter(password="another good phrase")


def test_everything_leaves_an_audit_row_and_nothing_a_secret(office: Office) -> None:
    ana = office.add()
    token = office.enter()
    made_up = office.people.reset_password(ana, by="test")
    bo = office.add("bo@example.com", Role.VIEWER)
    office.people.set_role(bo, Role.OPERATOR, by="test")
    office.people.disable(bo, by="test")
    office.people.enable(bo, by="test")
    code = office.sign_in.new_link(bo, by="test")
    api_token = office.tokens.new(name="etl", role=Role.VIEWER, expires_in_days=1, by="test")
    office.tokens.revoke(api_token.row.id, by="test")
    with pytest.raises(Refused):
        office.enter(password="my secret guess 1")
    with pytest.raises(Refused):
        office.enter("a pasted password", "my secret guess 2")
    subjects = {"ana": "person:ana@example.com", "bo": "person:bo@example.com"}
    assert office.actions() == [
        ("person.add", subjects["ana"]),
        ("person.sign_in", subjects["ana"]),
        ("person.set_password", subjects["ana"]),
        ("person.add", subjects["bo"]),
        ("person.set_role", subjects["bo"]),
        ("person.disable", subjects["bo"]),
        ("person.enable", subjects["bo"]),
        ("person.new_link", subjects["bo"]),
        ("token.new", f"token:{api_token.row.prefix}"),
        ("token.revoke", f"token:{api_token.row.prefix}"),
        ("person.sign_in_failed", subjects["ana"]),
        ("person.sign_in_failed", "person:unknown"),
    ]
    stored = office.everything_stored()
    for secret in (PASSWORD, token, made_up, code, api_token.text, "secret guess", "a pasted"):
        assert secret not in stored
    assert api_token.text not in repr(api_token)


# -- API tokens -------------------------------------------------------------------------------------------------------


def test_a_token_is_good_until_it_ends_or_is_revoked(office: Office, clock: FakeClock) -> None:
    made = office.tokens.new(name="etl", role=Role.OPERATOR, expires_in_days=2, by="test")
    assert re.fullmatch(r"ifc_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}", made.text)
    found = office.tokens.check(made.text)
    assert found is not None and (found.id, found.role) == (made.row.id, "operator")
    assert office.tokens.list()[0].last_used_at == clock.now()
    clock.advance(days=2)
    assert office.tokens.check(made.text) is None
    lasting = office.tokens.new(name="bi", role=Role.VIEWER, expires_in_days=None, by="test")
    clock.advance(days=4000)
    assert office.tokens.check(lasting.text) is not None
    office.tokens.revoke(lasting.row.id, by="test")
    assert office.tokens.check(lasting.text) is None
    office.tokens.revoke(lasting.row.id, by="test")
    assert [action for action, _ in office.actions()].count("token.revoke") == 1


def test_a_use_is_noted_once_a_minute(office: Office, clock: FakeClock) -> None:
    made = office.tokens.new(name="etl", role=Role.VIEWER, expires_in_days=2, by="test")
    office.tokens.check(made.text)
    first = clock.now()
    clock.advance(seconds=30)
    office.tokens.check(made.text)
    assert office.tokens.list()[0].last_used_at == first


def test_what_is_no_token_is_none(office: Office) -> None:
    text = office.tokens.new(name="etl", role=Role.VIEWER, expires_in_days=2, by="test").text
    for wrong in ("", "ifc_", text[:-1], text + "x", text[:-1] + ("A" if text[-1] != "A" else "B"),
                  text.replace("ifc_", "IFC_"), "ifc_zzzzzzzz_" + text[13:], text.encode().hex()):  # fmt: skip
        assert office.tokens.check(wrong) is None
    for name, days in (("", 1), ("x" * 81, 1), ("a\nb", 1), ("etl", 0), ("etl", 99_999)):
        with pytest.raises(Refused):
            office.tokens.new(name=name, role=Role.VIEWER, expires_in_days=days, by="test")
    with pytest.raises(NotFound):
        office.tokens.revoke(99, by="test")


@given(st.text(max_size=80))
def test_no_text_makes_the_rules_for_passwords_stumble(text: str) -> None:
    try:
        check_password(text, email="ana@example.com")
    except Refused as refused:
        assert refused.remedy
