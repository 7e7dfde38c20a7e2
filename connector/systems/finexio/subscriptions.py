"""Finexio's webhooks (https://finexio.readme.io/reference/webhooks_api): who is told of payments, and what an event says.

This is the one part of the adapter that sends anything but GET, and it sends it to `/webhooks/` alone. An event says
that a payment changed and nothing that is believed: the payment is asked for its invoices, and those are read anew.

The vendor's documents spell the event in two ways, place the resource in two places and show the list in no form; each
is a setting here, or both readings are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from connector import strict_json
from connector.errors import ConfigError, NotFound
from connector.system import Door, Record, Subscribed, Subscription
from connector.systems.finexio.lists import Identifier, decoded
from connector.transport import Reply, Transport, segment

EVENTS = ("payment.changed", "payment.change")
_LONGEST_URL = 190
_MOST_PAGES = 100


class _Told(msgspec.Struct):
    """A subscription as the system shows it; some of its samples name the identifier `uuid`."""

    event: str
    url: str
    id: Identifier | None = None
    uuid: Identifier | None = None


class _Named(msgspec.Struct):
    id: Identifier


class _PaidFor(msgspec.Struct):
    """A payment: version 1 names the ids of its invoices, version 2 describes them."""

    id: Identifier
    invoices: list[Identifier | _Named] = []


class _Envelope(msgspec.Struct):
    results: list[_Told]
    next: str | None = None


class _Event(msgspec.Struct):
    object_type: Annotated[str, msgspec.Meta(max_length=200)]
    object_id: Identifier
    event: Annotated[str, msgspec.Meta(max_length=200)]


_LIST = msgspec.json.Decoder(_Envelope | list[_Told])
_TOLD = msgspec.json.Decoder(_Told)
_PAYMENT = msgspec.json.Decoder(_PaidFor)


class Subscriptions:
    """The subscriptions of one connection."""

    def __init__(self, transport: Transport, *, event: str, below_host: bool) -> None:
        self._transport = transport
        self._event = event
        base = urlsplit(transport.settings.base_url)
        self._path = f"{base.scheme}://{base.netloc}/webhooks/" if below_host else "/webhooks/"

    def wanted(self, door: Door) -> Sequence[Subscription]:
        """One, of the only event there is."""
        return [Subscription(EVENTS[0], door.url)]

    def listed(self) -> Iterator[Subscription]:
        """All there are, as one list or in pages."""
        for number in range(1, _MOST_PAGES + 1):
            try:
                reply = self._transport.get(self._path, [("page", str(number))])
            except NotFound:
                if number == 1:
                    raise
                return
            found = decoded(reply, _LIST.decode, reply.body)
            told = found if isinstance(found, list) else found.results
            yield from (self._read(reply, one) for one in told)
            if isinstance(found, list) or found.next is None or not told:
                return

    def make(self, door: Door) -> Subscribed:
        """Subscribe. Raises ConfigError without credentials of our choosing: the system demands some."""
        reply = self._send("POST", self._path, self._body(door))
        told = decoded(reply, _TOLD.decode, reply.body)
        return Subscribed(self._read(reply, told).remote_id)

    def change(self, remote_id: str, door: Door) -> None:
        """Give a subscription our address and credentials anew."""
        self._send("PUT", f"{self._path}{segment(remote_id)}/", self._body(door))

    def remove(self, remote_id: str) -> None:
        """Unsubscribe."""
        self._send("DELETE", f"{self._path}{segment(remote_id)}/", None)

    def invoices_of(self, payment_id: str) -> list[str]:
        """The invoices a payment names; none where there is no such payment."""
        try:
            reply = self._transport.get(f"/payments/{segment(payment_id)}/")
        except NotFound:
            return []
        payment = decoded(reply, _PAYMENT.decode, reply.body)
        if payment.id != payment_id:
            raise reply.misshapen("the answer is another payment than the one asked for.")
        named = (one if isinstance(one, str) else one.id for one in payment.invoices)
        return list(dict.fromkeys(named))

    def _body(self, door: Door) -> bytes:
        if not door.username or not door.password:
            raise ConfigError(
                "Finexio sends events with a user name and password, and none are configured.",
                remedy="Choose some in `[connections.NAME.webhook.basic]`.",
            )
        if len(door.url) > _LONGEST_URL:
            raise ConfigError(
                f"Finexio takes addresses of at most {_LONGEST_URL} characters; ours has {len(door.url)}.",
                remedy="Shorten `public_url` or the path secret.",
            )
        self._transport.redactor.learn(door.password, door.path_secret)
        wanted = {"event": self._event, "url": door.url}
        return strict_json.write({**wanted, "username": door.username, "password": door.password})

    def _send(self, method: str, path: str, body: bytes | None) -> Reply:
        return self._transport.request(method, path, safe=False, body=body)

    def _read(self, reply: Reply, told: _Told) -> Subscription:
        remote_id = told.id or told.uuid
        if remote_id is None:
            raise reply.misshapen("a subscription has no identifier.")
        topic = EVENTS[0] if told.event in EVENTS else told.event
        return Subscription(topic, told.url, remote_id)


def event_of(body: Record) -> tuple[str, str | None]:
    """(the event's word, the payment it is about or None). Raises ValueError for what is no event of Finexio."""
    try:
        event = msgspec.convert(body, _Event)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    is_payment = event.object_type == "payment" and event.event in EVENTS
    return event.event, event.object_id if is_payment else None
