"""What each fault does to a request: what the client sees, and what really happened."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests
from flask import Response

from connector.sandbox.control import reply
from connector.sandbox.platform import new_sandbox
from tests.unit.sandbox.conftest import Serve, Served


@dataclass
class Settings:
    seed: int = 1


@pytest.fixture
def counter(serve_platform: Serve, tmp_path: Path) -> Served:
    """A platform whose one path counts what really happened."""
    sandbox = new_sandbox("counter", "Counter", Settings(), directory=tmp_path, choices=())

    @sandbox.app.post("/v1/count")
    def count() -> Response:
        with sandbox.ledger.transaction():
            happened = int(sandbox.ledger.meta("happened") or 0) + 1
            sandbox.ledger.set_meta("happened", str(happened))
        return reply({"happened": happened, "padding": "p" * 500})

    return serve_platform(sandbox)


def happened(counter: Served) -> int:
    return int(counter.sandbox.ledger.meta("happened") or 0)


SEEN: dict[str, tuple[int | type[Exception], bool]] = {
    # fault: (what the client sees, whether the thing was done)
    "status_500": (500, False),
    "status_500_after_commit": (500, True),
    "rate_limited": (429, False),
    "rate_limited_date": (429, False),
    "commit_then_timeout": (requests.ConnectionError, True),
    "cut_before_commit": (requests.ConnectionError, False),
    "truncated_json": (requests.exceptions.JSONDecodeError, True),
    "cut_in_body": (requests.exceptions.ChunkedEncodingError, True),
    "html_200": (requests.exceptions.JSONDecodeError, False),
    "empty_200": (requests.exceptions.JSONDecodeError, True),
    "redirect": (307, False),
    "unauthorized": (401, False),
    "slow_body": (200, True),
    "slow": (200, True),
}


@pytest.mark.parametrize("fault", SEEN)
def test_fault(counter: Served, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    seen, done = SEEN[fault]
    counter.fault("POST /v1/count", fault)
    if isinstance(seen, int):
        assert counter.post("/v1/count", {}, allow_redirects=False).status_code == seen
    else:
        with pytest.raises(seen):
            counter.post("/v1/count", {}).json()
    assert happened(counter) == int(done)
    assert counter.post("/v1/count", {}).json()["happened"] == int(done) + 1, "once only"
    rows = counter.sandbox.ledger.rows("SELECT * FROM requests ORDER BY sequence")
    assert [row["fault"] for row in rows] == ([fault, fault, None] if done else [fault, None])
    executed = [row["executed_status"] for row in rows if row["executed_status"]]
    assert executed == ([200, 200] if done else [200])
    warned = [row.message for row in caplog.records if row.name == "waitress"]
    assert not warned, "what is made to fail is no warning for whoever watches"


def test_time_out_then_commit_is_done_later(counter: Served) -> None:
    counter.fault("POST /v1/count", "timeout_then_commit", options={"delay_seconds": 0.3})
    with pytest.raises(requests.ConnectionError):
        counter.post("/v1/count", {})
    assert happened(counter) == 0
    deadline = time.monotonic() + 10
    while happened(counter) == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert happened(counter) == 1


def test_retry_after_has_both_forms(counter: Served) -> None:
    counter.fault("POST /v1/count", "rate_limited", options={"retry_after": 3})
    counter.fault("POST /v1/count", "rate_limited_date", options={"retry_after": 60})
    counter.fault("POST /v1/count", "rate_limited", options={"retry_after": None})
    answers = [counter.post("/v1/count", {}).headers.get("Retry-After") for _ in range(3)]
    assert answers[0] == "3"
    ahead = parsedate_to_datetime(str(answers[1])) - counter.sandbox.clock.machine_now()
    assert 50 < ahead.total_seconds() <= 60
    assert answers[2] is None


def test_bad_control_requests_say_what_is_wrong(counter: Served) -> None:
    answer = counter.post("/sandbox/faults", {"match": "*", "fault": "nonsense"})
    assert answer.status_code == 400
    assert "There is no fault 'nonsense'" in answer.json()["error"]
    assert counter.post("/sandbox/clock", {"advance_seconds": -1}).status_code == 400
    assert counter.get("/sandbox/ledger/nonsense").status_code == 400
    assert "stand-in" in counter.get("/").text


def test_the_clock_is_pushed_and_remembered(counter: Served) -> None:
    before = counter.sandbox.clock.now()
    counter.post("/sandbox/clock", {"advance_seconds": 86_400})
    assert (counter.sandbox.clock.now() - before).total_seconds() >= 86_400
    assert counter.sandbox.ledger.meta("clock_pushed_seconds") == "86400.0"
    counter.post("/sandbox/reset")
    assert counter.sandbox.ledger.meta("clock_pushed_seconds") == "86400.0"


def test_a_hanging_fault_does_not_hold_up_the_end(counter: Served) -> None:
    counter.fault("POST /v1/count", "commit_then_timeout", options={"hang_seconds": 3600})
    with pytest.raises(requests.ReadTimeout):
        counter.http.post(counter.url + "/v1/count", timeout=0.3)
    assert happened(counter) == 1
