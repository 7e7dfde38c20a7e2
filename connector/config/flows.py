"""What a financing platform requires of the flows that lead to it.

The settings schema of a platform may declare `required_of_flow(settings)`: keys of [[flows]] that may be left out
elsewhere and not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema

from connector.config.model import FinancierAccount


def left_out(
    schema: type[Schema] | None, account: FinancierAccount | None, flow: Mapping[str, Any]
) -> dict[str, str]:
    """What a flow to this account says nothing of and the platform requires: a sentence by key."""
    declared = getattr(schema, "required_of_flow", None)
    if declared is None or account is None:
        return {}
    return {
        key: f"this key is missing: {account.name} ({account.platform}) takes no invoice without it."
        for key in declared(account.settings)
        if not flow.get(key)
    }
