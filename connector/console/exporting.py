"""A list as a file, streamed: CSV whose cells no spreadsheet takes for a formula, or JSON. Amounts are exact text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from flask import Response

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that spreadsheets run as a formula, full-width forms included."""
BATCH = 500

Line = Mapping[str, Any]


def cell(value: Any) -> str:
    """A cell that stays text: what would begin a formula gets an apostrophe in front."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def csv_file(
    name: str,
    columns: Sequence[tuple[str, Callable[[Line], Any]]],
    figures: frozenset[str],
    lines: Iterable[Line],
) -> Response:
    """A CSV (RFC 4180, UTF-8 with a byte order mark, so that spreadsheets read every letter). `figures` are columns
    of ours that hold numbers alone: they keep their minus sign."""

    def rows() -> Iterator[str]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        buffer.write("\ufeff")
        writer.writerow([title for title, _ in columns])
        for number, line in enumerate(lines, 1):
            writer.writerow(
                [
                    (value(line) or "") if title in figures else cell(value(line))
                    for title, value in columns
                ]
            )
            if number % BATCH == 0:
                yield _emptied(buffer)
        yield _emptied(buffer)

    return _download(rows(), "text/csv; charset=utf-8", f"{name}.csv")


def json_file(name: str, lines: Iterable[Line]) -> Response:
    """A JSON list, an object a line."""

    def rows() -> Iterator[str]:
        yield "["
        batch: list[str] = []
        first = True
        for line in lines:
            batch.append(("\n" if first else ",\n") + json.dumps(line, ensure_ascii=False))
            first = False
            if len(batch) == BATCH:
                yield "".join(batch)
                batch.clear()
        yield "".join(batch) + "\n]\n"

    return _download(rows(), "application/json", f"{name}.json")


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _download(rows: Iterator[str], kind: str, name: str) -> Response:
    # The first part is made at once, so that a failure is an error page and not half a file.
    first = next(rows, "")

    def parts() -> Iterator[str]:
        yield first
        yield from rows

    return Response(
        parts(), mimetype=None, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )  # fmt: skip
