"""What a function of the mapping language is, and the kinds of value it takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from mappings.evaluation import Step
from mappings.expressions import Path
from mappings.paths import Reader

ANY: Final = "any value"
TEXT: Final = "text"
INTEGER: Final = "a whole number"
DECIMAL: Final = "a decimal number"
YES_NO: Final = "yes or no"
LIST: Final = "a list"
GROUP: Final = "a group of fields"
DATE_TEXT: Final = "a date as text"
TIMESTAMP_TEXT: Final = "a timestamp as text"
DATE: Final = "a date"
AMOUNT: Final = "an amount"
CURRENCY: Final = "a currency"

TEXTS: Final = frozenset({ANY, TEXT, CURRENCY, DATE_TEXT, TIMESTAMP_TEXT})
NUMBERS: Final = frozenset({ANY, TEXT, INTEGER, DECIMAL})
EVERYTHING: Final = frozenset(
    {ANY, TEXT, INTEGER, DECIMAL, YES_NO, LIST, GROUP, DATE_TEXT, TIMESTAMP_TEXT, DATE, AMOUNT}
    | {CURRENCY}
)


class Surroundings(Protocol):
    """What a function may ask of the document it stands in, while the document is compiled."""

    def read(self, path: Path) -> Reader:
        """A reader of a path; an undescribed path is reported."""

    def entries(self, path: Path) -> Callable[[dict[str, Any]], Iterator[tuple[str, Any]]]:
        """A reader of every value that a path with `[]` leads to, each with its own path."""

    def table(self, name: Path) -> Mapping[str, str]:
        """A value table by name."""

    def option(self, name: Path) -> str:
        """An option's value by name."""


@dataclass(frozen=True, slots=True)
class Example:
    """`expression` read from `record` gives `result`; a text that starts with `!` is the sentence of a refusal."""

    expression: str
    record: dict[str, Any]
    result: Any


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `arguments` names them for people; a last one that ends in `...` may be repeated."""

    name: str
    arguments: tuple[str, ...]
    sentence: str
    example: Example
    build: Callable[[tuple[Any, ...], Surroundings], Step]
    accepts: frozenset[str] = EVERYTHING
    gives: str | None = None
    """None: the kind it was given."""
    begins: bool = False
    """Stands at the beginning of an expression and makes a value."""
    fills: bool = False
    """Is also run when there is no value."""
    minimum_arguments: int = field(default=-1)

    @property
    def signature(self) -> str:
        """The function as one writes it."""
        return f"{self.name}({', '.join(self.arguments)})" if self.arguments else self.name

    def takes(self, count: int) -> bool:
        """Whether `count` arguments may be given."""
        least = self.minimum_arguments if self.minimum_arguments >= 0 else len(self.arguments)
        if self.arguments and self.arguments[-1].endswith("..."):
            return count >= least
        return least <= count <= len(self.arguments)


def plain(step: Step) -> Callable[[tuple[Any, ...], Surroundings], Step]:
    """How a function without arguments is built: it is its step."""
    return lambda arguments, surroundings: step
