"""The sandbox answers like the real server, and its own idea of each outcome is what the shipped mapping decides."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.clock import SystemClock
from connector.sandbox.clock import SandboxClock
from connector.sandbox.platform import Sandbox
from connector.sandbox.run import control
from connector.sandbox.server import serve
from connector.sandbox.tryton import TrytonSettings, create_tryton
from connector.secrets import Secret
from connector.strict_json import loads_object
from connector.system import StatusNote
from connector.systems.tryton import Tryton
from connector.transport import AdapterContext
from mappings import load_mapping, shipped
from tests.fakes import START

RULES = {
    "not_posted",
    "already_paid",
    "canceled",
    "credit_note",
    "past_due",
    "supplier_number_missing",
    "due_date_missing",
    "several_due_dates",
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, str]]:
    settings = TrytonSettings(invoices=400, dirty_percent=8)
    made = create_tryton(settings, tmp_path_factory.mktemp("s"), SandboxClock(START))
    with serve(made) as url:
        yield made, url


@pytest.fixture
def system(sandbox: tuple[Sandbox, str]) -> Iterator[Tryton]:
    raw = {
        "base_url": sandbox[1],
        "database": "books",
        "username": "sandbox-user",
        "password": Secret("sandbox-password"),
    }
    made = Tryton(Tryton.settings_schema().load(raw), AdapterContext("acme", SystemClock()))
    yield made
    made.close()


def test_the_mapping_decides_as_the_ledger_expects(
    sandbox: tuple[Sandbox, str], system: Tryton
) -> None:
    mapping = load_mapping(shipped()["tryton"], name="tryton")
    records = {
        raw.source_id: loads_object(raw.raw)
        for page in system.pull("invoices", None)
        for raw in page.records()
    }
    expected = sandbox[0].ledger.rows("SELECT * FROM expectations WHERE kind = 'account.invoice'")
    assert len(expected) == len(records) == 400
    wrong = []
    reasons = set()
    for row in expected:
        outcome = mapping.evaluate(records[row["id"]], START.date())
        wanted = (row["outcome"], row["reason"])
        reasons.add(wanted)
        same = outcome.kind.value == row["outcome"]
        if row["reason"] in RULES:
            same = same and row["reason"] in (outcome.rule, outcome.reason_code)
        detail = json.loads(row["detail"])
        if outcome.amount_minor_units is not None:
            told = (outcome.currency, outcome.amount_minor_units)
            same = same and told == (detail["currency"], detail["gross_minor_units"])
        if not same:
            wrong.append((row["id"], wanted, outcome))
    assert wrong == []
    assert len(reasons) >= 11
    totals = control(sandbox[1], f"/sandbox/totals?today={START.date()}")
    counted = Counter(row["outcome"] for row in expected)
    assert counted == {
        kind: sum(cell["count"] for cell in cells.values()) for kind, cells in totals.items()
    }


def raw_call(url: str, body: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(
        f"{url}/books/rpc/",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def session(system: Tryton) -> str:
    authorization: Any = system._transport._authorization
    return str(authorization.header(system._transport))


def test_the_gzip_bug_and_its_cure(sandbox: tuple[Sandbox, str], system: Tryton) -> None:
    """Trap 5."""
    call = {
        "id": 1,
        "method": "model.account.invoice.search_read",
        "params": [[], 0, 50, None, ["number", "state"], {}],
    }
    head = {"Authorization": session(system)}
    _, headers, body = raw_call(sandbox[1], call, **head)
    assert headers["Content-Encoding"] == "gzip"
    assert json.loads(body)["result"]
    _, headers, body = raw_call(sandbox[1], call, **{**head, "Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(body))["result"]


def test_errors_are_200_only_for_exactly_three_keys(
    sandbox: tuple[Sandbox, str], system: Tryton
) -> None:
    """Trap 6."""
    call = {
        "id": 1,
        "method": "model.account.invoice.read",
        "params": [[99999], ["number"], {}],
    }
    head = {"Authorization": session(system)}
    status, _, body = raw_call(sandbox[1], call, **head)
    assert (status, json.loads(body)["error"][0]) == (200, "UserError")
    status, _, _ = raw_call(sandbox[1], {**call, "jsonrpc": "2.0"}, **head)
    assert status == 400
    status, _, body = raw_call(sandbox[1], {**call, "method": "model.account.invoice.nope"}, **head)
    assert status == 403
    status, _, body = raw_call(sandbox[1], {**call, "method": "model.no.such.read"}, **head)
    assert (status, json.loads(body)["error"]) == (200, ["'no.such'", ""])
    status, headers, body = raw_call(sandbox[1], call, Authorization="Session bm8=")
    assert (status, body) == (401, b"")
    assert {name.lower() for name in headers} >= {"www-authenticate"}


def test_sessions_end_and_begin_anew(sandbox: tuple[Sandbox, str], system: Tryton) -> None:
    system.fetch("invoices", "1")
    assert control(sandbox[1], "/sandbox/sessions/end", {})["ended"] >= 1
    assert system.fetch("invoices", "1").source_id == "1"


def test_hidden_companies_are_found_by_the_check(
    sandbox: tuple[Sandbox, str], system: Tryton
) -> None:
    control(sandbox[1], "/sandbox/settings", {"company_filter": "one"})
    try:
        assert list(system.pull("invoices", None)) == []
        bad = [finding for finding in system.check() if not finding.ok]
        assert [finding.what for finding in bad] == ["see the companies"]
    finally:
        control(sandbox[1], "/sandbox/settings", {"company_filter": "all"})


@pytest.mark.parametrize("series", ["8.0", "8.2"])
def test_a_field_is_written_where_the_series_allows_it(
    sandbox: tuple[Sandbox, str], tmp_path: Path, series: str
) -> None:
    """Trap 7: 8.2 refuses, and the note is written all the same."""
    control(sandbox[1], "/sandbox/settings", {"series": series})
    raw = {
        "base_url": sandbox[1],
        "database": "books",
        "username": "sandbox-user",
        "password": Secret("sandbox-password"),
        "write_fields": ["comment"],
    }
    made = Tryton(Tryton.settings_schema().load(raw), AdapterContext("acme", SystemClock()))
    try:
        posted = next(
            row.id for row in sandbox[0].ledger.select("account.invoice") if row.status == "posted"
        )
        status = "funded" if series == "8.0" else "repaid"
        note = StatusNote(posted, f"series/{series}", status, f"It is {status}.", START)
        written = made.write_status(note)
        assert bool(written.fields) == (series == "8.0")
        shown = control(sandbox[1], "/sandbox/notes")
        assert f"[connector series/{series}]" in shown[0]["message"]
    finally:
        made.close()
        control(sandbox[1], "/sandbox/settings", {"series": "8.0"})


def test_the_notes_are_shown_to_people(sandbox: tuple[Sandbox, str], system: Tryton) -> None:
    system.write_status(StatusNote("3", "shown/1", "funded", "<b>It is funded.</b>", START))
    request = urllib.request.Request(f"{sandbox[1]}/sandbox/notes", headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        page = answer.read().decode()
    assert "&lt;b&gt;It is funded." in page


def test_the_same_seed_gives_the_same_rows(tmp_path: Path) -> None:
    rows = []
    for name in ("a", "b"):
        made = create_tryton(
            TrytonSettings(invoices=40), tmp_path / name, SandboxClock(START, frozen=True)
        )
        made.start()
        rows.append([(row.id, row.body) for row in made.ledger.select("account.invoice")])
        made.close()
    assert rows[0] == rows[1]
