"""Writing the file of a connection, and the files of its secrets: each as a whole, readable by their owner alone."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

SECRETS_FOLDER = "secrets.d"
HEADER = (
    "# Written by the connector, for a connection that was added in the browser. Change it there.\n"
    "# Paths begin at the folder of the main configuration file.\n"
)


def new_secret_path(connection: str, key: str) -> str:
    """Where a new secret will rest. A new name each time: the file of the connection, which is replaced after it, decides
    which one counts."""
    return f"{SECRETS_FOLDER}/{connection}.{key}.{secrets.token_hex(4)}"


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner alone; a crash leaves the old one or the new one."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Let what was renamed or removed in a folder outlast a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def text_of(connection: str, table: Mapping[str, Any], flow: Mapping[str, Any] | None) -> str:
    """The file of a connection."""
    lines = [HEADER]
    lines += _table(f"[connections.{connection}]", table)
    if flow is not None:
        lines += ["", *_table("[[flows]]", flow)]
    return "\n".join(lines) + "\n"


def _table(header: str, table: Mapping[str, Any]) -> list[str]:
    plain = {k: v for k, v in table.items() if not isinstance(v, Mapping) or _is_reference(v)}
    lines = [header, *(f"{key} = {_value(value)}" for key, value in plain.items())]
    for key, value in table.items():
        if key not in plain:
            lines += ["", *_table(f"{header.rstrip(']')}.{key}]", value)]
    return lines


def _is_reference(value: Mapping[str, Any]) -> bool:
    """Whether a table only says where a secret rests."""
    return len(value) == 1 and set(value) <= {"env", "file"}


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    # A JSON string is a TOML string, but for the one control character that JSON leaves as it is.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
