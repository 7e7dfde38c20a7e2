"""What a back-test says is what the activation then does: record for record, for drafts nobody chose."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.acting import Actions
from connector.authoring.stacks import Subject
from connector.corrections import Overlay
from connector.errors import RecordRejected, Refused
from mappings import Outcome, OutcomeKind
from tests.flows.conftest import Build
from tests.flows.stage import Stage

ORDER = ("mapped", "held", "excluded", "rejected")
RULES = (
    'when = "amount_cents is more than {n}"',
    'when = "amount_cents is less than {n}"',
)
Told = tuple[str, str | None, str | None, int | None]


def overlay(kind: str, rule: str, number: int, *, discount: bool) -> str:
    text = f"[{kind}.drawn]\n{rule.format(n=number)}\n"
    text += 'sentence = "Drawn by lot."\n'
    if not discount:
        text += '\n[fields]\namount = "amount_cents | minor_units"\n'
    return text


def told(outcome: Outcome) -> Told:
    amount = outcome.invoice.amount_minor_units if outcome.invoice is not None else None
    return outcome.kind.value, outcome.reason_code, outcome.currency, amount


def stored(stage: Stage) -> dict[str, Told]:
    """Every record's outcome in force, with what is offered for financing."""
    with stage.read() as tx:
        rows = tx.records.list_current(ORDER, limit=1000)
        offered = tx.financing.by_record([row.record.id for row in rows])
    found = {}
    for row in rows:
        outcome, financing = row.outcome, offered.get(row.record.id)
        amount = None
        if outcome.kind == "mapped" and financing is not None:
            amount = financing.amount_minor_units
        found[row.record.source_id] = (outcome.kind, outcome.reason_code, outcome.currency, amount)
    return found


def correct_some(stage: Stage) -> dict[str, Overlay]:
    """People correct what they can of the records that wait, by entering a due date."""
    correcting = Actions(stage.program).correcting
    with stage.read() as tx:
        waiting = tx.records.list_current(("held", "rejected"), limit=1000)
    found: dict[str, Overlay] = {}
    for row in waiting:
        with suppress(Refused, RecordRejected):
            done = correcting.correct(
                row.record.id, {"invoice_due_date": "2026-09-30"}, "a slip", by="ann"
            )
            found[row.record.source_id] = done.overlay
    assert found
    return found


def test_record_for_record(build: Build):
    stage = build(invoices=80, flow={"submit": "by_hand"}, source={"dirty_percent": 25})
    stage.settle()
    corrected = correct_some(stage)
    stage.settle()
    program, subject = stage.program, Subject("connection", "books")

    @settings(
        max_examples=8,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(
        kind=st.sampled_from(("exclude", "hold")),
        rule=st.sampled_from(RULES),
        number=st.integers(1_000, 5_000_000),
        discount=st.booleans(),
    )
    def holds(kind: str, rule: str, number: int, discount: bool) -> None:
        draft = program.mapping_life.new(
            subject, overlay(kind, rule, number, discount=discount), "ann"
        )
        (trial,) = program.trials.backtest(draft.id, "ann")
        before = stored(stage)
        (mapping,) = (m for _, m, _ in program.mapping_life.drafts(draft.id))
        with stage.read() as tx:
            report = tx.mapping_trials.report(trial)
            raws = {
                row.source_id: row.raw
                for row in tx.records.iter_latest("books", "invoices", limit=1000)
            }
        assert report is not None
        program.mapping_life.activate(draft.id, "ann")
        stage.tasks.remap("books")
        after = stored(stage)

        decider = program.decider("books")
        assert decider is not None
        assert decider.mapping.document == mapping.document
        assert after == {
            source_id: told(decider.evaluate_corrected(raw, corrected.get(source_id, ()))[0])
            for source_id, raw in raws.items()
        }
        moved = Counter(
            "worse" if ORDER.index(after[key][0]) > ORDER.index(before[key][0]) else "better"
            for key in before
            if after[key][0] != before[key][0]
        )
        assert (report["counts"]["worse"], report["counts"]["better"]) == (
            moved["worse"],
            moved["better"],
        )
        changed = {key for key in before if before[key] != after[key]}
        assert report["counts"]["changed"] == len(changed)
        mapped = [told for told in after.values() if told[0] == OutcomeKind.MAPPED.value]
        offered = Counter[str]()
        for _, _, currency, amount in mapped:
            offered[str(currency)] += amount or 0
        assert {c: p["amount_minor_units"] for c, p in report["financed_after"].items()} == offered
        assert not stage.violations(at_rest=False)

    holds()
