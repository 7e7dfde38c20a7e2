"""The navigation: what there is, in which order, and who may see it.

A page that does not exist (yet, or in this installation) and one whose permission the person lacks are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from flask import current_app, request, url_for

from connector.access import Person


class Item(NamedTuple):
    """One entry. `permission` is the least a role must have for it; `apart` begins a new group."""

    endpoint: str
    title: str
    permission: str = "invoices.read"
    apart: bool = False


ITEMS = (
    Item("today.show", "Today"),
    Item("invoices.listing", "Invoices"),
    Item("inbox.listing", "Error inbox"),
    Item("runs.listing", "Runs and totals", apart=True),
    Item("deliveries.listing", "Deliveries"),
    Item("connections.listing", "Connections"),
    Item("mappings.listing", "Mappings", apart=True),
    Item("companies.listing", "Companies"),
    Item("audit.listing", "Audit log", "audit.read", apart=True),
    Item("settings.show", "Settings & people", "people.manage"),
    Item("api_page.index", "API"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What base.html shows of an item."""

    title: str
    url: str
    current: bool
    apart: bool


def entries(person: Person) -> list[Entry]:
    """The entries for whoever is signed in."""
    shown: list[Entry] = []
    apart = False
    for item in ITEMS:
        apart = apart or item.apart
        if item.endpoint not in current_app.view_functions:
            continue
        if not person.may(item.permission):
            continue
        blueprint = item.endpoint.partition(".")[0]
        here = request.blueprint or ""
        current = here == blueprint or here.startswith(f"{blueprint}_")
        shown.append(Entry(item.title, url_for(item.endpoint), current, apart and bool(shown)))
        apart = False
    return shown
