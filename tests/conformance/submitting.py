"""A submission and how it is carried through, for the suites of financiers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import count

from connector.financier import Financier, InvoiceDocument, StepResult, Submission
from connector.system import Counterparty

Connect = Callable[..., Financier]
Done = dict[str, StepResult]
DOCUMENT = InvoiceDocument("Invoice 1", "pdf", b"%PDF-1.7 \xff\x00 an invoice")

serial = count(1)


def new_submission(financier: Financier) -> Submission:
    """One invoice that was never submitted, between two companies of the account."""
    buyer = supplier = ""
    if financier.needs.linked_companies:
        parties = (
            Counterparty("b", "Buyer Ltd", "buyer", "GB"),
            Counterparty("s", "Supplier GmbH", "supplier", "DE"),
        )
        buyer, supplier = (financier.create_company(party).company_id for party in parties)
    number = next(serial)
    return Submission(
        client_reference_id=f"ref-{number:06}",
        invoice_number=f"INV-{number}",
        currency="USD",
        amount_minor_units=12_353,
        due_date=date(2026, 6, 30),
        buyer_company_id=buyer,
        supplier_company_id=supplier,
        submitted_by="finance@example.com",
        success_url="https://connector.example/done",
        cancel_url="https://connector.example/canceled",
        issue_date=date(2026, 2, 20),
        direction="receivable",
        source_id=f"source-{number}",
        buyer_name="Buyer Ltd",
        supplier_name="Supplier GmbH",
    )


def perform(financier: Financier, submission: Submission, upto: str = "") -> Done:
    """All steps, or those before `upto`."""
    done: Done = {}
    for step in financier.steps:
        if step == upto:
            break
        done[step] = financier.perform(step, submission, done, DOCUMENT)
    return done
