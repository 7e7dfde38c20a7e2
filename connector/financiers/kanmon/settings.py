"""Settings of one business at Kanmon."""

from __future__ import annotations

from marshmallow import fields, validate

from connector.config.fields import SecretField
from connector.transport import TransportSchema


def _identifier() -> fields.String:
    return fields.String(
        load_default=None, allow_none=True, validate=validate.Length(min=1, max=100)
    )


class KanmonSchema(TransportSchema):
    """`base_url` is the host's: the paths below it are printed in the documents and need no setting."""

    api_key = SecretField(required=True)
    business_id = fields.String(required=True, validate=validate.Length(min=1, max=100))
    """Kanmon's identifier of the company whose invoices are financed. `connector check` lists those of the key."""
    user_id = _identifier()
    """On whose behalf the widget is opened: Kanmon's identifier of the user, or the platform's own."""
    platform_user_id = _identifier()
    receivable_product_id = _identifier()
    """The issued product for receivables. None: the one that is current."""
    receivable_plan_id = _identifier()
    """The pricing plan within it. None: the only one."""
    payable_product_id = _identifier()
    payable_plan_id = _identifier()
