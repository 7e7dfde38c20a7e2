"""One request over one connection: bytes there, bytes back, and whether anything left."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Collection, Mapping
from threading import BoundedSemaphore, Event
from urllib.parse import urlencode, urlsplit

import urllib3
from requests import Request
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    NewConnectionError,
    SSLError,
)

from connector.clock import Clock
from connector.errors import ConfigError, Refused
from connector.transport.answers import Exchange, LostError, NotSentError
from connector.transport.pace import RateBudget
from connector.transport.settings import Origin, TransportSettings, origin_of

# urllib3 writes request targets, with their queries, to its debug log, where no redaction reaches them.
logging.getLogger("urllib3").setLevel(logging.INFO)

_NO_RETRIES = urllib3.Retry(total=False, redirect=False)
_CHUNK_BYTES = 256 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_WORDS = {
    "NameResolutionError": "the host name is not known",
    "NewConnectionError": "the connection was refused",
    "ConnectTimeoutError": "connecting took too long",
    "ReadTimeoutError": "the answer did not come in time",
    "ProtocolError": "the connection was cut",
    "IncompleteRead": "the answer was cut short",
    "SSLError": "the encrypted connection failed",
    "ClosedPoolError": "the connection is being closed",
}


class Wire:
    """The connections to the allowed origins, within the rate budget and the concurrency limit."""

    def __init__(self, settings: TransportSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.closed = Event()
        limits = ((settings.requests_per_second, 1.0), (settings.requests_per_minute, 60.0))
        self.budget = RateBudget([(n, window) for n, window in limits if n is not None], clock)
        self._slots = BoundedSemaphore(settings.concurrency)
        self._timeout = urllib3.Timeout(
            connect=settings.connect_timeout_seconds, read=settings.read_timeout_seconds
        )
        home = origin_of(settings.base_url, key="base_url", allow_http=settings.allow_http)
        self._home_path = urlsplit(settings.base_url).path.rstrip("/")
        # Asking an HTTPAdapter for its pools keeps the TLS defaults and certificates of `requests`, without the
        # environment lookups, cookies and redirects of its sessions, and at a third of their cost a request.
        self._adapter = HTTPAdapter(pool_connections=8, pool_maxsize=settings.concurrency)
        self._home_pool = self._pool(home)
        self._pools = {home: self._home_pool}
        for url in settings.other_urls:
            origin = origin_of(url, key="token_url", allow_http=settings.allow_http)
            if origin not in self._pools:
                self._pools[origin] = self._pool(origin)

    def target(
        self, path: str, params: Collection[tuple[str, str]]
    ) -> tuple[urllib3.HTTPConnectionPool, str]:
        """Where a request goes: the pool and the request target. Raises Refused for an origin not allowed."""
        if path.startswith("/"):
            pool, target = self._home_pool, self._home_path + path
        else:
            pool, target = self._elsewhere(path)
        if params:
            target += ("&" if "?" in target else "?") + urlencode(tuple(params))
        return pool, target

    def exchange(
        self,
        pool: urllib3.HTTPConnectionPool,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Exchange:
        """Send once and read the answer. Raises NotSentError or LostError."""
        with self._slots:
            self.budget.acquire(self.closed)
            if self.closed.is_set():
                raise NotSentError("the connection is being closed")
            try:
                answer = pool.urlopen(
                    method,
                    target,
                    body=body,
                    headers=headers,
                    retries=_NO_RETRIES,
                    redirect=False,
                    assert_same_host=False,
                    timeout=self._timeout,
                    preload_content=False,
                    decode_content=False,
                )
            except (NewConnectionError, ConnectTimeoutError) as error:
                raise NotSentError(_kind(error)) from None
            except SSLError as error:
                if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args):
                    raise NotSentError("its certificate is not trusted (see `ca_file`)") from None
                raise LostError(_kind(error)) from None
            except (HTTPError, OSError) as error:
                raise LostError(_kind(error)) from None
            return self._read(answer)

    def close(self) -> None:
        """Give back connections; whoever waits for a turn stops waiting."""
        self.closed.set()
        self._adapter.close()

    def _pool(self, origin: Origin) -> urllib3.HTTPConnectionPool:
        prepared = Request("GET", str(origin)).prepare()
        authorities = self._settings.ca_file or True
        try:
            pool = self._adapter.get_connection_with_tls_context(prepared, authorities)
            self._adapter.cert_verify(pool, str(origin), authorities, None)  # type: ignore[no-untyped-call]
        except OSError:
            raise ConfigError(
                "`ca_file` cannot be read.", remedy="Give the path of a PEM file."
            ) from None
        if not isinstance(pool, urllib3.HTTPConnectionPool):
            raise ConfigError(f"No way is known to speak to {origin}.")
        return pool

    def _elsewhere(self, url: str) -> tuple[urllib3.HTTPConnectionPool, str]:
        address, _, query = url.partition("?")
        try:
            origin = origin_of(address, key="url", allow_http=True)
        except ConfigError:
            raise Refused("A URL that cannot be asked for was given.") from None
        if origin not in self._pools:
            raise Refused(f"{origin} is not among the allowed origins of this connection.")
        path = urlsplit(address).path or "/"
        return self._pools[origin], f"{path}?{query}" if query else path

    def _read(self, answer: urllib3.BaseHTTPResponse) -> Exchange:
        status = answer.status
        is_answer = 200 <= status < 300
        limit = self._settings.max_answer_bytes if is_answer else _MAX_ERROR_BYTES
        deadline = self._clock.monotonic_seconds() + self._settings.answer_timeout_seconds
        parts: list[bytes] = []
        size = 0
        broken: str | None = None
        try:
            # `read1` gives what one receive brought, so a server that drips bytes meets the deadline too.
            while part := answer.read1(_CHUNK_BYTES, decode_content=True):
                parts.append(part)
                size += len(part)
                if size > limit:
                    broken = f"the answer is larger than {limit} bytes"
                    break
                if self._clock.monotonic_seconds() > deadline:
                    broken = "the answer took too long"
                    break
        except DecodeError:
            broken = "the answer is not compressed as it says"
        except (HTTPError, OSError) as error:
            answer.close()
            if is_answer:
                raise LostError(_kind(error)) from None
            broken = "the answer was cut short"
        if broken is None:
            answer.release_conn()
        else:
            answer.close()
        return Exchange(status, answer.headers, b"".join(parts), broken)


def _kind(error: BaseException) -> str:
    """What failed, without the addresses and content that exception texts carry."""
    name = type(error).__name__
    return _WORDS.get(name, name)
