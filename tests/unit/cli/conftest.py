"""The command line run in this process, and a store with something of everything in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from connector.cli.main import main
from tests.flows.conftest import Build, build
from tests.flows.stage import Stage

__all__ = ["build"]


class Said(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command in this process, as the entry point does; gives exit code and what was printed."""
    monkeypatch.setenv("COLUMNS", "200")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def call(*arguments: str | Path) -> Said:
        capsys.readouterr()
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        finally:
            for handler in [h for h in root.handlers if h not in handlers]:
                root.removeHandler(handler)
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    yield call
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.fixture
def lived(build: Build) -> Stage:
    """A store with something of everything in it: submitted, parked, held, rejected, excluded. Its connector stopped."""
    stage = build()
    stage.add(amount_cents=10_000)
    stage.add(amount_cents="1250")
    stage.add(invoice_due_date=None)
    stage.add(status="sent")
    stage.settle()
    stage.add(amount_cents=20_000)
    stage.fault("POST /v1/invoices", "status_500", status=400)
    stage.pull(full_walk=True)
    stage.settle()
    stage.complete_sessions()
    stage.settle()
    stage.stop()
    return stage
