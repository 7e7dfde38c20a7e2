"""How Monite's API is reached: its address, its identifiers, its tokens. Monite is an accounting system and a financier,
so two adapters come in by this door."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from connector.clock import Clock
from connector.config.fields import SecretField
from connector.errors import ConfigError
from connector.transport import JsonGrant, TransportSchema, reveal

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.ASCII)


def is_identifier(value: object) -> bool:
    """Whether it is an identifier as Monite gives them."""
    return isinstance(value, str) and _UUID.match(value) is not None


def identifier_field(**more: Any) -> fields.String:
    """A setting that is an identifier of Monite's; `more` as `fields.String` takes it."""
    said = "expected an identifier like 9d2b4c8f-2087-4738-ba91-7359683c49a4, in small letters."
    return fields.String(validate=validate.Regexp(_UUID, error=said), **more)


class MoniteAccessSchema(TransportSchema):
    """What is needed to ask as a partner about one entity. `base_url` is the API's, with or without `/v1` at its end."""

    # The documented budget of an API client.
    requests_per_second = fields.Integer(
        load_default=30, allow_none=True, strict=True, validate=validate.Range(min=1)
    )
    version = fields.String(load_default="2024-05-25", validate=validate.OneOf(("2024-05-25",)))
    client_id = identifier_field(required=True)
    client_secret = SecretField(required=True)
    entity_id = identifier_field(required=True)


def versioned(base_url: str) -> str:
    """The base URL with the path of the API. Raises ConfigError for another version in the path."""
    base = base_url.rstrip("/")
    last = base.rpartition("/")[2]
    if last == "v1":
        return base
    if len(last) > 1 and last[0] == "v" and last[1:].isdigit():
        raise ConfigError(
            f"`base_url` ends in {last}; the API is at v1.",
            remedy="End it in /v1, or leave that out. `version` is the date in a header.",
        )
    return f"{base}/v1"


def version_header(version: str) -> dict[str, str]:
    """The header that every request carries."""
    return {"x-monite-version": version}


def entity_headers(version: str, entity_id: str) -> dict[str, str]:
    """The headers of a request about one entity."""
    return {**version_header(version), "x-monite-entity-id": entity_id}


def grant(settings: Mapping[str, Any], clock: Clock, *, user: str | None = None) -> JsonGrant:
    """The token of the partner, or of a user of the entity."""
    secret = reveal(settings["client_secret"])
    asked = {"client_id": settings["client_id"], "client_secret": secret}
    asked |= (
        {"grant_type": "client_credentials"}
        if user is None
        else {"grant_type": "entity_user", "entity_user_id": user}
    )
    headers = version_header(settings["version"])
    return JsonGrant("/auth/token", asked, clock, secrets=(secret,), headers=headers)
