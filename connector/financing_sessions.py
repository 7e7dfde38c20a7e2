"""What a person may do about a hosted session: open another one for the same invoice, or cancel the one that is open.

Both begin by asking the financier, so that nobody acts on what is no longer so. Neither ever makes a second invoice.
"""

from __future__ import annotations

import logging

from connector.errors import OutcomeUnknown, Refused, Unsupported
from connector.financier import CancelsSessions, Financier, FinancingStatus, SessionStatus
from connector.statuses import SESSION_ENDED, StatusKeeper
from connector.store.database import Database
from connector.store.financing_rows import FinancingRow
from connector.submission import Submitter

log = logging.getLogger(__name__)

NOT_HANDED_IN = (None, FinancingStatus.DRAFT, FinancingStatus.UNKNOWN)
"""Statuses of an invoice for which no application was handed in yet."""


class FinancingSessions:
    """The sessions of one flow's invoices."""

    def __init__(
        self,
        database: Database,
        financier: Financier,
        submitter: Submitter,
        keeper: StatusKeeper,
    ) -> None:
        self._database = database
        self._financier = financier
        self._submitter = submitter
        self._keeper = keeper

    def open_again(self, financing_id: int, *, by: str) -> None:
        """Have another session opened for an invoice whose session was canceled or has expired. The next round of
        submitting opens it. Raises Refused where there is nothing to open, and what the financier raises."""
        financing = self._as_it_is(financing_id)
        if not financing.may_open_session:
            raise Refused(
                f"No session can be opened: {_standing(financing)}",
                remedy="The life of the invoice says where it stands.",
            )
        with self._database.read() as tx:
            current = tx.records.current_outcome(financing.record_id)
        if current.kind != "mapped":
            raise Refused(
                f"The invoice is {current.kind} by now: {current.sentence or 'see its life'}",
                remedy="Settle that first; a session is opened for the invoice as it was sent.",
            )
        self._submitter.reopen_session(financing_id)
        with self._database.write() as tx:
            tx.audit.append(by, "session.opened_again", financing.client_reference_id, {})

    def cancel(self, financing_id: int, reason: str, *, by: str) -> None:
        """Cancel the application of an invoice while its session is open.

        Raises Refused where no session is open, Unsupported where the financier offers no way, and what it raises:
        OutcomeUnknown only when it cannot be found out whether the session was canceled.
        """
        financing = self._as_it_is(financing_id)
        session_id = financing.remote_session_id
        is_open = financing.session_status in (SessionStatus.OPEN, SessionStatus.UNKNOWN)
        if session_id is None or not is_open or financing.status not in NOT_HANDED_IN:
            raise Refused(
                f"There is no open session to cancel: {_standing(financing)}",
                remedy="What was handed in already is settled with the financier.",
            )
        if not isinstance(self._financier, CancelsSessions):
            raise Unsupported(
                "This financier offers no way to cancel a session for somebody else.",
                remedy="Cancel it on the session's own page.",
            )
        detail = {"session_id": session_id, "reason": reason}
        with self._database.write() as tx:
            tx.audit.append(by, "session.cancel_asked", financing.client_reference_id, detail)
        status = self._cancel(self._financier, session_id)
        self._keeper.refresh(financing_id, via="poll")
        if status is not SessionStatus.CANCELED:
            raise Refused(f"The session was not canceled: it is {status.value} by now.")
        with self._database.write() as tx:
            sentence = f"{SESSION_ENDED} was canceled by a person: {reason}"
            tx.financing.set_remote(financing_id, session_status=status.value)
            tx.financing.set_state(
                financing_id, "parked", sentence, allowed_from=("submitted", "parked")
            )
            tx.audit.append(by, "session.canceled", financing.client_reference_id, detail)
        log.info("session.canceled reference=%s", financing.client_reference_id)

    def _cancel(self, financier: CancelsSessions, session_id: str) -> SessionStatus:
        try:
            return financier.cancel_session(session_id)
        except OutcomeUnknown:
            status = self._financier.session(session_id)
            if status in (SessionStatus.OPEN, SessionStatus.UNKNOWN):
                raise
            return status

    def _as_it_is(self, financing_id: int) -> FinancingRow:
        """The invoice after asking the financier about it."""
        with self._database.read() as tx:
            financing = tx.financing.get(financing_id)
        if financing.remote_session_id is None:
            return financing
        self._keeper.refresh(financing_id, via="poll")
        with self._database.read() as tx:
            return tx.financing.get(financing_id)


def _standing(financing: FinancingRow) -> str:
    """Where an invoice stands, as one sentence."""
    if financing.remote_session_id is None:
        return f"the invoice is {financing.state}, and no session was opened for it yet."
    told = financing.raw_status or "nothing yet"
    return (
        f"the session is {financing.session_status}, the invoice is {financing.state}, "
        f"and the financier says {told}."
    )
