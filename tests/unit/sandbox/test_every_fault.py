"""Every fault of the catalogue against a real server, through our transport: what the connector makes of it.

Each line says how a reading request ends, how a request ends that does something, and whether it was done. No fault
ends in anything but an error of ours, or in the true answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Response

from connector.errors import (
    ConnectorError,
    ContractDrift,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    Refused,
    Unavailable,
)
from connector.sandbox.control import reply
from connector.sandbox.disturbances import FAULT_NOTES, REQUEST_FAULTS
from connector.sandbox.faults import Rule
from connector.sandbox.finexio import FinexioSettings, create_finexio
from connector.sandbox.platform import new_sandbox
from connector.sandbox.tryton import TrytonSettings, create_tryton
from connector.transport import Transport, TransportSettings
from tests.fakes import FakeClock
from tests.unit.sandbox.conftest import Financier, Serve, Served

Ending = type[ConnectorError] | None
"""None is the true answer, or one whose falseness the transport cannot see."""

LOST = (Unavailable, OutcomeUnknown)
UNUSABLE = (ContractDrift, OutcomeUnknown)
ANSWERED = (None, None)


def both(error: type[ConnectorError]) -> tuple[Ending, Ending]:
    return error, error


def endings(pair: tuple[Ending, Ending], done: bool, names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), (*pair, done))


EXPECTED: dict[str, tuple[Ending, Ending, bool]] = {
    **endings(LOST, True, "commit_then_timeout timeout_then_commit commit_and_never_answers"),
    **endings(LOST, True, "reset_after_commit cut_in_body reset_in_body token_answer_lost"),
    **endings(LOST, True, "huge_header many_headers status_500_after_commit"),
    **endings(LOST, True, "status_504_after_commit"),
    **endings(LOST, False, "cut_before_commit never_answers reset_before_commit not_http"),
    **endings(LOST, False, "status_500 status_502 status_503 status_408 status_425 status_599"),
    # A head without its end is taken for a head without a body.
    **endings(UNUSABLE, True, "cut_in_headers truncated_json truncated_gzip not_gzip gzip_bomb"),
    **endings(UNUSABLE, True, "huge_body html_200_after_commit empty_200 no_content deep_json"),
    **endings(UNUSABLE, True, "two_json_values not_a_number wrong_charset slow_drip"),
    **endings(UNUSABLE, True, "redirect_303_after_commit"),
    **endings(UNUSABLE, False, "html_200 redirect_302"),
    **endings(both(ContractDrift), False, "redirect redirect_301 redirect_308 redirect_loop"),
    **endings(both(RateLimited), False, "rate_limited rate_limited_no_header rate_limited_date"),
    **endings(both(RateLimited), False, "rate_limited_past_date rate_limited_zero"),
    **endings(both(RateLimited), False, "rate_limited_negative rate_limited_ten_years"),
    **endings(both(RateLimited), False, "rate_limited_nonsense rate_limited_body_only"),
    **endings(both(ReconnectRequired), False, "unauthorized unauthorized_empty forbidden"),
    **endings(both(Refused), False, "bad_request method_not_allowed conflict gone unprocessable"),
    **endings(both(NotFound), False, "not_found"),
    **endings(ANSWERED, True, "answered_twice slow slow_body wrong_content_type"),
    **endings(ANSWERED, True, "logins_end logins_end_after token_lives_ten_years"),
    **endings(ANSWERED, True, "token_lives_no_second token_life_as_text token_life_missing"),
    # JSON of another shape: whoever reads it must say so (test_faults_of_systems.py).
    **endings(ANSWERED, True, "accepted empty_object a_list a_number null_body"),
    **endings(ANSWERED, False, "error_in_200"),
    **{name: (None, None, True) for name in REQUEST_FAULTS if FAULT_NOTES[name].group == "data"},
}
WAITS = {
    "rate_limited": 1.0,
    "rate_limited_date": 1.0,
    "rate_limited_past_date": 0.0,
    "rate_limited_zero": 0.0,
    "rate_limited_ten_years": 3600.0,
}
"""What the connector understands of how long; for the other forms it has its own backoff."""

OPTIONS: dict[str, dict[str, Any]] = {
    "gzip_bomb": {"mebibytes": 4},
    "huge_body": {"mebibytes": 4},
}
MEBIBYTE = 1024 * 1024
RECORDS = [{"id": "a", "amount": 5, "status": "x", "updated": "2026-01-01T00:00:00"}, {"id": "b"}]


@dataclass
class Settings:
    seed: int = 1


class Counter:
    """A platform whose one path counts what really happened, and a transport to it."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.transports: list[Transport] = []

    def transport(self, fault: str) -> Transport:
        hangs = fault.endswith("never_answers")
        settings = TransportSettings(
            self.served.url,
            tries=1,
            read_timeout_seconds=0.2 if hangs else 30.0,
            max_answer_bytes=MEBIBYTE,
        )
        self.transports.append(Transport("counter", settings, FakeClock()))
        return self.transports[-1]

    def happened(self) -> int:
        return int(self.served.sandbox.ledger.meta("happened") or 0)

    def settle(self) -> None:
        """Wait for what a fault does later."""
        for thread in self.served.sandbox._background:
            thread.join()


@pytest.fixture
def counter(serve_platform: Serve, tmp_path: Path) -> Iterator[Counter]:
    sandbox = new_sandbox("counter", "Counter", Settings(), directory=tmp_path, choices=())

    def count() -> Response:
        with sandbox.ledger.transaction():
            happened = int(sandbox.ledger.meta("happened") or 0) + 1
            sandbox.ledger.set_meta("happened", str(happened))
        return reply({"count": 2, "next": None, "results": RECORDS, "expires_in": 3600})

    sandbox.app.add_url_rule("/v1/count", "count", count, methods=["GET", "POST"])
    made = Counter(serve_platform(sandbox))
    yield made
    for transport in made.transports:
        transport.close()


def ending(ask: Callable[[], object]) -> tuple[Ending, ConnectorError | None]:
    try:
        ask()
    except ConnectorError as error:
        return type(error), error
    return None, None


def test_every_fault_is_here_and_explained() -> None:
    assert set(EXPECTED) == set(REQUEST_FAULTS)
    assert all(note.sentence.endswith((".", ")")) for note in FAULT_NOTES.values())


# A drip is measured in real time, which a busy machine does not keep: tests/unit/transport has it on a clock of its own.
@pytest.mark.parametrize("fault", [name for name in EXPECTED if name != "slow_drip"])
def test_what_the_connector_makes_of_it(counter: Counter, fault: str) -> None:
    reading, doing, done = EXPECTED[fault]
    transport = counter.transport(fault)
    for method, expected in (("GET", reading), ("POST", doing)):
        body = None if method == "GET" else b"{}"

        def ask(method: str = method, body: bytes | None = body) -> object:
            return transport.request(method, "/v1/count", safe=body is None, body=body).json()

        before = counter.happened()
        counter.served.sandbox.faults.add(
            Rule(f"{method} /v1/count", fault, options=OPTIONS.get(fault, {}))
        )
        found, error = ending(ask)
        assert found is expected, error
        if isinstance(error, RateLimited):
            assert error.retry_after_seconds == WAITS.get(fault)
        counter.settle()
        assert counter.happened() - before == int(done)
        assert ending(ask)[0] is None, "the next request is answered, and by its own answer"
        assert counter.happened() - before == int(done) + 1


def test_every_platform_has_all_of_them(tmp_path: Path, financier: Financier) -> None:
    others = [
        create_finexio(FinexioSettings(), tmp_path / "finexio"),
        create_tryton(TrytonSettings(), tmp_path / "tryton"),
    ]
    for sandbox in (*others, financier.sandbox):
        assert set(REQUEST_FAULTS) <= sandbox.faults.known
        assert len(sandbox.faults.known) >= 100
    assert set(FAULT_NOTES) == financier.sandbox.faults.known
    for sandbox in others:
        sandbox.close()
