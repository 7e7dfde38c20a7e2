"""Writing a financing status on an invoice in Monite.

A status goes into `partner_metadata`, the one free place an invoice has: on receivables in every state that can be
changed, on payables only until they are sent for approval (documented: 409 after that). What other partners' programs
keep there is read first and written again, because it is not documented whether PATCH merges or replaces.

Where the settings say so, a status also books the payment, after the note: `mark_as_paid`, or a payment record over
what is still due. A 409 is never sent again: the invoice is looked at anew, and its own state decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.errors import ConnectorError, Refused, Unsupported
from connector.system import StatusNote, Written
from connector.systems.monite.client import MoniteClient, Row, path_of
from connector.systems.monite.records import COLLECTIONS, PAYABLE, RECEIVABLE, split

STATUS, TEXT, MARKER, AT = (
    "financing_status",
    "financing_note",
    "financing_marker",
    "financing_status_at",
)
"""Our names in `partner_metadata`."""

PAYABLE_FROM = {
    PAYABLE: ("waiting_to_be_paid", "partially_paid"),
    RECEIVABLE: ("issued", "partially_paid", "overdue"),
}
"""From which states an invoice may be marked as paid, by the vendor's guides."""

_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Payments:
    """Which status books a payment (`never`, `funded`, `repaid`), by kind, and how."""

    on: Mapping[str, str]
    as_record: bool


class WriteBack:
    """The write-back of one connection."""

    def __init__(self, client: MoniteClient, payments: Payments) -> None:
        self._client = client
        self._payments = payments

    def write(self, note: StatusNote) -> Written:
        """Write the note, then book the payment where one is due; what is there already is not done again.

        Raises Unsupported for a payable that can no longer be changed, Refused for a payment its state forbids.
        """
        kind, path = _where(note)
        before = row = self._client.row(path)
        if not _is_noted(row, note):
            row = self._noted(kind, path, row, note)
        if self._pays(kind, note) and not self._is_paid(kind, row, note):
            row = self._paid(kind, path, row, note)
        booked = {
            name: value
            for name, value in row.items()
            if name != "updated_at" and before.get(name) != value
        }
        return Written(_remote_id(note), {**booked, "partner_metadata": _metadata(row)})

    def find(self, note: StatusNote) -> Written | None:
        """Whether all of it is there."""
        kind, path = _where(note)
        row = self._client.row(path)
        if not _is_noted(row, note) or (
            self._pays(kind, note) and not self._is_paid(kind, row, note)
        ):
            return None
        return Written(_remote_id(note), {"partner_metadata": _metadata(row)})

    # -- the note -------------------------------------------------------------------------------------------------

    def _noted(self, kind: str, path: str, row: Row, note: StatusNote) -> Row:
        metadata = {
            **_metadata(row),
            STATUS: note.status,
            TEXT: note.text,
            MARKER: note.marker,
            AT: note.occurred_at.isoformat(),
        }
        try:
            return self._client.change("PATCH", path, _change(kind, row, metadata))
        except Refused as error:
            if error.http_status != _CONFLICT:
                raise
            now = self._client.row(path)
            if _is_noted(now, note):
                return now
            if _shape(kind, now) != _shape(kind, row):
                # It was issued, or approved, between our reading and our writing.
                return self._client.change("PATCH", path, _change(kind, now, metadata))
            raise self._unchangeable(kind, now, error) from None

    def _unchangeable(self, kind: str, row: Row, error: Refused) -> ConnectorError:
        state = row.get("status")
        if kind == PAYABLE and state not in ("draft", "new"):
            return Unsupported(
                f"Monite lets nobody change a payable once it was sent for approval, and this one is {state}, so "
                "nothing is written on it.",
                remedy="The status list shows the status instead.",
            )
        return error

    # -- the payment ----------------------------------------------------------------------------------------------

    def _pays(self, kind: str, note: StatusNote) -> bool:
        return self._payments.on[kind] == note.status

    def _is_paid(self, kind: str, row: Row, note: StatusNote) -> bool:
        """Whether the payment is there: by whomever, or as the record that bears our marker."""
        if row.get("status") == "paid":
            return True
        if not self._payments.as_record:
            return False
        params = [("object_id", str(row.get("id"))), ("object_type", kind)]
        return any(
            record.get("payment_method") == _method(note) and record.get("status") != "canceled"
            for page in self._client.pages("/payment_records", params, 100)
            for record in page
        )

    def _paid(self, kind: str, path: str, row: Row, note: StatusNote) -> Row:
        if row.get("status") not in PAYABLE_FROM[kind]:
            raise _not_payable(kind, row)
        try:
            if self._payments.as_record:
                self._client.change("POST", "/payment_records", _record(kind, row, note))
                return self._client.row(path)
            return self._client.change("POST", f"{path}/mark_as_paid", _paid_body(kind, note))
        except Refused as error:
            if error.http_status != _CONFLICT:
                raise
            now = self._client.row(path)
            if self._is_paid(kind, now, note):
                return now
            raise


def _where(note: StatusNote) -> tuple[str, str]:
    kind, identifier = split(note.source_id, (PAYABLE, RECEIVABLE))
    return kind, path_of(COLLECTIONS[kind], identifier)


def _remote_id(note: StatusNote) -> str:
    return f"{note.source_id}#{note.marker}"


def _metadata(row: Row) -> dict[str, Any]:
    found = row.get("partner_metadata")
    return dict(found) if isinstance(found, dict) else {}


def _is_noted(row: Row, note: StatusNote) -> bool:
    return _metadata(row).get(MARKER) == note.marker


def _shape(kind: str, row: Row) -> str:
    """Under which name a change is sent: a payable's as it is, a draft's and an issued receivable's differ."""
    if kind == PAYABLE:
        return ""
    if row.get("type") == "credit_note":
        return "credit_note"
    return "invoice" if row.get("status") == "draft" else "issued_invoice"


def _change(kind: str, row: Row, metadata: Mapping[str, Any]) -> Row:
    change = {"partner_metadata": dict(metadata)}
    shape = _shape(kind, row)
    return {shape: change} if shape else change


def _comment(note: StatusNote) -> str:
    return f"{note.text} [connector {note.marker}]"


def _method(note: StatusNote) -> str:
    """A payment record has no place for a note; this free text is how ours is known again."""
    return f"financing {note.marker}"


def _paid_body(kind: str, note: StatusNote) -> Row:
    body = {"comment": _comment(note)}
    return body if kind == PAYABLE else {**body, "paid_at": note.occurred_at.isoformat()}


def _record(kind: str, row: Row, note: StatusNote) -> Row:
    due = row.get("amount_due")
    if type(due) is not int or due <= 0 or not isinstance(row.get("currency"), str):
        raise Refused(
            f"The {kind} does not say what is still due, so no payment is recorded.",
            remedy="Record the payment in Monite.",
        )
    return {
        "amount": due,
        "currency": row["currency"],
        "object": {"id": row.get("id"), "type": kind},
        "paid_at": note.occurred_at.isoformat(),
        "payment_method": _method(note),
    }


def _not_payable(kind: str, row: Row) -> Refused:
    allowed = " or ".join(PAYABLE_FROM[kind])
    return Refused(
        f"The {kind} is {row.get('status')} in Monite and cannot be marked as paid; it must be {allowed}.",
        remedy="Settle it in Monite.",
    )
