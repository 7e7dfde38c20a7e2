"""A changed mapping and the whole stored history: the back-test before it goes live, the re-mapping after.

The baseline of the same run is the least that either could do: read every stored record and decode its JSON.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.cases.product import CONNECTION, prepared
from bench.report import Figure, Report
from bench.serving import page_server
from connector.authoring.stacks import Subject
from connector.bootstrap import Program
from connector.strict_json import loads_storable

BACKTEST_SECONDS = 10.0
REMAP_SECONDS = 60.0
_PER = 100_000
OVERLAY = """
[exclude.too_small]
when = "amount_cents is less than 100000"
sentence = "The invoice is too small for financing."
"""


def history(records: int, rounds: int, work_dir: Path | None) -> Report:
    """Fill a store by a first pull, then back-test, activate and re-map a draft that changes many outcomes."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-history-", dir=work_dir) as folder,
        page_server(records) as server,
    ):
        program = prepared(server.url, Path(folder))
        try:
            program.pull_task(CONNECTION).run(full_walk=True)
            program.remapper(CONNECTION).run()
            return _measured(program, records, rounds)
        finally:
            program.close()


def _measured(program: Program, records: int, rounds: int) -> Report:
    life = program.mapping_life
    document = life.new(Subject("connection", CONNECTION), OVERLAY, "bench")
    reading, trying = [], []
    before_kib = _peak_kib()
    for _ in range(rounds):
        reading.append(_timed(lambda: _read_all(program)))
        trying.append(_timed(lambda: program.trials.backtest(document.id, "bench")))
    grown_mib = (_peak_kib() - before_kib) / 1024
    life.activate(document.id, "bench")
    remapping = _timed(lambda: program.remapper(CONNECTION).run())
    scale = _PER / records
    return Report(
        figures=[
            _figure("back-test", min(trying) * scale, min(reading) * scale, BACKTEST_SECONDS),
            _figure("re-map", remapping * scale, min(reading) * scale, REMAP_SECONDS),
        ],
        notes=[
            f"{records:,} records; back-test and reading are the best of {rounds} interleaved rounds, the re-mapping "
            f"is one. This process grew by {grown_mib:.0f} MiB during the back-tests."
        ],
    )


def _figure(name: str, seconds: float, baseline: float, limit: float) -> Figure:
    return Figure(
        name=f"{name}, 100,000 records",
        value=seconds,
        unit="s",
        baseline="read and decode",
        baseline_value=baseline,
        ratio=seconds / baseline,
        target=f"<= {limit:g} s",
        met=seconds <= limit,
    )


def _read_all(program: Program) -> None:
    after_id: int | None = 0
    stream = program.mapped_stream(CONNECTION)
    while after_id is not None:
        with program.database.read() as tx:
            rows, after_id = tx.records.stored_versions(
                CONNECTION, stream, after_id=after_id, limit=500
            )
        for *_, raw, _ in rows:
            loads_storable(raw)


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
