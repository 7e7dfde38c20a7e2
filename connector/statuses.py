"""Hear: webhooks and polling both end in the same act, asking the financier and writing down the truth.

A webhook is a hint. Its row in the inbox is done once the invoice it names was asked about. The answer is appended to
the timeline only when nothing was appended since the question was asked: an old answer that arrives late is thrown
away and asked anew, so the timeline is a subsequence of the true history.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.backoff import Backoff
from connector.clock import Clock
from connector.errors import ContractDrift, InvariantBroken, NotFound, Refused
from connector.financier import (
    TERMINAL_STATUSES,
    Financier,
    FinancingStatus,
    RemoteInvoice,
    SessionStatus,
)
from connector.store.chain import canonical_json
from connector.store.database import Database
from connector.store.financing_rows import FinancingRow
from connector.store.inbox import InboxRow
from connector.store.timeline import TimelineRow
from connector.store.transaction import Transaction
from connector.strict_json import JsonRefused, loads
from connector.write_back import WriteBackQueue

log = logging.getLogger(__name__)

ASK_AGAIN = 5
"""How often an answer may be overtaken before this attempt gives up (the next poll goes on)."""

UNKNOWN_INVOICE_PATIENCE = timedelta(hours=24)
"""How long an event about an invoice we do not know is kept trying: it may be ahead of our own commit."""

SESSION_ENDED = "The financing session"
"""How the reason begins for which an invoice is parked after its session ended."""

QueueWriteBack = Callable[[Transaction, FinancingRow, TimelineRow], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform said about one invoice, and about its hosted session where one is still open."""

    remote: RemoteInvoice
    session: SessionStatus | None


class StatusKeeper:
    """Keeps the timelines of one financier's invoices true. `queues` take the write-back, by connection; `announce` puts
    each status into the feed."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        name: str,
        financier: Financier,
        queues: Mapping[str, QueueWriteBack],
        poll_interval_seconds: float,
        announce: QueueWriteBack,
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._financier = financier
        self._queues = queues
        self._announce = announce
        self._poll_interval_seconds = poll_interval_seconds
        self._backoff = Backoff(first_seconds=1, longest_seconds=3600)

    # -- asking ---------------------------------------------------------------------------------------------------

    def refresh(self, financing_id: int, *, via: str, inbox_id: int | None = None) -> bool:
        """Ask about one invoice and write down what is new. True when the timeline grew."""
        for _ in range(ASK_AGAIN):
            with self._database.read() as tx:
                financing = tx.financing.get(financing_id)
                last = tx.timeline.last(financing_id)
            if financing.remote_invoice_id is None:
                return False
            answer = self._ask(financing)
            with self._database.write() as tx:
                now_last = tx.timeline.last(financing_id)
                if (now_last and now_last.seq) != (last and last.seq):
                    continue
                return self._apply(
                    tx, tx.financing.get(financing_id), answer, now_last, via, inbox_id
                )
        return False

    def _ask(self, financing: FinancingRow) -> Answer:
        remote = self._financier.fetch(financing.remote_invoice_id or "")
        session_id = financing.remote_session_id
        if session_id is None or financing.session_status not in (None, "open", "unknown"):
            return Answer(remote, None)
        told = dict(remote.sessions).get(session_id)
        return Answer(remote, told or self._financier.session(session_id))

    def _apply(
        self,
        tx: Transaction,
        financing: FinancingRow,
        answer: Answer,
        last: TimelineRow | None,
        via: str,
        inbox_id: int | None,
    ) -> bool:
        remote = answer.remote
        if not self._agrees(tx, financing, remote):
            return False
        self._session(tx, financing, answer)
        tx.financing.set_remote(financing.id, next_poll_at=self._next_poll(remote.status))
        self._amounts(tx, financing, remote)
        if last is not None and last.raw_status == remote.raw_status:
            return False
        if last is not None and FinancingStatus(last.status) in TERMINAL_STATUSES:
            self._after_the_end(tx, financing, last, remote)
            return False
        row = tx.timeline.append(
            row_id=tx.allocate("status_timeline", 1)[0],
            financing_invoice_id=financing.id,
            status=remote.status.value,
            raw_status=remote.raw_status,
            via=via,
            inbox_id=inbox_id,
            evidence=remote.raw,
        )
        tx.financing.set_remote(
            financing.id,
            status=remote.status.value,
            raw_status=remote.raw_status,
        )
        self._unpark(tx, financing, remote)
        connection = tx.records.get(financing.record_id).connection
        queue = self._queues.get(connection, WriteBackQueue(connection, None))
        queue(tx, financing, row)
        self._announce(tx, financing, row)
        log.info(
            "status.applied reference=%s status=%s raw=%s via=%s",
            financing.client_reference_id,
            remote.status.value,
            remote.raw_status,
            via,
        )
        return True

    def _agrees(self, tx: Transaction, financing: FinancingRow, remote: RemoteInvoice) -> bool:
        """I4: the platform's invoice is the one we sent, to the cent. Otherwise park it and believe nothing."""
        ours = (financing.currency, financing.amount_minor_units)
        theirs = (remote.currency, remote.amount_minor_units)
        reference = remote.client_reference_id
        if ours == theirs and reference in (None, financing.client_reference_id):
            return True
        reason = (
            f"The platform's invoice {remote.remote_id} is not what was sent: it says {theirs[1]} minor units "
            f"of {theirs[0]}, sent were {ours[1]} of {ours[0]}. Settle this with the financier."
        )
        if financing.state_reason != reason:
            tx.financing.set_state(
                financing.id, "parked", reason, allowed_from=("submitting", "submitted", "parked")
            )
            log.error("status.disagrees reference=%s", financing.client_reference_id)
        tx.financing.set_remote(financing.id, next_poll_at=self._next_poll(remote.status))
        return False

    def _amounts(self, tx: Transaction, financing: FinancingRow, remote: RemoteInvoice) -> None:
        """Keep what the parts of the financing amount to. One that was told and is another now is money that changed:
        it is noted. A platform that tells none at all takes nothing back."""
        told, known = dict(remote.financing), dict(financing.financing)
        if not told or told == known:
            return
        tx.financing.set_remote(financing.id, financing=canonical_json(told))
        changed = {name for name, amount in known.items() if told.get(name) != amount}
        if changed:
            detail = {
                "currency": remote.currency,
                "before": {name: known[name] for name in sorted(changed)},
                "after": {name: told.get(name) for name in sorted(changed)},
            }
            tx.audit.append(
                "connector", "financing.amounts_changed", financing.client_reference_id, detail
            )

    def _session(self, tx: Transaction, financing: FinancingRow, answer: Answer) -> None:
        session = answer.session
        if session is None or session.value == financing.session_status:
            return
        tx.financing.set_remote(financing.id, session_status=session.value)
        ended = session in (SessionStatus.CANCELED, SessionStatus.EXPIRED)
        if ended and _is_unfinished(answer.remote) and financing.state == "submitted":
            how = "was canceled" if session is SessionStatus.CANCELED else "has expired"
            reason = f"{SESSION_ENDED} {how} before it was completed. Request financing again."
            tx.financing.set_state(financing.id, "parked", reason, allowed_from=("submitted",))

    def _unpark(self, tx: Transaction, financing: FinancingRow, remote: RemoteInvoice) -> None:
        """An invoice parked because its session had ended goes on when the platform says it does."""
        ended = financing.session_status in (SessionStatus.CANCELED, SessionStatus.EXPIRED)
        if financing.state == "parked" and ended and not _is_unfinished(remote):
            tx.financing.set_state(financing.id, "submitted", None, allowed_from=("parked",))

    def _after_the_end(
        self, tx: Transaction, financing: FinancingRow, last: TimelineRow, remote: RemoteInvoice
    ) -> None:
        """I18: a final status stays. What the platform says after it is for a person to look at."""
        reason = (
            f"After the final status {last.raw_status} the platform now says {remote.raw_status}. "
            "Ask the financier which is true."
        )
        if financing.state_reason != reason:
            tx.financing.set_state(
                financing.id, "parked", reason, allowed_from=("submitted", "parked")
            )

    def _next_poll(self, status: FinancingStatus) -> datetime | None:
        if status in TERMINAL_STATUSES:
            return None
        return self._clock.now() + timedelta(seconds=self._poll_interval_seconds)

    def poll(self, financing_id: int) -> None:
        """`refresh` for the schedule: what the platform says wrongly about one invoice does not stop the others."""
        try:
            self.refresh(financing_id, via="poll")
        except (Refused, ContractDrift, InvariantBroken) as error:
            log.warning("poll.refused financing=%d error=%s", financing_id, error)
            again = self._clock.now() + timedelta(seconds=self._poll_interval_seconds)
            with self._database.write() as tx:
                tx.financing.set_remote(financing_id, next_poll_at=again)
                if isinstance(error, NotFound):
                    tx.financing.set_state(
                        financing_id,
                        "parked",
                        f"The platform does not know this invoice any more: {error}",
                        allowed_from=("submitted", "parked"),
                    )

    # -- the inbox ------------------------------------------------------------------------------------------------

    def hear(self, row: InboxRow) -> None:
        """Handle one claimed event. Unreadable ones are quarantined; one about an invoice that is not known (yet) is
        tried again for a day. Raises what concerns the whole platform, after giving the row back."""
        try:
            hint = self._financier.read_event(_event_body(row.body))
        except (ContractDrift, JsonRefused) as error:
            self._quarantine(row, f"The event cannot be read: {error}")
            return
        try:
            with self._database.read() as tx:
                financing = self._named(tx, hint.remote_invoice_id, hint.client_reference_id)
        except InvariantBroken as error:
            self._again(row, str(error))
            return
        if (
            financing is None
            and hint.remote_invoice_id is None
            and hint.client_reference_id is None
        ):
            self._finish(row, f"Not about an invoice: {hint.event_type}")
            return
        if financing is None or financing.remote_invoice_id is None:
            self._not_known(row)
            return
        try:
            self.refresh(financing.id, via="webhook", inbox_id=row.id)
        except (Refused, ContractDrift, InvariantBroken) as error:
            self._again(row, str(error))
            return
        except Exception as error:
            self._again(row, f"{type(error).__name__}")
            raise
        self._finish(row, None)

    def _named(
        self, tx: Transaction, remote_id: str | None, reference: str | None
    ) -> FinancingRow | None:
        by_id = tx.financing.by_remote_id(self._name, remote_id) if remote_id else None
        if by_id is not None:
            return by_id
        named = tx.financing.by_reference(reference) if reference else None
        return named if named is not None and named.financier == self._name else None

    def _not_known(self, row: InboxRow) -> None:
        if self._clock.now() - row.received_at > UNKNOWN_INVOICE_PATIENCE:
            self._quarantine(row, "The event names an invoice that this connector never sent.")
        else:
            self._again(row, "The event names an invoice that is not known yet.")

    def _finish(self, row: InboxRow, why: str | None) -> None:
        with self._database.write() as tx:
            tx.inbox.finish(row.id, _token(row))
        if why is not None:
            log.info("inbox.not_needed id=%d why=%s", row.id, why)

    def _quarantine(self, row: InboxRow, reason: str) -> None:
        with self._database.write() as tx:
            tx.inbox.quarantine(row.id, _token(row), reason)
        log.warning("inbox.quarantined id=%d reason=%s", row.id, reason)

    def _again(self, row: InboxRow, reason: str) -> None:
        again = self._backoff.next_at(self._clock.now(), row.attempts)
        with self._database.write() as tx:
            tx.inbox.retry_later(row.id, _token(row), again, reason)


def _is_unfinished(remote: RemoteInvoice) -> bool:
    """Whether nothing was applied for yet."""
    return remote.status in (FinancingStatus.DRAFT, FinancingStatus.UNKNOWN)


def _token(row: InboxRow) -> str:
    if row.lease_token is None:
        raise InvariantBroken(f"Inbox row {row.id} was not claimed before it was worked on.")
    return row.lease_token


def _event_body(body: bytes) -> Mapping[str, Any]:
    decoded = loads(body)
    if not isinstance(decoded, dict):
        raise ContractDrift("The event is not a JSON object.")
    return decoded
