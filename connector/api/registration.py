"""Which resources the API has. A new one is one line here: a function that makes its blueprint."""

from __future__ import annotations

from collections.abc import Callable

from connector.api import (
    audit,
    companies,
    connections,
    deliveries,
    feed,
    financing,
    invoices,
    mappings,
    people,
    records,
    runs,
    settings,
    standing,
    tokens,
)
from connector.api.resource import Context, Resource

RESOURCES: tuple[Callable[[Context], Resource], ...] = (
    standing.create,
    invoices.create,
    records.create,
    financing.create,
    mappings.create,
    runs.create,
    connections.create,
    companies.create,
    deliveries.create,
    feed.create,
    audit.create,
    people.create,
    tokens.create,
    settings.create,
)
"""In the order of the page."""
