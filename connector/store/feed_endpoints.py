"""Where each endpoint of the status feed stands: whether anything is sent to it, and from which event it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from connector.errors import NotFound, Refused
from connector.store.repository import Repository
from connector.store.schema import feed_deliveries, feed_endpoints


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """One endpoint. `position`: the last event it was offered; `failures`: since its last success."""

    name: str
    state: str
    reason: str | None
    position: int
    failures: int
    failing_since: datetime | None
    next_attempt_at: datetime | None
    last_success_at: datetime | None
    error: str | None

    def may_be_sent_to(self, now: datetime) -> bool:
        """Whether it is enabled, and its pause is over."""
        waits = self.next_attempt_at is not None and self.next_attempt_at > now
        return self.state == "enabled" and not waits


class FeedEndpoints(Repository):
    """The endpoints, seen from inside one transaction."""

    def configured(self, names: Mapping[str, bool]) -> None:
        """Take over what the configuration says: {name: whether it is switched on}.

        A new one begins after the last event there is. One that comes back goes on where it stood. One that was
        disabled stays so until a person enables it.
        """
        known = {row.name: row for row in self.all()}
        for name, on in names.items():
            state = "enabled" if on else "off"
            if name not in known:
                self._insert(name, state)
            elif known[name].state != "disabled":
                self._set(name, state=state)
        for name, row in known.items():
            if name not in names and row.state != "disabled":
                self._set(name, state="removed")

    def _insert(self, name: str, state: str) -> None:
        end = self._transaction.feed.end()
        self._connection.execute(
            feed_endpoints.insert().values(name=name, state=state, position=end, failures=0)
        )

    def get(self, name: str, *, lock: bool = False) -> EndpointRow:
        """One endpoint. `lock`: no other transaction changes it before this one ends. Raises NotFound."""
        query = select(feed_endpoints).where(feed_endpoints.c.name == name)
        found = self._rows(query.with_for_update() if lock else query)
        if not found:
            raise NotFound(
                f"The feed has no endpoint {name[:80]!r}.",
                remedy="`connector feed status` lists them; new ones begin with the next start.",
            )
        return found[0]

    def all(self) -> list[EndpointRow]:
        """All that ever were, by name."""
        return self._rows(select(feed_endpoints).order_by(feed_endpoints.c.name))

    def moved(self, name: str, position: int) -> None:
        """Every event up to `position` became a delivery, or did not have to."""
        self._set(name, position=position)

    def succeeded(self, name: str) -> bool:
        """It took an event. True when it had failed before: then what waits is due at once."""
        now = self._now()
        had_failed = self.get(name, lock=True).failures > 0
        self._set(
            name,
            failures=0,
            failing_since=None,
            next_attempt_at=None,
            last_success_at=now,
            error=None,
        )
        if had_failed:
            self._due_now(name)
        return had_failed

    def failed(self, name: str, *, next_attempt_at: datetime, error: str) -> EndpointRow:
        """It did not take an event: it is left alone until `next_attempt_at`. Gives it as it now is."""
        before = self.get(name, lock=True)
        self._set(
            name,
            failures=before.failures + 1,
            failing_since=before.failing_since or self._now(),
            next_attempt_at=next_attempt_at,
            error=error,
        )
        return self.get(name)

    def disable(self, name: str, reason: str) -> bool:
        """Send nothing more to it until it is enabled; its deliveries wait. False when it was disabled already."""
        if self.get(name, lock=True).state == "disabled":
            return False
        self._set(name, state="disabled", reason=reason)
        return True

    def enable(self, name: str) -> None:
        """Send to it again, beginning now. Raises Refused for one that the configuration switched off or left out."""
        state = self.get(name, lock=True).state
        if state in ("off", "removed"):
            where = "switched off in" if state == "off" else "no longer in"
            raise Refused(
                f"The endpoint {name} is {where} the configuration.",
                remedy="Change its table in [[feed.endpoints]].",
            )
        self._set(
            name, state="enabled", reason=None, failures=0, failing_since=None, next_attempt_at=None
        )
        self._due_now(name)

    def _due_now(self, name: str) -> None:
        self._connection.execute(
            feed_deliveries.update()
            .where(feed_deliveries.c.endpoint == name, feed_deliveries.c.state == "pending")
            .values(next_attempt_at=self._now())
        )

    def counts(self) -> dict[tuple[str, str], int]:
        """Deliveries by (endpoint, state)."""
        columns = feed_deliveries.c
        rows = self._connection.execute(
            select(columns.endpoint, columns.state, func.count()).group_by(
                columns.endpoint, columns.state
            )
        )
        return {(endpoint, state): count for endpoint, state, count in rows}

    def _set(self, name: str, **values: Any) -> None:
        self._connection.execute(
            feed_endpoints.update().where(feed_endpoints.c.name == name).values(**values)
        )

    def _rows(self, query: Select[Any]) -> list[EndpointRow]:
        return [EndpointRow(**row._mapping) for row in self._connection.execute(query)]
