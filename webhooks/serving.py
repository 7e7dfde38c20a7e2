"""The settings of the server (waitress) that the doorway relies on."""

from __future__ import annotations

import logging
from typing import Any

from webhooks.endpoints import Endpoints


def server_options(endpoints: Endpoints) -> dict[str, Any]:
    """Keyword arguments for `waitress.create_server` beside the app and the address.

    waitress takes a body in before it calls the app and without a thread, so slow senders cost a socket each, no more.
    Its own cap is what stops an endless chunked body; it stands just above the largest of the endpoints, so that the
    answer to a body slightly too large is ours. A thread waits for the commit of its event: with fewer threads than
    senders, the rest wait in the server's queue. waitress would write a warning for each one that does: a log storm
    under exactly the load that needs the time, so that logger is silenced here.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    largest = max((endpoint.body_limit_bytes for endpoint in endpoints), default=0)
    return {
        "threads": 32,
        "connection_limit": 1000,
        "channel_timeout": 30,
        "cleanup_interval": 10,
        "max_request_header_size": 32_768,
        "max_request_body_size": largest + 65_536,
        "inbuf_overflow": largest + 65_536,
        "asyncore_use_poll": True,
        "ident": None,
        "expose_tracebacks": False,
    }
