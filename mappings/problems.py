"""What is wrong with a mapping document, said so that an accountant can repair it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_PROBLEMS: Final = 50


@dataclass(frozen=True, slots=True)
class DocumentProblem:
    """One mistake in a document. `line` and `column` count from 1 and point at `text`.

    `allowed` lists what may stand there, where that is a closed list; `suggestion` is the nearest of it. `layer`
    names the document where a mapping is made of several.
    """

    line: int
    column: int
    text: str
    message: str
    allowed: tuple[str, ...] = ()
    suggestion: str | None = None
    layer: str = ""

    def __str__(self) -> str:
        place = f"{self.layer}, " if self.layer else ""
        sentence = f"{place}line {self.line}, column {self.column}: {self.message}."
        if self.suggestion:
            sentence += f" Did you mean {self.suggestion}?"
        elif self.allowed:
            sentence += f" Allowed: {', '.join(self.allowed[:40])}."
        return sentence


class MappingError(ValueError):
    """A mapping document that cannot be used. `problems` holds everything found, in the document's order."""

    def __init__(self, name: str, problems: Iterable[DocumentProblem]) -> None:
        self.name = name
        self.problems = tuple(sorted(problems, key=_place))
        lines = "\n".join(f"{name}, {problem}" for problem in self.problems)
        super().__init__(lines)


def _place(problem: DocumentProblem) -> tuple[str, int, int]:
    return problem.layer, problem.line, problem.column


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that is most like `word`, if one is alike enough."""
    found = difflib.get_close_matches(word[:60], list(allowed)[:400], 1, 0.6)
    return found[0] if found else None
