"""The configured endpoints of one program, each with its connection, made when first sent to."""

from __future__ import annotations

from threading import Event, Lock

from connector.clock import Clock
from connector.config.model import Feed, FeedEndpoint
from connector.errors import NotFound
from connector.feed.delivering import FeedTask, Sender
from connector.store.database import Database


class Outlets:
    """Gives the task of each endpoint."""

    def __init__(
        self, database: Database, clock: Clock, feed: Feed, lease_seconds: float, stopping: Event
    ) -> None:
        self._database = database
        self._clock = clock
        self._feed = feed
        self._lease_seconds = lease_seconds
        self._stopping = stopping
        self._senders: dict[str, Sender] = {}
        self._lock = Lock()

    @property
    def names(self) -> list[str]:
        """The endpoints that are switched on."""
        return [endpoint.name for endpoint in self._feed.endpoints if endpoint.enabled]

    def get(self, name: str) -> FeedEndpoint:
        """An endpoint by name. Raises NotFound."""
        found = next((e for e in self._feed.endpoints if e.name == name), None)
        if found is None:
            known = ", ".join(e.name for e in self._feed.endpoints) or "none"
            raise NotFound(
                f"The feed has no endpoint {name[:80]!r}.",
                remedy=f"There are: {known}. They stand in [[feed.endpoints]].",
            )
        return found

    def register(self) -> None:
        """Let the store know what the configuration says. A new endpoint begins after the last event there is."""
        with self._database.write() as tx:
            tx.feed_endpoints.configured({e.name: e.enabled for e in self._feed.endpoints})

    def task(self, name: str) -> FeedTask:
        """The work of one endpoint. Raises NotFound, and ConfigError for an address that may not be used."""
        endpoint = self.get(name)
        with self._lock:
            if name not in self._senders:
                self._senders[name] = Sender(endpoint, self._clock)
            sender = self._senders[name]
        return FeedTask(
            self._database,
            self._clock,
            self._feed,
            endpoint,
            sender,
            self._lease_seconds,
            self._stopping,
        )

    def close(self) -> None:
        """Give back connections."""
        for sender in self._senders.values():
            sender.close()
