"""Versions of a mapping document: who may overtake whom, what single entries say, what an example tells."""

from __future__ import annotations

import pytest

from connector.authoring.editing import Value, snippet
from connector.authoring.examples import pin
from connector.errors import Refused
from tests.flows.conftest import Build
from tests.flows.stage import Stage
from tests.flows.test_mapping_life import HALF, TOO_SMALL, drafted, state, tried


def test_an_example_tells_each_field_that_comes_out_otherwise(build: Build):
    stage = build(flow={"submit": "by_hand"})
    source_id = stage.add(amount_cents=10_000, discount_amount_cents=2_500)
    stage.settle()
    program = stage.program
    with program.database.write() as tx:
        record = tx.records.find("books", "invoices", source_id)
        assert record is not None
        active = program.mappings.active("books")[0]
        with pytest.raises(Refused, match="at most 100 characters"):
            pin(tx, record.id, "x" * 101, active, program.clock.today(), "ann")
        pin(tx, record.id, "usual", active, program.clock.today(), "ann")
    document_id = tried(stage, '[fields]\namount = "amount_cents | minor_units"\nnote = false\n')
    with pytest.raises(Refused) as refused:
        program.mapping_life.activate(document_id, "ann")
    told = str(refused.value).splitlines()[1]
    assert "the amount should be 75.00 USD, but is 100.00 USD" in told
    assert "{" not in told
    assert "minor" not in told


def test_a_version_that_was_overtaken_is_not_edited(stage: Stage):
    stage.start()
    life = stage.program.mapping_life
    first = drafted(stage)
    second = life.edit(first.id, HALF, "ann", note="half is enough")
    with pytest.raises(Refused, match=r"Version 2 was made meanwhile by ann: .* is on its way"):
        life.edit(first.id, HALF.replace("50000", "7"), "bob")
    with stage.read() as tx:
        assert [document.id for document in tx.mapping_documents.open()] == [second.id]
    third = life.edit(second.id, HALF.replace("50000", "7"), "bob")
    assert third.note == "half is enough"
    life.withdraw(third.id, "bob")
    again = life.edit(second.id, HALF.replace("50000", "8"), "ann")
    assert again.version_no == 4, "what was given up stands in nobody's way"
    with pytest.raises(Refused, match="at most 1000 are kept"):
        life.edit(again.id, HALF, "ann", note="x" * 1001)


def test_older_drafts_are_withdrawn_when_a_newer_one_becomes_active(stage: Stage):
    stage.start()
    older, newer = drafted(stage), tried(stage, HALF)
    youngest = drafted(stage, HALF.replace("50000", "7"))
    stage.program.mapping_life.activate(newer, "ann")
    states = [state(stage, number) for number in (older.id, newer, youngest.id)]
    assert states == ["withdrawn", "active", "draft"]
    stage.program.mapping_life.withdraw(youngest.id, "ann")
    with pytest.raises(Refused, match="is in force"):
        stage.program.mapping_life.edit(older.id, TOO_SMALL.replace("100000", "9"), "ann")


def test_single_entries_of_an_overlay_speak_to_the_layers_below(stage: Stage):
    stage.start()
    life = stage.program.mapping_life
    entries: dict[str, Value] = {
        "exclude.past_due.off": True,
        "fields.note": False,
        "exclude.big.when": "amount_cents is more than 100000",
        "exclude.big.sentence": "Too big.",
    }
    made = life.set_entry(drafted(stage, HALF).id, snippet(entries), "ann")
    assert HALF.strip() in made.document
    assert "[exclude.past_due]\noff = true" in made.document
    assert '[exclude.big]\nwhen = "amount_cents is more than 100000"\nsentence = "Too big."' in (
        made.document
    )
    assert life.check(made.id, "ann") == {}
    with stage.read() as tx:
        base = tx.mapping_documents.active("base", "finexio")
    assert base is not None
    own = life.set_entry(base.id, snippet({"fields.note": False}), "ann")
    assert 'note = "note | text"' not in own.document
    assert life.check(own.id, "ann") == {}
