"""Cases against each other on the same server: interleaved rounds, each run a process of its own."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.measure import Measured, run
from bench.serving import PageServer

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Case:
    """A way to pull all invoices of a server into a folder."""

    name: str
    command: Callable[[str, Path], list[str]]
    """Of the server's base address and the folder."""
    stored: Callable[[Path], int]
    """How many records the folder holds afterwards."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured run of a case."""

    case: str
    run: str
    """`first`, `again` (nothing changed), `changed ...`."""
    round: int
    records: int
    latency_ms: int
    measured: Measured
    requests: int
    max_in_flight: int
    stored: int
    inside: Mapping[str, float] = field(default_factory=dict)
    """What the case said of itself (the product: seconds of its pull without start-up)."""

    @property
    def sound(self) -> bool:
        """Whether the run ended well and every record was stored."""
        return self.measured.finished and self.stored == self.records

    @property
    def trouble(self) -> str:
        """Why it is not sound, for the table."""
        if self.measured.timed_out:
            return f"stopped after {self.measured.wall_seconds:.0f} s"
        if not self.measured.finished:
            return f"exit code {self.measured.exit_code}"
        return "" if self.sound else f"stored {self.stored} of {self.records}"


def _count(path: Path, rows: str) -> int:
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as database:
        try:
            found = database.execute(f"select count(*) from {rows}").fetchone()
        except sqlite3.OperationalError:  # the case ended before it made the table
            return 0
        return int(found[0])


def _airbyte_messages(folder: Path) -> int:
    with (folder / "stdout").open("rb") as lines:
        return sum(1 for line in lines if b'"type":"RECORD"' in line)


def bare() -> Case:
    """The baseline: requests + json + executemany, see `bench.cases.bare`."""
    return Case(
        "bare",
        lambda url, folder: [
            sys.executable,
            "-m",
            "bench.cases.bare",
            url,
            str(folder / "bare.db"),
        ],
        lambda folder: _count(folder / "bare.db", "invoices"),
    )


def product(how: str = "walk") -> Case:
    """The connector itself, see `bench.cases.product`. `how`: `walk`, or `filter` for what changed since."""
    return Case(
        "product",
        lambda url, folder: [sys.executable, "-m", "bench.cases.product", url, str(folder), how],
        lambda folder: _count(
            folder / "connector.db",
            "source_records where stream = 'invoices' and outcome_id is not null",
        ),
    )


_PEER_STORED: dict[str, Callable[[Path], int]] = {
    "dlt": lambda folder: _count(folder / "dlt.db", "invoices"),
    "singer": lambda folder: _count(folder / "singer.db", "invoices"),
    "airbyte": _airbyte_messages,
}
PEERS = tuple(_PEER_STORED)


def peer(name: str, peers_dir: Path) -> Case:
    """A peer in its own environment, made by `python -m bench peers`."""
    python = peers_dir.absolute() / name / "bin" / "python"
    script = ROOT / "bench" / "peers" / name / "pull.py"
    return Case(
        name,
        lambda url, folder: [str(python), str(script), url, str(folder)],
        _PEER_STORED[name],
    )


@contextmanager
def folder_for(work_dir: Path | None) -> Iterator[Path]:
    """A fresh folder for one run; removed afterwards."""
    path = Path(tempfile.mkdtemp(prefix="bench-", dir=work_dir))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is the same for all runs of a contest."""

    latency_ms: int = 0
    timeout_seconds: float = 200
    work_dir: Path | None = None


def measure(
    case: Case,
    server: PageServer,
    folder: Path,
    conditions: Conditions,
    label: str = "first",
    number: int = 0,
) -> Sample:
    """Run a case once in `folder` and read what it did from the server and the folder."""
    server.stats()
    inside = folder / "inside.json"
    inside.unlink(missing_ok=True)
    environment = {"PYTHONPATH": str(ROOT), "BENCH_INSIDE": str(inside)}
    measured = run(
        case.command(server.url, folder), folder, conditions.timeout_seconds, environment
    )
    stats = server.stats()
    sample = Sample(
        case=case.name,
        run=label,
        round=number,
        records=server.records,
        latency_ms=conditions.latency_ms,
        measured=measured,
        requests=stats.requests - 1,  # the request for the counters themselves
        max_in_flight=stats.max_in_flight,
        stored=case.stored(folder),
        inside=json.loads(inside.read_text()) if inside.exists() else {},
    )
    _say(sample, folder)
    return sample


def _say(sample: Sample, folder: Path) -> None:
    measured = sample.measured
    sys.stderr.write(
        f"  {sample.case:<8} {sample.run:<8} round {sample.round + 1}: "
        f"{measured.wall_seconds:.2f} s, CPU {measured.cpu_seconds:.2f} s, "
        f"{measured.peak_rss_mib:.0f} MiB {sample.trouble}\n"
    )
    if not measured.finished and not measured.timed_out:
        sys.stderr.write((folder / "stderr").read_text(errors="replace")[-2000:] + "\n")


def contest(
    cases: Iterable[tuple[Case, int]], server: PageServer, conditions: Conditions
) -> list[Sample]:
    """Run each case its number of rounds, round by round, in an order that turns."""
    entries = list(cases)
    samples = []
    for number in range(max((rounds for _, rounds in entries), default=0)):
        turn = number % len(entries)
        for case, rounds in entries[turn:] + entries[:turn]:
            if number < rounds:
                with folder_for(conditions.work_dir) as folder:
                    samples.append(measure(case, server, folder, conditions, number=number))
    return samples


def paired_ratio(
    samples: Sequence[Sample], over: str, under: str, value: Callable[[Sample], float]
) -> float | None:
    """The median, over the rounds both have, of value(`over`) / value(`under`); None without a common round."""
    by_round = {(s.case, s.round): value(s) for s in samples if s.sound}
    ratios = [
        by_round[over, number] / by_round[under, number]
        for case, number in by_round
        if case == over and (under, number) in by_round
    ]
    return median(ratios) if ratios else None
