"""A document as a flat list of entries: the units that layers set, differences name and origins are told of."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from mappings.document import Document
from mappings.locations import KeyPath
from mappings.rules import KINDS

PLAIN: Final = ("record", "totals", "fields")
"""Sections of entries."""
NAMED: Final = ("options", "tables", *KINDS)
"""Sections of named sections of entries."""
HEAD: Final = ("description", "system", "stream", "financier")

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
_TAKEN_AWAY_BY_FALSE: Final = (*PLAIN, "tables")


class Entry(NamedTuple):
    """One entry as it stands in one layer. `literal` is the value as it was written, quotation marks and all."""

    path: KeyPath
    value: Any
    literal: str
    layer: int

    @property
    def takes_away(self) -> bool:
        """Whether an overlay takes an entry away by it."""
        return self.value is False and self.path[0] in _TAKEN_AWAY_BY_FALSE


Entries = dict[KeyPath, Entry]
"""Entries by slot: their path, where `when_any` has the slot of `when` (a rule has one of them)."""


def slot_of(path: KeyPath) -> KeyPath | None:
    """The slot that a place in a document belongs to; None for a section's header."""
    if path[0] in NAMED:
        if len(path) < 3:
            return None
        if path[0] in KINDS and path[2] == "when_any":
            return (*path[:2], "when")
        return path[:3]
    if path[0] in PLAIN:
        return path[:2] if len(path) > 1 else None
    return path[:1]


def read_entries(document: Document, text: str, layer: int = 0) -> Entries:
    """Every entry of a document. What has not the shape of a mapping is noted on the document."""
    found: Entries = {}
    document.section((), (*HEAD, *PLAIN, *NAMED))
    for key, value in document.data.items():
        if key in NAMED:
            for name, section in document.named_sections((key,), _NAME).items():
                if not section:
                    document.note((key, name), "This section is empty")
                for leaf, leaf_value in section.items():
                    _add(document, text, found, Entry((key, name, leaf), leaf_value, "", layer))
        elif key in PLAIN:
            for leaf, leaf_value in document.section((key,)).items():
                _add(document, text, found, Entry((key, leaf), leaf_value, "", layer))
        elif key in HEAD:
            _add(document, text, found, Entry((key,), value, "", layer))
    return found


def _add(document: Document, text: str, found: Entries, entry: Entry) -> None:
    span = document.locations.spans.get(entry.path)
    slot = slot_of(entry.path)
    if span is None or slot is None or isinstance(entry.value, dict):
        document.note(entry.path, 'This must be a value, and a name with dots in "quotation marks"')
    elif slot in found:
        document.note(
            entry.path, "A rule has either when (all must hold) or when_any (one is enough)"
        )
    else:
        found[slot] = entry._replace(literal=text[span.value : span.end])
