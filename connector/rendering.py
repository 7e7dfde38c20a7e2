"""Renders an invoice document from accounting data, where a flow says so.

The page says that it was made from the accounting record, so that nobody takes it for the supplier's own paper. The
same invoice gives the same bytes, so that a document is not stored twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from connector.errors import RecordRejected
from connector.store.companies import CounterpartyRow
from connector.store.financing_rows import FinancingRow
from connector.system import SourceDocument
from mappings.money import to_text

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Creation date of every rendered file: the bytes depend on the invoice alone."""


def render(
    financing: FinancingRow,
    buyer: CounterpartyRow | None,
    supplier: CounterpartyRow | None,
    corrected_paths: Sequence[str] = (),
) -> SourceDocument:
    """The invoice as a one-page PDF, which says what of it people entered (`corrected_paths`). Raises RecordRejected when
    a name holds letters the built-in font lacks."""
    # Only flows that render pay for this import: it is the slowest of all.
    from fpdf import FPDF
    from fpdf.errors import FPDFUnicodeEncodingException

    amount = f"{to_text(financing.amount_minor_units, financing.currency)} {financing.currency}"
    rows = [
        ("Invoice number", financing.invoice_number),
        ("Issued", "" if financing.issue_date is None else financing.issue_date.isoformat()),
        ("Due", financing.due_date.isoformat()),
        ("Amount owed", amount),
        ("Supplier", _company(supplier, financing.supplier_id)),
        ("Buyer", _company(buyer, financing.buyer_id)),
        ("Reference", financing.client_reference_id),
    ]
    page = FPDF(format="A4")
    page.set_creation_date(EPOCH)
    page.add_page()
    try:
        page.set_font("Helvetica", "B", 18)
        page.cell(0, 14, "Invoice", new_x="LMARGIN", new_y="NEXT")
        for label, value in rows:
            page.set_font("Helvetica", "B", 11)
            page.cell(45, 9, label)
            page.set_font("Helvetica", "", 11)
            page.multi_cell(0, 9, value, new_x="LMARGIN", new_y="NEXT")
        page.set_font("Helvetica", "I", 9)
        page.ln(6)
        page.multi_cell(0, 6, _origin(corrected_paths))
        content = bytes(page.output())
    except FPDFUnicodeEncodingException:
        raise RecordRejected(
            "The invoice document cannot be made: a name has letters that the built-in font lacks.",
            field_path="document",
            remedy="Attach the invoice document instead.",
        ) from None
    return SourceDocument(f"invoice-{financing.id}.pdf", "pdf", content)


def _origin(corrected_paths: Sequence[str]) -> str:
    made = "Made from the accounting record; it is not the paper that the supplier issued."
    if not corrected_paths:
        return made
    return f"{made} Entered by hand, because the record had it wrong: {', '.join(corrected_paths)}."


def _company(row: CounterpartyRow | None, counterparty_id: str) -> str:
    if row is None:
        return counterparty_id
    address = ", ".join(part for part in row.address.values() if part)
    return "\n".join(part for part in (row.name, address, row.country or "") if part)
