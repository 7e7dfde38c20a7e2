"""How an account signs in, by its profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.clock import Clock
from connector.financiers.hosted_session.profile import Access
from connector.transport import (
    Authorization,
    BasicAuthorization,
    BearerAuthorization,
    ClientCredentials,
    reveal,
)


def authorization(
    access: Access, settings: Mapping[str, Any], clock: Clock
) -> Authorization | None:
    """What gives the `Authorization` header; None where a key travels in a header of its own."""
    match access.scheme:
        case "client_credentials":
            return ClientCredentials(
                access.token_url,
                settings["client_id"],
                reveal(settings["client_secret"]),
                clock,
                early_seconds=access.token_early_seconds,
                max_life_seconds=access.token_life_seconds_max,
            )
        case "basic":
            return BasicAuthorization(settings["client_id"], reveal(settings["client_secret"]))
        case "bearer":
            return BearerAuthorization(reveal(settings["api_key"]))
    return None


def key_headers(access: Access, settings: Mapping[str, Any]) -> dict[str, str]:
    """The header with the key, where that is how the account signs in."""
    if access.scheme != "api_key":
        return {}
    return {access.header: access.prefix + reveal(settings["api_key"])}
