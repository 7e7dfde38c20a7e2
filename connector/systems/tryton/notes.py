"""Writing a financing status on an invoice: a note, and where it is asked for, a line in fields of the invoice.

Tryton 8.2 lets nobody change a posted invoice, older series let accounting users change comment and reference: a
note (`ir.note`) works in all of them. It is written last, so that a note that is there says that all was done.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import NotFound, Refused
from connector.system import StatusNote, Written
from connector.systems.tryton.client import TrytonClient

_LOG = logging.getLogger(__name__)
_LINE = "Financing status: "
_MODEL = "account.invoice"


def resource(source_id: str) -> str:
    """How notes and attachments name their invoice. Raises NotFound for what cannot be an invoice."""
    if not (source_id.isascii() and source_id.isdigit()):
        raise NotFound("A Tryton invoice is named by a whole number.")
    return f"{_MODEL},{source_id}"


class Notes:
    """The write-back of one connection. `fields` are the invoice's fields that get a line too."""

    def __init__(self, client: TrytonClient, fields: Sequence[str]) -> None:
        self._client = client
        self._fields = tuple(fields)

    def write(self, note: StatusNote) -> Written:
        """Write the note, unless it is there already."""
        there = self.find(note)
        if there is not None:
            return there
        target = resource(note.source_id)
        fields = self._write_fields(note) if self._fields else {}
        values = {"resource": target, "message": f"{note.text}\n{_tag(note)}"}
        return Written(str(self._client.create("ir.note", values)), fields)

    def find(self, note: StatusNote) -> Written | None:
        """Look for the note by its marker."""
        target, tag = resource(note.source_id), _tag(note)
        rows = self._client.search_read(
            "ir.note",
            [["resource", "=", target], ["message", "like", f"%{_escaped(tag)}%"]],
            ["message"],
        )
        # The database may compare without regard to case.
        found = [row["id"] for row in rows if tag in (row["message"] or "")]
        if not found:
            return None
        return Written(str(found[0]), self._written_fields(note) if self._fields else {})

    def _write_fields(self, note: StatusNote) -> Mapping[str, Any]:
        invoice_id = int(note.source_id)
        now = self._values(invoice_id, "_timestamp")
        wanted = {
            name: value
            for name in self._fields
            if (value := _with_line(name, now[name], note.status)) is not None
        }
        changes = {name: value for name, value in wanted.items() if value != now[name]}
        if changes:
            try:
                self._client.write(_MODEL, invoice_id, changes, now["_timestamp"])
            except Refused as error:
                # Tryton 8.2 does not let a posted invoice be changed; the note says the status all the same.
                _LOG.info("tryton.fields_refused invoice=%d error=%s", invoice_id, error.message)
                return {}
        return wanted

    def _written_fields(self, note: StatusNote) -> Mapping[str, Any]:
        now = self._values(int(note.source_id))
        return {
            name: now[name]
            for name in self._fields
            if now[name] is not None and now[name] == _with_line(name, now[name], note.status)
        }

    def _values(self, invoice_id: int, *further: str) -> dict[str, Any]:
        rows = self._client.search_read(
            _MODEL, [["id", "=", invoice_id]], [*self._fields, *further], limit=1
        )
        if not rows:
            raise NotFound(f"Tryton shows no invoice {invoice_id} to this user.")
        return rows[0]


def _tag(note: StatusNote) -> str:
    """The marker, closed on both sides: `R/1` must not be found in `R/10`."""
    return f"[connector {note.marker}]"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


def _with_line(name: str, before: str | None, status: str) -> str | None:
    """The field with our line in it; what people wrote stays. None: the field is theirs."""
    line = f"{_LINE}{status}"
    if name == "reference":
        return line if not before or before.startswith(_LINE) else None
    others = [kept for kept in (before or "").split("\n") if not kept.startswith(_LINE)]
    return "\n".join([*(kept for kept in others if kept or len(others) > 1), line])
