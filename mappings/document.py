"""Reading a TOML document with the place of everything in it, and collecting its mistakes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from mappings.expressions import ExpressionError
from mappings.locations import DocumentUnreadable, KeyPath, Locations, Position, locate
from mappings.problems import MAX_PROBLEMS, DocumentProblem, MappingError, nearest

_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Document:
    """A parsed TOML document. Mistakes are noted with their place and raised together by `finish`."""

    def __init__(self, text: str, name: str, *, layer: str = "") -> None:
        """Raises MappingError when the text is no TOML, or too large or too deep. `layer` names the text where a
        mapping is made of several."""
        self.name = name
        self.layer = layer
        self.problems: list[DocumentProblem] = []
        try:
            text.encode("utf-8")
            self.locations: Locations = locate(text)
            self.data: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
        except DocumentUnreadable as error:
            raise self._unreadable(error.message, error.position) from None
        except UnicodeEncodeError:
            raise self._unreadable(
                "The document is not proper Unicode text", Position(1, 1)
            ) from None
        except (ValueError, RecursionError) as error:
            raise self._not_toml(text, error) from None

    def note(
        self,
        path: KeyPath,
        message: str,
        *,
        text: str | None = None,
        allowed: Iterable[str] = (),
        at_value: bool = False,
        offset: int = 0,
    ) -> None:
        """Note a mistake at a key, or at its value (`offset` characters into it)."""
        if len(self.problems) >= MAX_PROBLEMS:
            return
        line, column, layer = (self.locations.value if at_value else self.locations.key)(path)
        shown = str(path[-1]) if text is None and path else text or ""
        words = tuple(allowed)
        self.problems.append(
            DocumentProblem(
                line,
                column + offset,
                shown,
                message.rstrip("."),
                words,
                nearest(shown, words),
                layer or self.layer,
            )
        )

    def note_expression(self, path: KeyPath, error: ExpressionError) -> None:
        """Note a mistake within an expression or a condition."""
        self.note(
            path,
            error.message,
            text=error.text,
            allowed=error.allowed,
            at_value=True,
            offset=error.offset,
        )

    def section(self, path: KeyPath, allowed: Iterable[str] | None = None) -> dict[str, Any]:
        """A table by its path, empty when absent. Unknown keys are noted where `allowed` is given."""
        found: Any = self.data
        for part in path:
            found = found.get(part, {}) if isinstance(found, dict) else {}
        if not isinstance(found, dict):
            self.note(path, "This must be a section of its own, written [name]")
            return {}
        if allowed is not None:
            words = tuple(allowed)
            for key in found:
                if key not in words:
                    self.note((*path, key), f"There is no entry {key[:60]} here", allowed=words)
        return found

    def named_sections(
        self, path: KeyPath, pattern: re.Pattern[str]
    ) -> Mapping[str, dict[str, Any]]:
        """The tables within a table, by name (`[exclude.NAME]`)."""
        found: dict[str, dict[str, Any]] = {}
        for name, entry in self.section(path).items():
            if not isinstance(entry, dict):
                self.note(
                    (*path, name), f"This must be a section of its own, written [{path[0]}.name]"
                )
            elif not pattern.fullmatch(name):
                self.note(
                    (*path, name), "A name is small letters, digits and _, at most 60 of them"
                )
            else:
                found[name] = entry
        return found

    def text(self, path: KeyPath, *, required: bool = True, limit: int = 1_000) -> str | None:
        """A text entry. A missing, empty, overlong or other entry is noted and None."""
        parent: Any = self.data
        for part in path[:-1]:
            parent = parent.get(part, {}) if isinstance(parent, dict) else {}
        value = parent.get(path[-1]) if isinstance(parent, dict) else None
        if value is None:
            if required:
                self.note(path, f"The entry {path[-1]} is missing", text=str(path[-1]))
            return None
        return self.checked_text(path, value, limit)

    def checked_text(self, path: KeyPath, value: Any, limit: int = 1_000) -> str | None:
        """`value` where it is text of a usable length; otherwise the mistake is noted and None."""
        if type(value) is not str:
            self.note(path, 'This must be text in "quotation marks"', at_value=True)
        elif not value.strip():
            self.note(path, "This text is empty", at_value=True)
        elif len(value) > limit:
            self.note(path, f"This text is longer than {limit} characters", at_value=True)
        else:
            return value
        return None

    def finish(self) -> None:
        """Raises MappingError with everything that was noted."""
        if self.problems:
            raise MappingError(self.name, self.problems)

    def _unreadable(self, message: str, position: Position) -> MappingError:
        message = message.rstrip(".")
        problem = DocumentProblem(position.line, position.column, "", message, layer=self.layer)
        return MappingError(self.name, [problem])

    def _not_toml(self, text: str, error: Exception) -> MappingError:
        if isinstance(error, RecursionError):
            return self._unreadable("Values are nested too deeply", Position(1, 1))
        match = _PLACE.search(str(error))
        if match is None:
            return self._unreadable(f"This is not TOML: {error}", Position(1, 1))
        line = int(match[1]) if match[1] else text.count("\n") + 1
        column = int(match[2]) if match[2] else 1
        return self._unreadable(
            f"This is not TOML: {_PLACE.sub('', str(error))}", Position(line, column)
        )
