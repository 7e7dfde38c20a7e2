"""What the parts of the Kanmon sandbox share: the platform, its settings, its webhooks, new identifiers, lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connector.sandbox.kanmon.refusal import RefusalError
from connector.sandbox.kanmon.settings import KanmonSettings
from connector.sandbox.ledger import StoredObject
from connector.sandbox.people import made_up_uuid
from connector.sandbox.platform import Sandbox
from connector.sandbox.webhook import WebhookSender
from connector.sandbox.wire import JsonObject, NotJsonError, from_json
from connector.sandbox.world import PlatformWorld

MOST_IN_A_PAGE = 100


class World(PlatformWorld[KanmonSettings]):
    """One Kanmon platform."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.webhooks = WebhookSender(sandbox, sandbox.settings)

    def new_id(self, kind: str) -> str:
        """The next identifier of a kind: a UUID; the same seed gives the same row of them."""
        return made_up_uuid("kanmon", self.settings.seed, kind, self.next_number(kind))

    def required(self, kind: str, object_id: object, code: str) -> StoredObject:
        """An object by its id. Raises RefusalError 404."""
        found = self.find(kind, object_id)
        if found is None:
            raise RefusalError(code, f"The {kind.replace('_', ' ')} was not found.", 404)
        return found


def read_body(data: bytes) -> JsonObject:
    """The JSON object of a request. Raises RefusalError for anything else."""
    try:
        body = from_json(data)
    except NotJsonError:
        body = None
    if not isinstance(body, dict):
        raise bad("The request body must be a JSON object.")
    return body


def bad(message: str) -> RefusalError:
    """The refusal of a request that cannot be read."""
    return RefusalError("BadRequestException", message)


def page_of(
    world: World,
    name: str,
    stored: Sequence[StoredObject],
    query: Mapping[str, str],
    filters: Mapping[str, Callable[[JsonObject], Any]],
) -> JsonObject:
    """A list: filtered by comma-separated values and creation time, then cut by offset and limit."""
    found = list(stored)
    for parameter, value_of in filters.items():
        if parameter in query:
            wanted = set(query[parameter].split(","))
            found = [one for one in found if str(value_of(one.body)) in wanted]
    start, end = _instant(query, "createdAtStart"), _instant(query, "createdAtEnd")
    found = [
        one
        for one in found
        if (start is None or _created(one) >= start) and (end is None or _created(one) <= end)
    ]
    if world.settings.newest_first:
        found.reverse()
    offset = _number(query, "offset", 0, 0, 10**9)
    limit = _number(query, "limit", MOST_IN_A_PAGE, 1, MOST_IN_A_PAGE)
    pagination = {"limit": limit, "offset": offset, "totalCount": len(found)}
    shown = [one.body for one in found[offset : offset + limit]]
    return {name: shown, "pagination": pagination}


def _created(stored: StoredObject) -> datetime:
    return datetime.fromisoformat(stored.body["createdAt"])


def _instant(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        instant = datetime.fromisoformat(query[name])
    except ValueError:
        raise bad(f"{name} must be an ISO 8601 timestamp.") from None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise bad(f"{name} must be a whole number from {least} to {most}.")
    return int(text)
