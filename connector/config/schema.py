"""What the configuration file may say: every key with its kind, bounds and default.

What each key means stands in `config.example.toml`; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, get_args

from marshmallow import Schema, fields, validate

from connector.config.feed import FeedSchema
from connector.config.fields import (
    HostNameField,
    NameField,
    SecretField,
    StoreUrlField,
    WebAddressField,
)
from webhooks.endpoints import DEFAULT_BODY_LIMIT_BYTES
from webhooks.signatures import Encoding, Format, Hash, SecretEncoding, Signed

MINUTE, HOUR, DAY = 60, 3600, 86_400
SHORTEST_INTERVAL_SECONDS = 30
ROLES = ("viewer", "operator", "mapping_author", "approver", "admin")
"""The words of `connector.people.roles.Role`; a test holds them together."""


def _seconds(default: int | None, least: int, most: int = 30 * DAY) -> fields.Integer:
    return fields.Integer(
        load_default=default, strict=True, validate=validate.Range(min=least, max=most)
    )


def _choice(default: str, *allowed: str, description: str = "") -> fields.String:
    return fields.String(
        load_default=default,
        validate=validate.OneOf(allowed),
        metadata={"description": description} if description else {},
    )


def _text(most: int = 200, **kwargs: Any) -> fields.String:
    return fields.String(validate=validate.Length(min=1, max=most), **kwargs)


class StoreSchema(Schema):
    """[store]"""

    url = StoreUrlField(required=True)


class ServerSchema(Schema):
    """[server]"""

    host = _text(load_default="127.0.0.1")
    port = fields.Integer(load_default=8750, strict=True, validate=validate.Range(min=0, max=65535))
    public_url = WebAddressField(is_base=True, load_default=None)


class ProviderSchema(Schema):
    """[access.oidc]"""

    issuer = WebAddressField(required=True)
    client_id = _text(required=True)
    client_secret = SecretField(required=True)
    label = _text(40, load_default="single sign-on")
    allowed_email_domains = fields.List(
        HostNameField(), required=True, validate=validate.Length(min=1, max=100)
    )
    scopes = fields.List(_text(100), load_default=lambda: ["openid", "email", "profile"])
    role_claim = _text(100, load_default=None)
    roles = fields.Dict(
        keys=_text(),
        values=fields.String(validate=validate.OneOf(ROLES)),
        load_default=dict,
    )
    ca_file = _text(500, load_default=None)


class AccessSchema(Schema):
    """[access]"""

    host_names = fields.List(HostNameField(), load_default=list, validate=validate.Length(max=100))
    trusted_proxies = fields.Integer(
        load_default=0, strict=True, validate=validate.Range(min=0, max=10)
    )
    session_idle_seconds = _seconds(HOUR, MINUTE)
    session_seconds_max = _seconds(12 * HOUR, MINUTE)
    password_memory_mebibytes = fields.Integer(
        load_default=64, strict=True, validate=validate.Range(min=1, max=4096)
    )
    oidc = fields.Nested(ProviderSchema, load_default=None)


class EncryptionSchema(Schema):
    """[encryption]"""

    key = SecretField(required=True)


class ScheduleSchema(Schema):
    """[schedule]"""

    interval_seconds = _seconds(5 * MINUTE, SHORTEST_INTERVAL_SECONDS)
    jitter_seconds = _seconds(15, 0, HOUR)
    full_walk_interval_seconds = _seconds(HOUR, 5 * MINUTE)
    submit_interval_seconds = _seconds(30, 1)
    poll_interval_seconds = _seconds(15 * MINUTE, SHORTEST_INTERVAL_SECONDS)
    write_back_interval_seconds = _seconds(30, 1)
    quiet_period_seconds = _seconds(15 * MINUTE, 1)
    park_after_seconds = _seconds(DAY, MINUTE)
    lease_seconds = _seconds(10 * MINUTE, MINUTE, DAY)
    backoff_seconds_max = _seconds(HOUR, 1, DAY)
    shutdown_timeout_seconds = _seconds(30, 1, 10 * MINUTE)
    max_workers = fields.Integer(
        load_default=4, strict=True, validate=validate.Range(min=1, max=64)
    )


class LogSchema(Schema):
    """[log]"""

    level = _choice("info", "debug", "info", "warning", "error")
    format = _choice("plain", "plain", "json")


class SignatureSchema(Schema):
    """[financiers.NAME.webhook.signature]"""

    header = _text(100, required=True)
    secrets = fields.List(SecretField(), required=True, validate=validate.Length(min=1, max=8))
    secret_encoding = _choice("text", *get_args(SecretEncoding))
    format = _choice("plain", *get_args(Format))
    encoding = _choice("hex", *get_args(Encoding))
    hash = _choice("sha256", *get_args(Hash))
    signed = _choice("body", *get_args(Signed))
    tolerance_seconds = _seconds(5 * MINUTE, 1, HOUR)
    prefix = fields.String(load_default="", validate=validate.Length(max=50))
    version = _text(50, load_default="v1")


class WebhookSchema(Schema):
    """[financiers.NAME.webhook]"""

    path_secrets = fields.List(SecretField(), required=True, validate=validate.Length(min=1, max=8))
    event_id_field = fields.String(load_default="id", validate=validate.Length(max=100))
    max_body_bytes = fields.Integer(
        load_default=DEFAULT_BODY_LIMIT_BYTES,
        strict=True,
        validate=validate.Range(min=1024, max=16_777_216),
    )
    signature = fields.Nested(SignatureSchema, load_default=None)


class SystemSignatureSchema(SignatureSchema):
    """[connections.NAME.webhook.signature]: the secrets may all be in `secrets_file`."""

    secrets = fields.List(SecretField(), load_default=list, validate=validate.Length(max=8))


class BasicSchema(Schema):
    """[connections.NAME.webhook.basic]"""

    username = _text(100, required=True)
    passwords = fields.List(SecretField(), required=True, validate=validate.Length(min=1, max=8))


class SystemWebhookSchema(WebhookSchema):
    """[connections.NAME.webhook]"""

    secrets_file = _text(500, load_default=None)
    signature = fields.Nested(SystemSignatureSchema, load_default=None)
    basic = fields.Nested(BasicSchema, load_default=None)


class ConnectionSchema(Schema):
    """[connections.NAME], beside the system's own settings. What is left out comes from [schedule]."""

    system = fields.String(required=True)
    company = NameField(
        load_default="company",
        metadata={
            "description": "Whose books these are. Connections of one company share its part of a mapping."
        },
    )
    interval_seconds = _seconds(None, SHORTEST_INTERVAL_SECONDS)
    jitter_seconds = _seconds(None, 0, HOUR)
    full_walk_interval_seconds = _seconds(None, 5 * MINUTE)
    webhook = fields.Nested(SystemWebhookSchema, load_default=None)


class FinancierSchema(Schema):
    """[financiers.NAME], beside the platform's own settings. What is left out comes from [schedule]."""

    platform = fields.String(required=True)
    poll_interval_seconds = _seconds(None, SHORTEST_INTERVAL_SECONDS)
    quiet_period_seconds = _seconds(None, 1)
    park_after_seconds = _seconds(None, MINUTE)
    webhook = fields.Nested(WebhookSchema, load_default=None)


class MappingsSchema(Schema):
    """[mappings]"""

    approval = _choice("none", "none", "second_person")
    backtest_required = fields.Boolean(load_default=True)


class FlowSchema(Schema):
    """[[flows]]"""

    name = NameField(required=True)
    connection = fields.String(required=True)
    financier = fields.String(required=True)
    mapping = _text(500, load_default=None)
    document = _choice(
        "attachment",
        "attachment",
        "render",
        "wait",
        description="Take the system's own file, draw one from the record, or wait for a person to attach one.",
    )
    create_companies = fields.Boolean(
        load_default=False,
        metadata={"description": "Make companies at the financier that are not linked yet."},
    )
    buyer_limits = _choice("wait", "wait", "ignore")
    submit = _choice(
        "automatic",
        "automatic",
        "by_hand",
        description="Request financing for each fit invoice, or only when a person asks for it.",
    )
    submitted_by = fields.Email(
        required=True, error_messages={"invalid": "expected an e-mail address."}
    )
    success_url = WebAddressField(
        load_default=None,
        metadata={
            "description": "Where a person goes after the session. Some platforms require it."
        },
    )
    cancel_url = WebAddressField(
        load_default=None,
        metadata={
            "description": "Where a person goes after canceling it. Some platforms require it."
        },
    )
    locale = _text(20, load_default=None)
    type_of_goods = fields.List(_text(), load_default=list)
    amendments = _choice("flag", "flag", "keep", "amend")


SECTIONS: dict[str, type[Schema]] = {
    "store": StoreSchema,
    "server": ServerSchema,
    "access": AccessSchema,
    "encryption": EncryptionSchema,
    "schedule": ScheduleSchema,
    "log": LogSchema,
    "mappings": MappingsSchema,
    "feed": FeedSchema,
}
"""Tables that stand in the file at most once."""

TOP_LEVEL = (*SECTIONS, "connections", "financiers", "flows")
