"""The transport itself: one per connection, safe with threads."""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from urllib.parse import quote

import urllib3

from connector.clock import Clock
from connector.errors import Refused
from connector.transport.answers import (
    Exchange,
    LostError,
    NotSentError,
    Reply,
    after_failure,
    is_worth_another_try,
    raise_for,
    retry_after,
    spent_for,
)
from connector.transport.authorization import Authorization
from connector.transport.redaction import Redactor, platform_words
from connector.transport.settings import TransportSettings
from connector.transport.wire import Wire

JSON = "application/json"
_LOG = logging.getLogger("connector.transport")
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 8.0
_USER_AGENT = "invoice-financing-connector"


def segment(value: str) -> str:
    """A foreign identifier as one segment of a path. Raises Refused for what cannot be one."""
    if not value or value in (".", ".."):
        raise Refused("An empty or dotted identifier cannot be asked for.")
    return quote(value, safe="")


class Transport:
    """Sends requests of one connection and says what became of them, by `connector.errors`.

    A *safe* request has no effect at the other side (a GET, a look-up): it is tried again a few times, and ends
    as an answer or as Unavailable. Any other request is sent once; when it is not certain that it had no effect,
    it ends as OutcomeUnknown.
    """

    def __init__(
        self,
        name: str,
        settings: TransportSettings,
        clock: Clock,
        authorization: Authorization | None = None,
        *,
        secrets: Iterable[str] = (),
    ) -> None:
        """`name` is the connection's, for messages; `secrets` are masked beside the authorization's own.

        Raises ConfigError for an address that may not be used.
        """
        self.name = name
        self.settings = settings
        self.redactor = Redactor(secrets)
        if authorization is not None:
            self.redactor.learn(*authorization.secrets())
        self._clock = clock
        self._authorization = authorization
        self._wire = Wire(settings, clock)

    def get(
        self,
        path: str,
        params: Collection[tuple[str, str]] = (),
        *,
        headers: Mapping[str, str] | None = None,
        accept: str = JSON,
    ) -> Reply:
        """GET; see `request`."""
        return self.request("GET", path, safe=True, params=params, headers=headers, accept=accept)

    def request(
        self,
        method: str,
        path: str,
        *,
        safe: bool,
        params: Collection[tuple[str, str]] = (),
        body: bytes | None = None,
        content_type: str = JSON,
        headers: Mapping[str, str] | None = None,
        accept: str = JSON,
        returned_statuses: Collection[int] = (),
        authorized: bool = True,
        whole_answer: bool = True,
    ) -> Reply:
        """Send one request and give its answer: any 2xx, or a status of `returned_statuses`.

        `path` continues the base URL, or is a whole URL of an allowed origin. With `accept` JSON, an HTML page
        in a 2xx is taken for what it is. Without `whole_answer` only the status counts: a body over the size cap is
        given as far as it was read. Raises ReconnectRequired, RateLimited, Unavailable, NotFound, Refused,
        ContractDrift, and, for a request that is not safe, OutcomeUnknown.
        """
        pool, target = self._wire.target(path, params)
        what = f"{self.name}: {method} {target.partition('?')[0]}"
        sent = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": _USER_AGENT}
        if body is not None:
            sent["Content-Type"] = content_type
        if headers:
            sent.update(headers)
        authorization = self._authorization if authorized else None
        if authorization is None:
            exchange = self._tried(pool, method, target, what, body, sent, safe=safe)
        else:
            sent["Authorization"] = rejected = authorization.header(self)
            exchange = self._tried(pool, method, target, what, body, sent, safe=safe)
            # A 401 had no effect, so sending once more is right even for a request that is not safe.
            if exchange.status == 401 and authorization.renew(self, rejected):
                sent["Authorization"] = authorization.header(self)
                exchange = self._tried(pool, method, target, what, body, sent, safe=safe)
        if not whole_answer:
            exchange = replace(exchange, broken=None)
        return self._judged(exchange, what, safe, accept, returned_statuses)

    def close(self) -> None:
        """Give back connections. Waits for turns and retries end at once, as Unavailable."""
        self._wire.close()

    def _tried(
        self,
        pool: urllib3.HTTPConnectionPool,
        method: str,
        target: str,
        what: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        safe: bool,
    ) -> Exchange:
        """Send, and for a safe request try again, within the bounds. The last answer or failure counts."""
        give_up_at = self._clock.monotonic_seconds() + self.settings.retry_total_seconds
        turn = 0
        while True:
            turn += 1
            outcome: Exchange | LostError | NotSentError
            asked_seconds: float | None = None
            try:
                outcome = self._wire.exchange(pool, method, target, body, headers)
            except (LostError, NotSentError) as error:
                outcome = error
            else:
                self._heed(outcome)
                if not is_worth_another_try(outcome.status):
                    return outcome
                asked_seconds = retry_after(outcome.headers, self._clock.now())
                if outcome.status == 429 and asked_seconds is not None:
                    self._wire.budget.pause(min(asked_seconds, self.settings.patience_seconds))
            wait_seconds = self._wait_seconds(turn, asked_seconds, give_up_at) if safe else None
            if wait_seconds is None:
                if isinstance(outcome, Exchange):
                    return outcome
                raise after_failure(what, outcome, safe=safe) from None
            _LOG.debug("%s: try %d failed, the next in %.1f s", what, turn, wait_seconds)
            self._clock.sleep(wait_seconds, self._wire.closed)

    def _heed(self, exchange: Exchange) -> None:
        """Wait with the next request where the platform says that its budget is spent."""
        if not self.settings.heeds_rate_headers:
            return
        spent_seconds = spent_for(exchange.headers, self._clock.now())
        if spent_seconds is not None:
            self._wire.budget.pause(min(spent_seconds, self.settings.patience_seconds))

    def _wait_seconds(
        self, turn: int, asked_seconds: float | None, give_up_at: float
    ) -> float | None:
        """How long to wait before the next try, or None when there shall be none."""
        if turn >= self.settings.tries or self._wire.closed.is_set():
            return None
        if asked_seconds is None:
            longest = min(_FIRST_BACKOFF_SECONDS * 2 ** (turn - 1), _LONGEST_BACKOFF_SECONDS)
            wait_seconds = longest * random.uniform(0.5, 1.0)
        elif asked_seconds <= self.settings.patience_seconds:
            wait_seconds = asked_seconds
        else:
            return None
        in_time = self._clock.monotonic_seconds() + wait_seconds <= give_up_at
        return wait_seconds if in_time else None

    def _judged(
        self,
        exchange: Exchange,
        what: str,
        safe: bool,
        accept: str,
        returned_statuses: Collection[int],
    ) -> Reply:
        status = exchange.status
        if not 200 <= status < 300 and status not in returned_statuses:
            raise_for(
                what,
                status,
                self.redactor.clean(platform_words(exchange.body)),
                safe=safe,
                retry_after_seconds=retry_after(exchange.headers, self._clock.now()),
                forbidden_means_reconnect=self.settings.forbidden_means_reconnect,
            )
        reply = Reply(status, exchange.headers, exchange.body, safe, what)
        if exchange.broken is not None:
            raise reply.misshapen(f"{exchange.broken}.")
        if accept == JSON and exchange.body[:64].lstrip().startswith(b"<"):
            raise reply.misshapen("an HTML page came where JSON was promised.")
        return reply
