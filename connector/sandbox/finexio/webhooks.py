"""Subscriptions and their deliveries: one event for each payment that was made or changed."""

from __future__ import annotations

import base64
import hashlib
import uuid
from datetime import datetime
from urllib.parse import urlencode

from flask import Response, request

from connector.sandbox.control import reply
from connector.sandbox.finexio.settings import FinexioSettings
from connector.sandbox.ledger import NewObject, StoredObject
from connector.sandbox.platform import Sandbox
from connector.sandbox.webhook import Listener, WebhookSender
from connector.sandbox.wire import JsonObject, NotJsonError, from_json, to_json

KIND = "webhook"
_REQUIRED = ("event", "url", "username", "password")
_FLAGS = (
    "invoice_ids",
    "payment_status",
    "payment_events",
    "refund_reason",
    "instrument_number",
    "all_payment_details",
)
_CONTENT_TYPES = {
    "json": "application/json",
    "application/json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded": "application/x-www-form-urlencoded",
}
_LONGEST_URL = 190


class Subscriptions:
    """The resource /webhooks/ and the sender behind it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._settings: FinexioSettings = sandbox.settings
        self.sender = WebhookSender(sandbox, self._settings, self._listener)
        sandbox.starters.append(self.sender.start)

    def add_routes(self) -> None:
        """Below both versions, and below the host itself, as one of the vendor's specifications has it."""
        app = self._sandbox.app
        for place in ("", "/v1", "/v2"):
            app.add_url_rule(
                f"{place}/webhooks/", f"{place}-webhooks", self._many, methods=["GET", "POST"]
            )
            app.add_url_rule(
                f"{place}/webhooks/<webhook_id>/",
                f"{place}-webhook",
                self._one,
                methods=["GET", "PUT", "PATCH", "DELETE"],
            )

    def payment_changed(self, payment: StoredObject) -> None:
        """Tell every subscription: call it in the transaction that changes the payment."""
        for subscription in self._sandbox.ledger.select(KIND):
            body = _event(subscription.body, payment)
            # The vendor's events have no identifier; this one is the sandbox's own, for its ledger.
            event_id = f"{payment.id}:{payment.revision}"
            self.sender.emit(event_id, "payment.changed", payment.id, body, subscription.id)

    def _listener(self, subscription_id: str) -> Listener:
        found = self._sandbox.ledger.get(KIND, subscription_id)
        if found is None:
            return Listener(None, None)
        pair = f"{found.body['username']}:{found.body['password']}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        return Listener(found.body["url"], None, headers)

    # -- the resource ---------------------------------------------------------------------------------------------

    def _many(self) -> Response:
        ledger = self._sandbox.ledger
        if request.method == "GET":
            found = [_shown(stored) for stored in ledger.select(KIND)]
            return reply({"count": len(found), "next": None, "previous": None, "results": found})
        given = _given()
        problems = {name: ["This field is required."] for name in _REQUIRED if not given.get(name)}
        problems |= _problems(given)
        if problems:
            return reply(problems, 400)
        now = self._sandbox.clock.now()
        with ledger.transaction():
            number = int(ledger.meta("last_webhook") or 0) + 1
            ledger.set_meta("last_webhook", str(number))
            body = {**_defaults(now), **given, "id": self._new_id(number)}
            return reply(_shown(ledger.add(KIND, NewObject(body["id"], body, now))), 201)

    def _one(self, webhook_id: str) -> Response:
        ledger, now = self._sandbox.ledger, self._sandbox.clock.now()
        stored = ledger.get(KIND, webhook_id)
        if stored is None:
            return reply({"detail": "Not found."}, 404)
        if request.method == "DELETE":
            ledger.remove(KIND, webhook_id, at=now)
            return Response(status=204)
        if request.method in ("PUT", "PATCH"):
            given = _given()
            needed = _REQUIRED if request.method == "PUT" else ()
            problems = {name: ["This field is required."] for name in needed if not given.get(name)}
            problems |= _problems(given)
            if problems:
                return reply(problems, 400)
            body = {**stored.body, **given, "updated_at": f"{now:%Y-%m-%dT%H:%M:%S.%f}"}
            return reply(_shown(ledger.change(stored, body, at=now, cause="changed")), 201)
        return reply(_shown(stored))

    def _new_id(self, number: int) -> str:
        digest = hashlib.sha256(f"{self._settings.seed}:webhook:{number}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))


def _given() -> JsonObject:
    """What a request may set."""
    try:
        body = from_json(request.get_data())
    except NotJsonError:
        body = {}
    allowed = (*_REQUIRED, *_FLAGS, "content_type")
    return {name: body[name] for name in allowed if isinstance(body, dict) and name in body}


def _problems(given: JsonObject) -> JsonObject:
    problems: JsonObject = {}
    if given.get("event") not in (None, "payment.changed", "payment.change"):
        problems["event"] = [f'"{given["event"]}" is not a valid choice.']
    if len(str(given.get("url") or "")) > _LONGEST_URL:
        problems["url"] = [f"Ensure this field has no more than {_LONGEST_URL} characters."]
    if given.get("content_type", "json") not in _CONTENT_TYPES:
        problems["content_type"] = [f'"{given["content_type"]}" is not a valid choice.']
    return problems


def _defaults(now: datetime) -> JsonObject:
    at = f"{now:%Y-%m-%dT%H:%M:%S.%f}"
    flags = dict.fromkeys(_FLAGS, False)
    return {"content_type": "application/json", "created_at": at, "updated_at": at, **flags}


def _shown(stored: StoredObject) -> JsonObject:
    """A subscription as it is answered: without its password."""
    return {name: value for name, value in stored.body.items() if name != "password"}


def _event(subscription: JsonObject, payment: StoredObject) -> bytes:
    event: JsonObject = {
        "object_type": "payment",
        "object_id": payment.id,
        "event": subscription["event"],
    }
    everything = subscription["all_payment_details"]
    if everything or subscription["invoice_ids"]:
        event["invoice_ids"] = [entry["id"] for entry in payment.body["invoices"]]
    if everything or subscription["payment_status"]:
        event["payment_status"] = payment.body["status"]
    if _CONTENT_TYPES[subscription["content_type"]] == "application/json":
        return to_json(event)
    return urlencode(event, doseq=True).encode("ascii")
