"""A pull so large that a second process evaluates gives what a small one gives, and survives that process's end."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from connector.errors import Unavailable
from connector.evaluating import Beside
from connector.pull import Puller, RunReport
from connector.sandbox.finexio.oracle import expected_totals
from tests.flows.conftest import Build
from tests.flows.stage import Stage


def pull_beside(stage: Stage) -> list[RunReport]:
    """Pull both streams as the task does, with the second process from the first record on."""
    program = stage.program
    puller = Puller(program.database, program.clock, program.box, program.decider, beside_after=0)
    system = program.systems["books"]
    return [
        puller.run("books", system, stream, full_walk=True)
        for stream in sorted(system.streams, key=lambda stream: stream.mapped)
    ]


def test_what_is_evaluated_beside_adds_up_to_the_cent(build: Build):
    stage = build(invoices=950, flow={"submit": "by_hand"}, source={"dirty_percent": 20})
    pull_beside(stage)
    told = expected_totals(stage.source.ledger, "v2", stage.clock.today())
    expected: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for by_currency in told.values():
        for currency, cell in by_currency.items():
            key = "XXX" if currency == "unreadable" else currency
            expected[key] += cell["count"]
            amounts[key] += cell["gross_minor_units"]
    found: Counter[str] = Counter()
    ours: Counter[str] = Counter()
    with stage.read() as tx:
        for total in tx.totals.by_outcome():
            found[total.currency] += total.count
            ours[total.currency] += total.amount_minor_units
    assert (found, ours) == (expected, amounts)
    assert sum(found.values()) == 950
    assert not stage.violations(at_rest=False)

    again = pull_beside(stage)
    assert [report.changed for report in again] == [0, 0]


def test_an_evaluating_process_that_dies_loses_nothing(
    build: Build, monkeypatch: pytest.MonkeyPatch
):
    stage = build(invoices=950, flow={"submit": "by_hand"})
    begin = Beside.begin
    batches: list[int] = []

    def begin_and_die(self: Beside, raws: list[bytes]) -> object:
        batches.append(len(raws))
        if len(batches) == 3:
            os.kill(self.process_id, signal.SIGKILL)
        return begin(self, raws)

    with monkeypatch.context() as patch:
        patch.setattr(Beside, "begin", begin_and_die)
        with pytest.raises(Unavailable, match="has ended"):
            pull_beside(stage)
    assert not stage.violations(at_rest=False)
    pull_beside(stage)
    with stage.read() as tx:
        assert sum(total.count for total in tx.totals.by_outcome()) == 950
    assert not stage.violations(at_rest=False)
