"""The pages, one module and one blueprint each. A module here with a blueprint named `page` is found by itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from flask import Blueprint


def blueprints() -> Iterator[Blueprint]:
    """The blueprint `page` of every module of this package, by the module's name."""
    for module in sorted(found.name for found in iter_modules(__path__)):
        page = getattr(import_module(f"{__name__}.{module}"), "page", None)
        if isinstance(page, Blueprint):
            yield page
