"""The embedded engine: APScheduler as clock and runner, in this process, nothing kept outside the store."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from connector.engine.port import Rhythm, Task

log = logging.getLogger(__name__)

_NO_LIMIT = 1_000_000  # of runs of one key: `_Job` sees that only one works; a run that was refused would be a lost wake


class _Job:
    """One task that never runs twice at once and remembers that it was woken while it ran."""

    def __init__(self, key: str, task: Task, stopping: threading.Event) -> None:
        self._key = key
        self._task = task
        self._stopping = stopping
        self._running = threading.Lock()
        self._again = threading.Event()

    def run(self) -> None:
        self._again.set()
        while self._again.is_set() and not self._stopping.is_set():
            if not self._running.acquire(blocking=False):
                return  # whoever runs it now sees `_again` and runs it once more
            try:
                self._again.clear()
                self._task()
            except Exception:
                log.exception("task.failed key=%s", self._key)
            finally:
                self._running.release()

    def idle(self, until: float) -> bool:
        """Wait for the running task to end; False when `until` (monotonic seconds) came first."""
        if not self._running.acquire(timeout=max(0.0, until - time.monotonic())):
            return False
        self._running.release()
        return True


class LocalEngine:
    """Fulfils `Engine` with threads of this process."""

    def __init__(self, max_workers: int) -> None:
        self._stopping = threading.Event()
        self._jobs: dict[str, _Job] = {}
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(max_workers)},
            job_defaults={"coalesce": True, "max_instances": _NO_LIMIT, "misfire_grace_time": None},
        )

    def add(self, key: str, task: Task, rhythm: Rhythm) -> None:
        self._jobs[key] = _Job(key, task, self._stopping)
        self._scheduler.add_job(
            self._jobs[key].run,
            "interval",
            id=key,
            seconds=rhythm.interval_seconds,
            jitter=rhythm.jitter_seconds or None,
            next_run_time=datetime.now(UTC),
        )

    def start(self) -> None:
        self._scheduler.start()

    def wake(self, key: str) -> None:
        # Moving the one job, never adding a second that ends: APScheduler removes an ended job after it runs, and its
        # thread dies of a lookup error when a shutdown comes just before that removal.
        if not self._scheduler.running or self._stopping.is_set():
            return
        with suppress(JobLookupError):
            self._scheduler.modify_job(key, next_run_time=datetime.now(UTC))

    def stop(self, timeout_seconds: float) -> bool:
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        until = time.monotonic() + timeout_seconds
        idle = [job.idle(until) for job in self._jobs.values()]  # every one gets its wait
        return all(idle)
