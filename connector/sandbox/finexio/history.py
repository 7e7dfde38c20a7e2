"""What changed of a counterparty, as far as the sandbox tells it: when, and which fields, never their values."""

from __future__ import annotations

from typing import Any

from connector.sandbox.finexio.seed import finexio_time
from connector.sandbox.ledger import Ledger, as_instant
from connector.sandbox.wire import JsonObject, from_json

_UNTOLD = ("updated",)


def history_of(ledger: Ledger, object_id: str | None) -> list[JsonObject]:
    """The changes of one counterparty, or of all, newest first."""
    query = "SELECT * FROM history WHERE kind='counterparty'"
    rows = ledger.rows(
        f"{query} AND id=? ORDER BY sequence" if object_id else f"{query} ORDER BY sequence",
        (object_id,) if object_id else (),
    )
    before: dict[str, Any] = {}
    found: list[JsonObject] = []
    for row in rows:
        body, old = from_json(row["body"]), before.get(row["id"], {})
        before[row["id"]] = body
        fields = [name for name, value in body.items() if value != old.get(name)]
        found.append(
            {
                "id": row["sequence"],
                "object_id": row["id"],
                "changed_at": finexio_time(as_instant(row["at"])),
                "changed_fields": [name for name in fields if name not in _UNTOLD],
            }
        )
    return found[::-1]
