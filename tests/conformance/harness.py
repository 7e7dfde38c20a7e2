"""What a harness gives, so that one suite can test every system and every financier.

`tests/conformance/harness_NAME.py` is found by the name in the registry. It offers

    VARIANTS       names of the ways in which the same adapter is to be tested (`("v1", "v2")`, or `("",)`)
    MARKS          optional: pytest marks for all its tests (`(pytest.mark.tryton,)`)
    open_side(variant, directory)   a context manager that starts the other side and gives a `SystemSide`
                                    or `FinancierSide`

The other side should be small (a few pages) and quick: it is started once per variant and module.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass
class SystemSide:
    """The accounting system on the other side, with the truth about what it holds."""

    url: str
    """Scheme, host and port of the server: the proxy is put in front of it."""
    settings: Mapping[str, Any]
    """The connection's settings as in the configuration; `base_url` begins with `url`."""
    bad_credentials: Mapping[str, Any]
    """Settings that replace the credentials by wrong ones."""
    secrets: tuple[str, ...]
    """Texts that must never appear in an error or a log."""
    ids: Callable[[str], set[str]]
    """The identifiers a stream holds at present."""
    change: Callable[[str], str]
    """Change one record of a stream, as people do, and give its identifier."""
    fresh_id: str
    """An identifier in the right form that no invoice has."""
    read_only: bool = False
    """Whether the adapter must never send anything but GET."""
    safe_posts: bool = False
    """Whether the system is read by POST (JSON-RPC)."""


@dataclass
class FinancierSide:
    """The financing platform on the other side, with the truth about what it holds."""

    url: str
    settings: Mapping[str, Any]
    bad_credentials: Mapping[str, Any]
    secrets: tuple[str, ...]
    remote_invoices: Callable[[], list[tuple[str, str, int]]]
    """(client reference, currency upper case, minor units) of every invoice the platform holds."""
    let_person_complete: Callable[[str], None]
    """The person completes the session."""
    let_person_cancel: Callable[[str], None]
    set_status: Callable[[str, str], None]
    """The platform moves the invoice to one of its own status words."""
    words: Mapping[str, str]
    """The platform's own status words and what they mean in ours."""
    create_paths: Mapping[str, str]
    """For each step, and for `company`, a part of the path at which it is made."""
    event: Callable[[str, str], Mapping[str, Any]]
    """A webhook body about an invoice, from its remote identifier and client reference."""


def cases(names: list[str]) -> list[Any]:
    """One pytest parameter for every adapter and variant. A harness that is missing is a failing test."""
    found = []
    for name in names:
        try:
            module = importlib.import_module(f"tests.conformance.harness_{name}")
        except ModuleNotFoundError:
            found.append(pytest.param((name, None, ""), id=name))
            continue
        for variant in module.VARIANTS:
            label = f"{name}-{variant}" if variant else name
            marks = getattr(module, "MARKS", ())
            found.append(pytest.param((name, module, variant), id=label, marks=marks))
    return found


def rebased(settings: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The settings with every URL of the other side led through the proxy."""
    return {
        key: value.replace(old, new, 1)
        if isinstance(value, str) and value.startswith(old)
        else value
        for key, value in settings.items()
    }
