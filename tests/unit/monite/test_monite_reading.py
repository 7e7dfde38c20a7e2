"""What the Monite adapter reads, and how it finds what has changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from marshmallow import ValidationError

from connector.errors import ConfigError, ContractDrift, NotFound, Refused
from connector.strict_json import loads_object
from connector.system import Cursor, Door, Page
from connector.systems.monite import Monite, cursors
from connector.systems.monite.client import MoniteClient
from connector.systems.monite.cursors import Progress
from connector.systems.monite.records import counterpart_record, counterparty, invoice_record
from connector.transport import Transport, TransportSettings
from tests.conformance.proxy import Proxy
from tests.fakes import START, FakeClock
from tests.unit.monite.conftest import Connect, Platform
from tests.unit.transport.doubles import Server, answer

CONTRACT = json.loads((Path(__file__).parents[2] / "contracts" / "monite.json").read_text())
ENTITY = "9a1d7b52-6c6e-4c09-8c39-5b7c0a6a2b02"


def pulled(system: Monite, cursor: Cursor | None = None) -> tuple[dict[str, Any], Cursor | None]:
    pages = list(system.pull("invoices", cursor))
    records = {r.source_id: loads_object(r.raw) for page in pages for r in page.records()}
    return records, _last(pages)


def _last(pages: list[Page]) -> Cursor | None:
    return next((page.cursor for page in reversed(pages) if page.cursor is not None), None)


# -- records ----------------------------------------------------------------------------------------------------------


def test_a_payable_says_whose_it_is_and_keeps_its_amounts() -> None:
    raw = invoice_record("payable", CONTRACT["payable"], ENTITY)
    record = loads_object(raw.raw)
    assert raw.source_id == f"payable:{CONTRACT['payable']['id']}"
    assert raw.updated_at == CONTRACT["payable"]["updated_at"]
    assert (record["direction"], record["document_type"]) == ("payable", "invoice")
    assert record["own_ref"] == f"entity:{ENTITY}"
    assert record["counterparty_ref"] == f"counterpart:{CONTRACT['payable']['counterpart_id']}"
    assert record["amount_due"] == 1235300


def test_bank_data_is_moved_to_where_it_is_encrypted() -> None:
    record = loads_object(invoice_record("payable", CONTRACT["payable"], ENTITY).raw)
    secret = {name for stream in Monite.streams for name in stream.secret_fields}
    hidden = json.dumps({k: v for k, v in record.items() if k in secret})
    shown = json.dumps({k: v for k, v in record.items() if k not in secret})
    for bank_data in ("DE00000000000000000000", "0000000000"):
        assert bank_data in hidden
        assert f'"{bank_data}"' not in shown
    receivable = loads_object(invoice_record("receivable", CONTRACT["receivable"], ENTITY).raw)
    assert "entity_bank_account" in receivable.keys() & secret


def test_links_to_files_are_kept_without_their_signature() -> None:
    for kind, name in (("payable", "payable"), ("receivable", "receivable")):
        raw = invoice_record(kind, CONTRACT[name], ENTITY).raw
        assert b"https://files.example/" in raw
        for part in (b"X-Signature", b"sig=", b"?"):
            assert part not in raw


def test_the_order_of_members_makes_no_new_version() -> None:
    turned = json.loads(json.dumps(CONTRACT["payable"]))
    turned = {key: turned[key] for key in reversed(turned)}
    turned["file"] = dict(reversed(turned["file"].items()))
    assert invoice_record("payable", turned, ENTITY) == invoice_record(
        "payable", CONTRACT["payable"], ENTITY
    )


def test_a_draft_without_anything_is_a_record() -> None:
    record = loads_object(invoice_record("payable", CONTRACT["sparse_payable"], ENTITY).raw)
    assert record["counterparty_ref"] is None
    assert record["bank_accounts"] is None


def test_counterparts_are_translated() -> None:
    company = counterparty(
        loads_object(counterpart_record(CONTRACT["counterpart"], CONTRACT["addresses"]).raw)
    )
    assert (company.name, company.role, company.country) == (
        "Packaging Example Inc.",
        "supplier",
        "US",
    )
    assert company.address == {
        "street": "1 Sample Street Unit 2",
        "city": "Springfield",
        "state": "IL",
        "postal_code": "00000",
    }
    assert (company.email, company.tax_id) == ("ar@packaging.example", "00-0000000")
    person = counterparty(loads_object(counterpart_record(CONTRACT["individual"], []).raw))
    assert (person.name, person.role, person.country) == ("Ada Example", "both", None)


@pytest.mark.parametrize("identifier", [None, 7, "", "x", "../entities"])
def test_a_record_without_identifier_is_drift(identifier: Any) -> None:
    with pytest.raises(ContractDrift):
        invoice_record("payable", {**CONTRACT["payable"], "id": identifier}, ENTITY)


# -- changes ----------------------------------------------------------------------------------------------------------


def test_a_payment_between_pulls_is_found_though_no_list_shows_it(
    connect: Connect, platform: Platform
) -> None:
    system = connect()
    _, cursor = pulled(system)
    payable = platform.one("payable", "waiting_to_be_paid")
    receivable = platform.one("receivable", "issued")
    platform.control(f"payables/{payable}", {"set": {"status": "paid"}})
    platform.control(f"receivables/{receivable}", {"set": {"status": "canceled"}})
    found, following = pulled(system, cursor)
    assert found[f"payable:{payable}"]["status"] == "paid"
    assert found[f"receivable:{receivable}"]["status"] == "canceled"
    # Once seen at its end it is not asked for again.
    again, _ = pulled(system, following)
    assert f"payable:{payable}" not in _old(again)


def _old(records: dict[str, Any]) -> dict[str, Any]:
    """Those that no list of new ones shows."""
    limit = cursors.written(START)[:10]
    return {key: one for key, one in records.items() if one["created_at"][:10] < limit}


def test_events_name_what_changed_where_open_ones_are_not_read_again(
    connect: Connect, platform: Platform, proxy: Proxy
) -> None:
    system = connect(events=True, reread_open=False)
    for about in ("payable", "receivable"):
        system.subscribe(
            next(w for w in system.wanted_subscriptions(_door()) if w.topic == about), _door()
        )
    _, cursor = pulled(system)
    assert cursor is not None
    assert set(cursor) == {"since"}
    paid = platform.one("payable", "paid")
    platform.control(f"payables/{paid}", {"touch": True, "set": {"description": "late note"}})
    proxy.passed.clear()
    found, _ = pulled(system, cursor)
    assert found[f"payable:{paid}"]["description"] == "late note"
    assert not any("status__in" in passed.query for passed in proxy.passed)


def _door() -> Door:
    return Door("https://connector.example.com/webhooks/acme/", "p" * 30)


def test_a_cursor_stands_back_by_as_long_as_the_walk_took(clock: FakeClock) -> None:
    progress = Progress(clock)
    progress.see("2026-03-01T10:00:00+00:00", "2099-01-01T00:00:00Z", None, "soon")
    clock.advance(minutes=7)
    assert progress.cursor() == {"since": "2026-03-01T09:53:00.000000Z"}


def test_a_cursor_never_moves_back(clock: FakeClock) -> None:
    start = cursors.read({"since": "2026-03-01T10:00:00.000000Z"})
    progress = Progress(clock, start)
    clock.advance(hours=2)
    assert progress.cursor() == {"since": "2026-03-01T10:00:00.000000Z"}


def test_open_identifiers_survive_the_cursor(clock: FakeClock) -> None:
    progress = Progress(clock)
    progress.see("2026-03-01T10:00:00Z")
    ids = [f"00000000-0000-4000-8000-{n:012x}" for n in range(300)]
    progress.open_ids["payable"] += ids
    cursor = progress.cursor()
    assert cursor is not None
    assert cursors.read(cursor).open_ids == {"payable": set(ids), "receivable": set()}


@pytest.mark.parametrize(
    "cursor",
    [
        {},
        {"since": "yesterday"},
        {"since": "2026-03-01T10:00:00Z", "open_payable": "short"},
        {"since": "2026-03-01T10:00:00Z", "open_payable": "!" * 22},
    ],
)
def test_a_foreign_cursor_is_drift(cursor: Cursor) -> None:
    with pytest.raises(ContractDrift, match="not one of Monite's"):
        cursors.read(cursor)


def test_the_limit_is_repeated_with_every_token(connect: Connect, proxy: Proxy) -> None:
    pulled(connect(page_size=7))
    asked = [dict(parse_qsl(p.query)) for p in proxy.passed if p.path == "/v1/receivables"]
    assert any("pagination_token" in query for query in asked)
    assert {query["limit"] for query in asked} == {"7"}


def test_a_pagination_token_that_comes_twice_ends_the_walk(clock: FakeClock) -> None:
    there = Server([answer(200, b'{"data": [], "next_pagination_token": "same"}')])
    transport = Transport("acme", TransportSettings(there.url), clock)
    client = MoniteClient(transport, transport, "2024-05-25", ENTITY)
    with pytest.raises(ContractDrift, match="never end"):
        list(client.pages("/payables", (), 10))
    client.close()
    there.close()


def test_a_quote_is_no_invoice(connect: Connect, platform: Platform) -> None:
    receivable = platform.one("receivable", "issued")
    platform.control(f"receivables/{receivable}", {"set": {"type": "quote"}})
    system = connect()
    with pytest.raises(NotFound, match="neither"):
        system.fetch("invoices", f"receivable:{receivable}")


@pytest.mark.parametrize("source_id", ["7", "payable:", "payable:../x", "counterpart:1", ""])
def test_what_names_no_invoice_is_never_asked_for(
    connect: Connect, proxy: Proxy, source_id: str
) -> None:
    with pytest.raises(NotFound):
        connect().fetch("invoices", source_id)
    assert proxy.passed == []


# -- documents --------------------------------------------------------------------------------------------------------


def test_a_payables_file_and_a_receivables_pdf(
    connect: Connect, platform: Platform, proxy: Proxy
) -> None:
    system = connect()
    payables = platform.sandbox.ledger.select("payable")
    with_file = next(o for o in payables if o.body["file"] is not None)
    without = next(
        o
        for o in payables
        if o.body["file"] is None and o.body["_entity"] == platform.settings.entity_id
    )
    for source_id in (
        f"payable:{with_file.id}",
        f"receivable:{platform.one('receivable', 'issued')}",
    ):
        document = system.document(source_id)
        assert document is not None
        assert document.file_format == "pdf"
        assert document.content.startswith(b"%PDF")
    assert system.document(f"payable:{without.id}") is None


def test_a_larger_file_is_passed_over(connect: Connect, platform: Platform) -> None:
    receivable = platform.one("receivable", "issued")
    assert connect(max_document_bytes=10).document(f"receivable:{receivable}") is None


def test_a_file_elsewhere_needs_its_host_allowed(connect: Connect, platform: Platform) -> None:
    platform.settings.storage_base_url = "https://files.example"
    receivable = platform.one("receivable", "issued")
    with pytest.raises(Refused, match="file_urls"):
        connect().document(f"receivable:{receivable}")


# -- settings and check -----------------------------------------------------------------------------------------------


def test_one_way_to_find_changes_must_be_on(connect: Connect) -> None:
    with pytest.raises(ValidationError, match="full walks alone"):
        connect(events=False, reread_open=False)


def test_another_version_in_the_address_is_refused(connect: Connect) -> None:
    with pytest.raises(ConfigError, match="v2"):
        connect(base_url="https://api.monite.example/v2")


def test_check_says_how_changes_are_found(connect: Connect) -> None:
    by_reading, by_events = connect().check()[-1], connect(events=True).check()[-1]
    assert by_reading.ok
    assert "read again in each pull" in by_reading.detail
    assert not by_events.ok
    assert by_events.remedy is not None
    assert "webhooks sync" in by_events.remedy


def test_check_with_another_entity_names_the_setting(connect: Connect) -> None:
    findings = connect(entity_id="00000000-0000-4000-8000-000000000009").check()
    assert [f.ok for f in findings] == [False]
    assert "entity_id" in (findings[0].remedy or "")
