"""Which accounting systems and financiers there are: the modules in their folders, by file name.

A module (or package) in `connector/systems` or `connector/financiers` offers its class as `ADAPTER`; nothing else
has to be edited for a new one to be found.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar, Protocol, TypeVar

from marshmallow import Schema

import connector.financiers
import connector.systems
from connector.errors import ConfigError
from connector.financier import Financier, Needs
from connector.system import AccountingSystem
from connector.transport import AdapterContext

AdapterT = TypeVar("AdapterT")


class SystemClass(Protocol):
    """How the class of an accounting system is made use of."""

    name: ClassVar[str]
    settings_schema: ClassVar[type[Schema]]

    def __call__(self, settings: Mapping[str, Any], context: AdapterContext, /) -> AccountingSystem:
        """Make the adapter of one connection from what `settings_schema` loaded."""


class FinancierClass(Protocol):
    """How the class of a financier is made use of."""

    name: ClassVar[str]
    settings_schema: ClassVar[type[Schema]]
    needs: ClassVar[Needs]

    def __call__(self, settings: Mapping[str, Any], context: AdapterContext, /) -> Financier:
        """Make the adapter of one account from what `settings_schema` loaded."""


@cache
def systems() -> Mapping[str, SystemClass]:
    """All accounting systems, by name."""
    return MappingProxyType(_adapters(connector.systems))


@cache
def financiers() -> Mapping[str, FinancierClass]:
    """All financing platforms, by name."""
    return MappingProxyType(_adapters(connector.financiers))


def schemas_of(
    adapters: Mapping[str, SystemClass] | Mapping[str, FinancierClass],
) -> dict[str, type[Schema]]:
    """The schema of the settings of each, by name."""
    return {name: adapter.settings_schema for name, adapter in adapters.items()}


def system(name: str) -> SystemClass:
    """One accounting system. Raises ConfigError that names those there are."""
    return _known(systems(), name, "accounting system")


def financier(name: str) -> FinancierClass:
    """One financing platform. Raises ConfigError that names those there are."""
    return _known(financiers(), name, "financing platform")


def _adapters(package: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("_"):
            continue
        adapter = getattr(
            importlib.import_module(f"{package.__name__}.{module.name}"), "ADAPTER", None
        )
        if adapter is None:
            continue  # a module beside the adapters
        if adapter.name != module.name:
            raise ConfigError(
                f"The adapter in {package.__name__}.{module.name} calls itself {adapter.name!r}.",
                remedy="Give its class the name of its module.",
            )
        found[module.name] = adapter
    return found


def _known(adapters: Mapping[str, AdapterT], name: str, kind: str) -> AdapterT:
    if name not in adapters:
        raise ConfigError(
            f"There is no {kind} {name!r}.", remedy=f"There are: {', '.join(adapters)}."
        )
    return adapters[name]
