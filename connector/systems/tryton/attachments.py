"""Choosing an invoice's own file among its attachments."""

from __future__ import annotations

from collections.abc import Iterator

from connector.system import SourceDocument
from connector.systems.tryton.client import Row, TrytonClient
from connector.systems.tryton.notes import resource

_FORMATS = {"pdf": b"%PDF", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff", "png": b"\x89PNG"}
_WORDS = ("invoice", "rechnung", "facture", "factura", "fattura", "fatura", "faktura")


def invoice_document(client: TrytonClient, source_id: str, max_bytes: int) -> SourceDocument | None:
    """The newest PDF, JPEG or PNG of the invoice, first those named like an invoice or like this one.

    A file larger than `max_bytes`, or whose content is not what its name says, is passed over.
    """
    target = resource(source_id)
    invoices = client.search_read(
        "account.invoice", [["id", "=", int(source_id)]], ["number", "reference"], limit=1
    )
    rows = client.search_read(
        "ir.attachment",
        [["resource", "=", target], ["type", "=", "data"]],
        ["name", "data_size"],
        order=[("id", "DESC")],
    )
    for row in _by_likeness(rows, invoices[0] if invoices else {}):
        if not 0 < (row["data_size"] or 0) <= max_bytes:
            continue
        file_format = _format(row)
        content = client.read("ir.attachment", [row["id"]], ["data"])[0]["data"]
        if isinstance(content, bytes) and content.startswith(_FORMATS[file_format]):
            plain = "jpg" if file_format == "jpeg" else file_format
            return SourceDocument(name=row["name"], file_format=plain, content=content)
    return None


def _by_likeness(rows: list[Row], invoice: Row) -> Iterator[Row]:
    own = [
        word.lower()
        for word in (invoice.get("number"), invoice.get("reference"))
        # A number such as `7` is part of too many names.
        if word and len(word) >= 4
    ]

    def rank(row: Row) -> tuple[bool, bool]:
        name = row["name"].lower()
        alike = any(word in name for word in own) or any(word in name for word in _WORDS)
        return not alike, _format(row) != "pdf"

    usable = [row for row in rows if _format(row) in _FORMATS]
    yield from sorted(usable, key=rank)


def _format(row: Row) -> str:
    name: str = row["name"] or ""
    return name.rpartition(".")[2].lower()
