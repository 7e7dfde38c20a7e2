"""What the parts of the Monite sandbox share: the platform, its settings, its events, new identifiers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request

from connector.sandbox.ledger import StoredObject
from connector.sandbox.monite.refusal import InvalidError, RefusalError
from connector.sandbox.monite.settings import MoniteSettings
from connector.sandbox.people import made_up_uuid
from connector.sandbox.platform import Sandbox
from connector.sandbox.wire import JsonObject, NotJsonError, from_json
from connector.sandbox.world import PlatformWorld

STORAGE = "/storage/"


class World(PlatformWorld[MoniteSettings]):
    """One Monite: a partner, its entities and what is theirs.

    A stored body is what the API shows, and names that begin with `_` which it does not; `_entity` is the owner.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.tell: Callable[[str, str, str, str], None] = lambda *_: None
        """(object type, action, object id, entity id): an event, where somebody subscribed to it."""
        self._kept_at = -1
        self._kept: dict[str, Any] = {}

    def new_id(self, kind: str) -> str:
        """The next identifier of a kind; the same seed gives the same row of them."""
        return monite_uuid(self.settings.seed, kind, self.next_number(kind))

    def all(self, kind: str) -> list[StoredObject]:
        """Everything of a kind, in order of creation."""
        found: list[StoredObject] = self.kept(kind, lambda: self.ledger.select(kind))
        return found

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` makes, kept under a name as long as nothing in the ledger changes."""
        generation = self.ledger.generation
        if self._kept_at != generation:
            self._kept_at, self._kept = generation, {}
        kept = self._kept
        if name not in kept:
            kept[name] = make()
        return kept[name]

    def required(self, kind: str, object_id: str, entity_id: str | None = None) -> StoredObject:
        """An object by its id, of this entity where one is given. Raises InvalidError, and RefusalError 404."""
        if not is_uuid(object_id):
            raise InvalidError(
                ("path", f"{kind}_id"), "value is not a valid uuid", "type_error.uuid"
            )
        found = self.ledger.get(kind, object_id)
        if found is None or (entity_id is not None and found.body["_entity"] != entity_id):
            raise RefusalError(404, f"{kind.capitalize()} object at id {object_id} was not found.")
        return found

    def shown(self, body: JsonObject) -> JsonObject:
        """A stored body as the API prints it: without our own names, links complete, empty fields as set."""
        visible = {name: value for name, value in body.items() if not name.startswith("_")}
        shown: JsonObject = self._printed(visible)
        return shown

    def _printed(self, value: Any) -> Any:
        if isinstance(value, dict):
            absent = self.settings.absent_fields == "absent"
            return {
                name: self._printed(entry)
                for name, entry in value.items()
                if not (absent and entry is None)
            }
        if isinstance(value, list):
            return [self._printed(entry) for entry in value]
        if isinstance(value, str) and value.startswith(STORAGE):
            return self._link(value)
        return value

    def _link(self, path: str) -> str:
        base = self.settings.storage_base_url or request.host_url.rstrip("/")
        life = self.settings.file_link_life_seconds
        if life is None:
            return base + path
        return f"{base}{path}?expires={int((self.now() + timedelta(seconds=life)).timestamp())}"


def monite_time(instant: datetime) -> str:
    """A timestamp as the platform prints it: microseconds and the offset of UTC."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def monite_uuid(seed: int, kind: str, number: int) -> str:
    """A UUID that is the same for the same seed, kind and number."""
    return made_up_uuid("monite", seed, kind, number)


def is_uuid(text: object) -> bool:
    """Whether a text is a UUID in its usual form."""
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def read_body(allowed: tuple[str, ...] | None = None) -> JsonObject:
    """The JSON object of the request; absent is empty. Raises InvalidError, also for a name that is not `allowed`."""
    data = request.get_data()
    try:
        body = from_json(data) if data else {}
    except NotJsonError as error:
        raise InvalidError(("body",), "Invalid JSON", "value_error.jsondecode") from error
    if not isinstance(body, dict):
        raise InvalidError(("body",), "value is not a valid dict", "type_error.dict")
    for name in body:
        if allowed is not None and name not in allowed:
            raise InvalidError(("body", name), "extra fields not permitted", "value_error.extra")
    return body


def needed(body: JsonObject, name: str, kind: type = str, place: tuple[str | int, ...] = ()) -> Any:
    """A required value of a body. Raises InvalidError."""
    value = body.get(name)
    if type(value) is not kind:
        missing = name not in body
        message = "field required" if missing else f"value is not a valid {kind.__name__}"
        raise InvalidError(
            ("body", *place, name), message, "value_error.missing" if missing else "type_error"
        )
    return value


def instant_in(body: JsonObject, name: str) -> str | None:
    """An optional instant of a body as the platform prints it. Raises InvalidError."""
    if body.get(name) is None:
        return None
    try:
        instant = datetime.fromisoformat(needed(body, name))
    except ValueError as error:
        raise InvalidError(
            ("body", name), "invalid datetime format", "value_error.datetime"
        ) from error
    return monite_time(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
