"""Gets the file that proves an invoice: the source's attachment, one a person attached, or one made by us."""

from __future__ import annotations

from connector.config.model import Flow
from connector.corrections import from_json
from connector.errors import NotFound, RecordRejected
from connector.rendering import render
from connector.store.database import Database
from connector.store.documents import Document
from connector.store.financing_rows import FinancingRow
from connector.system import AccountingSystem, SourceDocument

FORMATS = frozenset({"pdf", "jpg", "jpeg", "png", "csv"})
"""The file formats that the financier's documents give as examples."""

LARGEST_BYTES = 20 * 1024 * 1024
"""Sanity bound on one document; the financier's own limit is not published."""


class InvoiceDocuments:
    """Finds or makes the documents of one flow's invoices."""

    def __init__(self, database: Database, flow: Flow, system: AccountingSystem) -> None:
        self._database = database
        self._flow = flow
        self._system = system

    def ensure(self, financing: FinancingRow) -> Document | None:
        """The document to send for `financing`, stored before it is used; None when there is none (yet).

        Raises RecordRejected when it cannot be made, and what the accounting system raises.
        """
        with self._database.read() as tx:
            stored = tx.documents.newest(financing.record_id)
        # What we rendered ourselves belongs to the terms it was made from; anything else is the invoice's own paper.
        if stored is not None and stored.origin != "rendered":
            return stored
        if self._flow.document == "attachment":
            return self._keep(financing, self._attachment(financing), "attachment")
        if self._flow.document == "render":
            return self._keep(financing, self._rendered(financing), "rendered")
        return None

    def _attachment(self, financing: FinancingRow) -> SourceDocument | None:
        with self._database.read() as tx:
            source_id = tx.records.get(financing.record_id).source_id
        try:
            return self._system.document(source_id)
        except NotFound:
            return None

    def _rendered(self, financing: FinancingRow) -> SourceDocument:
        with self._database.read() as tx:
            buyer = tx.companies.counterparty(self._flow.connection, financing.buyer_id)
            supplier = tx.companies.counterparty(self._flow.connection, financing.supplier_id)
            found = tx.corrections.of_outcomes([financing.outcome_id]).values()
        paths = [field.path for each in found for field in from_json(each.fields)]
        return render(financing, buyer, supplier, paths)

    def _keep(
        self, financing: FinancingRow, document: SourceDocument | None, origin: str
    ) -> Document | None:
        if document is None:
            return None
        check(document)
        with self._database.write() as tx:
            document_id = tx.documents.add(
                financing.record_id,
                document.name,
                document.file_format,
                document.content,
                origin=origin,
                by="connector",
            )
            return tx.documents.get(document_id)


def check(document: SourceDocument) -> None:
    """Raises RecordRejected for a file that no financier of ours would take."""
    if document.file_format not in FORMATS:
        raise RecordRejected(
            f"The document's format {document.file_format[:10]!r} is not accepted.",
            field_path="document",
            remedy=f"Attach one of: {', '.join(sorted(FORMATS))}.",
        )
    if not 0 < len(document.content) <= LARGEST_BYTES:
        raise RecordRejected(
            f"The document has {len(document.content)} bytes.",
            field_path="document",
            remedy=f"Attach one of 1 to {LARGEST_BYTES} bytes.",
        )
