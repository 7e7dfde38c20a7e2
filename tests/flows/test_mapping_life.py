"""The life of a mapping on a running connector: draft, check, back-test, approval, activation, rollback, shadow."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from connector.acting import Actions
from connector.authoring.examples import pin
from connector.authoring.stacks import Subject
from connector.errors import Refused
from connector.store.mapping_documents import MappingDocument
from tests.flows.conftest import Build
from tests.flows.stage import Stage

OVERLAY = Subject("connection", "books")
COMPANY = Subject("company", "company/finexio")
BASE = Subject("base", "finexio")

TOO_SMALL = """
# Only large invoices are worth the fee.
[exclude.too_small]
when = "amount_cents is less than 100000"
sentence = "The invoice is too small for financing."
"""
HALF = TOO_SMALL.replace("100000", "50000")


def drafted(stage: Stage, text: str = TOO_SMALL, subject: Subject = OVERLAY) -> MappingDocument:
    return stage.program.mapping_life.new(subject, text, "ann")


def tried(stage: Stage, text: str = TOO_SMALL, subject: Subject = OVERLAY) -> int:
    document = drafted(stage, text, subject)
    stage.program.trials.backtest(document.id, "ann")
    return document.id


def live(stage: Stage, text: str = TOO_SMALL, subject: Subject = OVERLAY) -> int:
    document_id = tried(stage, text, subject)
    stage.program.mapping_life.activate(document_id, "ann")
    stage.tasks.remap("books")
    return document_id


def state(stage: Stage, document_id: int) -> str:
    with stage.read() as tx:
        return tx.mapping_documents.get(document_id).state


def audited(stage: Stage) -> list[tuple[str, str]]:
    with stage.read() as tx:
        return [
            (row.actor, row.action)
            for row in reversed(tx.audit.recent(100))
            if row.action.startswith("mapping.")
        ]


def test_an_overlay_goes_from_draft_to_active_and_back(build: Build):
    stage = build(flow={"submit": "by_hand"})
    small, large = stage.add(amount_cents=10_000), stage.add(amount_cents=500_000)
    stage.settle()
    assert stage.outcomes() == {small: "mapped", large: "mapped"}

    document_id = tried(stage)
    assert state(stage, document_id) == "backtested"
    assert stage.outcomes()[small] == "mapped", "nothing is decided before the activation"
    stage.program.mapping_life.activate(document_id, "ann")
    stage.settle()
    assert stage.outcomes() == {small: "too_small", large: "mapped"}
    assert {row.state for row in stage.financings()} == {"ready", "withdrawn"}

    stage.program.mapping_life.rollback(OVERLAY, "bob")
    stage.settle()
    assert stage.outcomes() == {small: "mapped", large: "mapped"}
    assert {row.state for row in stage.financings()} == {"ready"}
    assert audited(stage)[2:] == [
        ("ann", "mapping.drafted"),
        ("ann", "mapping.checked"),
        ("ann", "mapping.backtested"),
        ("ann", "mapping.activated"),
        ("bob", "mapping.rolled_back"),
    ]
    assert not stage.violations()


def test_each_field_says_which_layer_set_it(stage: Stage):
    live(stage, '[fields]\nnote = "invoice_number | trim"\n', COMPANY)
    live(stage)
    origins = stage.program.mapping_life.origins("books")
    assert origins["fields.amount"].layer == "base finexio"
    assert origins["fields.note"].layer == "company company/finexio"
    assert origins["exclude.too_small"].layer == "connection books"
    assert "connection books" in stage.program.mapping_life.annotated("books")


def test_a_step_left_out_is_refused_by_its_name(stage: Stage):
    life = stage.program.mapping_life
    stage.start()
    document = drafted(stage)
    with pytest.raises(Refused, match="not checked"):
        life.activate(document.id, "ann")
    assert life.check(document.id, "ann") == {}
    with pytest.raises(Refused, match="not back-tested"):
        life.activate(document.id, "ann")
    with pytest.raises(Refused, match="only what was back-tested"):
        life.approve(document.id, "bob")


def test_what_cannot_be_used_stays_a_draft_and_says_layer_and_line(stage: Stage):
    stage.start()
    wrong = TOO_SMALL.replace("amount_cents", "amount_cent")
    document = drafted(stage, wrong)
    told = stage.program.mapping_life.check(document.id, "ann")
    assert "connection books" in told["books"]
    assert "line 4" in told["books"]
    assert "amount_cents" in told["books"]
    assert state(stage, document.id) == "draft"
    with pytest.raises(Refused, match="cannot be used"):
        stage.program.trials.backtest(document.id, "ann")


def test_a_back_test_beside_an_older_mapping_does_not_count(stage: Stage):
    stage.start()
    first, second = tried(stage), tried(stage, HALF)
    stage.program.mapping_life.activate(first, "ann")
    with pytest.raises(Refused, match="beside the mapping that is active now"):
        stage.program.mapping_life.activate(second, "ann")
    stage.program.trials.backtest(second, "ann")
    stage.program.mapping_life.activate(second, "ann")
    assert (state(stage, first), state(stage, second)) == ("superseded", "active")


def test_going_back_twice_goes_back_two_steps(stage: Stage):
    life = stage.program.mapping_life
    first = live(stage)
    live(stage, HALF)
    live(stage, HALF.replace("50000", "2000"))
    assert [life.rollback(OVERLAY, "ann")[0] for _ in range(3)][1].id == first  # type: ignore[union-attr]
    with pytest.raises(Refused, match="No document"):
        life.rollback(OVERLAY, "ann")
    with pytest.raises(Refused, match="no other document"):
        life.rollback(BASE, "ann")


def test_a_second_person_approves_where_one_must(build: Build):
    stage = build()
    stage.reconfigure("[store]", '[mappings]\napproval = "second_person"\n\n[store]')
    life = stage.program.mapping_life
    document_id = tried(stage)
    with pytest.raises(Refused, match="second person"):
        life.activate(document_id, "ann")
    with pytest.raises(Refused, match="Who wrote a change"):
        life.approve(document_id, "ann")
    life.approve(document_id, "bob")
    life.activate(document_id, "ann")
    assert state(stage, document_id) == "active"


def test_an_edit_is_a_new_version_and_keeps_what_its_author_wrote(stage: Stage):
    stage.start()
    before = drafted(stage)
    life = stage.program.mapping_life
    after = life.set_entry(
        before.id, '[exclude.too_small]\nwhen = "amount_cents is less than 5"\n', "bob"
    )
    assert after.document == TOO_SMALL.replace("100000", "5")
    assert (after.based_on, state(stage, before.id)) == (before.id, "withdrawn")
    with pytest.raises(Refused, match="Nothing was changed"):
        life.edit(after.id, after.document, "bob")


def test_an_activation_is_held_to_golden_examples(build: Build):
    stage = build(flow={"submit": "by_hand"})
    small = stage.add(amount_cents=10_000)
    stage.settle()
    program = stage.program
    with program.database.write() as tx:
        record = tx.records.find("books", "invoices", small)
        assert record is not None
        active = program.mappings.active("books")[0]
        pin(tx, record.id, "a small one", active, program.clock.today(), "ann")
    document_id = tried(stage)
    with pytest.raises(
        Refused,
        match="1 golden example of books comes out otherwise:\n  a small one: should be mapped, but is excluded",
    ):
        program.mapping_life.activate(document_id, "ann")
    with program.database.write() as tx:
        draft = program.mapping_life.drafts(document_id)[0][1]
        pin(
            tx,
            record.id,
            "a small one",
            draft,
            program.clock.today(),
            "ann",
            document_id=document_id,
        )
    program.mapping_life.activate(document_id, "ann")
    with stage.read() as tx:
        (example,) = tx.mapping_examples.in_force("books")
    assert (example.version_no, example.expected["kind"]) == (2, "excluded")


def test_what_was_sent_follows_the_policy(build: Build):
    for policy, reason in (("flag", "changed_after_submission"), ("keep", "mapped")):
        stage = build(flow={"amendments": policy})
        sent = stage.add(amount_cents=500_000, discount_amount_cents=0)
        stage.settle()
        terms = stage.financing().terms
        live(stage, '[fields]\nissue_date = "invoice_due_date | date_of_timestamp"\n')
        assert stage.outcomes()[sent] == reason, policy
        assert stage.financing().terms == terms
        stage.change(sent, amount_cents=400_000)
        stage.pull(full_walk=True)
        assert stage.outcomes()[sent] == "changed_after_submission", "the record itself changed"
        assert not stage.violations()


def test_what_another_mapping_offers_no_more_is_for_a_person_once_it_was_sent(build: Build):
    for policy, reason in (("keep", "too_small"), ("flag", "changed_after_submission")):
        stage = build(flow={"amendments": policy})
        sent = stage.add(amount_cents=50_000, discount_amount_cents=0)
        stage.settle()
        live(stage)
        assert stage.outcomes()[sent] == reason, policy
    with stage.read() as tx:
        (record,) = tx.records.by_source_id(sent)
        sentence = tx.records.current_outcome(record.id).sentence
    assert "offer it any more (The invoice is too small for financing)" in (sentence or "")
    acting = Actions(stage.program)
    acting.retrying.retry([record.id], by="ann")
    live(stage, HALF.replace("50000", "60000"))
    assert stage.outcomes()[sent] == reason, "nobody settled it"
    live(stage, HALF.replace("50000", "40000"))
    assert stage.outcomes()[sent] == "mapped", "it is offered again"
    live(stage)
    stage.complete_sessions()
    stage.desk("financed", "repaid")
    stage.settle()
    acting.retrying.retry([record.id], by="ann")
    assert stage.outcomes()[sent] == "too_small", "nothing is left to settle"
    assert not stage.violations()


def test_a_due_day_that_passes_is_no_change_of_the_mapping(build: Build):
    stage = build()
    sent = stage.add(amount_cents=500_000, invoice_due_date="2026-03-04")
    stage.settle()
    document_id = tried(stage)
    stage.clock.advance(5 * 86_400)
    stage.program.mapping_life.activate(document_id, "ann")
    stage.tasks.remap("books")
    assert stage.outcomes()[sent] == "past_due"


def test_history_before_a_day_may_be_left_alone(build: Build):
    stage = build(flow={"submit": "by_hand"})
    old = stage.add(amount_cents=10_000)
    stage.settle()
    stage.clock.advance(86_400)
    new = stage.add(amount_cents=10_001)
    stage.settle()
    document_id = tried(stage)
    stage.program.mapping_life.activate(document_id, "ann", remap_since=date(2026, 3, 3))
    stage.settle()
    assert stage.outcomes() == {old: "mapped", new: "too_small"}
    stage.restart()
    assert stage.outcomes()[old] == "mapped", "a restart does not go beyond it"
    stage.program.remapper("books").ask("ann", None)
    stage.tasks.remap("books")
    assert stage.outcomes() == {old: "too_small", new: "too_small"}


def test_a_restart_does_not_undo_what_people_activated(stage: Stage):
    stage.start()
    with stage.read() as tx:
        base = tx.mapping_documents.active("base", "finexio")
    assert base is not None
    document_id = tried(stage, base.document + TOO_SMALL, BASE)
    stage.program.mapping_life.activate(document_id, "ann")
    stage.restart()
    assert state(stage, document_id) == "active"


def test_a_draft_in_shadow_sees_what_is_pulled_and_decides_nothing(build: Build):
    stage = build(flow={"submit": "by_hand"})
    stage.settle()
    document = drafted(stage)
    (trial,) = stage.program.trials.start_shadow(document.id, "ann", timedelta(days=1))
    with pytest.raises(Refused, match="in shadow on 'books' already"):
        stage.program.trials.start_shadow(document.id, "ann", timedelta(days=1))
    small, large = stage.add(amount_cents=10_000), stage.add(amount_cents=500_000)
    stage.settle()
    stage.change(small, amount_cents=20_000)
    stage.pull(full_walk=True)
    assert stage.outcomes() == {small: "mapped", large: "mapped"}
    with stage.read() as tx:
        report = tx.mapping_trials.report(trial)
    assert report is not None
    assert (report["records"], report["counts"]["stopped"]) == (3, 2)
    stage.clock.advance(86_400)
    stage.add(amount_cents=10_000)
    stage.settle()
    with stage.read() as tx:
        ended = tx.mapping_trials.get(trial)
    assert (ended.state, ended.records) == ("finished", 3)


def test_an_activation_in_the_middle_of_a_pull_leaves_no_record_half(build: Build):
    """The walk began with the old mapping; what is stored after the activation is decided by the new one, and the
    re-mapping does the rest: every record ends with one outcome of the version in force."""
    stage = build(flow={"submit": "by_hand"})
    stage.start()
    document_id = tried(stage)
    for number in range(350):
        stage.add(amount_cents=10_000 + number)
    system = stage.program.systems["books"]
    pages = system.pull

    def activating(stream: str, cursor: object) -> object:
        for number, page in enumerate(pages(stream, cursor)):  # type: ignore[arg-type]
            if stream == "invoices" and number == 2:
                stage.program.mapping_life.activate(document_id, "ann")
                stage.tasks.remap("books")
            yield page

    system.pull = activating  # type: ignore[method-assign, assignment]
    assert stage.pull(full_walk=True)
    stage.tasks.remap("books")
    assert set(stage.outcomes().values()) == {"too_small"}
    active = stage.program.mappings.active("books")[1]
    with stage.read() as tx:
        rows = tx.records.list_current(("excluded",), limit=1000)
    assert {row.outcome.mapping_version_id for row in rows} == {active}
    assert len(rows) == 350


def test_going_back_from_the_first_overlay_after_one_that_was_taken_off_leaves_none(stage: Stage):
    life = stage.program.mapping_life
    live(stage)
    assert life.rollback(OVERLAY, "ann")[0] is None
    live(stage, HALF)
    assert life.rollback(OVERLAY, "ann")[0] is None, "what was taken back is not brought back"
