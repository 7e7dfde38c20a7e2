"""How what an adapter offers was proven, for docs/systems.md. An adapter declares it; what it offers is read off its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Proof(StrEnum):
    """Against what something was tried. The strongest that holds for all of it."""

    REAL_SERVER = "real server"
    """The vendor's own program, run by the tests."""
    VENDOR_OPENAPI = "vendor OpenAPI"
    """Our sandbox, with every request checked against the vendor's OpenAPI document."""
    DOCUMENTS = "documents only"
    """Our sandbox, which was made from the vendor's documents."""
    NOT_STATED = "not stated"
    """The adapter does not say."""
    NOT_OFFERED = "not offered"


@dataclass(frozen=True, slots=True)
class Proofs:
    """What an adapter declares: `usual` for all that it offers, but for `exceptions` (by the capability's key), which
    also name what its class has to have and its platform does not offer."""

    usual: Proof = Proof.NOT_STATED
    exceptions: Mapping[str, Proof] = field(default_factory=dict)

    def of(self, capability: str, *, offered: bool) -> Proof:
        """How one capability is proven."""
        return self.exceptions.get(capability, self.usual) if offered else Proof.NOT_OFFERED


SYSTEM_CAPABILITIES = {
    "payables": "read payables",
    "receivables": "read receivables",
    "incremental": "only changes are read",
    "attachments": "attachments",
    "write_back": "write back",
    "webhooks": "webhooks",
    "subscriptions": "subscriptions made by us",
}
"""What an accounting system may offer: keys, and the words for people."""

FINANCIER_CAPABILITIES = {
    "submit": "submit",
    "look_up": "look-up before repeating",
    "session": "session or widget",
    "polling": "status polling",
    "feed": "feed of changes",
    "webhooks": "webhooks",
    "buyer_limits": "buyer limits",
    "cancel": "cancel a session",
}
"""What a financier may offer."""


def system_support(adapter: Any) -> dict[str, Proof]:
    """Each of `SYSTEM_CAPABILITIES` of an accounting system's class."""
    offered = adapter.capabilities
    has = {
        "payables": offered.payables,
        "receivables": offered.receivables,
        "incremental": any(stream.mapped and stream.incremental for stream in adapter.streams),
        "attachments": offered.attachments,
        "write_back": offered.status_notes,
        "webhooks": hasattr(adapter, "read_hint"),
        "subscriptions": hasattr(adapter, "subscribe"),
    }
    return {key: _proofs(adapter).of(key, offered=has[key]) for key in SYSTEM_CAPABILITIES}


def financier_support(adapter: Any) -> dict[str, Proof]:
    """Each of `FINANCIER_CAPABILITIES` of a financier's class."""
    has = {
        "submit": True,
        "look_up": True,
        "session": "session" in adapter.steps or hasattr(adapter, "open_widget"),
        "polling": True,
        "feed": hasattr(adapter, "changes"),
        "webhooks": True,
        "buyer_limits": hasattr(adapter, "request_limit"),
        "cancel": hasattr(adapter, "cancel_session"),
    }
    return {key: _proofs(adapter).of(key, offered=has[key]) for key in FINANCIER_CAPABILITIES}


def _proofs(adapter: Any) -> Proofs:
    found = getattr(adapter, "proofs", None)
    return found if isinstance(found, Proofs) else Proofs()
