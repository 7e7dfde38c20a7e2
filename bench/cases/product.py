"""The connector itself, through its own configuration file and composition root.

    python -m bench.cases.product URL FOLDER [walk|filter]

The first run in a folder writes the configuration, makes the database and links all counterparties to companies, so
that eligible records become financing invoices. Then the connection is pulled as the scheduler would do it: `walk`
reads every page, `filter` asks what changed since the last pull. How long the pull alone took goes to the file that
the environment variable BENCH_INSIDE names.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from bench.records import COUNTERPARTIES, Ledger
from connector.bootstrap import Program, read_config
from connector.secrets import new_key

SEED = 7
CONNECTION = "finexio"
_FINANCIER = "hosted"
_CONFIG = """
[store]
url = "sqlite:///connector.db"

[encryption]
key = {{ file = "connector.key" }}

[connections.finexio]
system = "finexio"
base_url = "{url}"
username = "bench"
password = {{ env = "BENCH_PASSWORD" }}
concurrency = {concurrency}

[financiers.hosted]
platform = "hosted_session"
base_url = "http://127.0.0.1:9"
client_id = "bench"
client_secret = {{ env = "BENCH_PASSWORD" }}

[[flows]]
name = "bench"
connection = "finexio"
financier = "hosted"
submitted_by = "finance@example.com"
success_url = "https://portal.example.com/financed"
cancel_url = "https://portal.example.com/canceled"
type_of_goods = ["other"]
buyer_limits = "ignore"
"""


def prepared(url: str, folder: Path) -> Program:
    """The program on the folder's configuration, which is written where there is none."""
    path = folder / "connector.toml"
    first = not path.exists()
    if first:
        key = folder / "connector.key"
        key.touch(mode=0o600)
        key.write_text(new_key() + "\n")
        concurrency = int(os.environ.get("BENCH_CONCURRENCY", "8"))
        path.write_text(_CONFIG.format(url=url, concurrency=concurrency))
    program = Program(
        read_config(path, {**os.environ, "BENCH_PASSWORD": "bench-only"}), exclusive=True
    )
    if first:
        program.mapping_life.adopt(program.stacks.get(CONNECTION))
        ledger = Ledger(SEED, program.clock.today())
        with program.database.write() as tx:
            for number in range(COUNTERPARTIES):
                tx.companies.link(
                    CONNECTION,
                    ledger.counterparty_id(number),
                    _FINANCIER,
                    f"company_{number}",
                    "hand",
                    "bench",
                )
    return program


def main(url: str, folder: Path, how: str) -> None:
    """Pull once and say how long the pull took."""
    program = prepared(url, folder)
    task = program.pull_task(CONNECTION)
    wall, cpu = time.monotonic(), time.process_time()
    reports = task.run(full_walk=how == "walk")
    inside = {
        "pull_seconds": time.monotonic() - wall,
        "pull_cpu_seconds": time.process_time() - cpu,
        "records_seen": sum(report.seen for report in reports),
        "records_changed": sum(report.changed for report in reports),
    }
    program.close()
    where = os.environ.get("BENCH_INSIDE")
    if where:
        Path(where).write_text(json.dumps(inside))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "walk")
