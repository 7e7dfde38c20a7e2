"""Settings of one entity's financing at Monite."""

from __future__ import annotations

from marshmallow import fields, validate

from connector.monite_access import MoniteAccessSchema


class MoniteFinancingSchema(MoniteAccessSchema):
    """The entity is the one whose invoices are financed: that of the connection they are read from.

    `version` has one choice: only this version of the documents that could be read knows financing.
    """

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
