"""Webhook subscriptions, the events they cover, and what was delivered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Response, g, request

from connector.sandbox.control import reply
from connector.sandbox.ledger import NewObject, StoredObject, instant_text
from connector.sandbox.monite.paging import TIMES, Filter, Listing, filters, page, query_of
from connector.sandbox.monite.refusal import InvalidError
from connector.sandbox.monite.world import World, monite_time, monite_uuid, needed, read_body
from connector.sandbox.people import made_up_id
from connector.sandbox.webhook import Listener, WebhookSender
from connector.sandbox.wire import JsonObject, from_json, to_json

OBJECT_TYPES = [
    "account",
    "accounting_connection",
    "approval",
    "approval_request",
    "approval_policy",
    "approval_policy_process",
    "batch_payment",
    "comment",
    "counterpart",
    "counterpart_address",
    "counterpart_bank_account",
    "counterpart_contact_person",
    "counterpart_partner_metadata",
    "counterpart_tax_id",
    "entity",
    "entity_bank_account",
    "entity_settings",
    "entity_user",
    "export",
    "overdue_reminder",
    "partner_settings",
    "payable",
    "payables_credit_note",
    "payables_purchase_order",
    "payable.line_item",
    "payment",
    "payment_intent",
    "payment_link",
    "payment_reminder",
    "product",
    "project",
    "receivable",
    "recurrence",
    "role",
    "tag",
    "todo_task",
    "workflow",
    "workflow_pipeline",
    "ocr_task",
    "delivery_note",
    "receipt",
    "transaction",
]
_TIMES = {"created_at": ("instant", TIMES)}
_EVENTS = Listing(
    "event",
    filters(**_TIMES, object_type=("text", "is")),
    ("created_at", "updated_at"),
)
_SUBSCRIPTIONS = Listing(
    "subscription", filters(**_TIMES, object_type=("text", "is")), ("created_at", "updated_at")
)


class Events:
    """Tells what happened: one event where somebody subscribed to it, and one delivery for each subscription."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.webhooks = WebhookSender(world.sandbox, world.settings, self._listener_of)
        world.tell = self._tell

    def add_routes(self) -> None:
        """Add /v1/events, /v1/webhook_deliveries and /v1/webhook_subscriptions."""
        app = self._world.sandbox.app
        for rule, view, methods in (
            ("events", self._list_events, ["GET"]),
            ("events/<event_id>", self._one_event, ["GET"]),
            ("webhook_deliveries", self._deliveries, ["GET"]),
            ("webhook_subscriptions", self._subscriptions, ["GET"]),
            ("webhook_subscriptions", self._subscribe, ["POST"]),
            ("webhook_subscriptions/<own_id>", self._one, ["GET"]),
            ("webhook_subscriptions/<own_id>", self._change, ["PATCH"]),
            ("webhook_subscriptions/<own_id>", self._remove, ["DELETE"]),
            ("webhook_subscriptions/<own_id>/enable", self._enable, ["POST"]),
            ("webhook_subscriptions/<own_id>/disable", self._disable, ["POST"]),
            ("webhook_subscriptions/<own_id>/regenerate_secret", self._new_secret, ["POST"]),
        ):
            app.add_url_rule(f"/v1/{rule}", f"{view.__name__}", view, methods=methods)

    def _tell(self, object_type: str, action: str, object_id: str, entity_id: str) -> None:
        world, ledger = self._world, self._world.ledger
        wanted = [
            s
            for s in ledger.select("subscription", status="enabled")
            if s.body["object_type"] == object_type
            and (not s.body["event_types"] or _covers(s.body["event_types"], object_type, action))
        ]
        if not wanted:
            return
        with ledger.transaction():
            now, event_id = world.now(), world.new_id("event")
            dotted = world.settings.action_form == "dotted"
            event = {
                "id": event_id,
                "created_at": monite_time(now),
                "action": f"{object_type}.{action}" if dotted else action,
                "api_version": world.settings.versions[-1],
                "description": f"{object_type} {action}",
                "entity_id": entity_id,
                "object": {"id": object_id},
                "object_type": object_type,
            }
            hidden = {"_entity": entity_id, "_updated_at": event["created_at"]}
            ledger.add("event", NewObject(event_id, {**event, **hidden}, now))
            for subscription in wanted:
                self._deliver(event, object_type, action, subscription.id)

    def _deliver(
        self, event: JsonObject, object_type: str, action: str, subscription_id: str
    ) -> None:
        object_id = event["object"]["id"]
        body = {**event, "webhook_subscription_id": subscription_id}
        if self._world.settings.webhook_payload == "object_id":
            body = {k: v for k, v in body.items() if k != "object"} | {"object_id": object_id}
        what = f"{object_type}.{action}"
        self.webhooks.emit(event["id"], what, object_id, to_json(body), subscription_id)

    def _listener_of(self, subscription_id: str) -> Listener:
        found = self._world.ledger.get("subscription", subscription_id)
        return Listener(found.body["url"], found.body["_secret"]) if found else Listener(None, None)

    def _list_events(self) -> Response:
        settings = self._world.settings
        oldest = monite_time(self._world.now() - timedelta(seconds=settings.event_life_seconds))

        def keep(body: JsonObject) -> bool:
            return bool(body["_entity"] == g.entity_id and body["created_at"] >= oldest)

        return reply(page(self._world, _EVENTS, query_of(request.args.lists()), keep))

    def _one_event(self, event_id: str) -> Response:
        stored = self._world.required("event", event_id, g.token_entity_id)
        return reply(self._world.shown(stored.body))

    def _subscriptions(self) -> Response:
        query = query_of(request.args.lists())
        return reply(page(self._world, _SUBSCRIPTIONS, query, lambda _: True))

    def _subscribe(self) -> Response:
        world = self._world
        body = read_body(("object_type", "event_types", "url"))
        with world.ledger.transaction():
            now, own_id = world.now(), world.new_id("subscription")
            stored = {
                "id": own_id,
                "object_type": _object_type(body),
                "event_types": _event_types(body),
                "url": _url(body),
                "status": "enabled",
                "_secret": self._made_secret(),
                "_created_at": monite_time(now),
            }
            world.ledger.add("subscription", NewObject(own_id, stored, now, status="enabled"))
        return reply({**world.shown(stored), "secret": stored["_secret"]}, 201)

    def _one(self, own_id: str) -> Response:
        return reply(self._world.shown(self._found(own_id).body))

    def _change(self, own_id: str) -> Response:
        body = read_body(("object_type", "event_types", "url"))
        stored = self._found(own_id)
        changes: JsonObject = {}
        if body.get("object_type") is not None:
            changes["object_type"] = _object_type(body)
        if body.get("event_types") is not None:
            changes["event_types"] = _event_types(body)
        if body.get("url") is not None:
            changes["url"] = _url(body)
        return reply(self._world.shown(self._set(stored, changes).body))

    def _remove(self, own_id: str) -> Response:
        world = self._world
        self._found(own_id)
        with world.ledger.transaction():
            world.ledger.remove("subscription", own_id, at=world.now())
            world.ledger.write(
                "UPDATE deliveries SET state='unregistered' WHERE state='due' AND target=?",
                [(own_id,)],
            )
        return Response(status=204)

    def _enable(self, own_id: str) -> Response:
        changed = self._set(self._found(own_id), {"status": "enabled"})
        return reply(self._world.shown(changed.body))

    def _disable(self, own_id: str) -> Response:
        changed = self._set(self._found(own_id), {"status": "disabled"})
        return reply(self._world.shown(changed.body))

    def _new_secret(self, own_id: str) -> Response:
        changed = self._set(self._found(own_id), {"_secret": self._made_secret()})
        return reply({**self._world.shown(changed.body), "secret": changed.body["_secret"]})

    def _set(self, stored: StoredObject, changes: JsonObject) -> StoredObject:
        body = {**stored.body, **changes}
        now = self._world.now()
        return self._world.ledger.change(
            stored, body, at=now, cause="changed", status=body["status"]
        )

    def _found(self, own_id: str) -> StoredObject:
        return self._world.required("subscription", own_id)

    def _made_secret(self) -> str:
        number = self._world.new_id("secret")
        return "whsec_" + made_up_id(self._world.settings.seed, f"secret:{number}", 0, 40)

    def _deliveries(self) -> Response:
        return reply(
            page(
                self._world,
                _DELIVERIES,
                query_of(request.args.lists()),
                _own,
                objects=self.delivered(),
            )
        )

    def delivered(self) -> list[StoredObject]:
        """Every delivery as `GET /webhook_deliveries` shows it."""
        rows = self._world.ledger.rows(
            "SELECT d.sequence, d.event_id, d.target, d.attempts, d.state, d.due_at, e.body,"
            " (SELECT answer_status FROM attempts a WHERE a.delivery=d.sequence"
            "  ORDER BY a.sequence DESC LIMIT 1) AS answer_status"
            " FROM deliveries d JOIN objects e ON e.kind='event' AND e.id=d.event_id ORDER BY d.sequence"
        )
        return [self._delivery(row) for row in rows]

    def _delivery(self, row: Any) -> StoredObject:

        event = from_json(row["body"])
        own_id = monite_uuid(self._world.settings.seed, "delivery", row["sequence"])
        listener = self._listener_of(row["target"])
        body = {
            "id": own_id,
            "event_id": row["event_id"],
            "requests_made_count": row["attempts"],
            "response": None,
            "response_status_code": row["answer_status"],
            "url": listener.url or "https://deleted.invalid/",
            "was_successful": {"acknowledged": True, "given_up": False}.get(row["state"]),
            "_entity": event["_entity"],
            "_object_type": event["object_type"],
            "_event_action": event["action"],
            "_created_at": event["created_at"],
        }
        at = instant_text(self._world.now())
        return StoredObject(
            "delivery", own_id, row["sequence"], None, None, None, None, 1, at, at, body
        )


_DELIVERIES = Listing(
    "delivery",
    {
        **filters(**_TIMES, event_id=("uuid", "is"), object_type=("text", "is")),
        "event_action": Filter("event_action", "is", "text"),
    },
    ("created_at", "updated_at"),
)


def _own(body: JsonObject) -> bool:
    return bool(body["_entity"] == g.entity_id)


def _covers(event_types: list[str], object_type: str, action: str) -> bool:
    return action in event_types or f"{object_type}.{action}" in event_types


def _object_type(body: JsonObject) -> str:
    value = needed(body, "object_type")
    if value not in OBJECT_TYPES:
        raise InvalidError(
            ("body", "object_type"), "value is not a valid enumeration member", "type_error.enum"
        )
    return str(value)


def _event_types(body: JsonObject) -> list[str]:
    value = body.get("event_types") or []
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise InvalidError(("body", "event_types"), "value is not a valid list of strings")
    return value


def _url(body: JsonObject) -> str:
    value = str(needed(body, "url"))
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or len(value) > 2083:
        raise InvalidError(("body", "url"), "invalid or missing URL scheme", "value_error.url")
    return value
