"""Settings of one entity's financing at Monite."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from connector.config.fields import SecretField
from connector.errors import ConfigError
from connector.transport import TransportSchema


def _uuid(**more: Any) -> fields.String:
    pattern = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z"
    said = "expected an identifier like 9d2b4c8f-2087-4738-ba91-7359683c49a4, in small letters."
    return fields.String(validate=validate.Regexp(pattern, error=said), **more)


class MoniteFinancingSchema(TransportSchema):
    """`base_url` is the API's, with or without `/v1` at its end."""

    # The documented budget of an API client.
    requests_per_second = fields.Integer(
        load_default=30, allow_none=True, strict=True, validate=validate.Range(min=1)
    )
    # Only this version of the documents that could be read knows financing.
    version = fields.String(load_default="2024-05-25", validate=validate.OneOf(("2024-05-25",)))
    client_id = _uuid(required=True)
    client_secret = SecretField(required=True)
    entity_id = _uuid(required=True)
    """The entity whose invoices are financed: the same as that of the connection they are read from."""
    currencies = fields.List(
        fields.String(validate=validate.Regexp(r"[A-Z]{3}\Z", error="Give codes such as USD.")),
        load_default=lambda: ["USD"],
        validate=validate.Length(min=1),
    )
    """Only US entities are financed; no page names a currency."""
    token_life_seconds = fields.Integer(
        load_default=3600, strict=True, validate=validate.Range(min=60, max=86_400)
    )
    """How long the widget's tokens are taken to be good: Monite's documents do not say."""


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
