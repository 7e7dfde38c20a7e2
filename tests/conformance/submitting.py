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
    buyer = financier.create_company(Counterparty("b", "Buyer Ltd", "buyer", "GB"))
    supplier = financier.create_company(Counterparty("s", "Supplier GmbH", "supplier", "DE"))
    number = next(serial)
    return Submission(
        client_reference_id=f"ref-{number:06}",
        invoice_number=f"INV-{number}",
        currency="USD",
        amount_minor_units=12_353,
        due_date=date(2026, 6, 30),
        buyer_company_id=buyer.company_id,
        supplier_company_id=supplier.company_id,
        submitted_by="finance@example.com",
        success_url="https://connector.example/done",
        cancel_url="https://connector.example/canceled",
    )


def perform(financier: Financier, submission: Submission, upto: str = "") -> Done:
    """All steps, or those before `upto`."""
    done: Done = {}
    for step in financier.steps:
        if step == upto:
            break
        done[step] = financier.perform(step, submission, done, DOCUMENT)
    return done
