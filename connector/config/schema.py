"""What the configuration file may say: every key with its kind, bounds and default.

What each key means stands in `config.example.toml`; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, get_args

from marshmallow import Schema, fields, validate

from connector.config.fields import NameField, SecretField, StoreUrlField, WebAddressField
from webhooks.endpoints import DEFAULT_BODY_LIMIT_BYTES
from webhooks.signatures import Encoding, Format, Hash, SecretEncoding, Signed

MINUTE, HOUR, DAY = 60, 3600, 86_400
SHORTEST_INTERVAL_SECONDS = 30


def _seconds(default: int | None, least: int, most: int = 30 * DAY) -> fields.Integer:
    return fields.Integer(
        load_default=default, strict=True, validate=validate.Range(min=least, max=most)
    )


def _choice(default: str, *allowed: str) -> fields.String:
    return fields.String(load_default=default, validate=validate.OneOf(allowed))


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


class ConnectionSchema(Schema):
    """[connections.NAME], beside the system's own settings. What is left out comes from [schedule]."""

    system = fields.String(required=True)
    interval_seconds = _seconds(None, SHORTEST_INTERVAL_SECONDS)
    jitter_seconds = _seconds(None, 0, HOUR)
    full_walk_interval_seconds = _seconds(None, 5 * MINUTE)


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
    event_id_field = _text(100, load_default="id")
    max_body_bytes = fields.Integer(
        load_default=DEFAULT_BODY_LIMIT_BYTES,
        strict=True,
        validate=validate.Range(min=1024, max=16_777_216),
    )
    signature = fields.Nested(SignatureSchema, load_default=None)


class FinancierSchema(Schema):
    """[financiers.NAME], beside the platform's own settings. What is left out comes from [schedule]."""

    platform = fields.String(required=True)
    poll_interval_seconds = _seconds(None, SHORTEST_INTERVAL_SECONDS)
    quiet_period_seconds = _seconds(None, 1)
    park_after_seconds = _seconds(None, MINUTE)
    webhook = fields.Nested(WebhookSchema, load_default=None)


class FlowSchema(Schema):
    """[[flows]]"""

    name = NameField(required=True)
    connection = fields.String(required=True)
    financier = fields.String(required=True)
    mapping = _text(500, load_default=None)
    document = _choice("attachment", "attachment", "render", "wait")
    create_companies = fields.Boolean(load_default=False)
    submit = _choice("automatic", "automatic", "by_hand")
    submitted_by = fields.Email(
        required=True, error_messages={"invalid": "expected an e-mail address."}
    )
    success_url = WebAddressField(load_default=None)
    cancel_url = WebAddressField(load_default=None)
    locale = _text(20, load_default=None)
    type_of_goods = fields.List(_text(), load_default=list)
    amendments = _choice("flag", "flag")


SECTIONS: dict[str, type[Schema]] = {
    "store": StoreSchema,
    "server": ServerSchema,
    "encryption": EncryptionSchema,
    "schedule": ScheduleSchema,
    "log": LogSchema,
}
"""Tables that stand in the file at most once."""

TOP_LEVEL = (*SECTIONS, "connections", "financiers", "flows")
