"""A good configuration, and adapters of our own making for it."""

from __future__ import annotations

from collections.abc import Callable

from marshmallow import Schema, fields, validate

from connector.config.fields import SecretField, WebAddressField
from connector.config.model import Config
from connector.secrets import new_key

KEY = new_key()
PATH_SECRET = "Zx8-path-secret-nobody-guesses-41"
ENVIRON = {"KEY": KEY, "PASSWORD": "correct horse", "PATH_SECRET": PATH_SECRET}

GOOD = """\
[store]
url = "sqlite:///connector.db"

[encryption]
key = { env = "KEY" }

[connections.books]
system = "ledger"
base_url = "https://books.example.com/v1/"
password = { env = "PASSWORD" }

[financiers.lender]
platform = "hosted"
password = { env = "PASSWORD" }

[financiers.lender.webhook]
path_secrets = [{ env = "PATH_SECRET" }]

[[flows]]
name = "books_to_lender"
connection = "books"
financier = "lender"
submitted_by = "finance@example.com"
"""


class LedgerSchema(Schema):
    """Settings of a made-up accounting system, of every kind an adapter may want."""

    base_url = WebAddressField(required=True, is_base=True)
    password = SecretField(required=True)
    version = fields.String(load_default="v1", validate=validate.OneOf(["v1", "v2"]))
    timeout_seconds = fields.Float(load_default=30, validate=validate.Range(min=1))
    concurrency = fields.Integer(load_default=4, validate=validate.Range(min=1, max=64))
    archived = fields.Boolean(load_default=False)


class HostedSchema(Schema):
    """Settings of a made-up financing platform."""

    password = SecretField(required=True)


Load = Callable[..., Config]
