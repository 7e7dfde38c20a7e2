"""The sandbox's oracle and the shipped mapping share no code, and agree on every seeded record."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector import strict_json
from connector.sandbox.finexio import FinexioSettings
from connector.sandbox.finexio.oracle import gross, outcome_of, owed
from connector.sandbox.finexio.render import invoice
from connector.sandbox.finexio.seed import populate
from connector.sandbox.ledger import Ledger
from connector.sandbox.wire import to_json
from mappings import load_mapping, shipped
from mappings.money import to_decimal

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_oracle_and_the_mapping_agree(tmp_path: Path, version: str) -> None:
    mapping = load_mapping(shipped()["finexio"], name="finexio")
    ledger = Ledger(tmp_path / "finexio.sqlite3")
    populate(ledger, FinexioSettings(seed=11, invoices=1000), NOW)
    for stored in ledger.select("invoice"):
        record = strict_json.loads(to_json(invoice(stored, version, False)))
        outcome = mapping.evaluate(record, NOW.date())
        expected, reason = outcome_of(stored.body, version, NOW.date())
        assert outcome.kind == expected, stored.body
        if expected == "rejected":
            assert outcome.field_path == reason
        told = (outcome.currency, outcome.amount_minor_units)
        assert (("unreadable", 0) if None in told else told) == gross(stored.body)
        if outcome.invoice is not None:
            asked = to_decimal(outcome.invoice.amount_minor_units, outcome.invoice.currency)
            assert asked == owed(stored.body)
    ledger.close()
