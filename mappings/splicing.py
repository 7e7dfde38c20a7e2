"""Writing layers as one document: the first layer's text stays as its author wrote it, and what other layers set is
put in its place, letter by letter as they wrote it.

tomlkit was considered: it counts a comment as part of the section before it, so taking a rule out would take the
next group's heading along. Here the places of all entries are known already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from mappings.document import Document
from mappings.entry_list import HEAD, NAMED, PLAIN, Entries, Entry, read_entries
from mappings.locations import KeyPath, Span
from mappings.problems import MappingError

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_REST_OF_LINE: Final = re.compile(r"[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)")
_BLANK_REST: Final = re.compile(r"[ \t\r]*(?:\n|\Z)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class _CannotSplice(Exception):
    """The first layer is written in a form whose text cannot be changed in place."""


def render(
    text: str,
    spans: Mapping[KeyPath, Span],
    base: Entries,
    live: Entries,
    names: Sequence[str] | None,
) -> str:
    """The document that has exactly the entries of `live`.

    `text`, `spans` and `base` are the first layer's. With the layers' `names`, entries of other layers are marked by
    a comment. A first layer in an unusual form (inline tables, dotted names) is written anew, without its comments.
    """
    try:
        made = _Splicer(text, spans, base, names).splice(live)
        if _says(made) == {slot: (e.path, e.value) for slot, e in live.items()}:
            return made
    except (_CannotSplice, MappingError):
        pass
    return _written_anew(live, names)


def _says(text: str) -> dict[KeyPath, tuple[KeyPath, object]]:
    document = Document(text, "")
    found = read_entries(document, text)
    return {slot: (entry.path, entry.value) for slot, entry in found.items()}


class _Splicer:
    def __init__(
        self,
        text: str,
        spans: Mapping[KeyPath, Span],
        base: Entries,
        names: Sequence[str] | None,
    ) -> None:
        self.text = text
        self.spans = spans
        self.base = base
        self.names = names
        self.edits: list[tuple[int, int, str]] = []

    def splice(self, live: Entries) -> str:
        for slot, entry in self.base.items():
            if slot not in live:
                self._delete(self.spans[entry.path])
            elif live[slot].layer > 0:
                self._replace(self.spans[entry.path], entry, live[slot])
        kept = {slot[:2] for slot in live if len(slot) == 3}
        for rule in dict.fromkeys(slot[:2] for slot in self.base if len(slot) == 3):
            if rule not in kept:
                self._delete_header(rule)
        added: dict[KeyPath, list[Entry]] = {}
        for slot, entry in live.items():
            if slot not in self.base:
                added.setdefault(slot[:-1], []).append(entry)
        for section, entries in added.items():
            self._insert(section, entries)
        return self._applied()

    def _delete(self, span: Span) -> None:
        start = self.text.rfind("\n", 0, span.key) + 1
        rest = _REST_OF_LINE.match(self.text, span.end)
        if self.text[start : span.key].strip() or rest is None:
            raise _CannotSplice
        self.edits.append((start, rest.end(), ""))

    def _delete_header(self, section: KeyPath) -> None:
        if section not in self.spans:
            raise _CannotSplice
        self._delete(self.spans[section])

    def _replace(self, span: Span, old: Entry, new: Entry) -> None:
        mark = _mark(new, self.names) if _BLANK_REST.match(self.text, span.end) else ""
        if old.path == new.path:
            self.edits.append((span.value, span.end, new.literal + mark))
        else:
            written = f"{_key(str(new.path[-1]))} = {new.literal}{mark}"
            self.edits.append((span.key, span.end, written))

    def _insert(self, section: KeyPath, entries: list[Entry]) -> None:
        lines = "".join(_line(entry, self.names) for entry in entries)
        if not section:
            self.edits.append((0, 0, lines))
            return
        if section not in self.spans:
            gap = "\n" if self.text.endswith("\n") else "\n\n"
            written = f"{gap}{_header(section)}\n{lines}"
            self.edits.append((len(self.text), len(self.text), written))
            return
        header = self.spans[section]
        last = max(
            (
                self.spans[entry.path].end
                for entry in self.base.values()
                if entry.path[:-1] == section and self.spans[entry.path].key > header.key
            ),
            default=header.end,
        )
        end_of_line = self.text.find("\n", last)
        if end_of_line < 0:
            self.edits.append((len(self.text), len(self.text), f"\n{lines}"))
        else:
            self.edits.append((end_of_line + 1, end_of_line + 1, lines))

    def _applied(self) -> str:
        pieces, at = [], 0
        for start, end, replacement in sorted(self.edits, key=lambda edit: edit[:2]):
            if start < at:
                raise _CannotSplice
            pieces += [self.text[at:start], replacement]
            at = end
        return "".join(pieces) + self.text[at:]


def _written_anew(live: Entries, names: Sequence[str] | None) -> str:
    sections: dict[KeyPath, list[Entry]] = {}
    for slot, entry in live.items():
        sections.setdefault(slot[:-1], []).append(entry)
    order = [str(part) for part in (*HEAD, *PLAIN, *NAMED)]
    pieces = []
    for section in sorted(sections, key=lambda path: order.index(str(path[0])) if path else -1):
        lines = "".join(_line(entry, names) for entry in sections[section])
        pieces.append(f"{_header(section)}\n{lines}" if section else lines)
    return "\n".join(pieces)


def _header(section: KeyPath) -> str:
    return f"[{'.'.join(_key(str(part)) for part in section)}]"


def _line(entry: Entry, names: Sequence[str] | None) -> str:
    return f"{_key(str(entry.path[-1]))} = {entry.literal}{_mark(entry, names)}\n"


def _mark(entry: Entry, names: Sequence[str] | None) -> str:
    if names is None or entry.layer == 0:
        return ""
    return f"  # from {_CONTROL.sub(' ', names[entry.layer])}"


def _key(name: str) -> str:
    if _BARE.fullmatch(name):
        return name
    return f"'{name}'" if '"' in name else f'"{name}"'
