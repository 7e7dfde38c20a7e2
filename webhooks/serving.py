"""The settings of the server (waitress) that the doorway relies on."""

from __future__ import annotations

import logging
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser

from webhooks.endpoints import Endpoints

THREADS = 16
_MARGIN_BYTES = 65_536
_BELOW = "/webhooks/"
_DOORWAY_LIMIT = "doorway_body_size"


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Reads a request as waitress does, with the doorway's own limit for bodies below its address: what others on the
    same server take (a document that a person attaches) is no reason to take as much in from strangers."""

    adj: Any

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        limit = getattr(self.adj, _DOORWAY_LIMIT, None)
        if limit is not None and self.path.startswith(_BELOW):
            self.adj = _Limited(self.adj, limit)


class _Limited:
    """The server's adjustments with another limit for bodies."""

    def __init__(self, adjustments: Any, max_request_body_size: int) -> None:
        self._adjustments = adjustments
        self.max_request_body_size = max_request_body_size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adjustments, name)


def set_body_limits(server: Any, endpoints: Endpoints, *, other_body_limit_bytes: int) -> None:
    """Let a server take bodies up to the largest of the endpoints below the doorway's address, and up to
    `other_body_limit_bytes` elsewhere. May be called again while it runs, for other endpoints."""
    HTTPChannel.parser_class = _Parser
    doorway = _largest(endpoints)
    setattr(server.adj, _DOORWAY_LIMIT, doorway)
    server.adj.max_request_body_size = max(doorway, other_body_limit_bytes + _MARGIN_BYTES)


def _largest(endpoints: Endpoints) -> int:
    return max((e.body_limit_bytes for e in endpoints), default=0) + _MARGIN_BYTES


def server_options(endpoints: Endpoints) -> dict[str, Any]:
    """Keyword arguments for `waitress.create_server` beside the app and the address.

    waitress takes a body in before it calls the app and without a thread, so slow senders cost a socket each, no more.
    Its own cap is what stops an endless chunked body; it stands just above the largest of the endpoints, so that the
    answer to a body slightly too large is ours. A thread waits for the commit of its event; more threads than these
    share a commit among more, but wait for each other longer.
    """
    _quieten_the_queue()
    _let_the_main_thread_send()
    return {
        "threads": THREADS,
        "connection_limit": 1000,
        "channel_timeout": 30,
        "cleanup_interval": 10,
        "max_request_header_size": 32_768,
        "max_request_body_size": _largest(endpoints),
        "asyncore_use_poll": True,
        "ident": None,
        # The pages must see that a request came through a proxy, to refuse it.
        "clear_untrusted_proxy_headers": False,
        "expose_tracebacks": False,
    }


def _quieten_the_queue() -> None:
    # waitress writes a warning for each request that waits for a thread: a log storm under exactly the load that
    # needs the time.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def _let_the_main_thread_send() -> None:
    # By default a worker sends its answer itself. While it does, the main thread finds the socket writable and its
    # lock taken, and asks again and again without a pause; with a second core it so keeps the interpreter from the
    # worker for up to 5 ms an answer (measured: 150 to 300 acknowledgements a second instead of 1,500). Answers below
    # this size are left to the main thread. Set as the default, because the keyword warns that it may go away one day.
    # The price: an app on this server must not stream slowly, for while a part of an answer waits for the rest, the
    # main thread does not sleep.
    if hasattr(Adjustments, "send_bytes"):
        Adjustments.send_bytes = 18_000
