"""How a use case has stored records decided anew, without asking the source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from connector.store.reading import RecordRow


class DecideAnew(Protocol):
    """Decides records of a connection anew; the number of those whose outcome changed."""

    def __call__(self, connection: str, record_ids: Sequence[int]) -> int: ...


def by_connection(records: Iterable[RecordRow]) -> dict[str, list[int]]:
    """The identifiers of records, by their connections in order."""
    found: dict[str, list[int]] = {}
    for record in sorted(records, key=lambda record: (record.connection, record.id)):
        found.setdefault(record.connection, []).append(record.id)
    return found
