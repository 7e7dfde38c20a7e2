"""What a harness gives, so that one suite can test every system and every financier.

`tests/conformance/harness_NAME.py` is found by the name in the registry; a financier that is called like an accounting
system has its own in `harness_financier_NAME.py`. It offers

    VARIANTS       names of the ways in which the same adapter is to be tested (`("v1", "v2")`, or `("",)`)
    MARKS          optional: pytest marks for all its tests (`(pytest.mark.tryton,)`)
    open_side(variant, directory)   a context manager that starts the other side and gives a `SystemSide`
                                    or `FinancierSide`

The other side should be small (a few pages) and quick: it is started once per variant and module.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from connector.financier import Submission


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
    writable_id: Callable[[], str] | None = None
    """An invoice that a status can be written on, where not every one can be."""


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
    event: Callable[[str, str], Mapping[str, Any]] | None
    """A webhook body about an invoice, from its remote identifier and client reference; None where the platform has no
    webhooks."""
    prepared: Callable[[Submission], Submission] = lambda submission: submission
    """What must be there before an invoice can be submitted, made there; the submission as it then is."""
    first_status: str = "draft"
    """Ours, of an invoice whose steps have been done."""
    least_minor_units: int = 1
    past_due_words: str = "past"
    """A part of how the platform refuses an invoice whose due date is past."""
    renews_access: bool = True
    """Whether a 401 may be the end of a token, so that another one is asked for."""
    not_told: frozenset[str] = frozenset()
    """Fields of a submission that the platform is not told, or does not tell in its turn."""
    wire: Mapping[str, str] = field(
        default_factory=lambda: {
            name: name for name in ("id", "amount", "currency", "status", "due_date")
        }
    )
    """What these are called in the answer about one invoice; what is absent is not told there."""


def cases(names: list[str], *, financiers: bool = False) -> list[Any]:
    """One pytest parameter for every adapter and variant. A harness that is missing is a failing test."""
    found = []
    for name in names:
        module = _harness(f"financier_{name}") if financiers else None
        module = module or _harness(name)
        if module is None:
            found.append(pytest.param((name, None, ""), id=name))
            continue
        for variant in module.VARIANTS:
            label = f"{name}-{variant}" if variant else name
            marks = getattr(module, "MARKS", ())
            found.append(pytest.param((name, module, variant), id=label, marks=marks))
    return found


def _harness(name: str) -> ModuleType | None:
    path = f"tests.conformance.harness_{name}"
    return importlib.import_module(path) if importlib.util.find_spec(path) else None


def rebased(settings: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The settings with every URL of the other side led through the proxy."""
    return {
        key: value.replace(old, new, 1)
        if isinstance(value, str) and value.startswith(old)
        else value
        for key, value in settings.items()
    }
