"""How each connection fares. A pause by a person outlasts successes and failures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from connector.errors import ConnectorError
from connector.store.repository import Repository
from connector.store.schema import connection_states


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """State of a connection (to a system or a financier)."""

    connection: str
    state: str = "ok"
    failures: int = 0
    """Failures in a row."""
    next_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    error_class: str | None = None
    error: str | None = None
    reconcile_first: bool = False
    """After a restore: look up before anything is created."""


class Connections(Repository):
    """Writing and reading connection states."""

    def get(self, connection: str) -> ConnectionState:
        """The state; `ok` for a connection that was never used."""
        row = (
            self._connection.execute(
                select(connection_states).where(connection_states.c.connection == connection)
            )
            .mappings()
            .one_or_none()
        )
        return ConnectionState(connection) if row is None else _state(row)

    def all(self) -> list[ConnectionState]:
        """All that have a state, by name."""
        rows = self._connection.execute(
            select(connection_states).order_by(connection_states.c.connection)
        )
        return [_state(row) for row in rows.mappings()]

    def succeeded(self, connection: str) -> None:
        """A task ended well: failures are forgotten."""
        self._set(
            connection,
            state="paused" if self.get(connection).state == "paused" else "ok",
            failures=0,
            next_attempt_at=None,
            last_success_at=self._now(),
            error_class=None,
            error=None,
        )

    def failed(
        self,
        connection: str,
        error: ConnectorError,
        next_attempt_at: datetime | None,
        state: str,
    ) -> None:
        """A task failed: one failure more. `state`: `backing_off`, `reconnect` or `drift`."""
        before = self.get(connection)
        self._set(
            connection,
            state="paused" if before.state == "paused" else state,
            failures=before.failures + 1,
            next_attempt_at=next_attempt_at,
            error_class=type(error).__name__,
            error=str(error),
        )

    def try_again_at_once(self) -> None:
        """Forget how long anything was to be left alone: whoever starts the program may have mended it."""
        self._connection.execute(update(connection_states).values(next_attempt_at=None))

    def pause(self, connection: str) -> None:
        """Stop using the connection until `resume`."""
        self._set(connection, state="paused", failures=self.get(connection).failures)

    def resume(self, connection: str) -> None:
        """Use the connection again at once, whatever stopped it."""
        self._set(connection, state="ok", failures=0, next_attempt_at=None)

    def set_reconcile_first(self, connection: str, on: bool) -> None:
        """Whether everything must be looked up before it is created (set by a restore)."""
        before = self.get(connection)
        self._set(connection, state=before.state, failures=before.failures, reconcile_first=int(on))

    def _set(self, connection: str, **values: Any) -> None:
        self._upsert(connection_states, connection=connection, **values)


def _state(row: Any) -> ConnectionState:
    return ConnectionState(**{**row, "reconcile_first": bool(row["reconcile_first"])})
