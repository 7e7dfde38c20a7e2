"""What the parts of the hosted-session sandbox share: the platform, its settings, its webhooks, new identifiers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connector.sandbox.hosted_session.refusal import RefusalError
from connector.sandbox.hosted_session.settings import HostedSessionSettings
from connector.sandbox.ledger import StoredObject
from connector.sandbox.people import made_up_id
from connector.sandbox.platform import Sandbox
from connector.sandbox.webhook import WebhookSender
from connector.sandbox.wire import JsonObject, NotJsonError, from_json
from connector.sandbox.world import PlatformWorld

_PREFIXES = {
    "company": "company",
    "limit": "limit",
    "contact": "contact",
    "document": "doc",
    "invoice": "inv",
    "session": "ifs",
    "event": "evt",
    "token": "token",
}


class World(PlatformWorld[HostedSessionSettings]):
    """One hosted-session platform."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.webhooks = WebhookSender(sandbox, sandbox.settings)

    def new_id(self, kind: str) -> str:
        """The next identifier of a kind; the same seed gives the same row of them."""
        return f"{_PREFIXES[kind]}_{made_up_id(self.settings.seed, kind, self.next_number(kind))}"

    def required(self, kind: str, object_id: object) -> StoredObject:
        """An object by its id. Raises RefusalError 404."""
        found = self.find(kind, object_id)
        if found is None:
            raise RefusalError(f"No such {kind}.", 404)
        return found

    def referenced(self, kind: str, field: str, object_id: object) -> StoredObject:
        """An object that a request names in `field`. Raises RefusalError 400."""
        found = self.find(kind, object_id)
        if found is None:
            raise RefusalError(f"{field} must be the id of an existing {kind}.")
        return found


def platform_time(instant: datetime) -> str:
    """A timestamp as the platform prints it: milliseconds, `Z`."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def read_body(data: bytes) -> JsonObject:
    """The JSON object of a request. Raises RefusalError for anything else and for empty strings, as documented."""
    try:
        body = from_json(data)
    except NotJsonError as error:
        raise RefusalError("The request body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise RefusalError("The request body must be a JSON object.")
    _refuse_empty_strings(body, "")
    return body


def text(body: JsonObject, field: str) -> str:
    """A required string. Raises RefusalError."""
    value = body.get(field)
    if not isinstance(value, str):
        raise RefusalError(f"{field} is required and must be a string.")
    return value


def listed(items: list[JsonObject]) -> JsonObject:
    """The platform's list wrapper."""
    return {"object": "list", "data": items}


def _refuse_empty_strings(value: Any, path: str) -> None:
    if value == "":
        raise RefusalError(f"{path.strip('.')} is an empty string; use null instead.")
    entries = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, entry in entries:
        _refuse_empty_strings(entry, f"{path}.{key}")
