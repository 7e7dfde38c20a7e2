"""What becomes of a file that was attached, in words."""

from __future__ import annotations

from connector.store.transaction import Transaction

ATTACHED = "Attached."
_SENT = ("submitting", "submitted", "parked")


def of_attached(tx: Transaction, record_id: int, purpose: str) -> str:
    """Whether the file goes to the financier. Once the invoice is on its way there, what is said stays as it was written."""
    if not any(row.state in _SENT for row in tx.financing.of_record(record_id)):
        return ATTACHED
    if purpose == "invoice":
        return (
            f"{ATTACHED} The invoice was handed to the financier before, with the document it had then: this one is kept "
            "here and is not sent."
        )
    return f"{ATTACHED} The invoice was handed to the financier before: this file goes along only if another session is opened."
