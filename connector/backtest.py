"""Back-test: what a draft mapping would make of every stored version, beside what the active one makes of it.

Nothing is asked of the source and nothing is decided: stored bytes in, a report out. Memory does not grow with the
number of records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from connector.comparing import Pair, SideBySide, Stored, Sums
from connector.errors import Refused
from connector.store.database import Database
from connector.store.transaction import Transaction

BATCH = 500

BESIDE_AFTER = 2_000
"""From how many versions on a second process helps: starting it costs about as much as these."""

Progress = Callable[[int], None]
"""Is told how many versions were compared so far."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which stored versions, and as of which day. `since` and `until` are days on which they were stored."""

    as_of: date
    since: date | None = None
    until: date | None = None
    older_versions: bool = True

    def __post_init__(self) -> None:
        """Raises Refused for days in the wrong order."""
        if self.since is not None and self.until is not None and self.since > self.until:
            raise Refused(
                f"No day lies between {self.since} and {self.until}: the first is after the second.",
                remedy="Give the earlier day first.",
            )

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "as_of": self.as_of.isoformat(),
            "since": None if self.since is None else self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "older_versions": self.older_versions,
        }


def backtest(
    database: Database,
    connection: str,
    stream: str,
    pair: Pair,
    scope: Scope,
    progress: Progress | None = None,
    *,
    beside_after: int = BESIDE_AFTER,
) -> Sums:
    """Compare both mappings on the stored versions of a connection's mapped stream."""
    compared = after_id = 0
    with SideBySide(pair) as side_by_side:
        while True:
            with database.read() as tx:
                rows, last_id = tx.records.stored_versions(
                    connection,
                    stream,
                    since=scope.since,
                    until=scope.until,
                    older=scope.older_versions,
                    after_id=after_id,
                    limit=BATCH,
                )
                batch = _batch(tx, rows)
            if last_id is None:
                return side_by_side.finish()
            after_id = last_id
            side_by_side.add(batch, beside=compared >= beside_after)
            compared += len(batch)
            if progress is not None:
                progress(compared)


def _batch(tx: Transaction, rows: list[tuple[int, str, int, bytes, bool]]) -> list[Stored]:
    latest = [record_id for record_id, *_, is_latest in rows if is_latest]
    sent, corrections = tx.financing.sent_states(latest), tx.corrections.in_force(latest)
    batch = []
    for record_id, source_id, version_no, raw, is_latest in rows:
        key = source_id if is_latest else f"{source_id} (version {version_no})"
        state = sent.get(record_id) if is_latest else None
        correction = corrections.get(record_id) if is_latest else None
        fields = None if correction is None else correction.fields
        batch.append(Stored(key, raw, state, is_latest, fields))
    return batch
