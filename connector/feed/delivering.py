"""Sends the feed's events to one endpoint: at least once, in order for each invoice, until it is known to have them.

An event becomes a delivery row of the endpoint, the row is claimed with a lease before a byte leaves, and what came of
it is committed under that lease. Any answer but 2xx is a failure: the event waits by the schedule, and so does the whole
endpoint, until it takes something again. An endpoint that says 410, or fails for days, is disabled; nothing is lost by
that, its deliveries wait.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from urllib.parse import urlsplit

from connector.clock import Clock
from connector.config.model import Feed, FeedEndpoint
from connector.errors import ConnectorError, InvariantBroken, OutcomeUnknown, Unavailable
from connector.feed.signing import signed_headers
from connector.parallel import for_each
from connector.store.database import Database
from connector.store.feed import Wanted
from connector.store.feed_deliveries import DeliveryRow
from connector.store.feed_endpoints import EndpointRow
from connector.transport import JSON, Transport, TransportSettings
from connector.transport.answers import retry_after
from connector.transport.redaction import platform_words

log = logging.getLogger(__name__)

BATCH = 200
MAX_ANSWER_BYTES = 64 * 1024
GONE = 410
ANY_STATUS = range(100, 600)


class EndpointFailed(Exception):
    """The endpoint did not take an event: the others wait too."""


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """Pauses between tries; the last one repeats. Jitter of a fifth either way keeps many from coming back at once."""

    pauses_seconds: tuple[int, ...]

    def next_at(
        self, now: datetime, failures: int, *, at_least_seconds: float | None = None
    ) -> datetime:
        """When to try again after `failures` (from 1). `at_least_seconds` is what the endpoint asked for."""
        pause = self.pauses_seconds[min(max(failures, 1), len(self.pauses_seconds)) - 1]
        seconds = max(pause * random.uniform(0.8, 1.2), at_least_seconds or 0.0)
        return now + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try. `http_status` None: no usable answer."""

    http_status: int | None
    words: str
    duration_milliseconds: int
    retry_after_seconds: float | None = None

    @property
    def is_success(self) -> bool:
        return self.http_status is not None and 200 <= self.http_status < 300


class Sender:
    """Speaks to one endpoint."""

    def __init__(self, endpoint: FeedEndpoint, clock: Clock) -> None:
        """Raises ConfigError for an address that may not be used."""
        parts = urlsplit(endpoint.url.reveal())
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._endpoint = endpoint
        self._clock = clock
        settings = TransportSettings(
            base_url=f"{parts.scheme}://{parts.netloc}",
            allow_http=endpoint.allow_http,
            ca_file=endpoint.ca_file,
            connect_timeout_seconds=min(endpoint.timeout_seconds, 10),
            read_timeout_seconds=endpoint.timeout_seconds,
            answer_timeout_seconds=endpoint.timeout_seconds,
            max_answer_bytes=MAX_ANSWER_BYTES,
            concurrency=endpoint.concurrency,
        )
        secrets = [secret.reveal() for secret in endpoint.secrets]
        # Path and query may hold a token: they are masked wherever they turn up.
        secrets += [self._target, parts.path]
        self._transport = Transport(f"feed {endpoint.name}", settings, clock, secrets=secrets)

    def send(self, event_id: str, body: bytes) -> Answer:
        """One try. Never raises a failure of ours: what went wrong is in the answer."""
        began = self._clock.monotonic_seconds()
        headers = signed_headers(event_id, self._clock.now(), body, self._endpoint.secrets)
        try:
            reply = self._transport.request(
                "POST",
                self._target,
                safe=False,
                body=body,
                content_type=JSON,
                headers=headers,
                accept="*/*",
                returned_statuses=ANY_STATUS,
                whole_answer=False,
            )
        except (OutcomeUnknown, Unavailable) as error:
            return Answer(None, self._clean(str(error)), self._since(began))
        except ConnectorError as error:
            log.error("feed.odd endpoint=%s error=%s", self._endpoint.name, type(error).__name__)
            return Answer(None, self._clean(str(error)), self._since(began))
        words = f"HTTP {reply.status}: {platform_words(reply.body)}"
        asked = retry_after(reply.headers, self._clock.now())
        return Answer(reply.status, self._clean(words), self._since(began), asked)

    def _clean(self, text: str) -> str:
        return self._transport.redactor.clean(text)

    def _since(self, began: float) -> int:
        return int((self._clock.monotonic_seconds() - began) * 1000)

    def close(self) -> None:
        self._transport.close()


class FeedTask:
    """The recurring work of one endpoint: what is new becomes deliveries, what is due is sent."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        feed: Feed,
        endpoint: FeedEndpoint,
        sender: Sender,
        lease_seconds: float,
        stopping: Event,
    ) -> None:
        self._database = database
        self._clock = clock
        self._endpoint = endpoint
        self._sender = sender
        self._schedule = RetrySchedule(feed.retry_seconds)
        self._disable_after = timedelta(seconds=feed.disable_after_seconds)
        # A try ends within connecting and answering; a lease that ends before would let another send it meanwhile.
        self._lease_seconds = max(lease_seconds, 4.0 * endpoint.timeout_seconds)
        self._stopping = stopping

    def run(self) -> bool:
        """Send until nothing is due. False when the endpoint failed, or is not to be sent to at present."""
        name = self._endpoint.name
        while not self._stopping.is_set():
            with self._database.read() as tx:
                ready = tx.feed_endpoints.get(name).may_be_sent_to(self._clock.now())
            if not ready:
                return False
            self.offer_new()
            with self._database.read() as tx:
                due = tx.feed_deliveries.due(name, limit=BATCH)
            if not due:
                return True
            try:
                for_each(
                    due, self.work, workers=self._endpoint.concurrency, stopping=self._stopping
                )
            except EndpointFailed:
                return False
        return True

    def offer_new(self) -> None:
        """Make deliveries of the events that came since the last time, as far as the endpoint wants them."""
        name = self._endpoint.name
        wanted = wanted_by(self._endpoint)
        with self._database.read() as tx:
            behind = tx.feed_endpoints.get(name).position < tx.feed.end()
        while behind and not self._stopping.is_set():
            with self._database.write() as tx:
                position = tx.feed_endpoints.get(name, lock=True).position
                events = tx.feed.page(Wanted(after=position), BATCH)
                tx.feed_deliveries.add(name, [event for event in events if wanted.chooses(event)])
                if events:
                    tx.feed_endpoints.moved(name, events[-1].position)
                behind = len(events) == BATCH

    def work(self, row: DeliveryRow) -> None:
        """One try of one delivery. Raises EndpointFailed after writing it down."""
        with self._database.write() as tx:
            token = tx.feed_deliveries.claim(row, lease_seconds=self._lease_seconds)
            event = tx.feed.at(row.position)
        if token is None:
            return
        if event is None:
            raise InvariantBroken(f"The feed's event {row.position} is gone.")
        answer = self._sender.send(event.event_id, event.body.encode())
        try:
            if answer.is_success:
                self._done(row, token, answer)
            else:
                self._failed(row, token, answer)
        except InvariantBroken as error:
            # Another worker took it over; it sends the same event under the same identifier.
            log.warning("feed.lease_lost delivery=%d error=%s", row.id, error)

    def _done(self, row: DeliveryRow, token: str, answer: Answer) -> None:
        with self._database.write() as tx:
            tx.feed_deliveries.complete(
                row,
                token,
                state="done",
                refusals=row.refusals,
                next_attempt_at=None,
                http_status=answer.http_status,
                duration_milliseconds=answer.duration_milliseconds,
                answer=answer.words,
            )
            recovered = tx.feed_endpoints.succeeded(row.endpoint)
        if recovered:
            log.info("feed.recovered endpoint=%s", row.endpoint)

    def _failed(self, row: DeliveryRow, token: str, answer: Answer) -> None:
        now = self._clock.now()
        asked = answer.retry_after_seconds
        with self._database.write() as tx:
            before = tx.feed_endpoints.get(row.endpoint, lock=True)
            last_success = before.last_success_at
            took_others = last_success is not None and (
                last_success > tx.feed_deliveries.previous_try_at(row)
            )
            refusals = row.refusals + took_others
            dead = refusals > len(self._schedule.pauses_seconds)
            tx.feed_deliveries.complete(
                row,
                token,
                state="dead" if dead else "pending",
                refusals=refusals,
                next_attempt_at=self._schedule.next_at(now, row.attempts + 1),
                http_status=answer.http_status,
                duration_milliseconds=answer.duration_milliseconds,
                answer=answer.words,
            )
            after = tx.feed_endpoints.failed(
                row.endpoint,
                next_attempt_at=self._schedule.next_at(
                    now, before.failures + 1, at_least_seconds=asked
                ),
                error=answer.words,
            )
            reason = self._reason_to_disable(after, answer, now)
            disabled = reason is not None and tx.feed_endpoints.disable(row.endpoint, reason)
            if disabled:
                detail = {"reason": reason}
                tx.audit.append("connector", "feed.disabled", row.endpoint, detail)
        if disabled:
            log.error("feed.disabled endpoint=%s reason=%s", row.endpoint, reason)
        elif before.failures == 0:
            log.warning("feed.failing endpoint=%s error=%s", row.endpoint, answer.words)
        if dead:
            log.error("feed.dead endpoint=%s delivery=%d", row.endpoint, row.id)
        raise EndpointFailed(row.endpoint)

    def _reason_to_disable(self, after: EndpointRow, answer: Answer, now: datetime) -> str | None:
        if answer.http_status == GONE:
            return "The endpoint answered 410: it wants no more events."
        if after.failing_since is None or now - after.failing_since < self._disable_after:
            return None
        return f"The endpoint has taken nothing since {after.failing_since:%Y-%m-%d %H:%M} UTC."


def wanted_by(endpoint: FeedEndpoint) -> Wanted:
    """Which events an endpoint wants, by its configuration."""
    return Wanted(connections=endpoint.connections, statuses=endpoint.statuses)
