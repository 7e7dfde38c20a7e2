"""The inbox's rows: stored once, claimed under a lease, completed only by who holds it. On both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.errors import InvariantBroken
from connector.store.database import Database
from connector.store.inbox import InboxRow
from tests.fakes import START, FakeClock
from webhooks.ports import Receipt, ReceivedEvent, Verification

LEASE = timedelta(seconds=60)
STORED, DUPLICATE, CONFLICT = Receipt.STORED, Receipt.DUPLICATE, Receipt.CONFLICT


def received(event_id: str, body: bytes = b"{}", endpoint: str = "stenn") -> ReceivedEvent:
    return ReceivedEvent(endpoint, event_id, Verification.SIGNED, body, START)


def add(database: Database, *events: ReceivedEvent) -> list[Receipt]:
    with database.write() as tx:
        return list(tx.inbox.add_many(events))


def claim(database: Database, limit: int = 20) -> Sequence[InboxRow]:
    with database.write() as tx:
        return tx.inbox.claim_due("stenn", LEASE, limit=limit)


def token(row: InboxRow) -> str:
    assert row.lease_token is not None
    return row.lease_token


def test_an_event_is_kept_as_it_came(database: Database) -> None:
    body = bytes(range(256))
    assert add(database, received("evt_1", body)) == [STORED]
    with database.read() as tx:
        (row,) = tx.inbox.list()
    assert (row.endpoint, row.event_id, row.verification) == ("stenn", "evt_1", "signed")
    assert (row.body, row.received_at, row.next_attempt_at) == (body, START, START)
    assert (row.state, row.attempts, row.lease_token, row.reason) == ("received", 0, None, None)


def test_a_duplicate_is_recognised_within_a_batch_and_after_it(database: Database) -> None:
    assert add(database, received("a"), received("b"), received("a"), received("a", b"[]")) == [
        *(STORED, STORED, DUPLICATE, CONFLICT)
    ]
    assert add(database, received("c"), received("a"), received("b", b"[]")) == [
        *(STORED, DUPLICATE, CONFLICT)
    ]
    assert add(database, received("a", endpoint="other")) == [STORED]
    assert add(database) == []
    with database.read() as tx:
        assert [(row.event_id, row.body) for row in tx.inbox.list()] == [
            *(("a", b"{}"), ("b", b"{}"), ("c", b"{}"), ("a", b"{}"))
        ]


def test_a_duplicate_is_recognised_long_after_it_was_done(
    database: Database, clock: FakeClock
) -> None:
    add(database, received("a"))
    (row,) = claim(database)
    with database.write() as tx:
        tx.inbox.finish(row.id, token(row))
    clock.advance(days=400)
    assert add(database, received("a")) == [DUPLICATE]
    assert claim(database) == []


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(0, 40), st.sampled_from([b"x", b"y"])), max_size=60),
        max_size=6,
    )
)
def test_receipts_agree_with_a_plain_dictionary(
    database: Database, batches: list[list[tuple[int, bytes]]]
) -> None:
    with database.read() as tx:
        known = {row.event_id: row.body for row in tx.inbox.list(limit=1000)}
    for batch in batches:
        expected = []
        for number, body in batch:
            first = known.setdefault(f"e{number}", body) if f"e{number}" in known else None
            known.setdefault(f"e{number}", body)
            expected.append(STORED if first is None else DUPLICATE if first == body else CONFLICT)
        assert add(database, *(received(f"e{n}", body) for n, body in batch)) == expected
    with database.read() as tx:
        assert {row.event_id: row.body for row in tx.inbox.list(limit=1000)} == known


def test_large_batches_are_stored_whole(database: Database) -> None:
    assert add(database, *(received(f"e{n}") for n in range(600))) == [STORED] * 600
    again = add(database, *(received(f"e{n}") for n in range(590, 900)))
    assert again == [DUPLICATE] * 10 + [STORED] * 300
    with database.read() as tx:
        assert tx.inbox.counts() == {("stenn", "received"): 900}


def test_claims_are_oldest_first_and_not_given_twice(database: Database) -> None:
    add(database, *(received(f"e{n}") for n in range(5)), received("x", endpoint="other"))
    assert [row.event_id for row in claim(database, 3)] == ["e0", "e1", "e2"]
    assert [row.event_id for row in claim(database, 3)] == ["e3", "e4"]
    assert claim(database) == []


def test_a_claim_counts_the_attempt(database: Database, clock: FakeClock) -> None:
    add(database, received("a"))
    (row,) = claim(database)
    assert (row.attempts, row.lease_expires_at) == (1, clock.now() + LEASE)


def test_a_finished_event_is_done_for_good(database: Database, clock: FakeClock) -> None:
    add(database, received("a"))
    (row,) = claim(database)
    with database.write() as tx:
        tx.inbox.finish(row.id, token(row))
    with database.read() as tx:
        done = tx.inbox.get(row.id)
        assert tx.inbox.get(row.id + 1) is None
    assert done is not None
    assert (done.state, done.finished_at, done.next_attempt_at) == ("done", clock.now(), None)
    clock.advance(hours=1)
    assert claim(database) == []


def test_a_quarantined_event_waits_for_a_person(database: Database) -> None:
    add(database, received("a"))
    (row,) = claim(database)
    with database.write() as tx:
        tx.inbox.quarantine(row.id, token(row), "The body is not JSON.")
    assert claim(database) == []
    with database.write() as tx:
        (kept,) = tx.inbox.list(states=["quarantined"])
        assert kept.reason == "The body is not JSON."
        tx.inbox.release(row.id)
    assert [again.id for again in claim(database)] == [row.id]
    with pytest.raises(InvariantBroken, match="not quarantined"), database.write() as tx:
        tx.inbox.release(row.id)


def test_an_event_given_back_is_due_when_it_says(database: Database, clock: FakeClock) -> None:
    add(database, received("a"))
    (row,) = claim(database)
    with database.write() as tx:
        tx.inbox.retry_later(
            row.id, token(row), clock.now() + timedelta(minutes=5), "The platform was away."
        )
    assert claim(database) == []
    clock.advance(minutes=5)
    (again,) = claim(database)
    assert (again.attempts, again.reason) == (2, "The platform was away.")


def test_a_worker_that_comes_back_too_late_completes_nothing(
    database: Database, clock: FakeClock
) -> None:
    add(database, received("a"))
    (paused,) = claim(database)
    clock.advance(seconds=61)
    (taken_over,) = claim(database)
    assert taken_over.id == paused.id
    for late in ("finish", "quarantine", "retry_later"):
        more = {
            "finish": (),
            "quarantine": ("late",),
            "retry_later": (clock.now(), "late"),
        }[late]
        with pytest.raises(InvariantBroken, match="taken over"), database.write() as tx:
            getattr(tx.inbox, late)(paused.id, token(paused), *more)
    with database.write() as tx:
        tx.inbox.finish(taken_over.id, token(taken_over))
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.inbox.finish(taken_over.id, token(taken_over))


def test_rows_are_listed_page_by_page(database: Database) -> None:
    add(database, *(received(f"e{n}") for n in range(5)), received("x", endpoint="other"))
    with database.read() as tx:
        first = tx.inbox.list(limit=2)
        rest = tx.inbox.list(after_id=first[-1].id, endpoint="stenn", states=["received"])
    assert [row.event_id for row in (*first, *rest)] == ["e0", "e1", "e2", "e3", "e4"]
