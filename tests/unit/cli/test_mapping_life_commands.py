"""Commands that take a mapping through its life."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.clock import SystemClock
from tests.flows.conftest import Build
from tests.flows.stage import Stage
from tests.unit.cli.conftest import Run

TOO_SMALL = """\
# Only large invoices are worth the fee.
[exclude.too_small]
when = "amount_cents is less than 100000"   # one thousand
sentence = "The invoice is too small for financing."
"""


@pytest.fixture
def stage(build: Build) -> Stage:
    # The commands run on the machine's own clock, so the stage begins at its time.
    made = build(flow={"submit": "by_hand"}, start=SystemClock().now())
    made.add(amount_cents=10_000)
    made.add(amount_cents=500_000)
    made.settle()
    made.stop()
    return made


def documents(run: Run, stage: Stage) -> dict[int, str]:
    listed = json.loads(run("--config", stage.config_path, "mapping", "list", "--json").out)
    return {line["document"]: line["state"] for line in listed}


def test_the_whole_life_at_the_terminal(run: Run, stage: Stage, tmp_path: Path):
    def mapping(*arguments: str | Path, code: int = 0) -> str:
        said = run("--config", stage.config_path, "mapping", *arguments)
        assert said.code == code, said.err
        return said.out + said.err

    overlay = tmp_path / "overlay.toml"
    overlay.write_text(TOO_SMALL, "utf-8")
    assert "Document 2 is a draft" in mapping("new", "connection:books", overlay, "--note", "fees")
    assert mapping("show", "2") == TOO_SMALL
    assert "can be used" in mapping("check", "2")
    told = mapping("edit", "2", "--set", "exclude.too_small.when=amount_cents is less than 90000")
    assert "Document 3 is a draft" in told
    assert mapping("show", "3") == TOO_SMALL.replace("100000", "90000")
    assert "90000" in mapping("diff", "2", "3")
    assert "not back-tested" in mapping("activate", "3", code=6)
    assert "kept as report 1" in mapping("backtest", "3")
    report = mapping("report", "1")
    assert "1 of 2 records would come out otherwise" in report
    assert "inv_" not in report, "invoices are called by their number"
    mapping("approve", "3")
    asked = mapping("activate", "3", code=6)
    assert "books: 1 of 2 records would come out otherwise" in asked
    assert "1 comes out worse" in asked
    assert "--yes" in asked
    assert "1 stored records" not in mapping("activate", "connection:books", "--yes")
    assert documents(run, stage) == {3: "active", 2: "withdrawn", 1: "active"}
    assert "connection books" in mapping("show", "books")
    assert "is taken back; nothing is in its place" in mapping("rollback", "connection:books")
    assert "already" not in mapping("remap", "--connection", "books")


def test_a_layer_means_its_newest_draft_and_edit_says_the_layer(run: Run, stage: Stage):
    def mapping(*arguments: str | Path, code: int = 0) -> str:
        said = run("--config", stage.config_path, "mapping", *arguments)
        assert said.code == code, said.err
        return said.out + said.err

    change = ("--set", "fields.note=false")
    assert "No draft of connection:books" in mapping("edit", "connection:books", *change, code=6)
    mapping("new", "connection:books", "--note", "no notes")
    told = mapping("edit", "connection:books", *change)
    assert told.startswith("The layer connection:books is part of the mapping of books.")
    assert "note = false" in mapping("show", "connection:books")
    assert "Version 2 was made meanwhile" in mapping(
        "edit", "2", "--set", "fields.note=note", code=6
    )
    assert "can be used" in mapping("check", "connection:books")
    assert "None of 2 records" in mapping("backtest", "connection:books")
    days = ("--since", "2099-01-01", "--until", "2000-01-01")
    assert "No day lies between" in mapping("backtest", "connection:books", *days, code=6)
    assert "no notes" in mapping("list"), "the note goes along"
    assert "of books" in mapping("edit", "1", "--set", "fields.note=false")


def test_examples_are_pinned_checked_and_retired(run: Run, stage: Stage):
    config = ("--config", stage.config_path, "mapping")
    record = next(iter(stage.outcomes()))
    stage.stop()
    assert run(*config, "example", "pin", record, "usual").code == 0
    (line,) = json.loads(run(*config, "example", "list", "--json").out)
    assert (line["name"], line["expected"]["kind"]) == ("usual", "mapped")
    assert run(*config, "example", "check", "--connection", "books").code == 0
    assert run(*config, "new", "connection:books").code == 0
    assert run(*config, "edit", "2", "--set", "fields.note='x'").code == 6
    assert run(*config, "example", "retire", "books", "usual").code == 0
    assert run(*config, "example", "retire", "books", "usual").code == 6
    small = ("--set", "exclude.small.when=amount_cents is at least 0")
    run(
        *config,
        "edit",
        "connection:books",
        *small,
        "--set",
        "exclude.small.sentence=No.",
        "--set",
        "fields.note=note",
    )
    pin = (*config, "example", "pin", record, "stays out", "--with", "connection:books")
    asked = run(*pin)
    assert (asked.code, "is no invoice" in asked.err) == (6, True)
    assert run(*pin, "--yes").code == 0


def test_mappings_in_files_are_planned_then_applied(run: Run, stage: Stage, tmp_path: Path):
    config = ("--config", stage.config_path, "mapping", "apply")
    folder = tmp_path / "mappings"
    (folder / "connection").mkdir(parents=True)
    (folder / "connection" / "books.toml").write_text(TOO_SMALL, "utf-8")
    planned = run(*config, folder)
    assert "connection:books: new" in planned.out
    assert "too small" in planned.out
    assert "Nothing was changed" in planned.err
    assert set(documents(run, stage).values()) == {"active"}
    applied = run(*config, folder, "--yes")
    assert "is active" in applied.err, applied.err
    assert "connection:books: unchanged" in run(*config, folder).out
    assert sorted(filter(None, stage.outcomes().values())) == ["mapped", "too_small"]
    stage.stop()
    (folder / "connection" / "nobody.toml").write_text(TOO_SMALL, "utf-8")
    assert run(*config, folder).code == 6
    assert run(*config, tmp_path / "none").code == 3


def test_a_draft_runs_in_shadow(run: Run, stage: Stage, tmp_path: Path):
    config = ("--config", stage.config_path, "mapping")
    overlay = tmp_path / "overlay.toml"
    overlay.write_text(TOO_SMALL, "utf-8")
    run(*config, "new", "connection:books", overlay)
    assert "runs for 3 days" in run(*config, "shadow", "2", "--days", "3").err
    assert run(*config, "shadow", "--stop", "1").code == 0
    assert run(*config, "shadow").code == 2
    assert run(*config, "report", "1").code == 6
