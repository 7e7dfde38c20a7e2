"""The receiver: `POST /webhooks/<endpoint>/<path secret>`.

Answers, all of them with an empty body:

    200  the event is on disk: stored now, or stored before
    400  the body is not what its length announces
    401  the sender is not proven, for whatever reason
    404  no such endpoint
    405  any method but POST. HEAD and GET too: no platform we know probes with them, and an answer would tell a
         stranger which paths exist
    413  the body is larger than the endpoint's cap
    503  the event could not be stored; come again (Retry-After)

Nothing is stored but for a 200, and a 200 is given only after the commit. Whatever goes wrong before the sender is
proven is a 401, never a 5xx: otherwise anyone could cause a platform to disable the endpoint. Whatever is wrong with
a proven body is the worker's business: the event is stored raw and answered with 200.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, request
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import HTTPException

from webhooks.body import BodyIncomplete, BodyTooLarge, read_body
from webhooks.endpoints import Endpoint, Endpoints
from webhooks.envelope import event_id
from webhooks.ports import Inbox, Receipt, ReceivedEvent, Verification
from webhooks.signatures import BadSignature
from webhooks.tally import Tally

logger = logging.getLogger("webhooks")

RETRY_AFTER_SECONDS = 5

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")


class _Receiver:
    def __init__(
        self,
        endpoints: Endpoints,
        inbox: Inbox,
        parse_json: Callable[[bytes], object],
        now: Callable[[], datetime],
    ) -> None:
        self._endpoints = endpoints
        self._inbox = inbox
        self._parse_json = parse_json
        self._now = now
        self._tally = Tally()

    def receive(self, endpoint: str, path_secret: str) -> Response:
        environ = request.environ
        if environ["REQUEST_METHOD"] != "POST":
            return _answer(405, Allow="POST")
        known = self._endpoints.get(endpoint)
        now = self._now()
        if known is None:
            self._tally.count("-", "unknown_endpoint", now)
            return _answer(404)
        try:
            event = self._verified(known, path_secret, environ, now)
        except BodyTooLarge:
            return self._refuse(413, known, "body_too_large", now)
        except BodyIncomplete:
            return self._refuse(400, known, "body_incomplete", now)
        except BadSignature as error:
            return self._refuse(401, known, error.reason, now)
        except Exception as error:  # noqa: BLE001 (nothing a stranger sends may become a 5xx)
            return self._refuse(401, known, type(error).__name__, now)
        return self._store(event)

    def _verified(
        self, endpoint: Endpoint, path_secret: str, environ: Mapping[str, Any], now: datetime
    ) -> ReceivedEvent:
        if not endpoint.accepts_path(path_secret):
            raise BadSignature("path_secret_unknown")
        if not endpoint.accepts_credentials(environ.get("HTTP_AUTHORIZATION", "")):
            raise BadSignature("credentials_unknown")
        body = read_body(environ, endpoint.body_limit_bytes)
        message_id = None
        if endpoint.signature is not None:
            message_id = endpoint.signature.verify(_Headers(environ), body, now)
        return ReceivedEvent(
            endpoint=endpoint.name,
            event_id=event_id(
                body,
                field=endpoint.event_id_field,
                signed_message_id=message_id,
                parse_json=self._parse_json,
                received_at=now,
            ),
            verification=Verification.HINT if endpoint.signature is None else Verification.SIGNED,
            body=body,
            received_at=now,
        )

    def _store(self, event: ReceivedEvent) -> Response:
        try:
            receipt = self._inbox.store(event)
        except Exception as error:  # noqa: BLE001 (the sender keeps the event and comes again)
            self._tally.count(
                event.endpoint, f"not_stored_{type(error).__name__}", event.received_at
            )
            return _answer(503, **{"Retry-After": str(RETRY_AFTER_SECONDS)})
        if receipt is Receipt.CONFLICT:
            self._tally.count(event.endpoint, "same_id_other_body", event.received_at)
        return _answer(200)

    def _refuse(self, status: int, endpoint: Endpoint, reason: str, now: datetime) -> Response:
        self._tally.count(endpoint.name, reason, now)
        return _answer(status)


class _Headers(Mapping[str, str]):
    """Request headers of a WSGI environment by lower-case name, without copying them all."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        value: str = self._environ["HTTP_" + name.upper().replace("-", "_")]
        return value

    def __iter__(self) -> Any:
        return iter(
            key[5:].replace("_", "-").lower() for key in self._environ if key.startswith("HTTP_")
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _NoSessions(SessionInterface):
    """The doorway neither reads nor sets cookies."""

    def open_session(self, app: Flask, request: Any) -> NullSession:
        return NullSession()

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        return None


def _answer(status: int, **headers: str) -> Response:
    response = Response(status=status, headers=headers)
    del response.headers["Content-Type"]
    return response


def create_blueprint(
    endpoints: Endpoints,
    inbox: Inbox,
    parse_json: Callable[[bytes], object],
    now: Callable[[], datetime],
) -> Blueprint:
    """The receiver as a part of another Flask app. Exempt it there from CSRF checks and sessions.

    `parse_json` is strict: it raises for anything but one well-formed document. `now` gives aware UTC instants.
    """
    blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")
    blueprint.add_url_rule(
        "/<endpoint>/<path_secret>",
        "receive",
        _Receiver(endpoints, inbox, parse_json, now).receive,
        methods=_METHODS,
        provide_automatic_options=False,
    )
    return blueprint


def create_app(
    endpoints: Endpoints,
    inbox: Inbox,
    parse_json: Callable[[bytes], object],
    now: Callable[[], datetime],
) -> Flask:
    """The receiver alone. Every other path is an empty 404."""
    app = Flask("webhooks", static_folder=None)
    app.session_interface = _NoSessions()
    app.register_blueprint(create_blueprint(endpoints, inbox, parse_json, now))
    app.register_error_handler(HTTPException, lambda error: _answer(error.code or 500))
    return app
