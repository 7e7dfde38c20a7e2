"""Command line of the benchmarks: `python -m bench --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import peer_environments, pulling
from bench.contest import PEERS, Conditions, peer
from bench.report import Report, machine

_COMMANDS = {
    "peers": "make the peers' environments (dlt, Singer SDK, Airbyte CDK) in --peers-dir",
    "server": "how fast the local page server is",
    "pull": "first pull of --records against the bare loop and the peers",
    "latency": "the same with 10,000 records and 100 ms a request",
    "resync": "the walk again: nothing changed, some records changed",
    "mapping": "microseconds a record, against a handwritten function",
    "memory": "peak resident memory at 10,000 and 100,000 records (--million: and 1,000,000)",
    "history": "back-test and re-mapping of everything stored",
    "webhooks": "durable acknowledgements a second, against a bare Flask handler",
    "all": "everything above but peers (the default)",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Every figure is a ratio to a baseline measured in the same run, in interleaved rounds. "
        "docs/benchmarks.md says what each case does and does not do.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in _COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--peers-dir", type=Path, default=Path(".bench"), metavar="DIR")
        if name == "peers":
            continue
        command.add_argument("--records", type=int, help="default 100,000 (latency: 10,000)")
        command.add_argument(
            "--changed", type=int, default=1000, help="resync: records that change"
        )
        command.add_argument(
            "--rounds", type=int, default=3, help="of the product and the bare loop"
        )
        command.add_argument("--peer-rounds", type=int, default=1)
        command.add_argument("--peers", default=",".join(PEERS), help="comma separated, or none")
        command.add_argument(
            "--million", action="store_true", help="memory: also 1,000,000 records"
        )
        command.add_argument("--timeout-seconds", type=float, default=200, help="of one run")
        command.add_argument("--work-dir", type=Path, help="where databases go while measured")
        command.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
        command.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    return parser


def _measure(options: Any) -> Report:
    wanted = [name for name in options.peers.split(",") if name not in ("", "none")]
    present = peer_environments.installed(options.peers_dir, wanted)
    peers = [peer(name, options.peers_dir) for name in present]
    conditions = Conditions(timeout_seconds=options.timeout_seconds, work_dir=options.work_dir)
    records = options.records or 100_000
    parts: dict[str, Callable[[], Report]] = {
        "server": pulling.server_limits,
        "mapping": lambda: mapping_report(options.rounds),
        "pull": lambda: pulling.pull(
            records, options.rounds, peers, options.peer_rounds, conditions
        ),
        "latency": lambda: pulling.latency(
            options.records or 10_000, options.rounds, peers, options.peer_rounds, conditions
        ),
        "resync": lambda: pulling.resync(records, options.rounds, options.changed, conditions),
        "memory": lambda: pulling.memory(
            [10_000, 100_000] + ([1_000_000] if options.million else []), conditions
        ),
        "history": lambda: history_report(records, options.rounds, options.work_dir),
        "webhooks": lambda: webhooks_report(options.rounds),
    }
    report = Report()
    report.notes += [
        f"{name} is not installed; `python -m bench peers` makes its environment."
        for name in wanted
        if name not in present
    ]
    for name, part in parts.items():
        if options.command in (name, "all"):
            sys.stderr.write(f"{name}: {_COMMANDS[name]}\n")
            report.add(part())
    load = ", ".join(f"{value:.1f}" for value in machine()["load_average"])
    report.notes.append(f"load average at the end: {load} on {machine()['cores']} cores")
    return report


def mapping_report(rounds: int) -> Report:
    """Measure the mapping (imported late: the other commands do not need it)."""
    from bench import mapping

    return mapping.measure(rounds)


def history_report(records: int, rounds: int, work_dir: Path | None) -> Report:
    """Measure back-test and re-mapping (imported late for the same reason)."""
    from bench import history

    return history.history(records, rounds, work_dir)


def webhooks_report(rounds: int) -> Report:
    """Measure the webhook doorway (imported late for the same reason)."""
    from bench import hearing

    return hearing.webhooks(rounds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. The exit code tells of targets only with --check."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in (*_COMMANDS, "-h", "--help"):
        given.insert(0, "all")
    options = _parser().parse_args(given)
    if options.command == "peers":
        peer_environments.create(options.peers_dir)
        return 0
    report = _measure(options)
    sys.stdout.write(report.text())
    if options.json:
        report.write_json(options.json)
    return 1 if options.check and report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
