"""How Monite's lists are walked. No list can be filtered by the time of a change, so a pull between full walks has
these lanes:

    named    what `GET /events` names since the cursor, where `events` is on
    created  what was created since the cursor, whatever its status
    open     every invoice whose status may still change, where `reread_open` is on
    left     what was open at the last pull and is not among the open ones any more

What the first lane names and the two between did not bring is read with the last one, by identifiers. A full walk
finds the rest: changes of what has come to its end, in lists whose events nobody subscribed to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from connector.clock import Clock
from connector.monite_access import is_identifier
from connector.system import Cursor, RawRecord
from connector.systems.monite import cursors
from connector.systems.monite.client import MoniteClient, Params, Row
from connector.systems.monite.cursors import Position, Progress
from connector.systems.monite.records import (
    COLLECTIONS,
    PAYABLE,
    RECEIVABLE,
    invoice_record,
    is_wanted,
)

OPEN_STATUSES = {
    # A rejected payable can be reopened; paid and canceled ones are at their end.
    PAYABLE: (
        "draft",
        "new",
        "approve_in_progress",
        "waiting_to_be_paid",
        "partially_paid",
        "rejected",
    ),
    RECEIVABLE: (
        "draft",
        "issuing",
        "issued",
        "failed",
        "recurring",
        "partially_paid",
        "overdue",
    ),
}

_IN_ORDER: Params = (("sort", "created_at"), ("order", "asc"))
_EVENTS_PER_PAGE = 100


class _Listed(NamedTuple):
    """One list of invoices; receivables have one for each type, because quotes are among them."""

    kind: str
    params: Params
    open_statuses: tuple[str, ...]


_LISTS = (
    _Listed(PAYABLE, (), OPEN_STATUSES[PAYABLE]),
    _Listed(RECEIVABLE, (("type", "invoice"),), OPEN_STATUSES[RECEIVABLE]),
    _Listed(RECEIVABLE, (("type", "credit_note"),), ()),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One page of records, and the cursor that is true once they are stored (None: no progress to note yet)."""

    records: list[RawRecord]
    cursor: Cursor | None


@dataclass(frozen=True, slots=True)
class Habits:
    """How one connection finds changes."""

    events: bool
    reread_open: bool
    overlap: timedelta
    page_size: int


class InvoiceWalk:
    """Walks the payables and receivables of one entity once."""

    def __init__(self, client: MoniteClient, clock: Clock, habits: Habits) -> None:
        self._client = client
        self._clock = clock
        self._habits = habits
        self._read: dict[str, set[str]] = {PAYABLE: set(), RECEIVABLE: set()}

    def whole(self) -> Iterator[Step]:
        """Everything there is."""
        progress = Progress(self._clock)
        for listed in _LISTS:
            yield from self._list(listed, (), progress)
        yield Step([], progress.cursor())

    def changed(self, cursor: Cursor) -> Iterator[Step]:
        """What has changed since `cursor`, as far as the habits find it. Raises ContractDrift for a foreign cursor."""
        position = cursors.read(cursor)
        progress = Progress(self._clock, position)
        since = position.since - self._habits.overlap
        missing = self._missing(position)
        if self._habits.events:
            for kind in missing:
                missing[kind] |= self._named(kind, since, progress)
        for listed in _LISTS:
            created = (("created_at__gte", cursors.written(since)),)
            yield from self._list(listed, created, progress)
        if self._habits.reread_open:
            for listed in _LISTS:
                statuses = tuple(("status__in", word) for word in listed.open_statuses)
                if statuses:
                    yield from self._list(listed, statuses, progress)
        for kind, ids in missing.items():
            yield from self._by_ids(kind, sorted(ids - self._read[kind]), progress)
        yield Step([], progress.cursor())

    def _missing(self, position: Position) -> dict[str, set[str]]:
        """What must be read even when no list shows it."""
        remembered = position.open_ids if self._habits.reread_open else {}
        return {kind: set(remembered.get(kind, ())) for kind in COLLECTIONS}

    def _list(self, listed: _Listed, params: Params, progress: Progress) -> Iterator[Step]:
        asked = [*listed.params, *params, *_IN_ORDER]
        path = COLLECTIONS[listed.kind]
        for rows in self._client.pages(path, asked, self._habits.page_size):
            yield Step(self._taken(listed.kind, rows, progress), None)

    def _by_ids(self, kind: str, ids: list[str], progress: Progress) -> Iterator[Step]:
        for rows in self._client.by_ids(COLLECTIONS[kind], ids):
            yield Step(self._taken(kind, rows, progress), None)

    def _taken(self, kind: str, rows: list[Row], progress: Progress) -> list[RawRecord]:
        """The records of a page. What the filter of a list did not keep out is left out here."""
        records = []
        for row in rows:
            if not is_wanted(kind, row):
                continue
            record = invoice_record(kind, row, self._client.entity_id)
            records.append(record)
            identifier = record.source_id.partition(":")[2]
            self._read[kind].add(identifier)
            progress.see(row.get("created_at"), row.get("updated_at"))
            is_open = row.get("status") in OPEN_STATUSES[kind]
            if is_open and row.get("type") != "credit_note" and self._habits.reread_open:
                progress.open_ids[kind].append(identifier)
        return records

    def _named(self, kind: str, since: datetime, progress: Progress) -> set[str]:
        """What events name. They are hints: nothing of their content is believed."""
        params = (
            ("object_type", kind),
            ("created_at__gte", cursors.written(since)),
            *_IN_ORDER,
        )
        named = set()
        for events in self._client.pages("/events", params, _EVENTS_PER_PAGE):
            for event in events:
                progress.see(event.get("created_at"))
                found = object_id_of(event)
                if found is not None:
                    named.add(found)
        return named


def object_id_of(event: Row) -> str | None:
    """The identifier of what an event is about, in both spellings: `object.id`, and `object_id` of older payloads."""
    about = event.get("object")
    found = about.get("id") if isinstance(about, dict) else None
    found = found or event.get("object_id")
    return found if is_identifier(found) else None
