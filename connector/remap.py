"""Re-map: what the active mapping makes of stored history, without asking the source.

An activation asks for it, a task works it off. It goes on where it was interrupted, and several activations in a row
cost one pass: a pass ends when another mapping becomes active. Unsent financing invoices follow; what becomes of sent
ones is the flow's policy (`amendments`), see `Decider`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from connector.deciding import Decider
from connector.errors import Refused
from connector.redeciding import Progress, Redecider
from connector.store.database import Database


class Remapper:
    """Decides the stored records of one connection anew when its mapping asks for it."""

    def __init__(
        self,
        database: Database,
        connection: str,
        redecider: Redecider,
        decider: Callable[[], Decider | None],
    ) -> None:
        self._database = database
        self._connection = connection
        self._redecider = redecider
        self._decider = decider

    def run(self, progress: Progress | None = None) -> int:
        """Work off what is to be done; the number of records whose outcome was decided anew."""
        changed = 0
        while True:
            with self._database.read() as tx:
                version = tx.mappings.active(self._connection)
            if version is None or version.remapped_at is not None:
                return changed
            decider = self._decider()
            if decider is None:
                return changed
            if decider.mapping_version_id != version.id:
                continue  # another one became active between the two looks
            changed += self._redecider.run(
                decider,
                "remap",
                by_other_mapping=True,
                stored_since=version.remap_since,
                progress=progress,
            )
            with self._database.write() as tx:
                if tx.mappings.is_active(version.id):
                    tx.mappings.remapped(version.id)

    def ask(self, by: str, since: date | None) -> None:
        """Ask for another pass over the records stored since a day, or all. Raises Refused without an active mapping."""
        with self._database.write() as tx:
            version = tx.mappings.active(self._connection)
            if version is None:
                raise Refused(f"No mapping of {self._connection!r} is active yet.")
            tx.mappings.remap_anew(version.id, since)
            tx.audit.append(
                by,
                "mapping.remap_asked",
                f"{self._connection} v{version.version_no}",
                {"since": None if since is None else since.isoformat()},
            )
