"""The settings of a Monite connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from connector.config.books import place_of
from connector.config.fields import WebAddressField
from connector.monite_access import MoniteAccessSchema, identifier_field

MEBIBYTE = 1024 * 1024


class MoniteSchema(MoniteAccessSchema):
    """Settings of a Monite connection: one entity, as the partner or as one user of the entity."""

    version = fields.String(
        load_default="2024-05-25", validate=validate.OneOf(("2024-05-25", "2024-01-31"))
    )
    entity_user_id = identifier_field(load_default=None, allow_none=True)
    """Work as this user of the entity, with the user's rights; None: as the partner."""
    events = fields.Boolean(load_default=False)
    """Find changes by `GET /events`, which tells only of objects for which a webhook subscription is on."""
    reread_open = fields.Boolean(load_default=True)
    """Read every invoice whose status may still change again in each pull."""
    read_addresses = fields.Boolean(load_default=True)
    """Read the addresses of counterparts: one request for each that is new or changed."""
    page_size = fields.Integer(
        load_default=100, strict=True, validate=validate.Range(min=1, max=100)
    )
    overlap_seconds = fields.Integer(
        load_default=3600, strict=True, validate=validate.Range(min=60, max=86_400)
    )
    file_urls = fields.List(WebAddressField(is_base=True), load_default=list)
    """Where Monite keeps its files: the hosts a document may be fetched from, beside `base_url`'s own."""
    max_document_bytes = fields.Integer(
        load_default=10 * MEBIBYTE, strict=True, validate=validate.Range(min=1, max=20_000_000)
    )
    payable_paid_on = fields.String(
        load_default="never", validate=validate.OneOf(("never", "funded", "repaid"))
    )
    receivable_paid_on = fields.String(
        load_default="never", validate=validate.OneOf(("never", "repaid"))
    )
    payments_as = fields.String(
        load_default="mark_as_paid", validate=validate.OneOf(("mark_as_paid", "payment_record"))
    )
    webhook_objects = fields.List(
        fields.String(validate=validate.OneOf(("payable", "receivable", "counterpart"))),
        load_default=lambda: ["payable", "receivable", "counterpart"],
        validate=validate.Length(min=1),
    )
    """For which object types a subscription is kept by `connector webhooks sync`."""

    @staticmethod
    def books_by(settings: Mapping[str, Any]) -> tuple[object, ...]:
        """An entity has its own books, whoever asks for them."""
        return place_of(settings["base_url"]), settings["entity_id"]

    @staticmethod
    def webhook_signature(_table: dict[str, Any]) -> dict[str, Any]:
        """How Monite signs its events: `Monite-Signature: t=...,v1=...`. What is signed is inferred from a successor of
        the product, so each of these can be said otherwise in the configuration."""
        return {
            "header": "Monite-Signature",
            "format": "timestamped",
            "encoding": "hex",
            "hash": "sha256",
            "signed": "timestamp.body",
            "secret_encoding": "text",
        }

    @validates_schema
    def _finds_changes(self, data: dict[str, Any], **_: Any) -> None:
        if not (data["events"] or data["reread_open"]):
            raise ValidationError(
                "with `events` off as well, changes would be seen by full walks alone. Switch one of them on.",
                "reread_open",
            )
