"""A whole day on which everything goes wrong by a seed; at its end all adds up to the cent all the same."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from connector.sandbox.finexio.oracle import expected_totals
from connector.sandbox.plan import WINDOW_SECONDS, day_plan
from connector.sandbox.platform import Sandbox
from connector.sandbox.run import control
from tests.flows.conftest import Build
from tests.flows.stage import Stage

SEEDS = (20261123,)
"""More of them find more; one is what the time of every run allows."""
HOURS = 24
STEP_SECONDS = 4 * WINDOW_SECONDS


def let_all_go_wrong(sandbox: Sandbox, seed: int) -> None:
    sandbox.faults.plan = day_plan(seed, sandbox.name, sandbox.clock, sandbox.faults.known)


def live_through(stage: Stage) -> None:
    """Invoices change and come, people and the desk do their work, and the connector does what is due, all day."""
    began = stage.clock.now()
    end, hour = began + timedelta(hours=HOURS), 0
    while stage.clock.now() < end:
        for task, _ in stage.tasks.by_key.values():
            task()
        stage.deliver()
        stage.clock.advance(STEP_SECONDS)
        if stage.clock.now() < began + timedelta(hours=hour + 1):
            continue
        hour += 1
        stage.complete_sessions()
        control(stage.financier_url, "/sandbox/desk/advance", {"steps": 1})
        if stage.system == "finexio":
            stage.add(amount_cents=10_000 + hour)


def heal(stage: Stage) -> None:
    """Everything works again, and there is time for what was lost to be asked for."""
    used = [sandbox.faults.counts for sandbox in (stage.source, stage.financier)]
    assert all(sum(counts.values()) >= 10 for counts in used), used
    for sandbox in (stage.source, stage.financier):
        sandbox.faults.clear()
    stage.clock.advance(2 * 86_400)
    stage.pull(full_walk=True)
    look_again(stage)
    stage.settle(longest_seconds=3 * 86_400)
    stage.complete_sessions()
    stage.settle(longest_seconds=86_400)
    while control(stage.financier_url, "/sandbox/desk/advance", {"steps": 1})["moved"]:
        stage.settle(longest_seconds=86_400)
    stage.clock.advance(2 * 86_400)
    stage.settle(longest_seconds=86_400)


def look_again(stage: Stage) -> None:
    """A person sends every parked row on its way again, as `connector decide ROW again` does: a redirect as the answer
    to a request that does something is not a thing a machine should get over by itself."""
    with stage.program.database.write() as tx:
        for row in tx.outbox.listing(states=["parked"], limit=1000):
            tx.outbox.decide(row.id, state="unknown", reason="The other side works again.")
            if row.timeline_id is None:
                tx.financing.set_state(
                    row.financing_invoice_id, "submitting", None, allowed_from=("parked",)
                )


def outcomes(stage: Stage) -> dict[tuple[str, str], tuple[int, int]]:
    with stage.read() as tx:
        found = Counter[tuple[str, str]]()
        amounts = Counter[tuple[str, str]]()
        for total in tx.totals.by_outcome():
            found[total.kind, total.currency] += total.count
            amounts[total.kind, total.currency] += total.amount_minor_units
    return {key: (count, amounts[key]) for key, count in found.items()}


def told_by_the_oracle(stage: Stage) -> dict[tuple[str, str], tuple[int, int]]:
    told = expected_totals(stage.source.ledger, "v2", stage.clock.today())
    return {
        (kind, "XXX" if currency == "unreadable" else currency): (
            cell["count"],
            cell["gross_minor_units"],
        )
        for kind, by_currency in told.items()
        for currency, cell in by_currency.items()
        if cell["count"]
    }


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_of_faults_ends_with_the_totals_of_the_oracle(build: Build, seed: int) -> None:
    stage = build(
        invoices=25, source={"dirty_percent": 20}, account={"poll_interval_seconds": 3600}
    )
    stage.start()
    let_all_go_wrong(stage.source, seed)
    let_all_go_wrong(stage.financier, seed)
    live_through(stage)
    heal(stage)

    assert outcomes(stage) == told_by_the_oracle(stage)
    ours = {row.client_reference_id: row for row in stage.financings() if row.remote_invoice_id}
    theirs = stage.ledger.select("invoice")
    assert len(theirs) == len({remote.reference for remote in theirs}) == len(ours) > 15
    for remote in theirs:
        row = ours[str(remote.reference)]
        assert (row.currency, row.amount_minor_units) == (
            remote.currency,
            remote.amount_minor_units,
        )
        assert (row.raw_status, row.remote_invoice_id) == (remote.status, remote.id)
    assert not stage.violations()
    assert not stage.source.ledger.facts("payment_started")
