"""Every fault of a delivery, one after the other in one life: what the doorway answers, and that nothing comes of it."""

from __future__ import annotations

import pytest

from connector.sandbox.disturbances.delivery import WEBHOOK_FAULTS
from connector.sandbox.faults import Rule
from tests.flows.conftest import Build
from tests.flows.stage import Stage

FORGED = (
    *("webhook_bad_signature", "webhook_forged", "webhook_future_timestamp", "webhook_rewritten"),
    *("webhook_old_timestamp", "webhook_other_secret", "webhook_replay", "webhook_unsigned"),
)
ANSWERS: dict[str, set[int | None]] = {
    **{name: {200} for name in WEBHOOK_FAULTS},
    **{key: {401} for key in FORGED},
    "webhook_lose": {None},
}
"""What cannot be read is acknowledged and set aside: to refuse it would only bring it again."""


def live(stage: Stage) -> None:
    stage.settle()
    # An event about an invoice that is not ours is waited with for a day.
    a_week = 7 * 86_400
    for name in WEBHOOK_FAULTS:
        stage.financier.faults.add(Rule("WEBHOOK *", name))
    stage.complete_sessions()
    stage.settle(longest_seconds=a_week)
    for _ in range(8):
        stage.clock.advance(3600)
        stage.financier.app.test_client().post("/sandbox/desk/advance", json={"steps": 1})
        stage.settle(longest_seconds=a_week)
    stage.clock.advance(80 * 3600)
    stage.settle(longest_seconds=a_week)


def answered(stage: Stage) -> dict[str, set[int | None]]:
    """What the doorway answered to each fault's deliveries the first time."""
    rows = stage.ledger.rows(
        "SELECT d.fault AS fault, a.answer_status AS status FROM deliveries d"
        " LEFT JOIN attempts a ON a.delivery = d.sequence WHERE d.fault IS NOT NULL"
    )
    found: dict[str, set[int | None]] = {}
    for row in rows:
        found.setdefault(row["fault"], set()).add(row["status"])
    return found


@pytest.mark.long
def test_every_fault_of_a_delivery_in_one_life(build: Build) -> None:
    stage = build(invoices=40, account={"poll_interval_seconds": 43_200})
    live(stage)

    assert set(stage.financier.faults.counts) == set(WEBHOOK_FAULTS)
    found = answered(stage)
    # Refused unread: whether the sender still hears it depends on how far it has come with its five mebibytes.
    assert found.pop("webhook_too_large") <= {None, 413}
    assert found == {key: each for key, each in ANSWERS.items() if key != "webhook_too_large"}
    for row in stage.financings():
        history = stage.ledger.history("invoice", row.remote_invoice_id or "")
        told = iter(entry["status"] for entry in history)
        with stage.read() as tx:
            applied = [status.raw_status for status in tx.timeline.of_invoice(row.id)]
        assert applied[-1] == "repaid"
        assert all(word in told for word in applied), "`in` moves the iterator on"
    assert not stage.violations()
