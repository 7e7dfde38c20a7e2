"""Where each key and value of a TOML document stands, and refusal of documents that would cost too much to read.

The standard parser tells no positions and can take minutes over a hostile document (a key of 60,000 parts), so
this single linear pass runs first. It understands as much of TOML as it needs to find keys and the ends of values;
the standard parser remains the judge of everything else.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_DOCUMENT_BYTES: Final = 128 * 1024
MAX_ENTRIES: Final = 2_000
_MAX_KEY_PARTS: Final = 6
_MAX_NESTING: Final = 6
_MAX_BARE_CHARACTERS: Final = 40

KeyPath = tuple[str | int, ...]


class Position(NamedTuple):
    """Line and column, both counted from 1; `layer` names the document where there are several."""

    line: int
    column: int
    layer: str = ""


class Span(NamedTuple):
    """Offsets of an entry in the text: where its key begins, where its value begins and where it ends.

    For a section's header the value is empty and stands at the end of the header.
    """

    key: int
    value: int
    end: int


class Locations(NamedTuple):
    """Positions of keys and of values by path (`("fields", "amount")`; list entries end in their index).

    A text value's position is that of its first character, after the quotation mark.
    """

    keys: dict[KeyPath, Position]
    values: dict[KeyPath, Position]
    spans: dict[KeyPath, Span]

    def key(self, path: KeyPath) -> Position:
        """Where a key stands, or the nearest enclosing thing whose place is known."""
        return self._nearest(self.keys, path)

    def value(self, path: KeyPath) -> Position:
        """Where a value begins, or the nearest enclosing thing whose place is known."""
        if path in self.values:
            return self.values[path]
        return self._nearest(self.keys, path)

    @staticmethod
    def _nearest(places: dict[KeyPath, Position], path: KeyPath) -> Position:
        while path and path not in places:
            path = path[:-1]
        return places.get(path, Position(1, 1))


class DocumentUnreadable(ValueError):
    """The text is not TOML, or larger or deeper than a mapping may be."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_STRING: Final = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+"{3,5}' + r"|'''(?:[^']++|'(?!''))*+'{3,5}"
    r'|"(?:[^"\\\n]++|\\[^\n])*+"' + r"|'[^'\n]*+'",
    re.DOTALL,
)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,200}|\"[^\"\\\n]{0,200}\"|'[^'\n]{0,200}'")
_BARE: Final = re.compile(r"[^\s,\[\]{}#\"'=]+(?: [0-9][0-9:.]*)?")


def locate(document: str) -> Locations:
    """Find the keys and values of `document`. Raises DocumentUnreadable."""
    if len(document.encode("utf-8", "replace")) > MAX_DOCUMENT_BYTES:
        raise DocumentUnreadable(
            f"A mapping document may hold at most {MAX_DOCUMENT_BYTES // 1024} kB.", Position(1, 1)
        )
    return _Scanner(document).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.line_start = 0
        self.counted_to = 0
        self.entries = 0
        self.found = Locations({}, {}, {})
        self.header: KeyPath = ()
        self.repeatable = False

    def scan(self) -> Locations:
        while True:
            self._skip(_BLANK)
            if self.at >= len(self.text):
                return self.found
            if self.text[self.at] == "[":
                self._header()
            else:
                self._entry(self.header)

    def _count(self) -> None:
        self.entries += 1
        if self.entries > MAX_ENTRIES:
            raise self._unreadable(f"A mapping document may hold at most {MAX_ENTRIES} entries.")

    def _header(self) -> None:
        self._count()
        position = self._position()
        start = self.at
        double = self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        self.repeatable = double
        self.header = self._key_path()
        closing = "]]" if double else "]"
        if not self.text.startswith(closing, self.at):
            raise self._unreadable(f"The name of a section must end with {closing}.")
        self.at += len(closing)
        self.found.spans.setdefault(self.header, Span(start, self.at, self.at))
        for end in range(1, len(self.header) + 1):
            self.found.keys.setdefault(self.header[:end], position)

    def _entry(self, prefix: KeyPath, depth: int = 0) -> None:
        position = self._position()
        start = self.at
        path = prefix + self._key_path()
        if path in self.found.keys and not self.repeatable:
            raise DocumentUnreadable(f"The name {path[-1]} stands here twice.", position)
        for end in range(len(prefix) + 1, len(path) + 1):
            self.found.keys.setdefault(path[:end], position)
        if not self.text.startswith("=", self.at):
            raise self._unreadable("After a name there must be = and a value.")
        self.at += 1
        self._skip(_SPACE)
        value = self.at
        self._value(path, depth)
        self.found.spans.setdefault(path, Span(start, value, self.at))

    def _value(self, path: KeyPath, depth: int) -> None:
        self._count()
        if depth > _MAX_NESTING:
            raise self._unreadable("Values are nested too deeply.")
        character = self.text[self.at : self.at + 1]
        if character in ('"', "'") and character:
            self._string(path)
        elif character == "[":
            self.found.values[path] = self._position()
            self._sequence(path, depth, closing="]")
        elif character == "{":
            self.found.values[path] = self._position()
            self._sequence(path, depth, closing="}")
        else:
            self.found.values[path] = self._position()
            match = _BARE.match(self.text, self.at)
            if match is None or len(match[0]) > _MAX_BARE_CHARACTERS:
                raise self._unreadable(
                    'A value is missing here, or text without "quotation marks".'
                )
            self.at = match.end()

    def _string(self, path: KeyPath) -> None:
        match = _STRING.match(self.text, self.at)
        if match is None:
            raise self._unreadable("This text has no closing quotation mark.")
        self.at += 3 if match[0][:3] in ('"""', "'''") else 1
        self.found.values[path] = self._position()
        self.at = match.end()

    def _sequence(self, path: KeyPath, depth: int, *, closing: str) -> None:
        self.at += 1
        index = 0
        while True:
            self._skip(_BLANK)
            if self.text.startswith(closing, self.at):
                self.at += 1
                return
            if self.at >= len(self.text):
                raise self._unreadable(f"A closing {closing} is missing.")
            if closing == "]":
                self._value((*path, index), depth + 1)
            else:
                self._entry(path, depth + 1)
            index += 1
            self._skip(_BLANK)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith(closing, self.at):
                raise self._unreadable(f"A comma or a closing {closing} is missing.")

    def _key_path(self) -> KeyPath:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            match = _KEY.match(self.text, self.at)
            if match is None:
                raise self._unreadable(
                    "A name is missing here, or has a character it may not have."
                )
            parts.append(match[0].strip("\"'") if match[0][0] in "\"'" else match[0])
            if len(parts) > _MAX_KEY_PARTS:
                raise self._unreadable(f"A name may have at most {_MAX_KEY_PARTS} parts.")
            self.at = match.end()
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def _position(self) -> Position:
        lines = self.text.count("\n", self.counted_to, self.at)
        if lines:
            self.line += lines
            self.line_start = self.text.rindex("\n", self.counted_to, self.at) + 1
        self.counted_to = self.at
        return Position(self.line, self.at - self.line_start + 1)

    def _unreadable(self, message: str) -> DocumentUnreadable:
        return DocumentUnreadable(message, self._position())
