"""A platform as a process of its own: `python -m connector.sandbox.NAME --data DIR`.

The process prints one JSON line, `{"base_url": ...}`, when it answers, and ends on SIGTERM, SIGINT, or (with
`--stop-at-eof`) when its standard input is closed, so that it never outlives the one who started it.

With `--faults SEED` a day of faults is laid over it and written down; with `--replay FILE` it serves nobody, plays what
was written down once more, prints what came of that, and ends.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

from connector.sandbox.clock import SandboxClock
from connector.sandbox.control import change_settings
from connector.sandbox.platform import Sandbox
from connector.sandbox.server import Server
from connector.sandbox.transcript import Recorder, read_transcript, replay
from connector.sandbox.wire import from_json

Create = Callable[[Any, Path, SandboxClock], Sandbox]
"""Makes the platform from its settings, its directory and its clock."""


def serve_process(settings: Any, create: Create, arguments: Sequence[str] | None = None) -> int:
    """The main function of a platform's `__main__`: parse, serve, wait, stop."""
    options = _parser().parse_args(arguments)
    if options.replay:
        return _replay(settings, create, Path(options.replay))
    if options.data is None:
        sys.stderr.write("Say with --data where the ledger is to be kept.\n")
        return 2
    try:
        change_settings(settings, {**from_json(options.settings), "seed": options.seed})
        start = datetime.fromisoformat(options.start_at) if options.start_at else None
        clock = SandboxClock(start)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stop = Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    sandbox = create(settings, Path(options.data), clock)
    if options.faults is not None:
        # Unbuffered: what was answered is written down even when the process is killed.
        transcript = (Path(options.data) / f"transcript-{sandbox.name}.jsonl").open("wb", 0)
        sandbox.closers.append(transcript.close)
        Recorder(sandbox, options.faults, transcript.write)
    server = Server(sandbox, options.port)
    sys.stdout.write(json.dumps({"base_url": server.base_url}) + "\n")
    sys.stdout.flush()
    if options.stop_at_eof:
        Thread(target=_wait_for_eof, args=(stop,), daemon=True).start()
    # A wait without a limit would keep Python from running the signal handler on some systems.
    while not stop.wait(3600):
        continue
    server.stop()
    return 0


def _replay(settings: Any, create: Create, path: Path) -> int:
    """Play a transcript once more on a fresh platform. The exit code is 1 where anything differs."""
    try:
        _, header = next(read_transcript(path))
        # Written as JSON, a tuple is a list: the check makes it a tuple again.
        change_settings(settings, header["settings"])
        clock = SandboxClock(datetime.fromisoformat(header["began_at"]), frozen=True)
        with tempfile.TemporaryDirectory(prefix="sandbox-replay-") as directory:
            sandbox = create(settings, Path(directory), clock)
            try:
                result = replay(sandbox, path)
            finally:
                sandbox.close()
    except (ValueError, StopIteration, OSError) as error:
        sys.stderr.write(f"{path.name} cannot be played again: {str(error) or 'it is empty.'}\n")
        return 2
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    return 1 if result.differences else 0


@dataclass(slots=True)
class RunningPlatform:
    """A platform that runs as a process."""

    name: str
    base_url: str
    ledger_path: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it and wait for its end."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _close_pipes(self.process)


def start_process(
    name: str,
    directory: Path,
    *,
    module: str,
    port: int = 0,
    seed: int = 1,
    settings: dict[str, Any] | None = None,
    start_at: datetime | None = None,
    faults: int | None = None,
) -> RunningPlatform:
    """Start `python -m module` and return once it answers. Raises RuntimeError when it does not."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", module, "--data", str(directory), "--port", str(port)]
    command += ["--seed", str(seed), "--settings", json.dumps(settings or {}), "--stop-at-eof"]
    if start_at is not None:
        command += ["--start-at", start_at.isoformat()]
    if faults is not None:
        command += ["--faults", str(faults)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    line = process.stdout.readline() if process.stdout is not None else b""
    if not line:
        code = process.wait()
        _close_pipes(process)
        raise RuntimeError(f"The sandbox platform {name} did not start (exit code {code}).")
    return RunningPlatform(
        name, json.loads(line)["base_url"], directory / f"{name}.sqlite3", process
    )


def replay_process(module: str, path: Path) -> tuple[int, str]:
    """Play a transcript once more in a process of its own: (exit code, what it printed)."""
    command = [sys.executable, "-m", module, "--replay", str(path)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, (done.stdout or done.stderr).decode("utf-8", "replace").strip()


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _wait_for_eof(stop: Event) -> None:
    # Not through sys.stdin: its lock, held by this thread, would stop the interpreter from ending.
    while os.read(0, 1024):
        continue
    stop.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A local stand-in of a platform; loopback only.")
    parser.add_argument("--data", help="directory of the ledger; a ledger found there is continued")
    parser.add_argument(
        "--port", type=int, default=0, help="port on 127.0.0.1; 0 takes any free one"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed and start give the same data"
    )
    parser.add_argument(
        "--settings", default="{}", help="a JSON object of settings, see GET /sandbox/settings"
    )
    parser.add_argument(
        "--start-at", help="the instant the sandbox begins at (ISO 8601 with offset); default: now"
    )
    parser.add_argument(
        "--faults", type=int, help="a seed: lay a day of faults over it, and write all of it down"
    )
    parser.add_argument("--replay", help="play this transcript once more, compare, and end")
    parser.add_argument(
        "--stop-at-eof", action="store_true", help="end when standard input is closed"
    )
    return parser
