"""One waitress server for the webhook benchmark and the crash tests: a bare Flask handler beside the receiver.

    python bench/webhook_server.py DATABASE_URL        prints the port, serves until its standard input ends

`GET /ok` answers `ok`; `POST /webhooks/bench/<PATH_SECRET>` is the receiver with HMAC and the inbox.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from threading import Thread

from flask import Flask
from waitress.server import create_server

from connector.clock import SystemClock
from connector.store.database import Database
from connector.store.group_commit import GroupCommitInbox
from connector.strict_json import loads
from webhooks.endpoints import Endpoint, Endpoints
from webhooks.receiver import create_app
from webhooks.serving import server_options
from webhooks.signatures import SignatureScheme

PATH_SECRET = "bench-only-path-0123456789abcdef"
SIGNING_SECRET = b"bench-only-signing-0123456789abcdef"
SIGNATURE_HEADER = "Bench-Signature"

ENDPOINTS = Endpoints(
    [
        Endpoint(
            name="bench",
            path_secrets=(PATH_SECRET,),
            signature=SignatureScheme(
                header=SIGNATURE_HEADER,
                secrets=(SIGNING_SECRET,),
                format="timestamped",
                signed="timestamp.body",
                tolerance_seconds=3600,
            ),
        )
    ]
)


def bare_app() -> Flask:
    """The baseline: what Flask costs by itself."""
    app = Flask("bare")
    app.add_url_rule("/ok", "ok", lambda: "ok")
    return app


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("database_url")
    arguments.add_argument("--threads", type=int)
    given = arguments.parse_args()
    clock = SystemClock()
    database = Database.open(given.database_url, clock=clock)
    database.migrate()
    inbox = GroupCommitInbox(database)
    inbox.start()
    bare = bare_app()
    receiver = create_app(ENDPOINTS, inbox, loads, clock.now)

    def both(environ, start_response):  # type: ignore[no-untyped-def]
        app = bare if environ["PATH_INFO"] == "/ok" else receiver
        return app(environ, start_response)

    options = server_options(ENDPOINTS)
    if given.threads:
        options["threads"] = given.threads
    server = create_server(both, host="127.0.0.1", port=0, **options)
    print(server.effective_port, flush=True)
    # Ends with the process that started it: nothing is left behind when that one is killed. A shell that starts things in
    # the background lets them ignore the signal, which Python then leaves so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Thread(target=_end_with_input, daemon=True).start()
    try:
        server.run()
    finally:
        inbox.stop()
        database.close()


def _end_with_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
