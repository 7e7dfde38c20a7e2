"""Adapters are found by the names of their modules, and a wrong name says which there are."""

from __future__ import annotations

import pytest

from connector import registry
from connector.errors import ConfigError


def test_what_there_is() -> None:
    assert {"finexio", "tryton"} <= set(registry.systems())
    assert "hosted_session" in registry.financiers()
    for found in (registry.systems(), registry.financiers()):
        assert all(adapter.name == name for name, adapter in found.items())
        assert all(adapter.settings_schema().fields for adapter in found.values())


def test_by_name() -> None:
    assert registry.system("finexio") is registry.systems()["finexio"]
    assert registry.financier("hosted_session") is registry.financiers()["hosted_session"]


@pytest.mark.parametrize("ask", [registry.system, registry.financier])
def test_unknown_name_names_the_known_ones(ask) -> None:
    with pytest.raises(ConfigError, match=r"There is no .* 'sap'.*There are: \w+"):
        ask("sap")
