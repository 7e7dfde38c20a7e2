"""A day of faults follows from its seed, and a day that was written down is played again to the byte."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.clock import SandboxClock
from connector.sandbox.disturbances import FAULT_NOTES, REQUEST_FAULTS
from connector.sandbox.disturbances.delivery import WEBHOOK_FAULTS
from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.hosted_session import HostedSessionSettings, create_hosted_session
from connector.sandbox.plan import WINDOW_SECONDS, day_plan
from connector.sandbox.platform import Sandbox
from connector.sandbox.process import serve_process, start_process
from connector.sandbox.run import control
from connector.sandbox.server import serve
from connector.sandbox.transcript import Recorder, Replay, read_transcript, replay
from connector.sandbox.tryton import TrytonSettings, create_tryton
from tests.unit.sandbox.conftest import START

HOST = {"Host": "sandbox.example.com"}
"""Answers name the host they were asked for, and a port is another every time."""

Make = Callable[[Path, SandboxClock], Sandbox]


def finexio(directory: Path, clock: SandboxClock) -> Sandbox:
    return create_finexio(FinexioSettings(invoices=45, page_size=20), directory, clock)


def tryton(directory: Path, clock: SandboxClock) -> Sandbox:
    return create_tryton(TrytonSettings(invoices=20), directory, clock)


def hosted_session(directory: Path, clock: SandboxClock) -> Sandbox:
    return create_hosted_session(HostedSessionSettings(companies=2), directory, clock)


# -- what the day is made of ------------------------------------------------------------------------------------------


def test_the_weather_follows_from_the_seed() -> None:
    clock = SandboxClock(START, frozen=True)
    windows = [START + timedelta(seconds=n * WINDOW_SECONDS) for n in range(288)]

    def weather(seed: int, platform: str = "finexio") -> list[int]:
        plan = day_plan(seed, platform, clock, REQUEST_FAULTS)
        return [plan.percent(at) for at in windows]

    assert weather(1) == weather(1) != weather(2)
    assert weather(1) != weather(1, "tryton")
    counted = Counter(weather(1))
    assert set(counted) == {0, 8, 30, 95}, "calm, gusts, squalls and outages, each on every day"
    assert counted[0] > 100


def test_a_call_goes_wrong_by_itself_whatever_came_between() -> None:
    clock = SandboxClock(START, frozen=True)

    def drawn(calls: list[str]) -> dict[str, list[str | None]]:
        sandbox_plan = day_plan(3, "finexio", clock, REQUEST_FAULTS)
        turns: Counter[str] = Counter()
        found: dict[str, list[str | None]] = {}
        for call in calls:
            found.setdefault(call, []).append(sandbox_plan.fault(call, turns[call]))
            turns[call] += 1
        return found

    clock.advance_to(next_squall(clock))
    forth = ["GET /a", "GET /b"] * 40
    assert drawn(forth) == drawn(sorted(forth)) == drawn(forth[::-1])
    assert any(drawn(forth)["GET /a"])


def next_squall(clock: SandboxClock) -> Any:
    plan = day_plan(3, "finexio", clock, REQUEST_FAULTS)
    instants = (START + timedelta(seconds=n * WINDOW_SECONDS) for n in range(288))
    return next(at for at in instants if plan.percent(at) == 30)


def test_a_day_draws_no_lies_and_every_honest_fault() -> None:
    clock = SandboxClock(START, frozen=True)
    plan = day_plan(1, "x", clock, {**REQUEST_FAULTS, **WEBHOOK_FAULTS})
    drawn = {*plan.request_faults, *plan.webhook_faults}
    assert not any(FAULT_NOTES[name].lie for name in drawn)
    honest = {name for name, note in FAULT_NOTES.items() if not note.lie}
    assert honest - drawn == {"never_answers", "commit_and_never_answers", "slow_drip"}
    assert len(plan.request_faults) >= 70
    assert len(plan.webhook_faults) >= 20


# -- the same day twice -----------------------------------------------------------------------------------------------


def lived(make: Make, directory: Path, fault_seed: int, live: Callable[..., None]) -> bytes:
    """The transcript of one day over real sockets."""
    written: list[bytes] = []
    sandbox = make(directory, SandboxClock(START, frozen=True))
    Recorder(sandbox, fault_seed, written.append)
    with serve(sandbox) as url, requests.Session() as http:
        http.headers.update(HOST)
        live(url, http)
    return b"".join(written)


def ask(http: requests.Session, method: str, url: str, **more: Any) -> Any:
    """The answer's JSON, None where there is none: a person would try again."""
    try:
        return http.request(method, url, timeout=30, allow_redirects=False, **more).json()
    except (requests.RequestException, ValueError, RecursionError):
        return None


def read_all_day(url: str, http: requests.Session) -> None:
    http.auth = ("sandbox-user", "sandbox-password")
    for hour in range(24):
        for page in (1, 2, 3):
            for name in ("invoices", "payments"):
                ask(http, "GET", f"{url}/v2/{name}/?page={page}")
        ask(http, "POST", f"{url}/sandbox/invoices", json={"count": 1})
        ask(http, "POST", f"{url}/sandbox/clock", json={"advance_seconds": 3600 - hour})


def finance_all_day(url: str, http: requests.Session) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-client-secret",
    }
    for hour in range(24):
        token = ask(http, "POST", f"{url}/auth/v1/token", data=form)
        if isinstance(token, dict) and "access_token" in token:
            http.headers["Authorization"] = f"Bearer {token['access_token']}"
        companies = ask(http, "GET", f"{url}/v1/companies")
        found = companies.get("data") if isinstance(companies, dict) else None
        ids = [c["id"] for c in found or [] if isinstance(c, dict) and c.get("id")]
        body = {
            "invoice_number": f"INV-{hour}",
            "client_reference_id": f"ref-{hour}",
            "currency": "usd",
            "amount": 88000 + hour,
            "due_date": "2026-06-30",
            "buyer": ids[0] if ids else "company_of_nobody",
            "supplier": ids[-1] if ids else "company_of_nobody",
        }
        for _ in range(3):
            ask(http, "POST", f"{url}/v1/invoices", json=body)
        ask(http, "GET", f"{url}/v1/invoices")
        ask(http, "POST", f"{url}/sandbox/clock", json={"advance_seconds": 3600})


def call_all_day(url: str, http: requests.Session) -> None:
    def rpc(method: str, *params: Any) -> Any:
        body = {"id": 1, "method": method, "params": list(params)}
        found = ask(http, "POST", f"{url}/books/rpc/", json=body)
        return found.get("result") if isinstance(found, dict) else None

    for _ in range(24):
        login = rpc("common.db.login", "sandbox-user", {"password": "sandbox-password"}, "en")
        if isinstance(login, list) and len(login) == 3:
            http.auth = None
            session = f"sandbox-user:{login[0]}:{login[1]}".encode()
            http.headers["Authorization"] = f"Session {base64.b64encode(session).decode()}"
        rpc("model.account.invoice.search_read", [], 0, 5, None, ["number", "total_amount"], {})
        ask(http, "POST", f"{url}/sandbox/clock", json={"advance_seconds": 3600})


DAYS = [
    pytest.param(finexio, read_all_day, id="finexio"),
    pytest.param(tryton, call_all_day, id="tryton"),
    pytest.param(hosted_session, finance_all_day, id="hosted_session"),
]


@pytest.mark.parametrize(("make", "live"), DAYS)
def test_the_same_day_twice_is_the_same_to_the_byte(
    tmp_path: Path, make: Make, live: Callable[..., None]
) -> None:
    path = tmp_path / "transcript.jsonl"
    path.write_bytes(lived(make, tmp_path / "first", 7, live))
    assert lived(make, tmp_path / "second", 7, live) == path.read_bytes()
    entries = [json.loads(line) for line in path.read_bytes().splitlines()[1:]]
    assert len({fault for entry in entries for fault in entry["faults"]}) >= 5

    def again(name: str) -> Replay:
        sandbox = make(tmp_path / name, SandboxClock(START, frozen=True))
        try:
            return replay(sandbox, path)
        finally:
            sandbox.close()

    result = again("again")
    assert result.differences == []
    assert result.calls == len(entries) > 50

    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    lines[9]["answered"]["sha256"] = "0" * 64
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    assert [d for d in again("changed").differences if d.startswith("call 9 ")]


def test_another_seed_is_another_day(tmp_path: Path) -> None:
    assert lived(tryton, tmp_path / "7", 7, call_all_day) != lived(
        tryton, tmp_path / "8", 8, call_all_day
    )


def test_a_late_commit_comes_at_the_same_place_again(tmp_path: Path) -> None:
    def live(url: str, http: requests.Session) -> None:
        http.auth = ("sandbox-user", "sandbox-password")
        given = json.loads(first_invoice)
        rule = {"match": "POST /v2/invoices/batch/", "fault": "timeout_then_commit"}
        control(url, "/sandbox/faults", {**rule, "options": {"delay_seconds": 60}})
        assert ask(http, "POST", f"{url}/v2/invoices/batch/", json=[given]) is None
        for _ in range(3):
            counts.append(ask(http, "GET", f"{url}/v2/invoices/?page=9999"))
            control(url, "/sandbox/clock", {"advance_seconds": 50})
            counts.append(control(url, "/sandbox/ledger")["rows"]["objects"])

    counts: list[Any] = []
    seed = finexio(tmp_path / "look", SandboxClock(START, frozen=True))
    seed.start(background=False)
    parties = seed.ledger.select("invoice", limit=1)[0].body
    seed.close()
    first_invoice = json.dumps(
        {
            "amount_cents": 100,
            "invoice_date": "2026-03-01",
            "invoice_number": "late",
            "originating_counterparty_id": parties["originating_counterparty_id"],
            "receiving_counterparty_id": parties["receiving_counterparty_id"],
        }
    )
    path = tmp_path / "late.jsonl"
    path.write_bytes(lived(finexio, tmp_path / "first", 10**6, live))
    objects = [n for n in counts if isinstance(n, int)]
    assert objects == [objects[0], objects[0] + 1, objects[0] + 1]
    sandbox = finexio(tmp_path / "again", SandboxClock(START, frozen=True))
    assert replay(sandbox, path).differences == []
    sandbox.close()


def test_a_process_writes_its_day_down_and_plays_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = start_process(
        "finexio",
        tmp_path,
        module="connector.sandbox.finexio",
        settings={"invoices": 10},
        faults=4,
    )
    with requests.Session() as http:
        http.auth = ("sandbox-user", "sandbox-password")
        for _ in range(5):
            ask(http, "GET", f"{platform.base_url}/v1/invoices/")
    control(platform.base_url, "/sandbox/invoices", {})
    platform.stop()
    path = tmp_path / "transcript-finexio.jsonl"
    assert b"webhook_secret" not in path.read_bytes()

    def play() -> int:
        return serve_process(FinexioSettings(), create_finexio, ["--replay", str(path)])

    assert play() == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"platform": "finexio", "calls": 6, "differences": []}
    path.write_bytes(path.read_bytes()[:-20])
    assert play() == 2
    assert "Line 7" in capsys.readouterr().err


def test_a_transcript_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    path.write_bytes(b'{"platform":"finexio"}\n{"number":1')
    lines = read_transcript(path)
    next(lines)
    with pytest.raises(ValueError, match="Line 2"):
        next(lines)
