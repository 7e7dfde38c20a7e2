"""The ways in, and the brake on guessing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from connector.errors import RateLimited, Refused
from connector.people.passwords import Passwords
from connector.people.roles import Role
from connector.people.sign_in import WRONG, Identity, SignIn
from connector.people.throttle import ACCOUNT, ADDRESS, LONGEST_PAUSE, Throttle
from connector.secrets import SecretBox, new_key
from tests.fakes import FakeClock
from tests.unit.people.conftest import HERE, PASSWORD, Office


def failing(office: Office, email: str = "ana@example.com", at: str = HERE) -> str:
    """How one wrong password is answered."""
    try:
        office.enter(email, "a wrong password", at)
    except RateLimited:
        return "wait"
    except Refused as refused:
        return str(refused)
    return "in"


def test_unknown_disabled_and_wrong_are_answered_alike(office: Office) -> None:
    office.add()
    bo = office.add("bo@example.com", Role.VIEWER)
    office.people.disable(bo, by="test")
    assert failing(office) == failing(office, "nobody@example.com") == WRONG
    with pytest.raises(Refused, match=WRONG):
        office.enter("bo@example.com", PASSWORD)


def test_whatever_is_wrong_one_hash_is_computed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add()
    computed: list[str | None] = []
    fits = Passwords.fits

    def counted(self: Passwords, password: str, stored: str | None) -> bool:
        computed.append(stored)
        return fits(self, password, stored)

    monkeypatch.setattr(Passwords, "fits", counted)
    failing(office)
    failing(office, "nobody@example.com")
    assert len(computed) == 2
    assert computed[1] is None


def test_an_account_is_braked_whether_it_exists_or_not(office: Office, clock: FakeClock) -> None:
    office.add()
    for email in ("ana@example.com", "nobody@example.com"):
        answers = [failing(office, email, f"198.51.100.{n}") for n in range(6)]
        assert answers == [WRONG] * ACCOUNT.free + ["wait"]
    with pytest.raises(RateLimited) as limited:
        office.enter(at="203.0.113.9")
    assert limited.value.retry_after_seconds == 30
    clock.advance(seconds=30)
    office.enter()
    # a success wipes the slate
    assert [failing(office) for _ in range(5)] == [WRONG] * 5


def test_pauses_double_and_end_at_a_quarter_of_an_hour(office: Office, clock: FakeClock) -> None:
    pauses = []
    for number in range(14):
        try:
            office.enter("x@example.com", "a wrong password", f"198.51.100.{number}")
        except RateLimited as limited:
            pauses.append(int(limited.retry_after_seconds or 0))
            clock.advance(seconds=pauses[-1])
            failing(office, "x@example.com", f"203.0.113.{number}")
        except Refused:
            pass
    assert pauses == [30, 60, 120, 240, 480, 900, 900, 900, 900]
    assert ACCOUNT.pause(10**9) == LONGEST_PAUSE
    clock.advance(hours=13)
    assert failing(office, "x@example.com") == WRONG
    assert failing(office, "x@example.com") == WRONG


def test_an_address_is_braked_over_all_accounts(office: Office) -> None:
    office.add()
    answers = [failing(office, f"n{n}@example.com") for n in range(ADDRESS.free + 1)]
    assert answers == [WRONG] * ADDRESS.free + ["wait"]
    with pytest.raises(RateLimited):
        office.enter()
    office.enter(at="198.51.100.1")


def test_an_ipv6_subscriber_is_one_address(office: Office) -> None:
    office.add()
    answers = [
        failing(office, f"n{n}@example.com", f"2001:db8:0:1::{n:x}")
        for n in range(ADDRESS.free + 1)
    ]
    assert answers[-1] == "wait"
    assert failing(office, "x@example.com", "2001:db8:0:2::1") == WRONG


def test_many_signing_in_from_one_office_are_not_braked(office: Office) -> None:
    office.add()
    for _ in range(ADDRESS.free * 2):
        office.enter()


def test_guessing_at_once_guesses_no_more_often(office: Office) -> None:
    office.add()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: failing(office), range(24)))
    assert answers.count(WRONG) == ACCOUNT.free
    assert answers.count("wait") == 24 - ACCOUNT.free


def test_what_is_braked_cannot_be_read_in_the_store(office: Office) -> None:
    failing(office, "my password by mistake")
    assert "mistake" not in office.everything_stored()
    assert HERE not in office.everything_stored().partition("sign_in_failed")[0]


def test_a_hash_with_other_parameters_is_renewed(office: Office) -> None:
    ana = office.add()
    before = office.people.get(ana).password_hash
    throttle = Throttle(SecretBox([new_key()]).content_hash)
    SignIn(office.database, Passwords(2), throttle, office.sessions).by_password(
        "ana@example.com", PASSWORD, address=HERE
    )
    after = office.people.get(ana).password_hash
    assert after is not None and after != before and "m=2048" in after


# -- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_ends_when_idle_and_in_any_case(office: Office, clock: FakeClock) -> None:
    ana = office.add()
    token = office.enter()
    for _ in range(14):
        clock.advance(minutes=50)
        assert office.sessions.resume(token) is not None
    clock.advance(minutes=50)
    assert office.sessions.resume(token) is None  # twelve hours, however busy
    token = office.enter()
    clock.advance(minutes=60)
    assert office.sessions.resume(token) is None
    assert office.sessions.of(ana) == []
    assert office.sessions.resume("") is None
    assert office.sessions.resume("x" * 43) is None


def test_each_sign_in_is_a_session_of_its_own(office: Office) -> None:
    ana = office.add()
    one, two = office.enter(), office.enter(at="198.51.100.9")
    assert one != two
    assert {row.address for row in office.sessions.of(ana)} == {HERE, "198.51.100.9"}
    office.sessions.end(one)
    assert office.sessions.resume(one) is None
    assert office.sessions.resume(two) is not None
    assert office.sessions.end_all(ana) == 1
    assert office.sessions.resume(two) is None


# -- set-up, links, providers -----------------------------------------------------------------------------------------


def set_up(office: Office, code: str, password: str = PASSWORD) -> str:
    return office.sign_in.set_up(
        code, email="Ana@example.com", name="Ana", password=password, address=HERE
    )


def test_the_first_admin_needs_the_printed_code(office: Office) -> None:
    first = office.sign_in.new_set_up_code()
    code = office.sign_in.new_set_up_code()
    assert first and code and first not in office.everything_stored()
    for wrong in ("", "x" * 23, first):
        with pytest.raises(Refused, match="code"):
            set_up(office, wrong)
    with pytest.raises(Refused, match="short"):
        set_up(office, code, "short")
    token = set_up(office, f" {code.upper().replace('-', '')} ")
    resumed = office.sessions.resume(token)
    assert resumed is not None and resumed.person.role == "admin"
    with pytest.raises(Refused, match="set up already"):
        set_up(office, code)
    assert office.sign_in.new_set_up_code() is None


def test_a_set_up_code_ends_and_cannot_be_guessed(office: Office, clock: FakeClock) -> None:
    code = office.sign_in.new_set_up_code()
    assert code is not None
    clock.advance(days=1)
    with pytest.raises(Refused, match="code"):
        set_up(office, code)
    code = office.sign_in.new_set_up_code()
    for _ in range(ADDRESS.free - 1):
        with pytest.raises(Refused):
            set_up(office, "aaaaa-aaaaa-aaaaa-aaaaa")
    with pytest.raises(RateLimited):
        set_up(office, code or "")


def test_two_who_set_up_at_once_make_one_admin(office: Office) -> None:
    code = office.sign_in.new_set_up_code() or ""

    def attempt(number: int) -> bool:
        try:
            office.sign_in.set_up(
                code, email=f"a{number}@example.com", name="A", password=PASSWORD, address=HERE
            )
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1
    assert len(office.people.list()) == 1


def test_a_link_signs_in_once_and_in_time(office: Office, clock: FakeClock) -> None:
    ana = office.add()
    code = office.sign_in.new_link(ana, by="test")
    assert office.sessions.resume(office.sign_in.by_link(code, address=HERE)) is not None
    for again in (code, "x" * 43, ""):
        with pytest.raises(Refused, match="link"):
            office.sign_in.by_link(again, address=HERE)
    late = office.sign_in.new_link(ana, by="test")
    clock.advance(hours=1)
    with pytest.raises(Refused, match="link"):
        office.sign_in.by_link(late, address=HERE)
    older, newer = office.sign_in.new_link(ana, by="t"), office.sign_in.new_link(ana, by="t")
    with pytest.raises(Refused):
        office.sign_in.by_link(older, address=HERE)
    office.sign_in.by_link(newer, address=HERE)


def identity(**changes: object) -> Identity:
    given = {"issuer": "https://id", "subject": "7", "email": "bo@example.com", "name": "Bo"}
    return Identity(**{**given, "role": Role.OPERATOR, **changes})  # type: ignore[arg-type]


def enter_by(office: Office, who: Identity) -> str:
    token = office.sign_in.by_identity(who, address=HERE)
    resumed = office.sessions.resume(token)
    assert resumed is not None
    return resumed.person.role


def test_a_provider_makes_joins_and_follows(office: Office) -> None:
    office.add()
    assert enter_by(office, identity()) == "operator"
    assert enter_by(office, identity(role=Role.VIEWER)) == "viewer"
    # another address at the provider, the same person
    assert enter_by(office, identity(email="bo.new@example.com", role=None)) == "viewer"
    office.add("cy@example.com", Role.APPROVER)
    joined = identity(subject="8", email="cy@example.com", role=None)
    assert enter_by(office, joined) == "approver"
    with pytest.raises(Refused, match="another account"):
        enter_by(office, identity(subject="9", email="cy@example.com"))
    with pytest.raises(Refused, match="no account"):
        enter_by(office, identity(subject="10", email="new@example.com", role=None))
    with pytest.raises(Refused):
        office.enter("bo@example.com", "")
    cy = office.people.by_email("cy@example.com")
    office.people.disable(cy.id, by="test")
    with pytest.raises(Refused, match="disabled"):
        enter_by(office, joined)
    assert len(office.people.list()) == 3


def test_a_provider_does_not_take_the_last_admin_away(office: Office) -> None:
    assert enter_by(office, identity(role=Role.ADMIN)) == "admin"
    assert enter_by(office, identity(role=Role.VIEWER)) == "admin"
    assert office.people.has_admin()
    assert timedelta(0) == ADDRESS.pause(1)
