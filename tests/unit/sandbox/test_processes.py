"""The platforms as processes: start, answer, survive kill -9 with their ledger, end with the one who started them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connector.sandbox.ledger import Ledger
from connector.sandbox.run import control, run_sandbox


def test_all_platforms_start_answer_and_stop(tmp_path: Path) -> None:
    with run_sandbox(
        tmp_path, seed=3, invoices=40, webhook_url="http://127.0.0.1:9/hook"
    ) as sandbox:
        totals = control(sandbox.finexio.base_url, "/sandbox/totals")
        assert sum(c["count"] for outcome in totals.values() for c in outcome.values()) == 40
        settings = control(sandbox.financier.base_url, "/sandbox/settings")
        assert settings["webhook_url"] == "http://127.0.0.1:9/hook"
        with pytest.raises(RuntimeError, match="400"):
            control(sandbox.finexio.base_url, "/sandbox/settings", {"nonsense": 1})
        added = control(sandbox.finexio.base_url, "/sandbox/invoices", {})["ids"][0]
        sandbox.finexio.process.send_signal(signal.SIGKILL)
        sandbox.finexio.process.wait()
        financier = sandbox.financier.process
    assert financier.returncode == 0
    ledger = Ledger(sandbox.finexio.ledger_path)
    assert ledger.get("invoice", added) is not None
    ledger.close()


def test_a_platform_ends_when_its_starter_does(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "connector.sandbox.finexio",
        "--data",
        str(tmp_path),
        "--stop-at-eof",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert b"base_url" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_bad_settings_are_refused_at_the_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "connector.sandbox.finexio", "--data", str(tmp_path)]
    done = subprocess.run([*command, "--settings", '{"x": 1}'], capture_output=True, timeout=60)
    assert done.returncode == 2
    assert b"There is no setting 'x'" in done.stderr
    with pytest.raises(RuntimeError, match="did not start"):
        run_sandbox(tmp_path, settings={"finexio": {"x": 1}})
