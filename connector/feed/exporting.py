"""The feed as a file: CSV for a spreadsheet or an import (RFC 4180), JSON for a program."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any

from connector.feed.reading import Page

COLUMNS = (
    *("cursor", "id", "type", "version", "occurred_at", "connection", "system"),
    *("source_invoice_id", "invoice_number", "direction", "financier", "client_reference_id"),
    *("sequence", "status", "raw_status", "is_final", "currency", "amount", "amount_minor_units"),
    "parts",
)
"""In this order, for good: a new one is added at the end."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def as_csv(page: Page) -> str:
    """A header and one line per event, ended by CRLF. `parts` is a JSON object of decimal texts by name.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for event in page.events:
        writer.writerow([_cell(value) for value in _row(event)])
    return written.getvalue()


def as_json(page: Page) -> str:
    """One JSON document: the events, and the cursor to go on with."""
    return json.dumps(page.as_json(), indent=2, ensure_ascii=False)


def _row(event: Mapping[str, Any]) -> list[Any]:
    told = {**event, **event["data"]}
    parts = {name: part["amount"] for name, part in told["parts"].items()}
    told["parts"] = json.dumps(parts, sort_keys=True, ensure_ascii=False) if parts else ""
    return [told[column] for column in COLUMNS]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text
