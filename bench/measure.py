"""Run a case as a whole process and measure it: wall, CPU and peak resident memory of its process tree."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_SECONDS = 0.05
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a case, start-up and imports included."""

    wall_seconds: float
    cpu_seconds: float
    """User and system, of the process and of every child it waited for."""
    peak_rss_mib: float
    """Of the tree, sampled; never less than the largest single process."""
    exit_code: int
    timed_out: bool

    @property
    def finished(self) -> bool:
        """Whether it ended by itself and well."""
        return self.exit_code == 0 and not self.timed_out


def run(
    arguments: Sequence[str],
    work_dir: Path,
    timeout_seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Measured:
    """Run `arguments` in `work_dir`; standard output and error go to files there."""
    with (work_dir / "stdout").open("ab") as stdout, (work_dir / "stderr").open("ab") as stderr:
        started = time.monotonic()
        process = subprocess.Popen(
            list(arguments),
            cwd=work_dir,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        stop = _Stop(process.pid, timeout_seconds)
        sampler = _Sampler(process.pid)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            stop.cancel()
            peak = sampler.finish()
        wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_rss_mib=max(peak, usage.ru_maxrss / 1024),
        exit_code=process.returncode,
        timed_out=stop.fired,
    )


class _Stop:
    """Ends the process group when the time is up."""

    def __init__(self, pid: int, timeout_seconds: float) -> None:
        self.fired = False
        self._pid = pid
        self._timer = threading.Timer(timeout_seconds, self._fire)
        self._timer.daemon = True
        self._timer.start()

    def _fire(self) -> None:
        self.fired = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)

    def cancel(self) -> None:
        self._timer.cancel()


class _Sampler:
    """Watches the resident memory of a process tree (Linux: elsewhere only the largest process is known)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self._peak = max(self._peak, sum(map(_resident_bytes, _tree(self._pid))))

    def finish(self) -> float:
        self._done.set()
        self._thread.join()
        return self._peak / _MIB


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found.extend(map(int, (task / "children").read_text().split()))
    return found


def _resident_bytes(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
