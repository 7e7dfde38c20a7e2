"""Invoices that wait: for a link, for a document, for a person."""

from __future__ import annotations

from connector.deciding import DOCUMENT_MISSING
from connector.financier import RemoteCompany
from connector.system import Counterparty
from tests.flows.conftest import Build
from tests.flows.stage import Stage


def company(stage: Stage, name: str) -> RemoteCompany:
    """A company at the financier, made by somebody there."""
    return stage.program.financiers["bank"].create_company(
        Counterparty(counterparty_id=name, name=name, role="both", country="US")
    )


def test_an_unlinked_invoice_is_held_until_a_person_links_both_companies(build: Build):
    stage = build(flow={"create_companies": False})
    source_id = stage.add()
    stage.settle()
    assert stage.outcomes() == {source_id: "company_not_linked"}
    assert not stage.financings()

    linker = stage.program.linker(stage.program.config.flows[0])
    with stage.read() as tx:
        parties = tx.companies.counterparties("books")
    for number, party in enumerate(parties):
        made = company(stage, f"Company {number}")
        linker.link(party.counterparty_id, made.company_id, by="operator:test")
    assert stage.outcomes() == {source_id: "mapped"}
    stage.settle()

    assert stage.financing().state == "submitted"
    with stage.read() as tx:
        linked = [row for row in tx.audit.recent(100) if row.action == "company.linked"]
    assert {row.actor for row in linked} == {"operator:test"}
    assert not stage.violations()


def test_only_companies_that_invoices_need_are_made(stage: Stage):
    stage.add()
    stage.settle()

    assert len(stage.ledger.select("company")) == 2
    assert len(stage.source.ledger.select("counterparty")) == 5


def test_a_company_whose_creation_got_no_answer_is_not_made_twice(stage: Stage):
    stage.add()
    stage.fault("POST /v1/companies", "commit_then_timeout")
    stage.settle(longest_seconds=3600)
    stage.clock.advance(60)
    stage.pull()
    stage.submit()
    stage.settle()

    names = [row.body["name"] for row in stage.ledger.select("company")]
    assert len(names) == len(set(names)) == 2
    assert stage.financing().state == "submitted"


def test_without_its_document_an_invoice_waits_and_goes_on_when_it_is_attached(build: Build):
    stage = build(flow={"document": "wait"})
    source_id = stage.add()
    stage.settle()
    assert stage.outcomes() == {source_id: DOCUMENT_MISSING}

    with stage.program.database.write() as tx:
        (record,) = tx.records.by_source_id(source_id)
        tx.documents.add(record.id, "a.pdf", "pdf", b"%PDF-1.4 x", origin="hand", by="operator")
    decider = stage.program.decider("books")
    assert decider is not None
    stage.program.redecider("books").run(decider, "recheck", only=[record.id])
    stage.settle()

    assert stage.financing().state == "submitted"
    (stored,) = stage.ledger.facts("document_stored")
    assert b'"bytes":10' in stored["detail"].replace(b" ", b"")
    assert not stage.violations()


def test_a_tryton_invoice_without_attachment_waits_and_goes_on_the_next_day(build: Build):
    stage = build(system="tryton", invoices=12, source={"document_percent": 0, "dirty_percent": 0})
    stage.settle()
    waiting = [i for i, reason in stage.outcomes().items() if reason == DOCUMENT_MISSING]
    assert waiting
    assert not stage.ledger.select("invoice")
    assert not stage.violations()

    stage.reconfigure('document = "attachment"', 'document = "render"')
    stage.clock.advance(86_400)
    stage.settle()
    assert len(stage.ledger.select("invoice")) == len(waiting)
    assert not stage.violations()


def test_giving_a_parked_step_up_leaves_everything_sound(stage: Stage):
    source_id = stage.add()
    stage.fault("POST /v1/invoices", "status_500", status=400)
    stage.settle()
    row = stage.step("invoice")
    assert row.state == "parked"
    with stage.program.database.write() as tx:
        tx.outbox.decide(row.id, state="dead", reason="not wanted")
        tx.financing.set_state(
            row.financing_invoice_id, "parked", "not wanted", allowed_from=("parked",)
        )
    stage.settle()
    stage.pull(full_walk=True)
    stage.settle()

    assert stage.outcomes() == {source_id: "mapped"}
    assert not stage.ledger.select("invoice")
    assert not stage.violations()


def test_a_parked_step_that_is_tried_again_goes_on(stage: Stage):
    stage.add()
    stage.fault("POST /v1/invoices", "status_500", status=400)
    stage.settle()
    row = stage.step("invoice")
    with stage.program.database.write() as tx:
        tx.outbox.decide(row.id, state="pending", reason="the financier corrected it")
        tx.financing.set_state(
            row.financing_invoice_id, "submitting", "again", allowed_from=("parked",)
        )
    stage.settle()

    assert stage.financing().state == "submitted"
    assert len(stage.ledger.select("invoice")) == 1
    assert not stage.violations()


def test_a_death_between_the_links_and_the_decisions_is_made_up_for_at_the_start(build: Build):
    stage = build(flow={"create_companies": False, "buyer_limits": "ignore"})
    source_id = stage.add()
    stage.settle()
    with stage.program.database.write() as tx:
        for party in tx.companies.counterparties("books"):
            company_id = f"company_{party.counterparty_id}"
            tx.companies.link(
                "books", party.counterparty_id, "bank", company_id, how="hand", by="x"
            )
    assert stage.outcomes() == {source_id: "company_not_linked"}
    stage.restart()

    assert stage.outcomes() == {source_id: "mapped"}
    assert stage.financing().state == "ready"
