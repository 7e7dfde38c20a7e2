"""Whose books a connection reads: so that the same invoices are not offered for financing under two names.

The settings schema of a system may declare `books_by(settings)`: the values that together say whose books these are.
Two connections to one system for which they are equal read the same invoices. A system that declares none is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema

from connector.config.model import Connection, Flow
from connector.config.problems import Problem

_VERSION = re.compile(r"/v[0-9]+\Z")
_PORTS = {"http": 80, "https": 443}


def place_of(base_url: str) -> tuple[str, int | None, str]:
    """(host, port, path) of an address, the same however it is spelled; a version at its end is left out."""
    parts = urlsplit(base_url)
    path = _VERSION.sub("", parts.path.rstrip("/"))
    return (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme), path


def books_of(schema: type[Schema] | None, settings: Any) -> tuple[object, ...] | None:
    """What says whose books a connection with these loaded settings reads; None where its system declares nothing."""
    declared = getattr(schema, "books_by", None)
    return None if declared is None else tuple(declared(settings))


def of_same_books(
    schema: type[Schema], system: str, settings: Any, connections: Iterable[Connection]
) -> str | None:
    """The first of the connections that reads the books which these settings lead to; None where none does."""
    books = books_of(schema, settings)
    if books is None:
        return None
    return next(
        (
            each.name
            for each in connections
            if each.system == system and books_of(schema, each.settings) == books
        ),
        None,
    )


def offered_twice(
    connections: Mapping[str, Connection],
    flows: Iterable[Flow],
    systems: Mapping[str, type[Schema]],
) -> list[Problem]:
    """A problem for each connection whose books another one reads as well, where flows take the invoices of both."""
    problems: list[Problem] = []
    offered: list[Connection] = []
    for flow in flows:
        connection = connections.get(flow.connection)
        if connection is None:
            continue  # a problem of its own
        schema = systems[connection.system]
        other = of_same_books(schema, connection.system, connection.settings, offered)
        if other is None:
            offered.append(connection)
            continue
        sentence = (
            f"these are the books of {other}, too, and flows take the invoices of both: each would be offered twice. "
            "Keep one of the two flows."
        )
        problems.append(Problem(("connections", connection.name), sentence))
    return problems
