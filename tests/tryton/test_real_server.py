"""The adapter on a real Tryton 8.0: what it reads is what is in the database, and each trap that can be produced."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.system import Cursor
from connector.systems.tryton import Tryton
from tests.tryton.reading import Connect, decoded, sql, walk
from tests.tryton.server import TrytonServer

pytestmark = pytest.mark.tryton

# -- reading -----------------------------------------------------------------------------------------------------


def test_check_finds_nothing_wrong(tryton: Tryton) -> None:
    findings = tryton.check()
    assert [finding for finding in findings if not finding.ok] == []
    assert len(findings) == 10


@pytest.mark.parametrize(
    ("changes", "what", "remedy"),
    [
        ({"username": "narrow"}, "see the companies", "Company Filter"),
        ({"username": "nowhere"}, "see the companies", "Company Filter"),
        ({"username": "stranger"}, "read invoices", "group Accounting"),
        ({"password": "not the password"}, "log in to the database erp", "`password`"),
        ({"database": "no_such_database"}, "no_such_database", "`database`"),
    ],
)
def test_check_names_what_is_wrong(
    tryton_server: TrytonServer, connect: Connect, changes: dict[str, Any], what: str, remedy: str
) -> None:
    bad = [f for f in connect(tryton_server.base_url, **changes).check() if not f.ok]
    assert len(bad) == 1
    assert what in bad[0].what
    assert bad[0].remedy is not None
    assert remedy in bad[0].remedy
    assert "not the password" not in bad[0].detail


def test_the_whole_walk_equals_the_database(tryton_server: TrytonServer, tryton: Tryton) -> None:
    records, _ = walk(tryton)
    invoices = decoded(records)
    assert len(invoices) >= 100
    # Sums of the lines, straight from the tables: none of the server's own computed fields.
    wanted: Counter[tuple[str, str, str]] = Counter()
    for kind, state, code, quantity, price in sql(
        tryton_server,
        "SELECT i.type, i.state, c.code, l.quantity, CAST(l.unit_price AS TEXT) FROM account_invoice i"
        " JOIN account_invoice_line l ON l.invoice = i.id JOIN currency_currency c ON c.id = i.currency",
    ):
        wanted[kind, state, code] += int(
            Decimal(str(quantity)) * Decimal(price) * (1 if code == "JPY" else 100)
        )
    got: Counter[tuple[str, str, str]] = Counter()
    for invoice in invoices.values():
        digits = invoice["currency"]["digits"]
        minor = Decimal(invoice["total_amount"]).scaleb(digits)
        assert minor == int(minor)
        got[invoice["type"], invoice["state"], invoice["currency"]["code"]] += int(minor)
    assert got == wanted
    assert {state for _, state, _ in got} >= {"draft", "posted", "paid", "cancelled"}
    assert {code for _, _, code in got} == {"USD", "EUR", "GBP", "JPY"}


def test_due_dates_equal_the_database(tryton_server: TrytonServer, tryton: Tryton) -> None:
    wanted: dict[int, set[str]] = {}
    for invoice_id, maturity in sql(
        tryton_server,
        "SELECT i.id, l.maturity_date FROM account_invoice i JOIN account_move_line l ON l.move = i.move"
        " AND l.account = i.account WHERE l.reconciliation IS NULL AND l.maturity_date IS NOT NULL",
    ):
        wanted.setdefault(invoice_id, set()).add(str(maturity))
    invoices = decoded(walk(tryton)[0])
    got = {key: set(row["due_dates"]) for key, row in invoices.items() if row["due_dates"]}
    assert got == wanted
    assert any(len(dates) == 2 for dates in got.values())
    for row in invoices.values():
        assert row["due_date"] == (max(row["due_dates"]) if row["due_dates"] else None)
        if row["state"] in ("draft", "cancelled", "paid"):
            assert row["due_date"] is None


def test_records_have_their_keys_in_order_and_money_as_text(tryton: Tryton) -> None:
    for raw in walk(tryton)[0][::20]:
        record = json.loads(raw.raw)
        assert list(record) == sorted(record)
        assert all(
            isinstance(record[key], str)
            for key in ("total_amount", "untaxed_amount", "tax_amount", "amount_to_pay")
        )
        assert raw.updated_at == record["write_date"] or record["write_date"] is None
        assert raw.raw == tryton.fetch("invoices", raw.source_id).raw


def test_equal_timestamps_over_page_edges_lose_nothing(
    tryton_server: TrytonServer, connect: Connect
) -> None:
    """Trap 2: one bulk post is one write_date."""
    stamps = sql(tryton_server, "SELECT write_date, count(*) FROM account_invoice GROUP BY 1")
    assert max(count for _, count in stamps) > 20
    system = connect(tryton_server.base_url, page_size=7)
    records, _ = walk(system)
    ids = [record.source_id for record in records]
    assert len(ids) == len(set(ids)) == sum(count for _, count in stamps)


def test_an_interrupted_walk_goes_on_from_its_last_page(
    tryton_server: TrytonServer, connect: Connect
) -> None:
    system = connect(tryton_server.base_url, page_size=10)
    everything = set(decoded(walk(system)[0]))
    for stop_after in (1, 4, 9):
        seen: set[int] = set()
        cursor: Cursor | None = None
        for number, page in enumerate(system.pull("invoices", None), start=1):
            seen |= set(decoded(list(page.records())))
            cursor = page.cursor or cursor
            if number == stop_after:
                break
        assert cursor is not None
        assert "related" in cursor
        rest, _ = walk(system, cursor=cursor)
        assert seen | set(decoded(rest)) == everything


def test_the_cursor_stays_behind_by_the_overlap(tryton: Tryton) -> None:
    records, cursor = walk(tryton)
    newest = max(record.updated_at or "" for record in records)
    for text in cursor.values():
        behind = datetime.fromisoformat(newest) - datetime.fromisoformat(text)
        assert behind.total_seconds() >= 600
    again, same = walk(tryton, cursor=cursor)
    assert same == cursor
    assert set(decoded(again)) <= set(decoded(records))


# -- what changes -------------------------------------------------------------------------------------------------


def test_a_change_is_found_and_is_one_new_version(
    tryton_server: TrytonServer, connect: Connect
) -> None:
    system = connect(tryton_server.base_url, overlap_seconds=60)
    records, cursor = walk(system)
    draft = tryton_server.seeded["drafts"][0]
    tryton_server.admin().model("account.invoice", "write", [draft], {"reference": "CHANGED-1"})
    changed, _ = walk(system, cursor=cursor)
    known = {record.source_id: record.raw for record in records}
    different = [record.source_id for record in changed if known[record.source_id] != record.raw]
    assert different == [str(draft)]
    assert decoded(changed)[draft]["reference"] == "CHANGED-1"


def test_a_moved_due_date_is_found_though_the_invoice_is_not_touched(
    tryton_server: TrytonServer, connect: Connect
) -> None:
    """Moving the maturity date of a posted invoice's line leaves the invoice's write_date as it was."""
    system = connect(tryton_server.base_url, overlap_seconds=60)
    records, cursor = walk(system)
    # The oldest one, behind the overlap: only the lane of related rows can find it.
    due = [row for row in decoded(records).values() if row["due_date"]]
    invoice = min(due, key=lambda row: str(row["write_date"]))
    line = invoice["lines_to_pay"][-1]["id"]
    date = {"__class__": "date", "year": 2031, "month": 3, "day": 4}
    tryton_server.admin().model("account.move.line", "write", [line], {"maturity_date": date})
    changed = decoded(walk(system, cursor=cursor)[0])
    assert changed[invoice["id"]]["due_date"] == "2031-03-04"
    assert changed[invoice["id"]]["write_date"] == invoice["write_date"]


def test_a_new_party_has_no_write_date_and_is_found(
    tryton_server: TrytonServer, connect: Connect
) -> None:
    """Trap 3."""
    system = connect(tryton_server.base_url, page_size=3)
    _, cursor = walk(system, "counterparties")
    made = tryton_server.admin().model("party.party", "create", [{"name": "New Customer SARL"}])[0]
    row = tryton_server.admin().model("party.party", "read", [made], ["write_date"])[0]
    found = {
        record.source_id: json.loads(record.raw)
        for record in walk(system, "counterparties", cursor)[0]
    }
    assert found[f"party:{made}"]["name"] == "New Customer SARL"
    assert (found[f"party:{made}"]["write_date"] is None) == (row["write_date"] is None)


def test_a_renamed_party_is_a_counterparty_change_only(
    tryton_server: TrytonServer, tryton: Tryton
) -> None:
    """Trap 4: a rename does not touch the invoices."""
    admin = tryton_server.admin()
    records, _ = walk(tryton)
    invoice = next(iter(decoded(records).values()))
    _, cursor = walk(tryton, "counterparties")
    party = invoice["party"]["id"]
    admin.model("party.party", "write", [party], {"name": "Renamed Party"})
    assert (
        decoded([tryton.fetch("invoices", str(invoice["id"]))])[invoice["id"]]["write_date"]
        == (invoice["write_date"])
    )
    found = {r.source_id: r for r in walk(tryton, "counterparties", cursor)[0]}
    counterparty = tryton.counterparty(json.loads(found[f"party:{party}"].raw))
    assert counterparty.name == "Renamed Party"
    assert counterparty.counterparty_id == invoice["party_ref"]


def test_counterparties_are_parties_and_our_own_companies(tryton: Tryton) -> None:
    records, _ = walk(tryton, "counterparties")
    known = [tryton.counterparty(json.loads(record.raw)) for record in records]
    own = {c.counterparty_id: c for c in known if c.role == "own"}
    assert own["company:1"].name == "Our Company GmbH"
    alpha = next(c for c in known if c.email == "alpha@example.com")
    assert alpha.country == "DE"
    assert alpha.address == {"city": "Berlin", "postal_code": "10115", "street": "1 Main Street"}
    refs = {c.counterparty_id for c in known}
    for row in decoded(walk(tryton)[0]).values():
        assert {row["party_ref"], row["company_ref"]} <= refs
