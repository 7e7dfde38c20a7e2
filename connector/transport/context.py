"""What an adapter is given beside its settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connector.clock import Clock
from connector.transport.authorization import Authorization
from connector.transport.client import Transport
from connector.transport.settings import TransportSettings


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """Every adapter is made as `Adapter(settings, context)`.

    `settings` is the mapping its `settings_schema` loaded; secrets in it are text or a `Secret`.
    """

    name: str
    """The connection's (or financier account's) name in the configuration, for messages."""
    clock: Clock

    def transport(
        self,
        settings: TransportSettings,
        authorization: Authorization | None = None,
        *,
        secrets: Iterable[str] = (),
    ) -> Transport:
        """The connection's transport. Raises ConfigError for an address that may not be used."""
        return Transport(self.name, settings, self.clock, authorization, secrets=secrets)
