"""Evaluating beside gives what evaluating inline gives, and no process is left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from connector.beside import PIPE_BYTES
from connector.errors import Unavailable
from connector.evaluating import LARGEST_COUNTED, Beside, Inline, Recipe
from connector.sandbox.clock import SandboxClock
from connector.sandbox.finexio import create_finexio
from connector.sandbox.finexio.render import invoice
from connector.sandbox.finexio.settings import FinexioSettings
from connector.sandbox.server import serve
from connector.sandbox.wire import to_json
from connector.secrets import SecretBox, new_key
from mappings import load_mapping, shipped
from mappings.outcome import OutcomeKind

TODAY = date(2026, 11, 22)
KEY = new_key()
DOCUMENT = shipped()["finexio"]
RECIPE = Recipe(("account_number",), (KEY,), DOCUMENT, "finexio", TODAY)


@pytest.fixture
def inline() -> Inline:
    return Inline(
        ("account_number",), SecretBox([KEY]), load_mapping(DOCUMENT, name="finexio"), TODAY
    )


@pytest.fixture
def beside() -> Iterator[Beside]:
    evaluation = Beside(RECIPE)
    yield evaluation
    evaluation.close()


@pytest.fixture
def raws(tmp_path: Path) -> list[bytes]:
    settings = FinexioSettings(invoices=400, dirty_percent=30)
    sandbox = create_finexio(settings, tmp_path, SandboxClock(frozen=True))
    with serve(sandbox):
        found = [
            to_json(invoice(row, "v2", reveal_revision=False))
            for row in sandbox.ledger.select("invoice")
        ]
    unreadable = b'{"id":"z","account_number":"123","account_number":"1"}'
    return [*found, b'{"id":"x","id":"y"}', unreadable]


def test_beside_says_what_inline_says(inline: Inline, beside: Beside, raws: list[bytes]) -> None:
    box = SecretBox([KEY])
    here = inline.begin(raws).result()
    there = beside.begin(raws).result()
    assert [each.outcome for each in there] == [each.outcome for each in here]
    assert [each.stored for each in there] == [each.stored for each in here]
    for mine, theirs in zip(here, there, strict=True):
        opened = [None if s is None else box.decrypt(s) for s in (mine.secrets, theirs.secrets)]
        assert opened[0] == opened[1]
    kinds = {each.outcome.kind for each in here if each.outcome}
    assert kinds == set(OutcomeKind)
    assert any(each.secrets for each in here)


def test_no_secret_value_is_in_what_is_stored(inline: Inline) -> None:
    for raw in (
        b'{"id":"a","account_number":"4711-0815"}',
        b'{"id": "a", "account_number": "4711-0815"}',
        b'{"id":"a","account\\u005fnumber":"4711-0815"}',
        b'{"id":"a","account_number":"4711-0815","account_number":"4711-0815"}',
        b'{"id":"a","note":"account_number","account_number":"4711-0815"}',
    ):
        evaluated = inline.evaluated(raw)
        assert b"4711" not in evaluated.stored
        assert evaluated.secrets is not None
        assert b"4711-0815" in SecretBox([KEY]).decrypt(evaluated.secrets)


def test_an_amount_beyond_reason_is_not_counted(inline: Inline) -> None:
    evaluated = inline.evaluated(b'{"id":"a","currency":"USD","amount_cents":9000000000000000000}')
    assert evaluated.outcome is not None
    assert evaluated.outcome.kind is OutcomeKind.REJECTED
    assert evaluated.outcome.amount_minor_units is None
    assert LARGEST_COUNTED < 2**63 // 1000


def test_messages_larger_than_a_pipe_are_answered_in_their_order(
    inline: Inline, beside: Beside, raws: list[bytes]
) -> None:
    many = raws * 12
    assert sum(map(len, many)) > 2 * PIPE_BYTES
    batches = [many, raws[:1], many, raws[1:3]]
    answers = [future.result() for future in [beside.begin(batch) for batch in batches]]
    assert [[each.outcome for each in answer] for answer in answers] == [
        [each.outcome for each in inline.begin(batch).result()] for batch in batches
    ]


def test_messages_under_way_to_a_process_that_ends_are_told_too(
    beside: Beside, raws: list[bytes]
) -> None:
    beside.begin(raws).result()
    under_way = [beside.begin(raws * 12) for _ in range(5)]
    os.kill(beside.process_id, signal.SIGKILL)
    with pytest.raises(Unavailable):
        under_way[-1].result()


def test_a_process_that_ends_is_told_as_unavailable(beside: Beside) -> None:
    assert beside.begin([b"{}"]).result()[0].outcome is not None
    os.kill(beside.process_id, signal.SIGKILL)
    with pytest.raises(Unavailable, match="has ended"):
        beside.begin([b"{}"]).result()


def test_the_process_ends_with_its_input(beside: Beside) -> None:
    assert beside.begin([]).result() == []
    beside.close()
    with pytest.raises(ProcessLookupError):
        os.kill(beside.process_id, 0)


def test_what_is_left_unanswered_at_the_end_is_no_error(
    raws: list[bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    evaluation = Beside(RECIPE)
    under_way = [evaluation.begin(raws * 12) for _ in range(5)]
    under_way[0].result()
    evaluation.close()
    assert evaluation.exit_code == 0
    assert capfd.readouterr().err == ""
