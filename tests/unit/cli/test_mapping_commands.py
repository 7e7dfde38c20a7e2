"""Commands about mappings: what they print, and how they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mappings import shipped
from tests.flows.stage import Stage
from tests.unit.cli.conftest import Run


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "draft.toml"
    path.write_text(shipped()["finexio"].replace(" | minus(discount_amount_cents)", ""), "utf-8")
    return path


def test_a_shipped_mapping_is_shown_as_it_is(run: Run):
    assert run("mapping", "show", "tryton").out == shipped()["tryton"]
    said = run("mapping", "show", "tryto")
    assert said.code == 2
    assert "There are: finexio, " in said.err


def test_a_draft_is_checked_with_line_and_suggestion(run: Run, draft: Path):
    assert run("mapping", "check", draft).code == 0
    draft.write_text(draft.read_text("utf-8").replace("| minor_units", "| minor_unit", 1), "utf-8")
    said = run("mapping", "check", draft)
    assert said.code == 3
    assert "line " in said.err
    assert "minor_units" in said.err
    assert run("mapping", "check", draft.parent / "none.toml").code == 3


def test_what_a_draft_changes_is_said_in_words(run: Run, draft: Path):
    (change,) = json.loads(run("mapping", "diff", "finexio", draft, "--json").out)
    assert change["entry"] == "fields.amount"
    assert "minus(discount_amount_cents)" in change["before"]
    assert run("mapping", "diff", "finexio", "finexio").out == ""


def test_versions_explanation_and_back_test_of_a_store(run: Run, lived: Stage, draft: Path):
    config = ("--config", lived.config_path)
    (document,) = json.loads(run(*config, "mapping", "list", "--json").out)
    told = (document["subject"], document["version"], document["state"])
    assert told == ("base:finexio", 1, "active")

    waiting = json.loads(run(*config, "inbox", "--json").out)
    explained = run(*config, "mapping", "explain", waiting[0]["record"])
    assert explained.code == 0
    assert "amount_cents" in explained.out

    report = json.loads(
        run(*config, "mapping", "backtest", draft, "--connection", "books", "--json").out
    )
    assert report["records"] == sum(
        cell["records"] for kinds in report["before"].values() for cell in kinds.values()
    )
    shown = run(*config, "mapping", "backtest", draft, "--connection", "books")
    assert f"{report['records']} records" in shown.out
    assert run(*config, "mapping", "backtest", draft, "--connection", "nobody").code == 3
