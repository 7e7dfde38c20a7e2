"""Every accounting system, by its name in the registry, keeps the same promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import ModuleType
from typing import Any

import pytest

from connector.errors import (
    ConnectorError,
    ContractDrift,
    NotFound,
    RateLimited,
    ReconnectRequired,
    Unavailable,
    Unsupported,
)
from connector.registry import systems
from connector.strict_json import loads, loads_object
from connector.system import AccountingSystem, Page, RawRecord, StatusNote
from tests.conformance.harness import SystemSide, cases
from tests.conformance.proxy import Passed, Proxy, cut_before, half, html, status
from tests.fakes import START

pytestmark = pytest.mark.parametrize("case", cases(list(systems())))

Connect = Callable[..., AccountingSystem]


def walk(system: AccountingSystem, stream: str, cursor: Any = None) -> list[Page]:
    return list(system.pull(stream, cursor))


def records(pages: list[Page]) -> dict[str, RawRecord]:
    return {record.source_id: record for page in pages for record in page.records()}


def mapped(system: AccountingSystem) -> str:
    return next(stream.name for stream in system.streams if stream.mapped)


def note(source_id: str, marker: str) -> StatusNote:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return StatusNote(source_id, marker, "approved", f"Financing: approved [{marker}]", at)


# -- what it says about itself ----------------------------------------------------------------------------------------


def test_declarations(case: tuple[str, ModuleType, str], connect: Connect) -> None:
    system = connect()
    assert system.name == case[0]
    names = [stream.name for stream in system.streams]
    assert len(set(names)) == len(names)
    assert sum(stream.mapped for stream in system.streams) == 1
    assert "counterparties" in names
    for sentence in (system.capabilities.change_detection, system.capabilities.write_back):
        assert sentence.endswith(".")


def test_unknown_setting_is_refused(connect: Connect) -> None:
    with pytest.raises(Exception, match="no_such_setting"):
        connect(no_such_setting=1)


def test_unknown_stream_is_unsupported_by_name(connect: Connect) -> None:
    with pytest.raises(Unsupported, match="no_such_stream"):
        walk(connect(), "no_such_stream")


# -- access -----------------------------------------------------------------------------------------------------------


def test_check_is_good_and_reads_only(connect: Connect, side: SystemSide, proxy: Proxy) -> None:
    findings = connect().check()
    assert findings
    assert all(finding.ok for finding in findings)
    if not side.safe_posts:
        assert {passed.method for passed in proxy.passed} == {"GET"}


def test_bad_credentials(connect: Connect, side: SystemSide) -> None:
    system = connect(**side.bad_credentials)
    findings = system.check()
    assert any(not finding.ok and finding.remedy for finding in findings)
    with pytest.raises(ReconnectRequired) as raised:
        walk(system, mapped(system))
    shown = [str(raised.value), repr(raised.value), *(str(finding) for finding in findings)]
    for secret in side.secrets:
        assert not any(secret in text for text in shown)


# -- walks ------------------------------------------------------------------------------------------------------------


def test_whole_walk_yields_every_record_once(connect: Connect, side: SystemSide) -> None:
    system = connect()
    for stream in system.streams:
        pages = walk(system, stream.name)
        seen = [record.source_id for page in pages for record in page.records()]
        assert sorted(seen) == sorted(side.ids(stream.name))
        assert [len(page.records()) for page in pages] == [page.size for page in pages]
        numbers = [page.number for page in pages if page.number is not None]
        assert numbers == sorted(set(numbers))
        assert all((page.number is None) == (page.digest is None) for page in pages)
        assert all(isinstance(loads(record.raw), dict) for record in records(pages).values())


def test_whole_walk_twice_is_the_same_to_the_byte(connect: Connect) -> None:
    system = connect()
    for stream in system.streams:
        first, second = walk(system, stream.name), walk(system, stream.name)
        assert records(first) == records(second)
        assert [page.digest for page in first] == [page.digest for page in second]


def test_walk_can_be_left_early(connect: Connect, proxy: Proxy) -> None:
    system = connect()
    pages = iter(system.pull(mapped(system), None))
    next(pages)
    del pages
    assert records(walk(system, mapped(system)))


def test_change_is_found_from_the_cursor(connect: Connect, side: SystemSide) -> None:
    system = connect()
    for stream in system.streams:
        before = walk(system, stream.name)
        cursor = _last_cursor(before)
        changed = side.change(stream.name)
        after = walk(system, stream.name, cursor)
        found = records(after)
        assert changed in found
        assert found[changed].raw != records(before)[changed].raw
        if cursor is not None:
            assert stream.incremental
            assert _last_cursor(after) is not None


def test_cursor_is_text_and_every_pull_from_it_ends_in_one(connect: Connect) -> None:
    system = connect()
    for stream in system.streams:
        cursor = _last_cursor(walk(system, stream.name))
        for _ in range(3):
            if cursor is None:
                break
            assert all(isinstance(part, str) for item in cursor.items() for part in item)
            cursor = _last_cursor(walk(system, stream.name, cursor))
            assert cursor is not None


def test_fetch_gives_the_record_of_the_walk(connect: Connect, side: SystemSide) -> None:
    system = connect()
    for stream in system.streams:
        walked = records(walk(system, stream.name))
        for source_id in sorted(walked)[:3]:
            fetched = system.fetch(stream.name, source_id)
            assert fetched.source_id == source_id
            assert loads(fetched.raw) == loads(walked[source_id].raw)
            assert fetched.updated_at == walked[source_id].updated_at


def test_fetch_of_nothing_is_not_found(connect: Connect, side: SystemSide) -> None:
    system = connect()
    with pytest.raises(NotFound):
        system.fetch(mapped(system), side.fresh_id)


def test_counterparties_are_translated(connect: Connect) -> None:
    system = connect()
    for record in records(walk(system, "counterparties")).values():
        company = system.counterparty(loads_object(record.raw))
        assert company.counterparty_id == record.source_id
        assert company.name.strip()
        assert company.role in {"buyer", "supplier", "both", "own"}
        assert company.country is None or (len(company.country) == 2 and company.country.isupper())
        assert set(company.address) <= {"street", "city", "state", "postal_code"}


# -- when the other side fails ----------------------------------------------------------------------------------------


def failing(connect: Connect, proxy: Proxy, fault: Any) -> ConnectorError:
    """What a walk raises when every answer from now on is disturbed, and that a later walk is whole again."""
    system = connect()
    whole = records(walk(system, mapped(system)))
    proxy.disturb(fault)
    with pytest.raises(ConnectorError) as raised:
        walk(system, mapped(system))
    proxy.calm()
    assert records(walk(system, mapped(system))) == whole
    return raised.value


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_server_errors_are_unavailable(connect: Connect, proxy: Proxy, code: int) -> None:
    assert type(failing(connect, proxy, status(code))) is Unavailable


def test_cut_connection_is_unavailable(connect: Connect, proxy: Proxy) -> None:
    assert type(failing(connect, proxy, cut_before)) is Unavailable


def test_rate_limit_in_seconds(connect: Connect, proxy: Proxy) -> None:
    raised = failing(connect, proxy, status(429, Retry_After="90"))
    assert isinstance(raised, RateLimited)
    assert raised.retry_after_seconds == 90.0


def test_rate_limit_as_a_date(connect: Connect, proxy: Proxy) -> None:
    fault = status(429, Retry_After=format_datetime(START + timedelta(hours=1), usegmt=True))
    raised = failing(connect, proxy, fault)
    assert isinstance(raised, RateLimited)
    assert raised.retry_after_seconds == pytest.approx(3600, abs=60)


def test_html_page_is_drift(connect: Connect, proxy: Proxy) -> None:
    assert type(failing(connect, proxy, html)) is ContractDrift


def test_half_an_answer_is_drift(connect: Connect, proxy: Proxy) -> None:
    assert type(failing(connect, proxy, half)) is ContractDrift


def test_redirect_is_drift_and_not_followed(connect: Connect, proxy: Proxy) -> None:
    elsewhere = Proxy("http://127.0.0.1:1")
    try:
        fault = status(307, Location=f"{elsewhere.url}/")
        assert type(failing(connect, proxy, fault)) is ContractDrift
        assert elsewhere.passed == []
    finally:
        elsewhere.close()


@pytest.mark.parametrize("fault", [status(503), cut_before, status(429, Retry_After="1")])
def test_one_failure_is_survived(connect: Connect, proxy: Proxy, fault: Any) -> None:
    system = connect()
    whole = records(walk(system, mapped(system)))
    proxy.disturb(fault, times=1)
    assert records(walk(system, mapped(system))) == whole


# -- writing back -----------------------------------------------------------------------------------------------------


def test_write_back_or_unsupported_by_name(
    connect: Connect, side: SystemSide, proxy: Proxy
) -> None:
    system = connect()
    source_id = side.writable_id() if side.writable_id else min(side.ids(mapped(system)))
    mine, other = note(source_id, "wb-conformance-1"), note(source_id, "wb-conformance-2")
    if not system.capabilities.status_notes:
        proxy.passed.clear()
        for act in (system.write_status, system.find_status):
            with pytest.raises(Unsupported, match=r"."):
                act(mine)
        assert proxy.passed == []
        return
    assert system.find_status(mine) is None
    written = system.write_status(mine)
    assert system.find_status(mine) == written
    assert system.find_status(other) is None


def test_document_where_offered(connect: Connect, side: SystemSide) -> None:
    system = connect()
    found = [system.document(source_id) for source_id in sorted(side.ids(mapped(system)))[:5]]
    if not system.capabilities.attachments:
        assert found == [None] * 5
    for document in found:
        assert document is None or (document.content and document.file_format.islower())


def test_reader_sends_nothing_but_get(connect: Connect, side: SystemSide, proxy: Proxy) -> None:
    if not side.read_only:
        pytest.skip("This system is written to.")
    system = connect()
    system.check()
    for stream in system.streams:
        cursor = _last_cursor(walk(system, stream.name))
        walk(system, stream.name, cursor)
        system.fetch(stream.name, min(side.ids(stream.name)))
    assert isinstance(proxy.passed[0], Passed)
    assert {passed.method for passed in proxy.passed} == {"GET"}


def _last_cursor(pages: list[Page]) -> Any:
    """What the pull engine remembers: the cursor of the last page that gave one."""
    return next((page.cursor for page in reversed(pages) if page.cursor is not None), None)
