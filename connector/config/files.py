"""The files a configuration is made of: the main one, and one for each connection that was added in the browser.

Those stand beside it as `connections.d/NAME.toml`, with nothing in them but `[connections.NAME]` and the `[[flows]]` of
that connection. Relative paths in them begin at the folder of the main file, as there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.config.fields import NAME_PATTERN
from connector.config.lines import KeyPath, key_lines, line_of
from connector.config.problems import Problem, dotted
from connector.errors import ConfigError
from connector.secrets import Secret

MAX_FILE_BYTES = 1_048_576
FOLDER = "connections.d"
_ALLOWED = ("connections", "flows")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A connection's file as it would be, to be judged with all the others before it is written.

    `text` None: as if there were none of that name. `secrets`: what would stand in which file of a secret.
    """

    name: str
    text: str | None
    secrets: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """One file with what stands in it. `name` None: the main one."""

    path: Path
    name: str | None
    text: str
    document: dict[str, Any]


def path_of(main: Path, name: str) -> Path:
    """Where the file of a connection is that was added in the browser."""
    return main.parent / FOLDER / f"{name}.toml"


class Files:
    """All of them, and the document they make together."""

    def __init__(self, main: Path, candidate: Candidate | None = None) -> None:
        """Raises ConfigError for a file that cannot be read or is not TOML."""
        self.main = _file(main, None, _read(main))
        texts = {path.stem: _read(path) for path in sorted((main.parent / FOLDER).glob("*.toml"))}
        if candidate is not None:
            texts.pop(candidate.name, None)
            if candidate.text is not None:
                texts[candidate.name] = candidate.text
        self.parts = [_file(path_of(main, name), name, text) for name, text in texts.items()]
        self._problems: list[tuple[File, Problem]] = []
        self._flows: list[tuple[File, int]] = []
        self._of_connection = {part.name: part for part in self.parts}
        self.document = self._merged()

    def path_of_connection(self, name: str) -> Path | None:
        """The file a connection has of its own; None for one of the main file."""
        part = self._of_connection.get(name)
        return None if part is None else part.path

    def error(self, problems: Sequence[Problem]) -> ConfigError | None:
        """One error that names file, line and key of every problem of the document and of the files themselves; None
        where there is none."""
        placed = [*self._problems, *(self._placed(problem) for problem in problems)]
        if not placed:
            return None
        order = [self.main, *self.parts]
        lines = {id(file): key_lines(file.text) for file in order}
        found = sorted(
            (
                (order.index(file), line_of(problem.path, lines[id(file)]) or 0, problem)
                for file, problem in placed
            ),
            key=lambda one: one[:2],
        )
        sentences = [_sentence(order[number], line, problem) for number, line, problem in found]
        if len(sentences) == 1:
            return ConfigError(sentences[0])
        return ConfigError(
            "\n".join([f"The configuration has {len(sentences)} problems.", *sentences])
        )

    def _merged(self) -> dict[str, Any]:
        document = dict(self.main.document)
        connections, flows = document.get("connections", {}), document.get("flows", [])
        if not isinstance(connections, dict) or not isinstance(flows, list):
            return document  # refused as it stands
        self._flows = [(self.main, index) for index in range(len(flows))]
        connections, flows = dict(connections), list(flows)
        for part in self.parts:
            self._problems += [(part, problem) for problem in _misplaced(part)]
            own = part.document.get("connections")
            own = own.get(part.name) if isinstance(own, dict) else None
            if part.name in connections:
                sentence = f"{self.main.path} has a connection of this name, too. Give one of them another."
                self._problems.append((part, Problem(("connections", str(part.name)), sentence)))
            elif own is not None and part.name is not None:
                connections[part.name] = own
            its = part.document.get("flows", [])
            if isinstance(its, list):
                flows += its
                self._flows += [(part, index) for index in range(len(its))]
        if connections:
            document["connections"] = connections
        if flows:
            document["flows"] = flows
        return document

    def _placed(self, problem: Problem) -> tuple[File, Problem]:
        """The file a problem of the merged document is in, and where in that file."""
        path = problem.path
        if len(path) > 1 and path[0] == "connections":
            return self._of_connection.get(str(path[1]), self.main), problem
        if len(path) > 1 and path[0] == "flows" and isinstance(path[1], int):
            file, index = self._flows[path[1]]
            return file, Problem(("flows", index, *path[2:]), problem.sentence)
        return self.main, problem


def _misplaced(part: File) -> list[Problem]:
    """What does not belong into the file of one connection."""
    name = str(part.name)
    only = f"only [connections.{name}] and its [[flows]] belong into this file."
    problems = [Problem((key,), only) for key in part.document if key not in _ALLOWED]
    if not NAME_PATTERN.fullmatch(name):
        sentence = "a file in this folder is called like its connection: small letters, digits and _, and .toml."
        problems.append(Problem(("connections",), sentence))
    connections = part.document.get("connections")
    if not isinstance(connections, dict) or name not in connections:
        problems.append(Problem(("connections",), f"expected [connections.{name}] in this file."))
    else:
        problems += [Problem(("connections", key), only) for key in connections if key != name]
    flows = part.document.get("flows", [])
    if not isinstance(flows, list):
        return [*problems, Problem(("flows",), "expected tables [[flows]].")]
    for index, flow in enumerate(flows):
        if isinstance(flow, dict) and flow.get("connection", name) != name:
            problems.append(Problem(("flows", index, "connection"), only))
    return problems


def _file(path: Path, name: str | None, text: str) -> File:
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path} is not valid TOML: {error}.",
            remedy="Mend that line; texts stand between double quotes.",
        ) from None
    return File(path, name, text, document)


def _sentence(file: File, line: int, problem: Problem) -> str:
    where: KeyPath = problem.path
    if line:
        return f"{file.path}:{line}: {dotted(where)}: {problem.sentence}"
    return f"{file.path}: {dotted(where)}: {problem.sentence}"


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"There is no configuration file {path}.",
            remedy="Make one with `connector init`, or name yours with --config.",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"The configuration file {path} cannot be read: {error.strerror}."
        ) from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"The configuration file {path} is larger than {MAX_FILE_BYTES} bytes.")
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: the file is not UTF-8 text.") from None
