"""A person corrects single fields of a record that waits: it goes on, and the books have the last word."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.acting import Actions
from connector.authoring.stacks import Subject
from connector.corrections import from_json
from connector.errors import Refused
from connector.inbox_actions import Correcting
from connector.rendering import render
from connector.sandbox.tryton.models import INVOICE
from connector.sandbox.tryton.people_at_work import change_row
from connector.store.companies import CounterpartyRow
from connector.store.corrections import Correction
from connector.store.financing_rows import FinancingRow
from tests.flows.conftest import Build
from tests.flows.stage import Stage

DUE, LATER = "2026-06-30", "2026-07-15"
WHY = "the vendor's letter says so"


def correcting(stage: Stage) -> Correcting:
    return Actions(stage.program).correcting


def number(stage: Stage, source_id: str) -> int:
    with stage.read() as tx:
        return tx.records.by_source_id(source_id)[0].id


def correct(stage: Stage, source_id: str, **values: str | None) -> None:
    """Correct, and let what waits for it go on."""
    correcting(stage).correct(number(stage, source_id), values, WHY, by="ann")
    if stage.program.config.flows[0].submit == "by_hand":
        stage.settle()


def corrections(stage: Stage, source_id: str) -> list[Correction]:
    with stage.read() as tx:
        return tx.corrections.of_record(tx.records.by_source_id(source_id)[0].id)


def audited(stage: Stage) -> list[str]:
    with stage.read() as tx:
        assert not tx.audit.verify_chain()
        return [row.action for row in tx.audit.recent(1000) if row.action.startswith("record.")]


def outcomes_stored(stage: Stage) -> int:
    with stage.read() as tx:
        return tx.connection.exec_driver_sql("select count(*) from outcomes").scalar_one()


def due_date_in_lists(stage: Stage, source_id: str) -> str | None:
    query = f"select due_date from invoice_facts where record_id = {number(stage, source_id)}"
    with stage.read() as tx:
        return tx.connection.exec_driver_sql(query).scalar_one()


@pytest.fixture
def by_hand(build: Build) -> Stage:
    return build(flow={"submit": "by_hand"})


def _parties(stage: Stage, row: FinancingRow) -> list[CounterpartyRow | None]:
    with stage.read() as tx:
        return [
            tx.companies.counterparty("books", each) for each in (row.buyer_id, row.supplier_id)
        ]


# -- the whole way ----------------------------------------------------------------------------------------------------


def test_a_slip_is_corrected_financed_and_overtaken_by_the_books(stage: Stage):
    slip = stage.add(invoice_number="SLIP-1", invoice_due_date="30.06.2026")
    stage.settle()
    assert stage.outcomes()[slip] == "not_a_date"
    assert not stage.financings()

    preview = correcting(stage).preview(number(stage, slip), {"invoice_due_date": DUE})
    assert (preview.before.kind, preview.refusals) == ("rejected", {})
    assert preview.reads[0][:2] == ("due_date", None)
    assert not corrections(stage, slip)
    correct(stage, slip, invoice_due_date=DUE)
    stage.settle()

    assert stage.outcomes()[slip] == "mapped"
    sent = stage.financing()
    assert (sent.state, sent.due_date.isoformat()) == ("submitted", DUE)
    with stage.read() as tx:
        (source,) = tx.records.versions(sent.record_id)
        assert b"30.06.2026" in source.raw
        assert tx.corrections.of_outcomes([sent.outcome_id])[sent.outcome_id].corrected_by == "ann"
        (paper,) = tx.invoices.documents(sent.record_id)
        content = tx.documents.get(paper.id).content
    buyer, supplier = _parties(stage, sent)
    assert content == render(sent, buyer, supplier, ["invoice_due_date"]).content
    assert content != render(sent, buyer, supplier).content  # it says what was entered
    assert due_date_in_lists(stage, slip) == DUE
    assert not stage.violations()

    stage.complete_sessions()
    stage.settle()
    count = outcomes_stored(stage)
    stage.pull(full_walk=True)
    assert outcomes_stored(stage) == count
    with pytest.raises(Refused, match="was sent"):
        correct(stage, slip, invoice_due_date=LATER)
    with pytest.raises(Refused, match="as corrected"):
        correcting(stage).take_back(number(stage, slip), by="ann")

    stage.change(slip, invoice_due_date=DUE)
    stage.pull(full_walk=True)
    (ended,) = corrections(stage, slip)
    assert (ended.ended_by, stage.outcomes()[slip]) == ("connector", "mapped")
    assert stage.financing().terms == sent.terms
    assert audited(stage) == ["record.correction_ended", "record.corrected"]
    stage.change(slip, invoice_due_date=LATER)
    stage.pull(full_walk=True)
    assert stage.outcomes()[slip] == "changed_after_submission"
    assert not stage.violations()


def test_books_that_say_something_else_than_what_was_sent_are_told(stage: Stage):
    slip = stage.add(invoice_due_date="30.06.2026")
    stage.settle()
    correct(stage, slip, invoice_due_date=DUE)
    stage.settle()
    stage.change(slip, note="another note")
    stage.pull(full_walk=True)
    assert stage.outcomes()[slip] == "mapped"
    assert corrections(stage, slip)[0].ended_at is None

    stage.change(slip, invoice_due_date=LATER)
    stage.pull(full_walk=True)

    assert corrections(stage, slip)[0].ended_at is not None
    assert stage.outcomes()[slip] == "changed_after_submission"
    assert stage.financing().due_date.isoformat() == DUE
    assert not stage.violations()


def test_our_own_write_back_leaves_a_correction_in_force(build: Build):
    stage = build(
        system="tryton",
        invoices=14,
        source={"document_percent": 100, "dirty_percent": 0},
        flow={"submit": "by_hand"},
        connection={"write_fields": ["comment"]},
    )
    stage.settle()
    payable = next(row for row in stage.financings() if row.direction == "payable")
    with stage.read() as tx:
        source_id = tx.records.get(payable.record_id).source_id
    stage.clock.advance(60)
    change_row(stage.source, INVOICE, source_id, {"reference": None})
    stage.settle()
    assert stage.outcomes()[source_id] == "supplier_number_missing"
    correct(stage, source_id, reference="VENDOR-77")
    assert stage.outcomes()[source_id] == "mapped"
    assert stage.program.submit_task(stage.program.config.flows[0]).open_one(payable.id)
    stage.settle()
    stage.complete_sessions()
    stage.settle()
    stage.desk("requesting_signatures")
    stage.settle()
    stage.clock.advance(3600)
    stage.pull(full_walk=True)

    with stage.read() as tx:
        versions = tx.records.versions(payable.record_id)
        now = tx.financing.get(payable.id)
    assert versions[-1].is_echo
    assert now.invoice_number == "VENDOR-77"
    assert corrections(stage, source_id)[0].ended_at is None
    assert stage.outcomes()[source_id] == "mapped"
    assert not stage.violations()
    count = outcomes_stored(stage)
    stage.program.remapper("books").ask("ann", None)
    stage.tasks.remap("books")
    assert stage.outcomes()[source_id] == "mapped"
    assert outcomes_stored(stage) == count
    assert not stage.violations()


# -- before it is sent ------------------------------------------------------------------------------------------------


def test_it_is_taken_back_and_another_one_takes_its_place(by_hand: Stage):
    slip = by_hand.add(invoice_due_date=None)
    by_hand.settle()
    assert by_hand.outcomes()[slip] == "due_date_missing"
    correct(by_hand, slip, invoice_due_date=DUE)
    assert by_hand.financing().due_date.isoformat() == DUE
    assert due_date_in_lists(by_hand, slip) == DUE
    before = outcomes_stored(by_hand)
    correct(by_hand, slip, invoice_due_date=LATER)  # mapped before and after, and yet decided anew
    assert outcomes_stored(by_hand) == before + 1
    assert by_hand.financing().due_date.isoformat() == LATER
    newest, oldest = corrections(by_hand, slip)
    assert from_json(newest.fields)[0].was is None
    assert (newest.ended_at, oldest.ended_by) == (None, "ann")

    correcting(by_hand).take_back(number(by_hand, slip), by="bob")
    assert by_hand.outcomes()[slip] == "due_date_missing"
    assert by_hand.financing().state == "withdrawn"
    assert due_date_in_lists(by_hand, slip) is None
    with pytest.raises(Refused, match="No correction"):
        correcting(by_hand).take_back(number(by_hand, slip), by="bob")
    assert audited(by_hand) == [
        "record.correction_taken_back",
        "record.corrected",
        "record.corrected",
    ]
    assert not by_hand.violations(at_rest=False)


def test_it_outlives_retries_mappings_and_rollbacks(by_hand: Stage):
    slip = by_hand.add(invoice_due_date="30.06.2026")
    other = by_hand.add(amount_cents=900)
    by_hand.settle()
    correct(by_hand, slip, invoice_due_date=DUE)
    life, subject = by_hand.program.mapping_life, Subject("connection", "books")
    small = '[exclude.small]\nwhen = "amount_cents is less than 1000"\nsentence = "Not worth it."\n'
    draft = life.new(subject, small, "ann")
    (trial,) = by_hand.program.trials.backtest(draft.id, "ann")
    with by_hand.read() as tx:
        report = tx.mapping_trials.report(trial)
    assert report is not None
    assert report["counts"]["changed"] == 1  # the corrected one is mapped by both
    life.activate(draft.id, "ann")
    by_hand.tasks.remap("books")

    assert by_hand.outcomes() == {slip: "mapped", other: "small"}
    with by_hand.read() as tx:
        (offered,) = tx.financing.of_record(number(by_hand, slip))
    assert offered.due_date.isoformat() == DUE
    count = outcomes_stored(by_hand)
    by_hand.tasks.remap("books")
    Actions(by_hand.program).retrying.retry([number(by_hand, slip)], by="ann")
    every = [number(by_hand, slip), number(by_hand, other)]
    Actions(by_hand.program).decide_anew("books", every)
    assert outcomes_stored(by_hand) == count
    life.rollback(subject, "ann")
    by_hand.tasks.remap("books")
    assert by_hand.outcomes() == {slip: "mapped", other: "mapped"}
    assert not by_hand.violations(at_rest=False)


def test_companies_of_a_corrected_record_are_waited_for(build: Build):
    stage = build(flow={"create_companies": False, "submit": "by_hand"})
    slip = stage.add(invoice_due_date="30.06.2026")
    stage.settle()
    assert not stage.program.waiting_companies(stage.program.config.flows[0])

    correct(stage, slip, invoice_due_date=DUE)

    assert stage.outcomes()[slip] == "company_not_linked"
    assert len(stage.program.waiting_companies(stage.program.config.flows[0])) == 2


def test_a_shadow_run_sees_the_record_as_it_is_corrected(by_hand: Stage):
    slip = by_hand.add(invoice_due_date="30.06.2026")
    by_hand.settle()
    correct(by_hand, slip, invoice_due_date=DUE)
    life, subject = by_hand.program.mapping_life, Subject("connection", "books")
    rule = '[hold.noted]\nwhen = "note is present"\nsentence = "Look at the note."\n'
    draft = life.new(subject, rule, "ann")
    (trial,) = by_hand.program.trials.start_shadow(draft.id, "ann", timedelta(days=1))
    by_hand.change(slip, note="a note")
    by_hand.pull(full_walk=True)
    with by_hand.read() as tx:
        report = tx.mapping_trials.report(trial)
    assert report is not None
    assert list(report["before"]["USD"]) == ["mapped"]
    assert list(report["after"]["USD"]) == ["held"]


# -- what is noticed --------------------------------------------------------------------------------------------------


def test_a_correction_that_was_changed_outside_is_found(by_hand: Stage):
    slip = by_hand.add(invoice_due_date=None)
    by_hand.settle()
    correct(by_hand, slip, invoice_due_date=DUE)
    assert not by_hand.violations(at_rest=False)
    with by_hand.program.database.write() as tx:
        run = tx.connection.exec_driver_sql
        run("drop trigger record_corrections_frozen")
        run(f"update record_corrections set fields = replace(fields, '{DUE}', '{LATER}')")

    found = by_hand.violations(at_rest=False)

    assert "record_corrections_frozen" in found[0]
    assert found[1].startswith("I4 A financing invoice is not what its record says.")


# -- whole or not at all ----------------------------------------------------------------------------------------------


def test_a_correction_and_what_follows_from_it_are_one_transaction(
    by_hand: Stage, monkeypatch: pytest.MonkeyPatch
):
    slip = by_hand.add(invoice_due_date=None)
    by_hand.settle()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("connector.store.reading_facts.InvoiceFacts.save", killed)
        with pytest.raises(KeyboardInterrupt):
            correct(by_hand, slip, invoice_due_date=DUE)
    assert not corrections(by_hand, slip)
    assert by_hand.outcomes()[slip] == "due_date_missing"
    assert not audited(by_hand)
    correct(by_hand, slip, invoice_due_date=DUE)
    with monkeypatch.context() as patched:
        patched.setattr("connector.store.corrections.Corrections.note_outcomes", killed)
        by_hand.change(slip, note="another")
        with pytest.raises(KeyboardInterrupt):
            by_hand.pull(full_walk=True)
    by_hand.pull(full_walk=True)
    assert by_hand.outcomes()[slip] == "mapped"
    assert not by_hand.violations(at_rest=False)
