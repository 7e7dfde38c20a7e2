"""Exclude with a reason: a person decides that an invoice is not for financing.

The decision is kept apart from the mapping's own: it holds whatever the mapping or the source say later, until somebody
takes it back. It never touches an invoice that was sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.deciding import EXCLUDED_BY_PERSON
from connector.errors import Refused
from connector.inbox_actions.deciding_anew import DecideAnew, by_connection
from connector.store.database import Database
from connector.store.reading import RecordRow
from connector.store.transaction import Transaction

LONGEST_REASON = 500


def reason_given(reason: str) -> str:
    """The reason as it is kept. Raises Refused where there is none, or too much of it."""
    text = " ".join(reason.split())
    if not text or "\0" in text or len(text) > LONGEST_REASON:
        raise Refused(
            f"A reason is missing, or has more than {LONGEST_REASON} characters.",
            remedy="Say in one sentence why; it is kept with the invoice.",
        )
    return text


class Excluding:
    """Leaves invoices out, and takes that back."""

    def __init__(self, database: Database, decide_anew: DecideAnew) -> None:
        self._database = database
        self._decide_anew = decide_anew

    def exclude(self, record_id: int, reason: str, *, by: str) -> None:
        """Leave one invoice out. Raises Refused once it was sent, or where it is left out already."""
        text = reason_given(reason)
        with self._database.write() as tx:
            record = tx.records.get(record_id)
            refusal = self._refusal(tx, record)
            if refusal is not None:
                raise refusal
            self._add(tx, record, text, by)
        self._decide_anew(record.connection, [record_id])
        self._verify(record_id, by)

    def exclude_all(self, record_ids: Sequence[int], reason: str, *, by: str) -> int:
        """Leave out those of the invoices that may be; how many these are."""
        text = reason_given(reason)
        done: list[RecordRow] = []
        with self._database.write() as tx:
            for record_id in record_ids:
                record = tx.records.get(record_id)
                if self._refusal(tx, record) is None:
                    self._add(tx, record, text, by)
                    done.append(record)
        for connection, ids in by_connection(done).items():
            self._decide_anew(connection, ids)
        for record in done:
            self._verify(record.id, by)
        return len(done)

    def take_back(self, record_id: int, *, by: str) -> None:
        """Let the mapping decide about the invoice again. Raises Refused where nobody left it out."""
        with self._database.write() as tx:
            record = tx.records.get(record_id)
            if record_id not in tx.exclusions.in_force([record_id]):
                raise Refused("Nobody left this invoice out, so there is nothing to take back.")
            tx.exclusions.revoke(record_id, by)
            tx.audit.append(by, "record.exclusion_revoked", subject(record), {})
        self._decide_anew(record.connection, [record_id])

    def _add(self, tx: Transaction, record: RecordRow, reason: str, by: str) -> None:
        tx.exclusions.add(record.id, reason, by)
        tx.audit.append(by, "record.excluded", subject(record), {"reason": reason})

    def _refusal(self, tx: Transaction, record: RecordRow) -> Refused | None:
        if record.id in tx.exclusions.in_force([record.id]):
            return Refused("Somebody left this invoice out already.")
        if record.outcome_kind == "excluded":
            return Refused("A rule of the mapping leaves this invoice out already.")
        if any(row.is_sent for row in tx.financing.of_record(record.id)):
            return Refused(
                "The invoice was sent to the financier, so it cannot be left out here.",
                remedy="Cancel the session, or settle it with the financier.",
            )
        return None

    def _verify(self, record_id: int, by: str) -> None:
        """Take the decision back where the invoice was sent just before it took effect."""
        with self._database.write() as tx:
            record = tx.records.get(record_id)
            if record.reason_code == EXCLUDED_BY_PERSON or record.outcome_kind == "excluded":
                return
            if not any(row.is_sent for row in tx.financing.of_record(record_id)):
                return  # no flow takes it anywhere, or it is decided anew later: the decision stands
            tx.exclusions.revoke(record_id, by)
            tx.audit.append(by, "record.exclusion_revoked", subject(record), {"because": "sent"})
        raise Refused("The invoice was sent to the financier just now, so it was not left out.")


def subject(record: RecordRow) -> str:
    """A record as the audit log names it."""
    return f"{record.connection}/{record.source_id}"
