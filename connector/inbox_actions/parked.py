"""Parked messages: nobody knows whether they took effect, or they must not be sent as they are. A person decides."""

from __future__ import annotations

from collections.abc import Mapping

from connector.errors import Refused
from connector.inbox_actions.excluding import reason_given
from connector.store.database import Database

CHOICES = ("again", "drop")


class ParkedMessages:
    """Decides about parked rows of the outbox."""

    def __init__(self, database: Database, harmless: Mapping[str, frozenset[str]]) -> None:
        """`harmless`: by target, the steps whose repetition moves no money."""
        self._database = database
        self._harmless = harmless

    def decide(
        self, row_id: int, what: str, reason: str, *, by: str, it_is_not_there: bool = False
    ) -> None:
        """`again` sends the message once more (looked up first where it may have left, unless `it_is_not_there`), `drop`
        gives it up. Raises NotFound, and InvariantBroken where the row is not parked."""
        text = reason_given(reason)
        if what not in CHOICES:
            raise Refused(f"There is no decision {what[:40]!r}: one of {', '.join(CHOICES)}.")
        with self._database.write() as tx:
            row = tx.outbox.get(row_id)
            harmless = row.kind in self._harmless.get(row.target, ())
            unsent = tx.outbox.last_send_started_at(row_id) is None
            again = "pending" if unsent or harmless or it_is_not_there else "unknown"
            tx.outbox.decide(row_id, state=again if what == "again" else "dead", reason=text)
            if row.timeline_id is None:
                # Dropped, it stays parked for good: the financier may know the invoice, so it is never offered anew.
                new = "submitting" if what == "again" else "parked"
                tx.financing.set_state(
                    row.financing_invoice_id, new, text, allowed_from=("parked",)
                )
            tx.audit.append(by, f"outbox.{what}", row.idempotency_key, {"reason": text})
