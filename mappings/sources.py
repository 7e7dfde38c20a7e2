"""Functions that stand at the beginning of an expression and make a value from the record or the document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mappings.evaluation import Open, Scope, Step, Wrong
from mappings.expressions import Constant, ExpressionError, Path
from mappings.money import MAX_MINOR_UNITS, kind_of
from mappings.vocabulary import Surroundings

Arguments = tuple[Path | Constant, ...]


def constant(arguments: Arguments, surroundings: Surroundings) -> Step:
    """Always the same text."""
    value = text_argument(arguments[0])
    return lambda _, scope: value


def first_of(arguments: Arguments, surroundings: Surroundings) -> Step:
    """The first field that has a value."""
    readers = [surroundings.read(path_argument(argument)) for argument in arguments]

    def step(_: Any, scope: Scope) -> Any:
        for read in readers:
            value = read(scope.record)
            if value is not None:
                return value
        return None

    return step


def choose(arguments: Arguments, surroundings: Surroundings) -> Step:
    """One field or another, by the word in the first."""
    if len(arguments) % 2 == 0:
        raise ExpressionError(
            "Each word needs the field to take after it", arguments[-1].offset, arguments[-1].text
        )
    selector = path_argument(arguments[0])
    select = surroundings.read(selector)
    readers = {
        text_argument(word): surroundings.read(path_argument(path))
        for word, path in zip(arguments[1::2], arguments[2::2], strict=True)
    }
    allowed = ", ".join(readers)

    def step(_: Any, scope: Scope) -> Any:
        word = select(scope.record)
        if word is None:
            return None
        read = readers.get(word) if type(word) is str else None
        if read is None:
            raise Open("word_unknown", f"must be one of: {allowed}", selector.text)
        return read(scope.record)

    return step


def concat(arguments: Arguments, surroundings: Surroundings) -> Step:
    """Fields and texts in a row."""
    parts: list[Callable[[Scope], str | None]] = [
        _text_part(argument.value)
        if isinstance(argument, Constant)
        else _field_part(argument, surroundings)
        for argument in arguments
    ]

    def step(_: Any, scope: Scope) -> Any:
        words = []
        for part in parts:
            word = part(scope)
            if word is None:
                return None
            words.append(word)
        return "".join(words)

    return step


def option(arguments: Arguments, surroundings: Surroundings) -> Step:
    """The value of an option."""
    value = surroundings.option(path_argument(arguments[0]))
    return lambda _, scope: value


def _text_part(value: object) -> Callable[[Scope], str]:
    text = str(value)
    return lambda scope: text


def _field_part(path: Path, surroundings: Surroundings) -> Callable[[Scope], str | None]:
    read = surroundings.read(path)

    def part(scope: Scope) -> str | None:
        value = read(scope.record)
        if value is None or type(value) is str:
            return value
        if type(value) is int and abs(value) <= MAX_MINOR_UNITS:
            return str(value)
        raise Wrong("not_text", f"must be text or a whole number, not {kind_of(value)}", path.text)

    return part


def path_argument(argument: Path | Constant) -> Path:
    """The argument as a path. Raises ExpressionError."""
    if isinstance(argument, Path):
        return argument
    raise ExpressionError(
        "A field of the record is expected here, without quotation marks",
        argument.offset,
        argument.text,
    )


def text_argument(argument: Path | Constant) -> str:
    """The argument as text. Raises ExpressionError."""
    if isinstance(argument, Constant) and isinstance(argument.value, str):
        return argument.value
    raise ExpressionError(
        "Text in quotation marks is expected here", argument.offset, argument.text
    )
