"""The facts that lists and search show follow their records: new versions, another mapping, another name."""

from __future__ import annotations

from sqlalchemy import text

from connector.bootstrap import Program
from connector.facts import FactKeeper
from connector.store.reading_invoices import Selection


def search(program: Program, word: str) -> list[str | None]:
    with program.database.read() as tx:
        return [line.invoice_number for line in tx.invoices.page(Selection(words=(word,)))]


def change(program: Program, statement: str, **values: object) -> None:
    with program.database.write() as tx:
        tx.connection.execute(text(statement), values)


def test_facts_are_read_once_and_again_when_they_are_behind(program: Program):
    decider = program.decider("books")
    assert decider is not None
    keeper = FactKeeper(program.database)
    assert keeper.catch_up(decider) == 0  # the pull had read them

    change(program, "delete from invoice_facts")
    assert search(program, "plain-1") == []
    assert keeper.catch_up(decider) == 6
    assert search(program, "plain-1") == ["PLAIN-1"]

    change(program, "update invoice_facts set version_id = 1 where invoice_number = 'PAID-5'")
    assert keeper.catch_up(decider) <= 1
    assert keeper.catch_up(decider) == 0


def test_a_counterparty_of_another_name_is_found_by_it(program: Program):
    decider = program.decider("books")
    assert decider is not None
    keeper = FactKeeper(program.database)
    with program.database.read() as tx:
        (line, *_) = tx.invoices.page(Selection(words=("plain-1",)))
    old = line.counterparty_name
    rename = "update counterparties set name = :new where counterparty_id = :id"

    change(program, rename, new="Ægir & Fils", id=line.counterparty_id)
    assert "PLAIN-1" not in search(program, "ægir")
    assert keeper.catch_up(decider) > 0
    assert "PLAIN-1" in search(program, "ÆGIR")

    change(program, rename, new=old, id=line.counterparty_id)
    assert keeper.catch_up(decider) > 0
