"""A financier's desk: each invoice that was submitted moves along a path of statuses. Its path is fixed when it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Response

from connector.sandbox.control import control_body, reply
from connector.sandbox.ledger import NewObject
from connector.sandbox.world import PlatformWorld

_ALL_STEPS = 100
"""More than any path has."""


class Desk:
    """One platform's desk. `move(id, status)` gives an invoice its next status and tells it, in one transaction.

    An invoice moves when `advance` says so and, where the settings' `desk_interval_seconds` is not None, by itself.
    """

    def __init__(self, world: PlatformWorld[Any], move: Callable[[str, str], object]) -> None:
        self._world = world
        self._move = move

    def take(self, own_id: str, path: Sequence[str]) -> None:
        """An invoice comes, to have these statuses one after the other."""
        plan = {"path": path, "position": 0}
        self._world.ledger.add("desk", NewObject(own_id, plan, self._world.now(), status="active"))

    def advance(self, *, steps: int = 1, invoice_id: str | None = None) -> int:
        """Move every invoice on the desk (or one) so many steps. Returns how many statuses changed."""
        moved = 0
        for _ in range(steps):
            before = moved
            for stored in self._world.ledger.select("desk", status="active"):
                # A platform whose financings have no identifier calls them KIND:INVOICE.
                if invoice_id in (None, stored.id.rpartition(":")[2]):
                    moved += self._step(stored.id)
            if moved == before:
                break
        return moved

    def advance_due(self) -> None:
        """Move the invoices whose interval has passed by the sandbox's clock."""
        interval = self._world.settings.desk_interval_seconds
        if interval is None:
            return
        for stored in self._world.ledger.select("desk", status="active"):
            age = self._world.seconds_since(stored.updated_at)
            # A clock that was pushed far makes several steps due at once.
            due = int(age / interval) if interval > 0 else 1
            for _ in range(min(due, len(stored.body["path"]))):
                self._step(stored.id)

    def add_controls(self) -> None:
        """Add `/sandbox/desk/advance`: `steps` (a number or `all`, default 1), and one `invoice` where it is named."""

        @self._world.sandbox.app.post("/sandbox/desk/advance", endpoint="sandbox_desk")
        def advance() -> Response:
            body = control_body()
            steps = _ALL_STEPS if body.get("steps") == "all" else int(body.get("steps", 1))
            moved = self.advance(steps=steps, invoice_id=body.get("invoice"))
            active = self._world.ledger.count("desk", status="active")
            return reply({"moved": moved, "active": active})

    def _step(self, own_id: str) -> int:
        ledger = self._world.ledger
        with ledger.transaction():
            stored = ledger.get("desk", own_id)
            if stored is None or stored.status != "active":
                return 0
            path, position = stored.body["path"], stored.body["position"]
            self._move(own_id, path[position])
            plan = {"path": path, "position": position + 1}
            state = "done" if position + 1 == len(path) else "active"
            ledger.change(stored, plan, at=self._world.now(), cause="moved", status=state)
        return 1
