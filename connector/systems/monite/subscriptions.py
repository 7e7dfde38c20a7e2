"""Monite's webhook subscriptions, one for each object type, and what its events name.

Only the partner's own token may manage them, and they are the partner's: an event of any of the partner's entities
comes to the same address. Each has a secret of its own, shown once; a new one ends the old one at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.errors import ContractDrift, OutcomeUnknown
from connector.monite_access import is_identifier
from connector.system import Door, Record, RecordHint, Subscribed, Subscription
from connector.systems.monite.client import MoniteClient, Row, path_of
from connector.systems.monite.records import COUNTERPART, PAYABLE, RECEIVABLE, reference
from connector.systems.monite.walk import object_id_of

_PATH = "/webhook_subscriptions"
_STREAMS = {PAYABLE: "invoices", RECEIVABLE: "invoices", COUNTERPART: "counterparties"}


class Subscriptions:
    """The subscriptions of one partner, for one entity."""

    def __init__(self, client: MoniteClient, objects: Sequence[str]) -> None:
        self._client = client
        self._objects = tuple(objects)

    def wanted(self, door: Door) -> list[Subscription]:
        """One for each object type. Without event types it tells of all of them; which those are for receivables, the
        vendor's documents do not say in full."""
        return [Subscription(topic=name, url=door.url) for name in self._objects]

    def there(self) -> list[Subscription]:
        """All of the partner's."""
        return [_read(row) for page in self._client.partner_pages(_PATH) for row in page]

    def make(self, wanted: Subscription) -> Subscribed:
        """Make one. Raises OutcomeUnknown when the answer has no secret: `renew` then gives one."""
        body = {"object_type": wanted.topic, "url": wanted.url}
        row = self._client.partner_change("POST", _PATH, body)
        return Subscribed(_identifier(row), _secret(row))

    def change(self, remote_id: str, wanted: Subscription) -> None:
        """Send it to our address, and switch it on."""
        path = path_of(_PATH, remote_id)
        self._client.partner_change("PATCH", path, {"url": wanted.url})
        self._client.partner_change("POST", f"{path}/enable")

    def renew(self, remote_id: str) -> str:
        """A new secret."""
        path = f"{path_of(_PATH, remote_id)}/regenerate_secret"
        return _secret(self._client.partner_change("POST", path))

    def remove(self, remote_id: str) -> None:
        """Take one away."""
        self._client.partner_change("DELETE", path_of(_PATH, remote_id))


def read_hint(body: Record, entity_id: str) -> RecordHint:
    """What an event names, in the newer spelling (`object.id`) and the older (`object_id`); `action` may be `paid` or
    `payable.paid`. An event of another entity names nothing here. Raises ContractDrift for what is no event."""
    about, action = body.get("object_type"), body.get("action")
    if not isinstance(about, str) or not isinstance(action, str):
        raise ContractDrift("The event has no `object_type` or no `action`.")
    event_type = action if action.startswith(f"{about}.") else f"{about}.{action}"
    stream = _STREAMS.get(about)
    if stream is None or body.get("entity_id") != entity_id:
        return RecordHint(event_type, ())
    identifier = object_id_of(body)
    if identifier is None:
        raise ContractDrift("The event names no object.")
    return RecordHint(event_type, ((stream, reference(about, identifier)),))


def _read(row: Row) -> Subscription:
    url, topic = row.get("url"), row.get("object_type")
    if not isinstance(url, str) or not isinstance(topic, str) or not is_identifier(row.get("id")):
        raise ContractDrift("A webhook subscription of Monite came without id, object_type or url.")
    return Subscription(topic, url, str(row["id"]), enabled=row.get("status") == "enabled")


def _identifier(row: Row) -> str:
    if not is_identifier(row.get("id")):
        raise OutcomeUnknown("A webhook subscription was made, and its answer has no usable id.")
    return str(row["id"])


def _secret(row: dict[str, Any]) -> str:
    secret = row.get("secret")
    if not isinstance(secret, str) or not secret:
        raise OutcomeUnknown("A webhook subscription's answer has no secret.")
    return secret
