"""The seeded Finexio data: repeatable, rich, with known violations and an independent oracle."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connector.sandbox.clock import SandboxClock
from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.finexio.defects import DEFECTS
from connector.sandbox.finexio.oracle import expected_totals, outcome_of, totals_of, violated_field
from connector.sandbox.finexio.seed import populate
from connector.sandbox.ledger import Ledger
from connector.sandbox.wire import from_json, to_json

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def seeded(directory: Path, *, seed: int, invoices: int) -> Ledger:
    directory.mkdir(exist_ok=True)
    ledger = Ledger(directory / "finexio.sqlite3")
    populate(ledger, FinexioSettings(seed=seed, invoices=invoices), NOW)
    return ledger


def dump(ledger: Ledger) -> bytes:
    kinds = ("counterparty", "invoice", "payment")
    rows = ledger.rows("SELECT * FROM expectations ORDER BY id")
    data = b"".join(to_json(o.body) for kind in kinds for o in ledger.select(kind))
    return data + repr([tuple(row) for row in rows]).encode()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    ledgers = [
        seeded(tmp_path / str(i), seed=seed, invoices=300) for i, seed in enumerate((5, 5, 6))
    ]
    first, second, other = (dump(ledger) for ledger in ledgers)
    assert first == second != other
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return seeded(tmp_path, seed=1, invoices=1000)


def test_the_data_hold_what_a_connector_must_cope_with(ledger: Ledger) -> None:
    bodies = [stored.body for stored in ledger.select("invoice")]
    clean = [b for b in bodies if violated_field(b, "v2") is None]
    assert {b["amount_cents"] for b in clean} >= {1, 999_999_900}
    assert any(b["discount_amount_cents"] > 0 for b in clean)
    assert any(b["discount_amount_cents"] == 0 for b in clean)
    dues = [b["invoice_due_date"] for b in clean if b["status"] == "pending"]
    assert None in dues
    assert min(d for d in dues if d) < "2026-03-02" < max(d for d in dues if d)
    notes = "".join(b["note"] for b in bodies)
    assert all(piece in notes for piece in ("🚚", "東京", "\u200f", "Größe", "\n"))
    assert max(len(b["note"]) for b in clean) == 1000
    assert any(b["account_number"] for b in clean)
    assert any(b["metadata"] for b in clean)
    assert all(0 <= b["discount_amount_cents"] < b["amount_cents"] for b in clean)
    numbers = [b["invoice_number"] for b in clean]
    assert len(set(numbers)) == len(numbers)
    ledger.close()


def test_the_dirty_share_is_as_set_and_the_oracle_agrees(ledger: Ledger) -> None:
    rows = ledger.rows("SELECT * FROM expectations")
    spoilt = [(row, from_json(row["detail"])) for row in rows if b"defect" in row["detail"]]
    assert len(spoilt) == 40
    assert {detail["defect"] for _, detail in spoilt} == {defect.name for defect in DEFECTS}
    for row, detail in spoilt:
        stored = ledger.get("invoice", row["id"])
        assert stored is not None
        for version in ("v1", "v2"):
            outcome, reason = outcome_of(stored.body, version, NOW.date())
            if version in detail["versions"]:
                assert (outcome, reason) == ("rejected", row["reason"])
            else:
                assert outcome == "mapped"
    ledger.close()


def test_expected_totals_add_up(ledger: Ledger) -> None:
    for version in ("v1", "v2"):
        totals = expected_totals(ledger, version, NOW.date())
        cells = [cell for outcome in totals.values() for cell in outcome.values()]
        assert sum(cell["count"] for cell in cells) == 1000
        assert set(totals) == {"mapped", "held", "excluded", "rejected"}
    row = ledger.rows(
        "SELECT SUM(amount_minor_units) AS n FROM objects WHERE kind='invoice' AND length(currency)=3"
    )
    foreign = totals["rejected"]
    as_text = sum(
        int(o.body["amount_cents"])
        for o in ledger.select("invoice")
        if isinstance(o.body["amount_cents"], str)
    )
    upper = sum(cell["gross_minor_units"] for cell in cells) - as_text
    lower = ledger.rows("SELECT SUM(amount_minor_units) AS n FROM objects WHERE currency='usd'")
    assert upper == row[0]["n"] - lower[0]["n"]
    assert foreign["EUR"]["count"] == 2
    ledger.close()


def test_the_oracle_knows_the_four_outcomes() -> None:
    clean = {
        "amount_cents": 100, "currency": "USD", "discount_amount_cents": 0, "invoice_number": "1",
        "invoice_date": "2026-01-01", "invoice_due_date": "2026-03-02", "originating_counterparty_id": "a",
        "receiving_counterparty_id": "b", "metadata": {}, "status": "pending",
    }  # fmt: skip
    today = date(2026, 3, 2)
    assert outcome_of(clean, "v2", today) == ("mapped", "")
    assert outcome_of(clean, "v2", date(2026, 3, 3)) == ("excluded", "due_date_past")
    assert outcome_of({**clean, "invoice_due_date": None}, "v2", today)[0] == "held"
    assert outcome_of({**clean, "status": "complete"}, "v2", today) == ("excluded", "status")
    assert outcome_of({**clean, "amount_cents": True}, "v2", today) == ("rejected", "amount_cents")
    bodies = [
        clean,
        {**clean, "amount_cents": -5},
        {**clean, "amount_cents": "1"},
        {**clean, "currency": "usd"},
    ]
    assert totals_of(bodies, "v2", today) == {
        "mapped": {"USD": {"count": 1, "gross_minor_units": 100}},
        "rejected": {
            "USD": {"count": 2, "gross_minor_units": -4},
            "unreadable": {"count": 1, "gross_minor_units": 0},
        },
    }


def test_a_ledger_is_continued_and_can_be_reset(tmp_path: Path) -> None:
    sandbox = create_finexio(FinexioSettings(invoices=20), tmp_path, SandboxClock(NOW, frozen=True))
    sandbox.start()
    first = dump(sandbox.ledger)
    sandbox.push_clock(3600)
    gone = sandbox.ledger.select("invoice")[0]
    sandbox.ledger.remove("invoice", gone.id, at=NOW)
    sandbox.close()
    again = create_finexio(FinexioSettings(invoices=20), tmp_path, SandboxClock(NOW, frozen=True))
    again.start()
    assert again.ledger.count("invoice") == 19
    assert (again.clock.now() - NOW).total_seconds() == 3600
    again.reset()
    assert again.ledger.count("invoice") == 20
    assert dump(again.ledger) != first, "dates follow the pushed clock"
    again.close()
