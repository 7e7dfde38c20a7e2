"""One attempt at one outbox row: the same rules for everything that is said to another system.

The intent is committed before the first byte leaves; what came of it is committed under the lease it was sent with.
When no usable answer came the row is *unknown*: it is looked up at once and again, and only when the quiet period has
passed without a trace is it sent a second time. Where the system offers no look-up, the row is parked for a person.

    pending --claim--> sending --answer--> done
       ^                  |--refused-----> parked (or unsupported)
       |                  `--no answer---> unknown --look-up--> done | parked
       `------------------------ not found after the quiet period
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from connector.backoff import Backoff
from connector.clock import Clock
from connector.errors import (
    ConnectorError,
    InvariantBroken,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    Refused,
    Unavailable,
    Unsupported,
)
from connector.store.database import Database
from connector.store.outbox_reading import OutboxRow
from connector.store.transaction import Transaction

log = logging.getLogger(__name__)

LOOK_UP_DELAYS_SECONDS = (2, 10, 60, 300)
"""When an unknown row is looked up before its quiet period ends: finding it is conclusive, not finding it is not."""

CONCERNS_ALL = (RateLimited, Unavailable, ReconnectRequired)
"""Failures that say something about the other system, not about one row: the caller stops for now."""

Result = Mapping[str, Any]
"""What an effect left at the other side, as JSON."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an unclear answer is waited for (settings: [schedule])."""

    quiet_period_seconds: float
    park_after_seconds: float
    lease_seconds: float


class Effect(Protocol):
    """What a row stands for. Raises as the adapters do."""

    repeatable: bool
    """Whether doing it twice does no harm: then an unclear answer is simply tried again."""
    unsupported_state: str
    """The row's state when the system offers no way: `unsupported` where that is an answer, else `parked`."""

    def prepare(self, tx: Transaction, row: OutboxRow, action: str) -> None:
        """Read what is needed, in the transaction that claims the row for `action` (send or look_up).

        Raises Refused when it must not be sent any more, InvariantBroken when what it stands on is damaged: the row is
        parked, unsent.
        """

    def send(self) -> Result:
        """Let it take effect."""

    def look_up(self) -> Result | None:
        """Whether it already has."""

    def done(self, tx: Transaction, row: OutboxRow, result: Result, how: str) -> None:
        """What follows, in the transaction that completes the row; `how` is `done` or `found`."""

    def parked(self, tx: Transaction, row: OutboxRow, reason: str) -> None:
        """What follows when a person must decide."""


class Delivery:
    """Works outbox rows off, one attempt at a time."""

    def __init__(self, database: Database, clock: Clock, patience: Patience) -> None:
        self._database = database
        self._clock = clock
        self._patience = patience
        self._quiet = timedelta(seconds=patience.quiet_period_seconds)
        self._park_after = timedelta(seconds=patience.park_after_seconds)
        self._backoff = Backoff(first_seconds=5, longest_seconds=3600)

    def work(self, row: OutboxRow, effect: Effect) -> None:
        """Do what is due for `row`. Raises RateLimited, Unavailable and ReconnectRequired after writing them down,
        because they concern every other row too."""
        if row.lease_expires_at is not None:
            self._take_over(row, effect)
            return
        action = "look_up" if row.state == "unknown" else "send"
        token = self._claim(row, effect, action)
        if token is None:
            return
        try:
            result = effect.look_up() if action == "look_up" else effect.send()
        except OutcomeUnknown as error:
            self._unclear(row, token, effect, error)
        except CONCERNS_ALL as error:
            self._not_now(row, token, effect, error)
            raise
        except ConnectorError as error:
            self._refused(row, token, effect, error)
        else:
            if result is None:
                self._not_found(row, token)
            else:
                self._done(row, token, effect, result, "found" if action == "look_up" else "done")

    def _take_over(self, row: OutboxRow, effect: Effect) -> None:
        """A worker did not come back. What it was sending may have taken effect."""
        state = row.state
        if state == "sending":
            state = "pending" if effect.repeatable else "unknown"
        with self._database.write() as tx:
            tx.outbox.take_over(row, state=state, next_attempt_at=self._clock.now())

    def _claim(self, row: OutboxRow, effect: Effect, action: str) -> str | None:
        with self._database.write() as tx:
            try:
                effect.prepare(tx, row, action)
            except (InvariantBroken, Refused) as error:
                log.error("delivery.held_back row=%d error=%s", row.id, error)
                if tx.outbox.park(row, error):
                    effect.parked(tx, row, str(error))
                return None
            return tx.outbox.claim(row, action=action, lease_seconds=self._patience.lease_seconds)

    # -- what came of it ------------------------------------------------------------------------------------------

    def _done(self, row: OutboxRow, token: str, effect: Effect, result: Result, how: str) -> None:
        with self._database.write() as tx:
            tx.outbox.complete(row.id, token, state="done", result=result, attempt_result=how)
            effect.done(tx, row, result, how)
        log.info("delivery.%s row=%d kind=%s", how, row.id, row.kind)

    def _unclear(self, row: OutboxRow, token: str, effect: Effect, error: ConnectorError) -> None:
        now = self._clock.now()
        if now - row.created_at > self._park_after:
            self._refused(row, token, effect, error)
        elif effect.repeatable:
            again = self._backoff.next_at(now, row.attempts + 1)
            self._again(row, token, "pending", again, error, "no usable answer")
        else:
            again = now + timedelta(seconds=LOOK_UP_DELAYS_SECONDS[0])
            self._again(row, token, "unknown", again, error, "no usable answer")

    def _not_now(self, row: OutboxRow, token: str, effect: Effect, error: ConnectorError) -> None:
        """The other side cannot answer at present. A look-up that never succeeds ends with a person."""
        now = self._clock.now()
        unknown = row.state == "unknown"
        if unknown and now - self._sent_at(row) > self._park_after:
            self._refused(row, token, effect, error)
            return
        asked = error.retry_after_seconds if isinstance(error, RateLimited) else None
        again = self._backoff.next_at(now, row.attempts + 1, at_least_seconds=asked)
        self._again(row, token, "unknown" if unknown else "pending", again, error, "later")

    def _not_found(self, row: OutboxRow, token: str) -> None:
        """No trace (yet). Before the quiet period has passed this proves nothing: the request may still land."""
        now = self._clock.now()
        sent_at = self._sent_at(row)
        if now - sent_at >= self._quiet:
            self._again(row, token, "pending", now, None, "not found")
            return
        later = [
            moment
            for seconds in LOOK_UP_DELAYS_SECONDS
            if now < (moment := sent_at + timedelta(seconds=seconds)) < sent_at + self._quiet
        ]
        again = later[0] if later else sent_at + self._quiet
        self._again(row, token, "unknown", again, None, "not found")

    def _sent_at(self, row: OutboxRow) -> datetime:
        with self._database.read() as tx:
            return tx.outbox.last_send_started_at(row.id) or row.created_at

    def _again(
        self,
        row: OutboxRow,
        token: str,
        state: str,
        again: datetime,
        error: ConnectorError | None,
        attempt_result: str,
    ) -> None:
        with self._database.write() as tx:
            tx.outbox.complete(
                row.id,
                token,
                state=state,
                next_attempt_at=again,
                error_class=None if error is None else type(error).__name__,
                error=None if error is None else str(error),
                attempt_result=attempt_result,
            )

    def _refused(self, row: OutboxRow, token: str, effect: Effect, error: ConnectorError) -> None:
        state = effect.unsupported_state if isinstance(error, Unsupported) else "parked"
        with self._database.write() as tx:
            tx.outbox.complete(
                row.id,
                token,
                state=state,
                error_class=type(error).__name__,
                error=str(error),
                attempt_result=state,
            )
            if state == "parked":
                effect.parked(tx, row, str(error))
        # A colon after the kind: `session` and a blank would look like a credential to the redaction.
        log.warning("delivery.%s row=%d kind=%s: %s", state, row.id, row.kind, error)
