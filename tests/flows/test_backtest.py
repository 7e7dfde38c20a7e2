"""A draft tried on everything that is stored: what the report says is what activation then does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from connector.active_mapping import compiled
from connector.backtest import Scope, backtest
from connector.comparing import Pair
from mappings import shipped
from tests.flows.conftest import Build
from tests.flows.stage import Stage

# Everything is left out of financing that is owed less than 1,000.00, and discounts are not taken off.
OVERLAY = """
[exclude.too_small]
when = "amount_cents is less than 100000"
sentence = "The invoice is too small for financing."
"""


def draft_of(directory: Path) -> Path:
    document = shipped()["finexio"].replace(" | minus(discount_amount_cents)", "")
    path = directory / "draft.toml"
    path.write_text(document + OVERLAY, encoding="utf-8")
    return path


def compare(stage: Stage, draft: Path) -> dict[str, object]:
    program = stage.program
    active, _ = program.mappings.active("books")
    made = compiled(draft.read_text(encoding="utf-8"), draft.stem)
    today = program.clock.today()
    pair = Pair(active.document, made.document, "books", today)
    stream = program.mapped_stream("books")
    return backtest(program.database, "books", stream, pair, Scope(today)).as_dict()


def counts(stage: Stage) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    with stage.read() as tx:
        for total in tx.totals.by_outcome():
            found[total.currency, total.kind] += total.count
    return found


def of_report(side: object) -> Counter[tuple[str, str]]:
    assert isinstance(side, dict)
    return Counter(
        {
            (currency, kind): cell["records"]
            for currency, kinds in side.items()
            for kind, cell in kinds.items()
        }
    )


def test_the_report_is_what_activation_then_does(build: Build):
    stage = build(invoices=150, flow={"submit": "by_hand"}, source={"dirty_percent": 20})
    stage.settle()
    before = counts(stage)
    report = compare(stage, draft_of(stage.directory))
    assert of_report(report["before"]) == before
    assert counts(stage) == before, "a back-test writes nothing"

    draft = draft_of(stage.directory)
    stage.reconfigure('document = "render"', f'document = "render"\nmapping = "{draft}"')
    after = counts(stage)
    assert of_report(report["after"]) == after
    assert after != before
    assert after["USD", "mapped"] < before["USD", "mapped"]


def test_what_was_sent_already_is_listed_one_by_one(stage: Stage):
    touched = stage.add(amount_cents=10_000)
    stage.add(amount_cents=500_000)
    stage.settle()
    report = compare(stage, draft_of(stage.directory))
    lists = report["lists"]
    assert isinstance(lists, dict)
    assert [(entry["key"], entry["state"]) for entry in lists["touched"]] == [(touched, "draft")]
    assert lists["touched"][0]["money"] == {"USD": -10_000}
