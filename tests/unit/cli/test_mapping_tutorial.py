"""docs/mapping-life.md, word for word: its commands in their order, and what the page says they print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.clock import SystemClock
from connector.sandbox.run import run_sandbox
from connector.secrets import new_key
from mappings import Layer, load_layers, shipped
from tests.unit.cli.conftest import Run

DOCS = Path(__file__).parents[3] / "docs"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DAY_OF_THE_PAGE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PLATFORMS = ("tryton", "finexio", "hosted_session")


class OnThatDay(SystemClock):
    """The machine's clock, put back to the day on which the page was written."""

    def __init__(self) -> None:
        self._ahead = super().now() - DAY_OF_THE_PAGE

    def now(self) -> datetime:
        return super().now() - self._ahead


def tutorial() -> str:
    return (DOCS / "tutorial.md").read_text("utf-8")


def page() -> str:
    text = (DOCS / "mapping-life.md").read_text("utf-8")
    return text.split("## Ten minutes", 1)[1].split("## The rules")[0]


def steps() -> Iterator[tuple[list[list[str]], list[str]]]:
    """The commands of each block, and the lines that stand below it (none where the page shows none)."""
    blocks = FENCE.findall(page().split("### In the browser")[0])
    for place, (kind, body) in enumerate(blocks):
        if kind in ("sh", "bash"):
            after = blocks[place + 1 :][:1]
            shown = after[0][1].splitlines() if after and after[0][0] == "" else []
            lines = body.replace("\\\n", " ").splitlines()
            yield [shlex.split(line) for line in lines], shown


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Iterator[Path]:
    """What steps 1 to 3 of the tutorial leave behind."""
    monkeypatch.setattr("connector.bootstrap.SystemClock", OnThatDay)
    monkeypatch.chdir(tmp_path)
    for name, value in re.findall(r"\b([A-Z_]+)=([\w:/.-]+)", tutorial()):
        monkeypatch.setenv(name, value)
    (tmp_path / "connector.key").write_text(new_key())
    (tmp_path / "connector.key").chmod(0o600)
    options = dict(re.findall(r"--(invoices|seed) (\d+)", tutorial()))
    config = next(body for _, body in FENCE.findall(tutorial()) if body.startswith("[store]"))
    with run_sandbox(
        tmp_path / "sandbox",
        platforms=PLATFORMS,
        seed=int(options["seed"]),
        invoices=int(options["invoices"]),
        start_at=DAY_OF_THE_PAGE,
    ) as sandbox:
        addresses = iter(sandbox.platforms[name].base_url for name in PLATFORMS)
        own = re.sub(r"http://127\.0\.0\.1:\d+", lambda _: next(addresses), config)
        (tmp_path / "connector.toml").write_text(own, "utf-8")
        assert run("sync").code == 0
        yield tmp_path


@pytest.mark.usefixtures("books")
def test_the_page_prints_what_it_says(run: Run):
    done = 0
    for commands, shown in steps():
        said = []
        for program, *arguments in commands:
            assert program == "connector"
            answer = run(*arguments)
            said += [*answer.err.splitlines(), *answer.out.splitlines()]
        printed = iter([" ".join(line.split()) for line in said])
        for line in shown:
            expected = " ".join(line.split())
            assert expected == "..." or expected in printed, f"{line}\n\nis not in\n\n{said}"
        done += 1
    assert done == 10, "the steps of the page"


def test_what_the_page_says_of_the_browser_and_of_finexio_can_be_used():
    overlay = next(body for kind, body in FENCE.findall(page()) if kind == "toml")
    layers = [Layer("base", shipped()["tryton"]), Layer("books", overlay)]
    load_layers(layers, name="tryton")
    written = re.findall(r"`(invoice_due_date \|[^`]*)`", page())[0]
    finexio = overlay.replace(
        "due_date | date | or_days_after(invoice_date, party_ref, terms)", " ".join(written.split())
    )
    assert "receiving_counterparty_id" in finexio
    load_layers([Layer("base", shipped()["finexio"]), Layer("books", finexio)], name="finexio")
