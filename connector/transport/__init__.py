"""The only way out: every request to another system goes through a `Transport`.

    transport = context.transport(transport_settings(settings), BasicAuthorization(user, password))
    reply = transport.get("/invoices/", [("page", "1")])       # a Reply; anything but 2xx is an error
    reply = transport.request("POST", "/invoices", safe=False, body=strict_json.write(value))

One transport per connection. It holds the egress allow-list (the base URL's origin and the ones configured beside
it), the time-outs, the size cap, the rate budget, the concurrency limit, the retries of requests that have no
effect, and the redaction of every message. What became of a request is always said by `connector.errors`.
"""

from connector.transport.answers import Reply
from connector.transport.authorization import (
    FORM,
    Authorization,
    BasicAuthorization,
    BearerAuthorization,
    ClientCredentials,
    JsonGrant,
)
from connector.transport.client import JSON, Transport, segment
from connector.transport.context import AdapterContext
from connector.transport.forms import multipart
from connector.transport.redaction import Redactor, Secret, reveal
from connector.transport.settings import TransportSchema, TransportSettings, transport_settings

__all__ = [
    "FORM",
    "JSON",
    "AdapterContext",
    "Authorization",
    "BasicAuthorization",
    "BearerAuthorization",
    "ClientCredentials",
    "JsonGrant",
    "Redactor",
    "Reply",
    "Secret",
    "Transport",
    "TransportSchema",
    "TransportSettings",
    "multipart",
    "reveal",
    "segment",
    "transport_settings",
]
