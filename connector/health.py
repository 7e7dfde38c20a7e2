"""Whether a system may be spoken to at present: backoff when it is down, pause when access has ended.

One row per system and task says it, so that it survives a restart, everybody sees the same, and one task that goes
well does not hide another that does not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from connector.backoff import Backoff
from connector.clock import Clock
from connector.errors import (
    ConnectorError,
    ContractDrift,
    RateLimited,
    ReconnectRequired,
)
from connector.store.database import Database

log = logging.getLogger(__name__)

RECONNECT_PAUSE = timedelta(hours=1)
"""How long a system that refused our credentials is left alone, unless a person says otherwise."""


class Health:
    """Runs work towards named systems and remembers how it went."""

    def __init__(self, database: Database, clock: Clock, *, longest_seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._backoff = Backoff(first_seconds=5, longest_seconds=longest_seconds)

    def may_speak_to(self, name: str, task: str) -> bool:
        """False while the system is paused by a person or the task's next attempt is not yet due."""
        with self._database.read() as tx:
            if tx.connections.get(name).state == "paused":
                return False
            state = tx.connections.get(key(name, task))
        return state.next_attempt_at is None or state.next_attempt_at <= self._clock.now()

    def attempt(self, name: str, task: str, work: Callable[[], object]) -> bool:
        """Do `work` towards the system `name` unless it is too early. True when it was done; a failure of ours is
        written down and logged once per change of state, never raised."""
        if not self.may_speak_to(name, task):
            return False
        try:
            work()
        except ConnectorError as error:
            self._failed(key(name, task), error)
            return False
        self._succeeded(key(name, task))
        return True

    def _succeeded(self, name: str) -> None:
        with self._database.read() as tx:
            before = tx.connections.get(name)
        with self._database.write() as tx:
            tx.connections.succeeded(name)
        if before.state != "ok":
            log.info("system.recovered name=%s before=%s", name, before.state)

    def _failed(self, name: str, error: ConnectorError) -> None:
        now = self._clock.now()
        with self._database.write() as tx:
            before = tx.connections.get(name)
            if isinstance(error, ReconnectRequired):
                state, again = "reconnect", now + RECONNECT_PAUSE
            else:
                state = "drift" if isinstance(error, ContractDrift) else "backing_off"
                asked = error.retry_after_seconds if isinstance(error, RateLimited) else None
                again = self._backoff.next_at(now, before.failures + 1, at_least_seconds=asked)
            tx.connections.failed(name, error, next_attempt_at=again, state=state)
        if before.state != state:
            log.warning("system.%s name=%s error=%s", state, name, error)


def key(name: str, task: str) -> str:
    """Under which a task's health towards a system is kept."""
    return f"{name}/{task}"
