"""Buyer limits on every database."""

from __future__ import annotations

import pytest

from connector.financier import BuyerLimit, LimitStatus
from connector.store.database import Database
from tests.fakes import FakeClock

APPROVED = BuyerLimit(LimitStatus.APPROVED, "Approved", "USD", 10, 10, 7)


@pytest.fixture(autouse=True)
def no_secret_is_shown() -> None:
    """Stands in for the fixture of that name, which belongs to the conformance of the systems."""


def test_a_limit_is_what_was_told_last_and_remembers_who_asked(
    database: Database, clock: FakeClock
) -> None:
    with database.write() as tx:
        tx.companies.save_limit("bank", "c1", None, "USD")
        tx.companies.limit_was_requested("bank", "c1", "ann")
        tx.companies.save_limit("other", "c1", APPROVED, "USD")
    asked_at = clock.now()
    clock.advance(seconds=60)
    with database.read() as tx:
        (row,) = tx.companies.limits("bank", ["c1", "c2"]).values()
        assert (row.status, row.raw_status, row.total_minor_units) == ("none", None, None)
        assert (row.requested_at, row.requested_by) == (asked_at, "ann")
    with database.write() as tx:
        tx.companies.save_limit("bank", "c1", APPROVED, "USD")
    with database.read() as tx:
        row = tx.companies.limits("bank", ["c1"])["c1"]
        assert (row.status, row.raw_status, row.currency) == ("approved", "Approved", "USD")
        assert (row.requested_minor_units, row.available_minor_units) == (10, 7)
        assert (row.checked_at, row.requested_at) == (clock.now(), asked_at)
        assert row.requested_by == "ann"
        assert tx.companies.limits("bank", []) == {}


def test_what_is_asked_about_is_linked_not_approved_and_due(
    database: Database, clock: FakeClock
) -> None:
    with database.write() as tx:
        for number in range(4):
            tx.companies.link("books", f"p{number}", "bank", f"c{number}", how="hand", by="ann")
        tx.companies.link("books", "p9", "bank", "c0", how="hand", by="ann")
        tx.companies.link("other", "p8", "bank", "c8", how="hand", by="ann")
        tx.companies.save_limit("bank", "c1", APPROVED, "USD")
        tx.companies.save_limit("bank", "c2", None, "USD")
    began = clock.now()
    clock.advance(seconds=60)
    with database.write() as tx:
        denied = BuyerLimit(LimitStatus.DENIED, "no", "USD")
        tx.companies.save_limit("bank", "c3", denied, "USD")
    with database.read() as tx:
        assert tx.companies.limits_to_ask("books", "bank", began) == {"c0", "c2"}
        assert tx.companies.limits_to_ask("books", "bank", clock.now()) == {"c0", "c2", "c3"}
        assert tx.companies.limits_to_ask("books", "other", clock.now()) == set()
    with database.write() as tx:
        tx.companies.forget_limits("bank", {"c1", "c2"})
    with database.read() as tx:
        assert set(tx.companies.limits("bank", ["c1", "c2", "c3"])) == {"c3"}
