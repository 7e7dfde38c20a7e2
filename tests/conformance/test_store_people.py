"""People, API tokens, sessions, one-time codes and the brake, on every database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.errors import InvariantBroken, NotFound
from connector.store.database import Database
from connector.store.schema.people import ROLES
from tests.fakes import FakeClock


@pytest.fixture(autouse=True)
def no_secret_is_shown() -> None:
    """Stands in for the fixture of that name, which belongs to the conformance of the systems."""


def add(database: Database, email: str = "ana@example.com", role: str = "admin", **more: object):
    with database.write() as tx:
        return tx.people.add(email=email, name="Ana", role=role, by="test", **more)


def test_people_are_stored_and_changed(database: Database, clock: FakeClock) -> None:
    person_id = add(database, password_hash="$argon2id$", must_change_password=1)
    with database.read() as tx:
        row = tx.people.get(person_id)
        assert row == tx.people.by_email("ana@example.com")
        assert (row.state, row.must_change_password, row.created_at) == (
            "active",
            True,
            clock.now(),
        )
        assert "argon2" not in repr(row)
        assert tx.people.active_admins() == 1
        assert tx.people.by_email("nobody@example.com") is None
        with pytest.raises(NotFound):
            tx.people.get(person_id + 1)
    with database.write() as tx:
        tx.people.lock()
        tx.people.change(person_id, state="disabled", issuer="https://id", subject="7")
    with database.read() as tx:
        assert tx.people.active_admins() == 0
        found = tx.people.by_identity("https://id", "7")
        assert found is not None and found.id == person_id
        assert tx.people.by_identity("https://other", "7") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "Ana@example.com"},
        {"email": "bo@example.com"},
        {"email": "cy@example.com", "role": "owner"},
        {"email": "cy@example.com", "issuer": "https://id"},
        {"email": "cy@example.com", "issuer": "https://id", "subject": "1"},
        {"email": "cy@example.com", "must_change_password": 2},
    ],
)
def test_what_cannot_be_is_refused_by_the_database(database: Database, wrong: dict) -> None:
    add(database, "bo@example.com", issuer="https://id", subject="1")
    with pytest.raises(InvariantBroken):
        add(database, **wrong)


def test_every_role_is_known_to_the_database(database: Database) -> None:
    for role in ROLES:
        add(database, f"{role}@example.com", role)
    with database.read() as tx:
        assert {row.role for row in tx.people.all()} == set(ROLES)


def test_tokens(database: Database, clock: FakeClock) -> None:
    with database.write() as tx:
        row = tx.api_tokens.add(
            name="etl", prefix="abcd", token_sha256=b"x" * 32, role="viewer",
            expires_at=clock.now() + timedelta(days=1), by="test",
        )  # fmt: skip
        other = tx.api_tokens.add(
            name="bi", prefix="efgh", token_sha256=b"y" * 32, role="viewer", expires_at=None, by="t"
        )
    now, minute = clock.now(), timedelta(minutes=1)
    with database.write() as tx:
        assert tx.api_tokens.used(row.id, now, unless_after=now - minute)
        assert not tx.api_tokens.used(row.id, now, unless_after=now - minute)
        assert tx.api_tokens.used(row.id, now + 2 * minute, unless_after=now + minute)
        assert tx.api_tokens.revoke(row.id)
        assert not tx.api_tokens.revoke(row.id)
    with database.read() as tx:
        found = tx.api_tokens.by_prefix("abcd")
        assert found is not None
        assert (found.last_used_at, found.revoked_at) == (now + 2 * minute, now)
        assert [each.id for each in tx.api_tokens.all()] == [other.id, row.id]
        with pytest.raises(NotFound):
            tx.api_tokens.get(99)
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.api_tokens.add(
            name="x", prefix="abcd", token_sha256=b"z", role="viewer", expires_at=None, by="t"
        )


def test_sessions_end_by_hand_by_time_and_by_idleness(database: Database, clock: FakeClock) -> None:
    person_id = add(database)
    in_a_day = clock.now() + timedelta(days=1)
    with database.write() as tx:
        first, second, third = (
            tx.web_sessions.add(key, person_id, via="password", address="::1", expires_at=in_a_day)
            for key in (b"1" * 32, b"2" * 32, b"3" * 32)
        )
    clock.advance(hours=1)
    with database.write() as tx:
        tx.web_sessions.seen(second)
        assert [row.id for row in tx.web_sessions.of_person(person_id)] == [second, third, first]
        assert tx.web_sessions.sweep(idle_since=clock.now() - timedelta(minutes=30)) == 2
        assert tx.web_sessions.find(b"1" * 32) is None
        assert tx.web_sessions.end_of_person(person_id, but=second) == 0
        found = tx.web_sessions.find(b"2" * 32)
        assert found is not None and found.seen_at == clock.now()
        assert tx.web_sessions.end(b"2" * 32)
        assert not tx.web_sessions.end(b"2" * 32)
    with database.write() as tx:
        tx.web_sessions.add(b"4" * 32, person_id, via="link", address="", expires_at=in_a_day)
        clock.advance(days=1)
        assert tx.web_sessions.sweep(idle_since=clock.now() - timedelta(days=2)) == 1


def test_a_code_is_taken_once_and_in_time(database: Database, clock: FakeClock) -> None:
    person_id = add(database)
    soon = clock.now() + timedelta(hours=1)
    with database.write() as tx:
        tx.one_time_codes.add(b"set-up", "set_up", expires_at=soon)
        tx.one_time_codes.add(b"link", "sign_in", person_id=person_id, expires_at=soon)
        tx.one_time_codes.add(b"late", "sign_in", person_id=person_id, expires_at=clock.now())
    with database.write() as tx:
        assert tx.one_time_codes.take(b"set-up", "sign_in") is None
        assert tx.one_time_codes.take(b"set-up", "set_up") == (None,)
        assert tx.one_time_codes.take(b"set-up", "set_up") is None
        assert tx.one_time_codes.take(b"late", "sign_in") is None
        tx.one_time_codes.forget("sign_in", person_id + 1)
        assert tx.one_time_codes.take(b"link", "sign_in") == (person_id,)
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.one_time_codes.add(b"nobody", "sign_in", expires_at=soon)


def test_brakes(database: Database, clock: FakeClock) -> None:
    free_at = clock.now() + timedelta(seconds=30)
    with database.write() as tx:
        assert tx.sign_in_brakes.get(b"a") is None
        tx.sign_in_brakes.set(b"a", 1, free_at)
        tx.sign_in_brakes.set(b"a", 2, free_at)
        tx.sign_in_brakes.set(b"b", 1, free_at)
        row = tx.sign_in_brakes.get(b"a")
        assert row is not None and (row.failures, row.free_at) == (2, free_at)
        tx.sign_in_brakes.release(b"a")
        assert tx.sign_in_brakes.get(b"a") is None
    clock.advance(hours=1)
    with database.write() as tx:
        tx.sign_in_brakes.sweep(clock.now())
        assert tx.sign_in_brakes.get(b"b") is None


def test_the_audit_log_is_read_page_by_page(database: Database) -> None:
    with database.write() as tx:
        for number in range(5):
            tx.audit.append("test", "counted", str(number), {})
    with database.read() as tx:
        assert [row.seq for row in tx.audit.recent(2)] == [5, 4]
        assert [row.seq for row in tx.audit.recent(2, before=4)] == [3, 2]
        assert tx.audit.recent(2, before=1) == []
