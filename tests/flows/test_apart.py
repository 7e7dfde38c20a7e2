"""What somebody must look at because two sides are apart: read and led nowhere, or with the financier and paid here."""

from __future__ import annotations

from connector.views.lines import instant
from connector.views.needs import needs
from tests.flows.conftest import Build


def test_what_was_read_without_a_flow_is_decided_once_there_is_one(build: Build):
    stage = build(flow={"submit": "by_hand"})
    text = stage.config_path.read_text("utf-8")
    stage.config_path.write_text(text.partition("[[flows]]")[0], "utf-8")
    stage.add(invoice_number="READ-1")
    stage.tasks.pull("books")
    with stage.read() as tx:
        assert tx.invoices.undecided("books", "invoices") == 1
    assert not stage.outcomes()

    stage.config_path.write_text(text, "utf-8")
    stage.restart()
    for task, _ in stage.tasks.by_key.values():
        task()
    with stage.read() as tx:
        assert tx.invoices.undecided("books", "invoices") == 0
    assert stage.versions() > 0
    assert len(stage.outcomes()) == 1
    assert not stage.violations(at_rest=False)


def test_what_was_paid_there_while_the_financier_has_it_needs_a_person_since_then(build: Build):
    stage = build()
    paid = stage.add(invoice_number="PAID-1", amount_cents=120_050)
    stage.settle()
    stage.clock.advance(600)
    stage.advance_source(paid, "complete")
    stage.pull(full_walk=True)
    since = stage.clock.now()
    stage.clock.advance(3600)

    with stage.read() as tx:
        (need,) = needs(tx, [])
    assert (need.kind, need.count) == ("moved_on", 1)
    assert need.sums[0]["amount"] == "1200.50"
    assert need.since == instant(since)
    assert need.leads_to[0] == "invoices"
