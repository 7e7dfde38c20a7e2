"""The files that prove invoices."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from connector.errors import NotFound
from connector.store.repository import Repository
from connector.store.schema import invoice_documents


@dataclass(frozen=True, slots=True)
class Document:
    """A stored file. `origin`: `attachment` (from the system), `hand` or `rendered`."""

    id: int
    record_id: int
    purpose: str
    name: str
    file_format: str
    sha256: str
    content: bytes
    origin: str
    added_at: datetime
    added_by: str


class Documents(Repository):
    """Writing and reading invoice documents."""

    def add(
        self,
        record_id: int,
        name: str,
        file_format: str,
        content: bytes,
        origin: str,
        by: str,
        purpose: str = "invoice",
    ) -> int:
        """Store a file of a record; gives its identifier. The same content again gives the one already there."""
        sha256 = hashlib.sha256(content).hexdigest()
        known: int | None = self._connection.execute(
            select(invoice_documents.c.id).where(
                invoice_documents.c.record_id == record_id,
                invoice_documents.c.purpose == purpose,
                invoice_documents.c.sha256 == sha256,
            )
        ).scalar_one_or_none()
        if known is not None:
            return known
        (document_id,) = self._transaction.allocate("invoice_documents", 1)
        self._connection.execute(
            insert(invoice_documents).values(
                id=document_id,
                record_id=record_id,
                purpose=purpose,
                name=name,
                file_format=file_format,
                sha256=sha256,
                content=content,
                origin=origin,
                added_at=self._now(),
                added_by=by,
            )
        )
        return document_id

    def newest(self, record_id: int) -> Document | None:
        """The file that was added last."""
        row = self._connection.execute(
            select(invoice_documents)
            .where(
                invoice_documents.c.record_id == record_id, invoice_documents.c.purpose == "invoice"
            )
            .order_by(invoice_documents.c.id.desc())
            .limit(1)
        )
        found = row.mappings().one_or_none()
        return None if found is None else Document(**found)

    def get(self, document_id: int) -> Document:
        """One file. Raises NotFound."""
        row = self._connection.execute(
            select(invoice_documents).where(invoice_documents.c.id == document_id)
        )
        found = row.mappings().one_or_none()
        if found is None:
            raise NotFound(f"There is no document {document_id}.")
        return Document(**found)

    def supporting(self, record_id: int) -> list[Document]:
        """The files that support an application besides the invoice itself, oldest first."""
        rows = self._connection.execute(
            select(invoice_documents)
            .where(
                invoice_documents.c.record_id == record_id, invoice_documents.c.purpose != "invoice"
            )
            .order_by(invoice_documents.c.id)
        )
        return [Document(**row) for row in rows.mappings()]

    def having_document(self, record_ids: Sequence[int]) -> set[int]:
        """Those of the records that have an invoice document."""
        column = invoice_documents.c.record_id
        rows = self._connection.execute(
            select(column)
            .distinct()
            .where(invoice_documents.c.purpose == "invoice", self._among(column, record_ids))
        )
        return set(rows.scalars())
