"""Which line of a TOML text each key stands on.

`tomllib` reads values but forgets where they stood. This walks the tokens of a text that `tomllib` has already
accepted, so it need not judge the grammar, only follow it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<text>\"\"\"(?:\\.|[^\\])*?\"{3,5}|'''.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
      | (?P<newline>\n)
      | (?P<mark>[\[\]{}=.,])
      | (?P<word>[^\s\#"'\[\]{}=.,]+)""",
    re.VERBOSE | re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Line numbers, from 1, of all keys and table headers outside inline tables. Array elements are numbered from 0."""
    lines: dict[KeyPath, int] = {}
    sizes: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, tokens in _statements(text):
        marks = 0
        while tokens[marks] == "[":
            marks += 1
        keys = _keys(tokens[marks:])
        path = (table if marks == 0 else ()) + keys
        if marks:
            path = _place(keys, sizes, is_array=marks == 2)
            table = path
        lines.setdefault(path, line)
        for depth in range(1, len(path)):
            lines.setdefault(path[:depth], line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, tokens) of each header or key, without the value."""
    line, depth, statement, begun = 1, 0, list[str](), 1
    in_value = False
    for match in _TOKEN.finditer(text):
        token = match.group()
        is_mark = match.lastgroup == "mark"
        if match.lastgroup == "newline" and (depth == 0 or not in_value):
            if statement:
                yield begun, statement
            statement, depth, in_value = [], 0, False
        elif match.lastgroup not in ("comment", "newline"):
            if not statement:
                begun = line
            if in_value and is_mark:
                depth += (token in "[{") - (token in "]}")
            elif is_mark and token == "=":
                in_value = True
            elif not in_value:
                statement.append(token)
        line += token.count("\n")
    if statement:
        yield begun, statement


def _keys(tokens: list[str]) -> tuple[str, ...]:
    keys = []
    for token in tokens:
        if token == "]":
            break
        if token != ".":
            quoted = token[0] in "\"'"
            keys.append(str(tomllib.loads(f"key = {token}")["key"]) if quoted else token)
    return tuple(keys)


def _place(keys: tuple[str, ...], sizes: dict[KeyPath, int], *, is_array: bool) -> KeyPath:
    """The path a header opens: below an array of tables, its newest element."""
    path: KeyPath = ()
    for key in keys[:-1]:
        path += (key,)
        if path in sizes:
            path += (sizes[path] - 1,)
    path += (keys[-1],)
    if not is_array:
        return path
    sizes[path] = sizes.get(path, 0) + 1
    return (*path, sizes[path] - 1)


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int | None:
    """The line of a key, or of the nearest table around it; None for what stands nowhere in the file."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in lines:
            return lines[path[:depth]]
    return None
