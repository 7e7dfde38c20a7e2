"""Reading the text of a field's expression: `path | function(argument, ...) | function`.

One linear pass over at most 1,000 characters; nothing nests, so nothing recurses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

MAX_EXPRESSION_CHARACTERS: Final = 1_000
MAX_CALLS: Final = 12
MAX_ARGUMENTS: Final = 40


class ExpressionError(ValueError):
    """An expression that cannot be read. `offset` counts characters from its beginning."""

    def __init__(self, message: str, offset: int, text: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.text = text
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Path:
    """A way into a record: names, `[0]` as an int, `[last]` as -1, `[]` (each entry) as None."""

    text: str
    steps: tuple[str | int | None, ...]
    offset: int

    @property
    def name(self) -> str:
        """The path with every position replaced by `[]`, as the `record` section writes it."""
        return re.sub(r"\[[^\]]*\]", "[]", self.text)


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the document: quoted text or a number."""

    value: str | int | Decimal
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Path | Constant, ...]
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Expression:
    """`head` is where the value comes from; None where only functions are written (the `record` section)."""

    head: Path | None
    calls: tuple[Call, ...]
    text: str


_TOKEN: Final = re.compile(
    r"""[ \t]*(?:
      (?P<path>[A-Za-z_@$][A-Za-z0-9_@$:-]*(?:\[(?:[0-9]{1,4}|last)?\]|\.[A-Za-z_@$][A-Za-z0-9_@$:-]*)*)
    | (?P<text>'(?:[^']|'')*'|"[^"]*")
    | (?P<number>-?[0-9]{1,19}(?:\.[0-9]{1,19})?(?![\w.]))
    | (?P<mark>[|(),])
    | (?P<end>$)
    )""",
    re.VERBOSE | re.ASCII,
)
_STEP: Final = re.compile(r"\[([^\]]*)\]|\.?([^.\[\]]+)")


def parse_path(text: str, offset: int = 0) -> Path:
    """Read a path into a record, such as `lines[0].amount`. Raises ExpressionError."""
    match = _TOKEN.fullmatch(text) if len(text) <= MAX_EXPRESSION_CHARACTERS else None
    if match is None or match["path"] is None:
        raise ExpressionError(
            "A path is names with dots between them, such as company.id or lines[0].amount",
            offset,
            text[:60],
        )
    return _path(match["path"], offset + match.start("path"))


def unquoted(text: str) -> str:
    """The text inside quotation marks; a doubled apostrophe stands for one."""
    return text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]


def parse_expression(text: str, *, with_head: bool) -> Expression:
    """Read an expression. `with_head`: it begins with a path or a function that makes a value. Raises
    ExpressionError."""
    return _Parser(text).parse(with_head)


def _path(text: str, offset: int) -> Path:
    steps: list[str | int | None] = []
    for match in _STEP.finditer(text):
        index, name = match.groups()
        if name is not None:
            steps.append(name)
        elif index == "":
            steps.append(None)
        else:
            steps.append(-1 if index == "last" else int(index))
    return Path(text, tuple(steps), offset)


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > MAX_EXPRESSION_CHARACTERS:
            raise ExpressionError(
                f"An expression may have at most {MAX_EXPRESSION_CHARACTERS} characters",
                0,
                text[:40],
            )
        self.text = text
        self._move(0)

    def parse(self, with_head: bool) -> Expression:
        head: Path | None = None
        calls: list[Call] = []
        if with_head and self.kind == "path" and not self._is_call():
            head = _path(self.value, self.offset)
            self._advance()
        else:
            calls.append(self._call())
        while self.kind != "end":
            self._expect("|")
            calls.append(self._call())
            if len(calls) > MAX_CALLS:
                raise ExpressionError(
                    f"An expression may have at most {MAX_CALLS} functions", self.offset, ""
                )
        return Expression(head, tuple(calls), self.text)

    def _is_call(self) -> bool:
        return self.text[self.after :].lstrip(" \t").startswith("(")

    def _call(self) -> Call:
        if self.kind != "path":
            raise self._error("A function's name is expected here")
        name, offset = self.value, self.offset
        self._advance()
        arguments: list[Path | Constant] = []
        end = offset + len(name)
        if self.kind == "mark" and self.value == "(":
            self._advance()
            while not (self.kind == "mark" and self.value == ")"):
                if arguments:
                    self._expect(",")
                arguments.append(self._argument())
                if len(arguments) > MAX_ARGUMENTS:
                    raise self._error(f"A function takes at most {MAX_ARGUMENTS} arguments")
            end = self.after
            self._advance()
        return Call(name, tuple(arguments), self.text[offset:end], offset)

    def _argument(self) -> Path | Constant:
        offset, value = self.offset, self.value
        argument: Path | Constant
        if self.kind == "path":
            argument = _path(value, offset)
        elif self.kind == "text":
            argument = Constant(unquoted(value), value, offset)
        elif self.kind == "number":
            argument = Constant(Decimal(value) if "." in value else int(value), value, offset)
        else:
            raise self._error("An argument or a closing ) is expected here")
        self._advance()
        return argument

    def _expect(self, mark: str) -> None:
        if self.kind != "mark" or self.value != mark:
            raise self._error(f"{mark} is expected here")
        self._advance()

    def _error(self, message: str) -> ExpressionError:
        return ExpressionError(message, self.offset, self.value or "the end")

    def _advance(self) -> None:
        self._move(self.after)

    def _move(self, at: int) -> None:
        match = _TOKEN.match(self.text, at)
        if match is None:
            rest = self.text[at:].lstrip()
            raise ExpressionError(
                "This cannot be read: write a path, a function, a number or 'text in quotation marks'",
                len(self.text) - len(rest),
                rest[:20],
            )
        kind = match.lastgroup or "end"
        self.kind = kind
        self.value = match[kind]
        self.offset = match.start(kind)
        self.after = match.end()
