"""The configuration in force as people read it: every option with its value, secrets masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from connector.config.model import Config
from connector.secrets import MASK, Secret

SECTIONS = ("store", "server", "access", "encryption", "schedule", "log", "mappings")


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the configuration, and the file it stands in."""

    title: str
    file: str
    options: list[tuple[str, str]]


def configuration(config: Config) -> list[Table]:
    """All tables in the order of the example file. A secret is shown as set, never its value."""
    main = str(config.path)
    found = [_table(f"[{name}]", main, getattr(config, name)) for name in SECTIONS]
    for name, connection in config.connections.items():
        file = main if connection.file is None else str(connection.file)
        found.append(_table(f"[connections.{name}]", file, connection))
    found += [
        _table(f"[financiers.{name}]", main, account) for name, account in config.financiers.items()
    ]
    for flow in config.flows:
        owner = config.connections.get(flow.connection)
        file = main if owner is None or owner.file is None else str(owner.file)
        found.append(_table(f"[[flows]] {flow.name}", file, flow))
    found.append(_table("[feed]", main, config.feed))
    return found


def _table(title: str, file: str, value: Any) -> Table:
    options = [(name, said) for name, said in _options("", value) if name not in ("name", "file")]
    return Table(title, file, options)


def _options(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    """(dotted name, text) of every plain value below `value`."""
    if is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            below = getattr(value, each.name)
            # What a system's own schema made stands in the file beside our keys, not in a table of its own.
            own = each.name == "settings"
            yield from _options(prefix if own else _dotted(prefix, each.name), below)
    elif isinstance(value, Mapping):
        for name, below in value.items():
            yield from _options(_dotted(prefix, str(name)), below)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes) and _has_tables(value):
        for number, below in enumerate(value, start=1):
            yield from _options(f"{prefix}[{number}]", below)
    else:
        yield prefix, said(value)


def _dotted(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _has_tables(value: Sequence[Any]) -> bool:
    return any(is_dataclass(each) or isinstance(each, Mapping) for each in value)


def said(value: Any) -> str:
    """A value in words: `not set`, `yes`, a list with commas, a secret as so many asterisks."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return ", ".join(said(each) for each in value) or "none"
    return str(value)
