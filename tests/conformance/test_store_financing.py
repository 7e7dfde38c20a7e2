"""Financing invoices on every database: terms under a digest, states, remote facts, and values that do not fit."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text, update

from connector.errors import InvariantBroken, NotFound
from connector.store.database import Database
from connector.store.records import NewOutcome
from connector.store.schema import financing_invoices, source_records
from tests.databases import (
    CONNECTION,
    FINANCIER,
    TERMS,
    active_mapping,
    finance,
    outcome,
    store_records,
)
from tests.fakes import FakeClock


@pytest.fixture(autouse=True)
def no_secret_is_shown() -> None:
    """Stands in for the fixture of that name, which belongs to the conformance of the systems."""


# -- financing --------------------------------------------------------------------------------------------------------


def test_a_financing_invoice_reads_back_as_it_was_written(database: Database) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
    with database.read() as tx:
        row = tx.financing.get(financing_id)
        assert (row.terms, row.state, row.is_sent, row.intact) == (TERMS, "ready", False, True)
        assert row.client_reference_id == "reference-a"
        assert row.financing == {}
        assert tx.financing.by_reference("reference-a") == row
        assert tx.financing.by_record([saved.record_id, 999]) == {saved.record_id: row}
        assert tx.financing.to_submit(FINANCIER, limit=5) == [row]
        assert tx.financing.to_submit(FINANCIER, connection=CONNECTION, limit=5) == [row]
        assert tx.financing.to_submit(FINANCIER, connection="other", limit=5) == []
        assert tx.financing.recent(5) == [row]
        assert tx.financing.recent(5, before_id=row.id) == []
        assert tx.financing.counts(FINANCIER) == {("ready", None): 1}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount_minor_units", 1_200_051),
        ("currency", "EUR"),
        ("due_date", date(2026, 5, 2)),
        ("supplier_id", "acme2"),
        ("client_reference_id", None),
        ("type_of_goods", '["services"]'),
    ],
)
def test_money_changed_behind_our_back_is_found(
    database: Database, column: str, value: object
) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
        if column == "client_reference_id":
            column, value = "digest", b"another"
        tx.connection.execute(update(financing_invoices).values(**{column: value}))
    with database.read() as tx:
        with pytest.raises(InvariantBroken, match="digest"):
            tx.financing.get(financing_id)
        with pytest.raises(InvariantBroken, match="digest"):
            tx.financing.by_reference("reference-a")
        assert tx.financing.damaged() == [financing_id]
        assert [row.intact for row in tx.financing.to_submit(FINANCIER, limit=5)] == [False]


def test_the_digest_is_of_a_fixed_text(database: Database) -> None:
    content = (
        b'[%d,"stenn","reference-a",%d,"payable","INV-1","USD",1200050,"2026-02-01","2026-05-01",'
        b'"us","acme",["goods"]]'
    )
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
        row = tx.financing.get(financing_id)
        stored = tx.connection.execute(select(financing_invoices.c.digest)).scalar_one()
    expected = hashlib.blake2b(content % (row.record_id, row.outcome_id), digest_size=32)
    assert stored == expected.digest()


def test_terms_are_replaced_until_they_are_sent(database: Database) -> None:
    cheaper = TERMS._replace(amount_minor_units=1_000_000, type_of_goods=())
    with database.write() as tx:
        saved, other = store_records(tx, ["a", "b"])
        financing_id, other_id = finance(tx, saved), finance(tx, other)
        tx.financing.withdraw_many([(financing_id, "Not now."), (other_id, "Nor this.")])
        assert tx.financing.get(financing_id).state_reason == "Not now."
        row, unlike = tx.financing.get(financing_id), tx.financing.get(other_id)
        tx.financing.replace_many(
            FINANCIER,
            [
                (row.id, row.record_id, row.client_reference_id, row.outcome_id, cheaper),
                (unlike.id, unlike.record_id, unlike.client_reference_id, row.outcome_id, TERMS),
            ],
        )
        row = tx.financing.get(financing_id)
        assert (row.terms, row.state, row.state_reason) == (cheaper, "ready", None)
        assert tx.financing.get(other_id).terms == TERMS
        assert row.terms.difference(TERMS) == (
            "the amount was 10000.00 USD and is now 12000.50 USD"
        )
        assert tx.financing.sent_states([saved.record_id, other.record_id]) == {}
        tx.financing.set_state(financing_id, "submitting", None, allowed_from=["ready"])
        assert tx.financing.sent_states([saved.record_id, other.record_id]) == {
            saved.record_id: "submitting"
        }
    again = (row.id, row.record_id, row.client_reference_id, row.outcome_id, TERMS)
    with pytest.raises(InvariantBroken, match="replaced: it was sent"), database.write() as tx:
        tx.financing.replace_many(FINANCIER, [again])
    with pytest.raises(InvariantBroken, match="withdrawn: it was sent"), database.write() as tx:
        tx.financing.withdraw_many([(other_id, "Later."), (financing_id, "Too late.")])
    with database.read() as tx:
        assert tx.financing.get(other_id).state == "ready"  # all or nothing


def test_sent_terms_are_guarded_by_the_database(database: Database) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
        tx.financing.set_state(financing_id, "submitting", None, allowed_from=["ready"])
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.connection.execute(update(financing_invoices).values(amount_minor_units=1))
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.connection.execute(update(financing_invoices).values(client_reference_id="other"))


def test_a_state_changes_only_from_an_allowed_one(database: Database) -> None:
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing_id = finance(tx, saved)
        tx.financing.set_state(
            financing_id, "parked", "Look.", allowed_from=("ready", "submitting")
        )
        assert tx.financing.get(financing_id).state_reason == "Look."
    for new, allowed in (("submitted", ("submitting",)), ("sent", ("parked",))):
        with pytest.raises(InvariantBroken), database.write() as tx:
            tx.financing.set_state(financing_id, new, None, allowed_from=allowed)


def test_polls_are_brought_forward_for_all_or_for_those_named(
    database: Database, clock: FakeClock
) -> None:
    now, later = clock.now(), clock.now() + timedelta(hours=1)
    with database.write() as tx:
        versions = store_records(tx, ["a", "b", "c"])
        ids = [finance(tx, version) for version in versions]
        for number, financing_id in enumerate(ids):
            tx.financing.set_remote(
                financing_id, remote_invoice_id=f"r{number}", next_poll_at=later
            )

        def due() -> list[int]:
            return [row.id for row in tx.financing.to_poll(FINANCIER, now, limit=5)]

        assert tx.financing.poll_at_once(FINANCIER, now, []) == 0
        assert tx.financing.poll_at_once("other", now, ["r1"]) == 0
        assert tx.financing.poll_at_once(FINANCIER, now, ["r1", "unknown"]) == 1
        assert due() == [ids[1]]
        assert tx.financing.poll_at_once(FINANCIER, now) == 2
        assert due() == ids
        # The end of a life is not polled any more, whoever names it.
        tx.financing.set_remote(ids[0], next_poll_at=None)
        assert tx.financing.poll_at_once(FINANCIER, now, ["r0"]) == 0


def test_remote_facts_are_noted_and_due_polls_found(database: Database, clock: FakeClock) -> None:
    now = clock.now()
    with database.write() as tx:
        first, second, third = store_records(tx, ["a", "b", "c"])
        ids = [finance(tx, version) for version in (first, second, third)]
        tx.financing.set_remote(
            ids[0],
            remote_invoice_id="r1",
            financing='{"first_payment": 900}',
            status="funded",
            raw_status="financed",
            next_poll_at=now,
        )
        tx.financing.set_remote(ids[1], remote_invoice_id="r2", next_poll_at=now - timedelta(1))
        tx.financing.set_remote(ids[2], next_poll_at=now)
    with database.read() as tx:
        due = tx.financing.to_poll(FINANCIER, now, limit=5)
        assert [row.id for row in due] == [ids[1], ids[0]]
        row = tx.financing.by_remote_id(FINANCIER, "r1")
        assert row is not None and row.id == ids[0]
        assert row.financing == {"first_payment": 900}
        assert tx.financing.by_remote_id("other", "r1") is None
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.financing.set_remote(ids[2], remote_invoice_id="r1")
    with pytest.raises(NotFound), database.write() as tx:
        tx.financing.set_remote(999, status="funded")


def test_a_record_and_a_reference_have_one_financing_invoice(database: Database) -> None:
    with database.write() as tx:
        first, second = store_records(tx, ["a", "b"])
        finance(tx, first)
    with pytest.raises(InvariantBroken), database.write() as tx:
        finance(tx, first._replace(source_id="another reference"))
    with pytest.raises(InvariantBroken), database.write() as tx:
        finance(tx, second._replace(source_id="a"))


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_financed_for_no_money(database: Database, amount: int) -> None:
    with pytest.raises(InvariantBroken), database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        finance(tx, saved, TERMS._replace(amount_minor_units=amount))


def test_money_is_stored_up_to_64_bits_and_no_further(database: Database) -> None:
    with database.write() as tx:
        first, second = store_records(tx, ["a", "b"])
        finance(tx, first, TERMS._replace(amount_minor_units=2**63 - 1))
    with pytest.raises(InvariantBroken, match=r"64-bit|does not fit"), database.write() as tx:
        finance(tx, second, TERMS._replace(amount_minor_units=2**63))
    with pytest.raises(InvariantBroken, match=r"64-bit|does not fit"), database.write() as tx:
        store_records(tx, ["c"], kind=None)
        made = outcome(tx, amount_minor_units=-(2**63) - 1)
        tx.records.decide(first.record_id, first.version_id, active_mapping(tx), None, made, None)


# -- values -----------------------------------------------------------------------------------------------------------------


def test_text_that_cannot_be_stored_is_refused_clearly(database: Database) -> None:
    with pytest.raises(InvariantBroken, match="Unicode"), database.write() as tx:
        made = NewOutcome(1, "held", reason_code="x", sentence="half a pair: \ud800")
        (saved,) = store_records(tx, ["a"], kind=None)
        tx.records.decide(saved.record_id, saved.version_id, active_mapping(tx), None, made, None)


def test_a_column_holds_its_own_type_alone(database: Database) -> None:
    with database.write() as tx:
        store_records(tx, ["a"])
    with pytest.raises(InvariantBroken), database.write() as tx:
        tx.connection.execute(update(source_records).values(latest_version_no=text("'12abc'")))
