"""Parked messages: nobody knows whether they took effect, or they must not be sent as they are. A person decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connector.confirming import Confirmable, Confirmed, identifier_given
from connector.errors import Refused
from connector.inbox_actions.excluding import reason_given
from connector.store.database import Database
from connector.store.outbox_reading import OutboxRow
from connector.store.transaction import Transaction

CHOICES = ("again", "drop", "took_effect")


class ParkedMessages:
    """Decides about parked rows of the outbox."""

    def __init__(
        self,
        database: Database,
        harmless: Mapping[str, frozenset[str]],
        effect_of: Callable[[OutboxRow], Confirmable],
        renew: Callable[[Transaction, OutboxRow, str], bool],
    ) -> None:
        """`harmless`: by target, the steps whose repetition moves no money. `effect_of`: what a row stands for. `renew`:
        gives a row up for a new one of today's flow, where that would say something else; whether it did."""
        self._database = database
        self._harmless = harmless
        self._effect_of = effect_of
        self._renew = renew

    def decide(
        self,
        row_id: int,
        what: str,
        reason: str,
        *,
        by: str,
        it_is_not_there: bool = False,
        remote_id: str | None = None,
    ) -> None:
        """`again` sends the message once more (looked up first where it may have taken effect, unless `it_is_not_there`; as
        the flow says today where it certainly did not), `drop` gives it up, `took_effect` goes on as after an answer (`remote_id`: what the other side calls what it made).

        Raises NotFound, Refused where the row is not parked, and for `took_effect` Refused where the other side says
        otherwise, and what it raises when it cannot be asked: nothing was decided then.
        """
        text = reason_given(reason)
        if what not in CHOICES:
            raise Refused(f"There is no decision {what[:40]!r}: one of {', '.join(CHOICES)}.")
        if what == "took_effect":
            self._took_effect(row_id, text, identifier_given(remote_id), by)
            return
        with self._database.write() as tx:
            row = _parked(tx, row_id)
            if what == "drop":
                tx.outbox.decide(row_id, state="dead", reason=text)
            else:
                self._again(tx, row, text, it_is_not_there=it_is_not_there)
            if row.timeline_id is None:
                # Dropped, it stays parked for good: the financier may know the invoice, so it is never offered anew.
                new = "submitting" if what == "again" else "parked"
                tx.financing.set_state(
                    row.financing_invoice_id, new, text, allowed_from=("parked",)
                )
            tx.audit.append(by, f"outbox.{what}", row.idempotency_key, {"reason": text})

    def _again(
        self, tx: Transaction, row: OutboxRow, reason: str, *, it_is_not_there: bool
    ) -> None:
        """Let a message be sent once more. One that certainly changed nothing is replaced by one that says what the flow
        says today, where that is something else: a key keeps its payload."""
        is_clear = tx.outbox.took_no_effect(row.id)
        if is_clear and self._renew(tx, row, reason):
            return
        harmless = row.kind in self._harmless.get(row.target, ())
        at_once = is_clear or harmless or it_is_not_there
        tx.outbox.decide(row.id, state="pending" if at_once else "unknown", reason=reason)

    def _took_effect(self, row_id: int, reason: str, remote_id: str | None, by: str) -> None:
        with self._database.read() as tx:
            row = _parked(tx, row_id)
            unsent = tx.outbox.last_send_started_at(row_id) is None
        effect = self._effect_of(row)
        with self._database.read() as tx:
            effect.prepare(tx, row, "look_up")
        confirmed = effect.confirm(remote_id)
        if unsent and not confirmed.checked:
            raise Refused(
                "This message never left, so it cannot have taken effect.", remedy="Send it."
            )
        with self._database.write() as tx:
            self._go_on(tx, row, effect, confirmed, reason, by)

    def _go_on(
        self,
        tx: Transaction,
        row: OutboxRow,
        effect: Confirmable,
        confirmed: Confirmed,
        reason: str,
        by: str,
    ) -> None:
        made = str(confirmed.result["remote_id"])
        if row.timeline_id is None:
            _check_free(tx, row, made)
        tx.outbox.decide(row.id, state="done", reason=reason, result=confirmed.result)
        if row.timeline_id is None:
            # Without a reason in its state: the next step is held back if the books have changed meanwhile.
            tx.financing.set_state(
                row.financing_invoice_id, "submitting", None, allowed_from=("parked",)
            )
        effect.done(tx, row, confirmed.result, "confirmed")
        detail = {"reason": reason, "remote_id": made, "looked_up": confirmed.checked}
        tx.audit.append(by, "outbox.took_effect", row.idempotency_key, detail)


def _parked(tx: Transaction, row_id: int) -> OutboxRow:
    row = tx.outbox.get(row_id)
    if row.state != "parked":
        raise Refused(
            f"Message {row_id} is {row.state}, so there is nothing to decide.",
            remedy="Only a parked message is decided about.",
        )
    return row


def _check_free(tx: Transaction, row: OutboxRow, remote_id: str) -> None:
    """Raises Refused where another invoice has what is claimed for this one."""
    other = None
    if row.kind == "invoice":
        other = tx.financing.by_remote_id(row.target, remote_id)
    elif row.kind == "session":
        other = tx.financing.by_session(row.target, remote_id)
    if other is not None and other.id != row.financing_invoice_id:
        raise Refused(
            f"{remote_id} is that of invoice {other.invoice_number} already.",
            remedy="Look for the one of this invoice.",
        )
