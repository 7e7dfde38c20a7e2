"""The settings of the server (waitress) that the doorway relies on."""

from __future__ import annotations

import logging
from typing import Any

from waitress.adjustments import Adjustments

from webhooks.endpoints import Endpoints

THREADS = 16
_MARGIN_BYTES = 65_536


def server_options(endpoints: Endpoints, *, other_body_limit_bytes: int = 0) -> dict[str, Any]:
    """Keyword arguments for `waitress.create_server` beside the app and the address.

    `other_body_limit_bytes`: the largest body that other pages on the same server take.

    waitress takes a body in before it calls the app and without a thread, so slow senders cost a socket each, no more.
    Its own cap is what stops an endless chunked body; it stands just above the largest of the endpoints, so that the
    answer to a body slightly too large is ours. A thread waits for the commit of its event; more threads than these
    share a commit among more, but wait for each other longer.
    """
    _quieten_the_queue()
    _let_the_main_thread_send()
    largest = max([other_body_limit_bytes, *(e.body_limit_bytes for e in endpoints)])
    return {
        "threads": THREADS,
        "connection_limit": 1000,
        "channel_timeout": 30,
        "cleanup_interval": 10,
        "max_request_header_size": 32_768,
        "max_request_body_size": largest + _MARGIN_BYTES,
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
