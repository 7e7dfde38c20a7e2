"""Books that were read under another connection's name before, so that a new name does not offer their invoices again.

An invoice's reference follows from its connection's name: under another one the same invoice would be a new invoice to
the financier, and be financed twice. Where it was sent already, the new name is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema

from connector.config.books import books_of
from connector.config.model import Config
from connector.errors import ConfigError
from connector.store.database import Database
from connector.store.transaction import Transaction

Schemas = Mapping[str, type[Schema]]
"""The settings schema of each accounting system."""


def recognise_books(database: Database, config: Config, schemas: Schemas) -> None:
    """Keep whose books the connections read whose invoices a flow takes. Raises ConfigError where invoices of the same
    books were sent under another name."""
    unknown = []
    with database.read() as tx:
        for name in dict.fromkeys(flow.connection for flow in config.flows):
            connection = config.connections[name]
            books = named_books(schemas.get(connection.system), connection.settings)
            if not books:
                continue
            former = former_name(tx, name, connection.system, books)
            if former is not None:
                raise ConfigError(
                    f"[connections.{name}] reads the books that were read as {former} before, and invoices of "
                    f"{former} were sent for financing: under another name each would be offered once more.",
                    remedy=f"Name the connection {former} again, in its flow and its mapping, too.",
                )
            if name not in tx.connection_books.names(connection.system, books):
                unknown.append((name, connection.system, books))
    if unknown:
        with database.write() as tx:
            for each in unknown:
                tx.connection_books.note(*each)


def named_books(schema: type[Schema] | None, settings: Any) -> str:
    """What names the books that loaded settings lead to; empty where the system cannot say it."""
    books = books_of(schema, settings)
    return "" if books is None else json.dumps(books, separators=(",", ":"))


def former_name(tx: Transaction, name: str, system: str, books: str) -> str | None:
    """Another name under which these books were read and invoices of them sent; None where there is none."""
    for other in tx.connection_books.names(system, books):
        if other != name and tx.connection_books.has_sent(other):
            return other
    return None
