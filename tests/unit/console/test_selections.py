"""Selections of invoices in the store, on each database, against a plain filter over all lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from connector.store.database import Database
from connector.store.reading_facts import Facts
from connector.store.reading_invoices import InvoiceLine, Selection, Sum, summed
from connector.store.transaction import Transaction
from tests.databases import (
    CONNECTION,
    FINANCIER,
    TERMS,
    active_mapping,
    finance,
    new_versions,
    outcome,
)

AMOUNTS = [("USD", 100), ("USD", 99_999), ("JPY", 100), ("KWD", 100_000), (None, None), ("EUR", -5)]
Keep = Callable[[InvoiceLine], bool]


@pytest.fixture
def filled(database: Database) -> Database:
    with database.write() as tx:
        mapping, run = active_mapping(tx), tx.runs.start(CONNECTION, "invoices", "pull")
        versions = []
        for number, (currency, amount) in enumerate(AMOUNTS * 3):
            kind = ("mapped", "held", "excluded")[number % 3]
            (version,) = new_versions(tx, [f"s{number}"], kind)
            made = outcome(tx, kind, currency=currency, amount_minor_units=amount)
            versions.append(version._replace(outcome=made))
        tx.records.save(CONNECTION, "invoices", run, mapping, versions)
        for number, version in enumerate(versions):
            tx.facts.save([_facts(version.record_id, version.version_id, mapping, number)])
            if number % 3 == 0:
                _finance(tx, version, number)
    return database


def _facts(record_id: int, version_id: int, mapping: int, number: int) -> Facts:
    name = "Ünter & Söhne 100%" if number % 2 else "plain_co"
    return Facts(
        record_id=record_id,
        version_id=version_id,
        mapping_version_id=mapping,
        invoice_number=f"N-{number}",
        direction="payable",
        counterparty_id=None,
        counterparty_name=name,
        due_date=date(2026, 5, 1 + number),
        searched=f"n-{number}\n{name}\ns{number}".casefold(),
    )


def _finance(tx: Transaction, version: object, number: int) -> None:
    terms = TERMS._replace(invoice_number=f"N-{number}")
    financing = finance(tx, version, terms)  # type: ignore[arg-type]
    tx.financing.set_remote(financing, remote_invoice_id=f"inv_{number}", status="funded")


SELECTIONS: list[tuple[Selection, Keep]] = [
        (Selection(), lambda line: True),
        (Selection(words=("n-1",)), lambda line: "N-1" in (line.invoice_number or "")),
        (Selection(words=("SÖHNE", "n-1")), lambda line: line.invoice_number in ("N-1", "N-11", "N-13", "N-15", "N-17")),
        (Selection(words=("100%",)), lambda line: "100%" in (line.counterparty_name or "")),
        (Selection(words=("plain%co",)), lambda line: False),
        (Selection(outcome="held"), lambda line: line.outcome_kind == "held"),
        (Selection(reason_code="company_not_linked"), lambda line: line.reason_code == "company_not_linked"),
        (Selection(status="funded"), lambda line: line.status == "funded"),
        (Selection(state="ready", financier=FINANCIER), lambda line: line.state == "ready"),
        (Selection(remote_invoice_id="inv_3"), lambda line: line.invoice_number == "N-3"),
        (Selection(currency="JPY"), lambda line: line.currency == "JPY"),
        (Selection(currency="XXX"), lambda line: line.currency is None),
        (Selection(connection="other"), lambda line: False),
        (Selection(due_from=date(2026, 5, 4), due_to=date(2026, 5, 6)), lambda line: line.invoice_number in ("N-3", "N-4", "N-5")),
        (Selection(amount_from=Decimal(100)), lambda line: line.amount_minor_units in (99_999, 100_000) or line.currency == "JPY"),
        (Selection(amount_from=Decimal("0.995"), amount_to=Decimal("1.005")), lambda line: (line.currency, line.amount_minor_units) == ("USD", 100)),
        (Selection(amount_to=Decimal("-0.045")), lambda line: line.currency == "EUR"),
        (Selection(amount_to=Decimal("-0.055")), lambda line: False),
]  # fmt: skip


def test_a_selection_is_what_a_plain_filter_finds(filled: Database):
    with filled.read() as tx:
        everything = list(tx.invoices.export(Selection(), batch=4))
        assert len(everything) == len(AMOUNTS) * 3
        for selection, keep in SELECTIONS:
            found = list(tx.invoices.export(selection, batch=2))
            assert found == [line for line in everything if keep(line)], selection
            assert tx.invoices.sums(selection) == summed(found), selection


def test_pages_go_on_where_the_last_one_ended(filled: Database):
    with filled.read() as tx:
        first = tx.invoices.page(Selection(), limit=5)
        second = tx.invoices.page(Selection(), before_id=first[-1].record_id, limit=5)
        one = tx.invoices.one(first[0].record_id)
        several = tx.invoices.of_records([line.record_id for line in second])

    ids = [line.record_id for line in first + second]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 10
    assert one == first[0]
    assert several == {line.record_id: line for line in second}


def test_what_waits_is_summed_by_cause_and_currency(filled: Database):
    with filled.read() as tx:
        waiting = tx.error_inbox.causes()

    assert {(w.cause.kind, w.sum.currency) for w in waiting} == {("held", "USD"), ("held", "XXX")}
    assert sum(w.sum.count for w in waiting) == 6
    assert Sum("USD", 3, 3 * 99_999) in [w.sum for w in waiting]
