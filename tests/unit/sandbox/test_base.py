"""Clock, ledger, settings and the fault engine."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from connector.sandbox.clock import SandboxClock
from connector.sandbox.control import change_settings
from connector.sandbox.fault_catalogue import REQUEST_FAULTS
from connector.sandbox.faults import FaultEngine, Rule, Storm, read_rules
from connector.sandbox.finexio import FinexioSettings
from connector.sandbox.ledger import Ledger, NewObject
from connector.sandbox.people import companies, draw, made_up_id
from connector.sandbox.wire import NotJsonError, from_json, major_units, to_json
from tests.unit.sandbox.conftest import START


def test_a_frozen_clock_moves_only_when_pushed() -> None:
    clock = SandboxClock(START, frozen=True)
    assert clock.now() == START
    assert clock.advance(3600) == START + timedelta(hours=1)
    assert clock.advance_to(START) == START + timedelta(hours=1)
    assert clock.advance_to(START + timedelta(days=1)).date() == clock.today()


def test_a_clock_runs_on_and_never_steps_back() -> None:
    clock = SandboxClock(START)
    assert START <= clock.now() < START + timedelta(minutes=5)
    with pytest.raises(ValueError, match="advance_seconds"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="aware"):
        SandboxClock(START.replace(tzinfo=None))


def test_numbers_keep_their_digits_on_the_wire() -> None:
    text = b'{"a":90071992547409.93,"b":1e2,"c":88000}'
    value = from_json(text)
    assert value == {"a": Decimal("90071992547409.93"), "b": Decimal("1E+2"), "c": 88000}
    assert to_json({"a": value["a"]}) == b'{"a":90071992547409.93}'
    assert [to_json(major_units(n)) for n in (8_800_000, 12_353, 12_350, 1, 0)] == [
        b"88000", b"123.53", b"123.5", b"0.01", b"0",
    ]  # fmt: skip
    with pytest.raises(NotJsonError):
        from_json(b'{"a":')


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite3")


def test_the_ledger_keeps_every_version(ledger: Ledger) -> None:
    first = ledger.add("invoice", NewObject("a", {"n": 1}, START, "ref", "draft", "USD", 100))
    second = ledger.change(first, {"n": 2}, at=START, cause="sent", status="new")
    assert (second.revision, second.status, second.amount_minor_units) == (2, "new", 100)
    assert ledger.remove("invoice", "a", at=START)
    assert not ledger.remove("invoice", "a", at=START)
    assert ledger.get("invoice", "a") is None
    causes = [(row["cause"], row["revision"]) for row in ledger.history("invoice", "a")]
    assert causes == [("created", 1), ("sent", 2), ("removed", 3)]
    ledger.close()


def test_a_failed_transaction_leaves_nothing(ledger: Ledger) -> None:
    with pytest.raises(sqlite3.IntegrityError), ledger.transaction():
        ledger.add("invoice", NewObject("a", {}, START))
        ledger.add("invoice", NewObject("a", {}, START))
    assert ledger.count("invoice") == 0
    ledger.add("invoice", NewObject("b", {}, START))
    assert ledger.count("invoice") == 1
    ledger.close()


def test_another_reader_sees_what_is_committed(ledger: Ledger) -> None:
    ledger.note("payment_started", "invoice", "a", at=START, by="a test")
    reader = Ledger(ledger.path, read_only=True)
    assert [from_json(row["detail"]) for row in reader.facts("payment_started")] == [
        {"by": "a test"}
    ]
    with pytest.raises(sqlite3.OperationalError):
        reader.set_meta("a", "b")
    reader.close()
    ledger.close()


def test_a_rule_skips_fires_and_is_used_up() -> None:
    engine = FaultEngine(frozenset(REQUEST_FAULTS))
    engine.add(Rule("POST /v1/*", "status_500", times=2, skip=1))
    taken = [engine.take("POST /v1/invoices") for _ in range(4)]
    assert [rule is not None for rule in taken] == [False, True, True, False]
    assert engine.take("GET /v1/invoices") is None
    assert engine.counts == {"status_500": 2}


def test_a_storm_is_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[str | None]:
        engine = FaultEngine(frozenset(REQUEST_FAULTS))
        engine.add_storm(Storm("* /v1/*", ("status_500", "rate_limited"), 30, seed))
        rules = [engine.take("GET /v1/a") for _ in range(200)]
        return [rule.fault if rule else None for rule in rules]

    assert drawn(1) == drawn(1) != drawn(2)
    disturbed = [fault for fault in drawn(1) if fault]
    assert set(disturbed) == {"status_500", "rate_limited"}
    assert 30 <= len(disturbed) <= 90


def test_bad_faults_are_refused_by_name() -> None:
    engine = FaultEngine(frozenset(REQUEST_FAULTS))
    with pytest.raises(ValueError, match="There is no fault 'nonsense'"):
        engine.add(Rule("*", "nonsense"))
    with pytest.raises(ValueError, match="percent"):
        engine.add_storm(Storm("*", ("status_500",), 101))
    with pytest.raises(ValueError, match="match, fault, times"):
        read_rules({"matches": "*"})
    with pytest.raises(ValueError, match="A fault is an object"):
        read_rules([3])


def test_settings_are_checked_by_name_and_type() -> None:
    settings = FinexioSettings()
    change_settings(settings, {"newest_first": True, "page_size": 7})
    assert settings.newest_first
    assert settings.page_size == 7
    with pytest.raises(ValueError, match="no setting 'newest'"):
        change_settings(settings, {"newest": True})
    with pytest.raises(ValueError, match="'page_size' cannot"):
        change_settings(settings, {"newest_first": False, "page_size": "8"})
    assert settings.newest_first, "nothing is changed when one value is refused"


def test_made_up_people_follow_from_the_seed() -> None:
    assert companies(7, 60)[:40] == companies(7, 40) != companies(8, 40)
    assert len({company.name for company in companies(7, 300)}) == 300
    assert made_up_id(1, "invoice", 1) == made_up_id(1, "invoice", 1) != made_up_id(1, "invoice", 2)
    assert {draw(1, f"x{n}") for n in range(2000)} == set(range(100))


def test_instants_sort_as_text(ledger: Ledger) -> None:
    second = datetime.fromisoformat("2026-03-02T10:30:00.000001+01:00")
    ledger.add("invoice", NewObject("a", {}, START))
    stored = ledger.add("invoice", NewObject("b", {}, second))
    assert stored.created_at == "2026-03-02T09:30:00.000001Z"
    assert stored.created_at > (ledger.select("invoice")[0].created_at)
    ledger.close()
