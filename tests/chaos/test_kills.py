"""Kill -9 the running connector at random moments of a demo life, start it again, and reckon up at the end.

The platforms run on as processes of their own, with their first faults armed; people and desk go on by themselves.
"""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import Program, read_config
from connector.demo.life import Life
from connector.demo.reckoning import reckon
from connector.demo.world import World, world
from connector.sandbox.ledger import Ledger
from connector.sandbox.run import control
from connector.service import Service

pytestmark = pytest.mark.chaos


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class Victim:
    """`connector run` as a process, killed and started again."""

    def __init__(self, place: World, port: int, dice: random.Random) -> None:
        self._place = place
        self._port = port
        self._dice = dice
        self.log = place.directory / "run.log"

    def live_and_die(self) -> bool:
        """Start, wait some moments, kill. False when it was killed before its doorway was open."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "connector",
                    "--config",
                    str(self._place.config_path),
                    "run",
                ],
                stdout=log,
                stderr=log,
            )
            try:
                if self._dice.randrange(6) == 0:
                    time.sleep(self._dice.uniform(0.2, 1.5))  # while it starts
                    return False
                self._wait_for_doorway(process)
                time.sleep(self._dice.uniform(0.0, 1.2))
                assert process.poll() is None, self.log.read_text("utf-8")
                return True
            finally:
                process.kill()
                process.wait()

    def _wait_for_doorway(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(1200):
            assert process.poll() is None, self.log.read_text("utf-8")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail("The connector does not open its doorway.")


@pytest.fixture
def place(tmp_path: Path, kills: int, seed: int) -> Iterator[tuple[World, int]]:
    """The platforms, busy by themselves, and a configuration in which everything is quick."""
    port = free_port()
    with world(
        invoices=max(40, 2 * kills), seed=seed % 100 + 1, port=port, directory=tmp_path, faults=True
    ) as made:
        text = made.config_path.read_text("utf-8")
        for old, new in (
            ("submit_interval_seconds = 30", "submit_interval_seconds = 1"),
            ("write_back_interval_seconds = 30", "write_back_interval_seconds = 1"),
            ("poll_interval_seconds = 60", "poll_interval_seconds = 30"),
            ("quiet_period_seconds = 5", "quiet_period_seconds = 3"),
        ):
            assert old in text
            text = text.replace(old, new)
        made.config_path.write_text(text, "utf-8")
        settings: dict[str, Any] = {
            "person_delay_seconds": 2.0,
            "desk_interval_seconds": 3.0,
            "webhook_retry_seconds": [1.0] * 2000,
        }
        control(made.sandbox.financier.base_url, "/sandbox/settings", settings)
        made.tell_webhook_url(f"http://127.0.0.1:{port}/")
        yield made, port


def test_the_connector_may_be_killed_at_any_moment(
    place: tuple[World, int], kills: int, seed: int, capsys: pytest.CaptureFixture[str]
):
    made, port = place
    dice = random.Random(seed)
    with capsys.disabled():
        print(f"\nkills {kills}, seed {seed}")  # noqa: T201 - with it a failure can be looked at again
    victim = Victim(made, port, dice)
    for number in range(kills):
        if dice.randrange(3) == 0:
            match = dice.choice(["POST /v1/invoices", "POST /v1/financing_sessions", "GET /v1/*"])
            fault = dice.choice(["commit_then_timeout", "status_500_after_commit", "rate_limited"])
            rule = {"match": match, "fault": fault, "times": 1}
            control(made.sandbox.financier.base_url, "/sandbox/faults", rule)
        victim.live_and_die()
        assert number < kills

    program = Program(read_config(made.config_path), exclusive=True)
    service = Service(program)
    try:
        service.open()
        Life(program, made, service.tasks, lambda _sentence: None).run()
        lines = reckon(program, made)
        assert not [line for line in lines if not line.agrees]
        with program.database.read() as tx:
            stored = set(tx.connection.exec_driver_sql("select event_id from inbox").scalars())
    finally:
        service.stop()

    ledger = Ledger(made.sandbox.financier.ledger_path, read_only=True)
    try:
        invoices = ledger.select("invoice")
        assert len(invoices) == len({row.reference for row in invoices}) > 10
        acknowledged = {
            row["event_id"]
            for row in ledger.rows("SELECT event_id FROM attempts WHERE acknowledged = 1")
        }
    finally:
        ledger.close()
    assert acknowledged
    assert acknowledged <= stored
    assert "Traceback" not in victim.log.read_text("utf-8")
