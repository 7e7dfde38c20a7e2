"""What the webhook tests share: endpoints, signed deliveries, an inbox in memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from connector.strict_json import loads
from tests.fakes import START
from webhooks.endpoints import Endpoint, Endpoints
from webhooks.ports import Receipt, ReceivedEvent
from webhooks.receiver import create_app
from webhooks.signatures import SignatureScheme

PATH = "path-for-tests-0123456789-abcdef"
OLD_PATH = "path-for-tests-old-9876543210-xy"
SECRET = b"signing-for-tests-0123456789-abcdef"
OLD_SECRET = b"signing-for-tests-old-9876543210-x"
OTHER_SECRET = b"signing-of-somebody-else-0123456789"
NOW = int(START.timestamp())

TIMESTAMPED = SignatureScheme(
    header="Test-Signature",
    secrets=(SECRET, OLD_SECRET),
    format="timestamped",
    signed="timestamp.body",
)
PLAIN_HEX = SignatureScheme(header="X-Hub-Signature-256", secrets=(SECRET,), prefix="sha256=")
PLAIN_BASE64 = SignatureScheme(header="X-Test-Signature", secrets=(SECRET,), encoding="base64")
STANDARD = SignatureScheme(header="webhook", secrets=(SECRET,), format="standard-webhooks")
SCHEMES = {
    "timestamped": TIMESTAMPED,
    "plain-hex": PLAIN_HEX,
    "plain-base64": PLAIN_BASE64,
    "standard": STANDARD,
}

BODY_LIMIT = 4096


def endpoint(
    name: str = "signed",
    scheme: SignatureScheme | None = TIMESTAMPED,
    *,
    path: tuple[str, ...] = (PATH, OLD_PATH),
    event_id_field: str | None = "id",
) -> Endpoint:
    return Endpoint(
        name=name,
        path_secrets=path,
        signature=scheme,
        event_id_field=event_id_field,
        body_limit_bytes=BODY_LIMIT,
    )


def event(event_id: object = "evt_1", **more: Any) -> bytes:
    return json.dumps({"id": event_id, "type": "invoice.financed", **more}).encode()


def mac(body: bytes, secret: bytes = SECRET) -> bytes:
    return hmac.new(secret, body, hashlib.sha256).digest()


def signed_headers(
    scheme: SignatureScheme,
    body: bytes,
    *,
    timestamp: int | str = NOW,
    secret: bytes = SECRET,
    message_id: str = "msg_1",
) -> dict[str, str]:
    """The headers an honest sender adds, made here by other code than the product's."""
    if scheme.format == "timestamped":
        signature = mac(f"{timestamp}.".encode() + body, secret).hex()
        return {scheme.header: f"t={timestamp},v1={signature}"}
    if scheme.format == "standard-webhooks":
        digest = mac(f"{message_id}.{timestamp}.".encode() + body, secret)
        return {
            f"{scheme.header}-id": message_id,
            f"{scheme.header}-timestamp": str(timestamp),
            f"{scheme.header}-signature": "v1," + base64.b64encode(digest).decode(),
        }
    digest = mac(body, secret)
    text = base64.b64encode(digest).decode() if scheme.encoding == "base64" else digest.hex()
    return {scheme.header: scheme.prefix + text}


@dataclass
class MemoryInbox:
    """Keeps events in a dictionary; raises `failure` instead when it is set."""

    failure: Exception | None = None
    stored: dict[tuple[str, str], ReceivedEvent] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)

    def store(self, event: ReceivedEvent) -> Receipt:
        if self.failure is not None:
            raise self.failure
        first = self.stored.setdefault((event.endpoint, event.event_id), event)
        if first is event:
            receipt = Receipt.STORED
        else:
            receipt = Receipt.DUPLICATE if first.body == event.body else Receipt.CONFLICT
        self.receipts.append(receipt)
        return receipt


class Doorway:
    """The receiver with an inbox in memory, and a client that speaks to it."""

    def __init__(
        self,
        *endpoints: Endpoint,
        now: Callable[[], datetime] = lambda: START,
        parse_json: Callable[[bytes], object] = loads,
    ) -> None:
        self.inbox = MemoryInbox()
        self.app: Flask = create_app(
            Endpoints(endpoints or (endpoint(),)), self.inbox, parse_json, now
        )
        self.client = self.app.test_client()

    def post(
        self,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        name: str = "signed",
        path: str = PATH,
    ) -> TestResponse:
        return self.client.post(f"/webhooks/{name}/{path}", data=body, headers=headers or {})

    def post_signed(
        self, body: bytes, scheme: SignatureScheme = TIMESTAMPED, **how: Any
    ) -> TestResponse:
        return self.post(body, signed_headers(scheme, body, **how))

    @property
    def events(self) -> list[ReceivedEvent]:
        return list(self.inbox.stored.values())
