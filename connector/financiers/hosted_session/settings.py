"""Settings of a hosted-session account: mostly what the platform's documents leave open or say in two ways."""

from __future__ import annotations

from marshmallow import fields, validate

from connector.config.fields import SecretField
from connector.transport import TransportSchema

GOODS = ("commodities", "perishables", "other")


def _path(default: str) -> fields.String:
    pattern = validate.Regexp(
        r"/[A-Za-z0-9_/-]*[A-Za-z0-9_]\Z", error="A path begins with `/` and does not end with it."
    )
    return fields.String(load_default=default, validate=pattern)


class HostedSessionSchema(TransportSchema):
    """`base_url` is the host's without a version, for example `https://HOST` or `https://HOST/sandbox`."""

    client_id = fields.String(required=True, validate=validate.Length(min=1))
    client_secret = SecretField(required=True)
    token_url = fields.String(
        load_default="/auth/v1/token",
        validate=validate.Regexp(
            r"(https?:/)?/[^\s?#]+\Z", error="Give a path (`/...`) or a whole URL."
        ),
    )
    """A path below `base_url`, or a URL. The documents print three paths; the default is the one in their table."""
    token_early_seconds = fields.Float(load_default=300.0, validate=validate.Range(min=0))
    """How long before its end a token is replaced."""
    token_life_seconds_max = fields.Float(load_default=72_000.0, validate=validate.Range(min=60))
    """The documents say 24 hours in one place and up to 20 in another."""
    companies_path = _path("/v1/companies")
    """The only path the documents print. The others follow its form."""
    documents_path = _path("/v1/documents")
    invoices_path = _path("/v1/invoices")
    sessions_path = _path("/v1/financing_sessions")
    """Underscore or hyphen: the documents use both."""
    document_encoding = fields.String(
        load_default="multipart", validate=validate.OneOf(("multipart", "json_base64"))
    )
    """How a document is uploaded; the documents do not say."""
    supporting_document_key = fields.String(load_default="document_id")
    supporting_invoice_key = fields.String(load_default="invoice_id")
    """Names inside a session's `supporting_documents`; the documents tell that there are such ids, not their names."""
    invoice_filter = fields.String(load_default=None, allow_none=True)
    """Query parameter by which the list of invoices finds a client_reference_id, where there is one."""
    session_filter = fields.String(load_default=None, allow_none=True)
    """Query parameter by which the list of sessions finds those of an invoice, where there is one."""
    idempotency_header = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"[A-Za-z0-9-]{1,60}\Z", error="Give the name of an HTTP header."),
    )
    """Header that makes a repeated creation of an invoice harmless, where there is one."""
    currencies = fields.List(
        fields.String(validate=validate.Regexp(r"[A-Z]{3}\Z", error="Give codes such as USD.")),
        load_default=lambda: ["USD", "GBP", "EUR"],
        validate=validate.Length(min=1),
    )
    type_of_goods = fields.List(fields.String(validate=validate.OneOf(GOODS)), load_default=list)
    """What is said of an invoice whose mapping says nothing."""
    locale = fields.String(load_default="en_UK", validate=validate.OneOf(("en_UK", "zh_CN")))
    signs_webhooks = fields.Boolean(load_default=False)
    """No document that could be read mentions a signature."""
