"""It took effect: a person says so of a parked message. The other side is asked before it is believed.

What the other side's own record contradicts is refused. Where it offers no way to ask, the person's word stands, and the
audit log says that nothing confirmed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from connector.errors import InvariantBroken, NotFound, Refused, Unsupported
from connector.financier import (
    Financier,
    RemoteInvoice,
    SessionStatus,
    StepResult,
    Submission,
)
from connector.store.outbox_reading import OutboxRow
from connector.store.transaction import Transaction

LONGEST_IDENTIFIER = 200
SEND_INSTEAD = "If it is not there, send it instead."


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a message left at the other side, as JSON; `checked`: whether the other side confirmed it."""

    result: Mapping[str, Any]
    checked: bool


class Confirmable(Protocol):
    """A message whose effect a person may confirm. `prepare` and `done` are those of every delivery."""

    def prepare(self, tx: Transaction, row: OutboxRow, action: str) -> None:
        """Read what is needed. Raises InvariantBroken when what it stands on is damaged."""

    def confirm(self, remote_id: str | None) -> Confirmed:
        """Ask the other side. Raises Refused where it says otherwise, or an identifier is missing."""

    def done(self, tx: Transaction, row: OutboxRow, result: Mapping[str, Any], how: str) -> None:
        """What follows, as after an ordinary answer."""


def identifier_given(text: str | None) -> str | None:
    """An identifier as a person gives it; None for an empty one. Raises Refused for what can be none."""
    plain = (text or "").strip()
    if (
        len(plain) > LONGEST_IDENTIFIER
        or not plain.isprintable()
        or any(c.isspace() for c in plain)
    ):
        raise Refused(
            f"An identifier has at most {LONGEST_IDENTIFIER} characters and no spaces.",
            remedy="Copy it from the other side's own page.",
        )
    return plain or None


def confirmed_step(
    financier: Financier,
    step: str,
    submission: Submission,
    done: Mapping[str, StepResult],
    remote_id: str | None,
) -> tuple[StepResult, bool]:
    """What a step of a submission made at the financier, and whether the financier confirms it.

    Raises Refused where its record has another identifier, amount, currency or reference, or it has none; and what the
    financier raises when it cannot be asked.
    """
    try:
        found = financier.look_up(step, submission, done)
    except InvariantBroken as error:
        raise Refused(str(error), remedy="Settle it with the financier first.") from None
    except Unsupported:
        can_look = False
    else:
        can_look = True
        if found is not None:
            return _same(found, remote_id), True
    if remote_id is None and can_look:
        raise Refused(
            f"The financier has nothing under our reference {submission.client_reference_id}.",
            remedy=f"Give the identifier it shows for it. {SEND_INSTEAD}",
        )
    if remote_id is None:
        raise Refused(
            "The financier offers no way to look this up by our reference.",
            remedy="Give the identifier it shows for it.",
        )
    return _by_identifier(financier, step, submission, remote_id, can_look)


def _same(found: StepResult, remote_id: str | None) -> StepResult:
    if remote_id not in (None, found.remote_id):
        raise Refused(
            f"The financier knows it as {found.remote_id}, not as {remote_id}.",
            remedy="Leave the identifier empty, or give that one.",
        )
    return found


def _by_identifier(
    financier: Financier, step: str, submission: Submission, remote_id: str, can_look: bool
) -> tuple[StepResult, bool]:
    """The thing of this identifier, where our reference does not lead to it."""
    try:
        if step == "invoice":
            invoice = financier.fetch(remote_id)
            _check_agreement(invoice, submission)
            return StepResult(remote_id, {"status": invoice.raw_status}), True
        if step == "session" and can_look:
            raise NotFound(f"The financier does not show the session {remote_id} for this invoice.")
        if step == "session":
            status = financier.session(remote_id)
            if status in (SessionStatus.CANCELED, SessionStatus.EXPIRED):
                raise Refused(f"The session {remote_id} is {status}.", remedy=SEND_INSTEAD)
            return StepResult(remote_id), True
    except NotFound as error:
        raise Refused(str(error), remedy=SEND_INSTEAD) from None
    except Unsupported:
        pass
    return StepResult(remote_id), False


def _check_agreement(invoice: RemoteInvoice, submission: Submission) -> None:
    """Raises Refused where the financier's invoice is not the one that was to be submitted."""
    for what, there, ours in (
        ("reference", invoice.client_reference_id, submission.client_reference_id),
        ("currency", invoice.currency, submission.currency),
        ("amount", invoice.amount_minor_units, submission.amount_minor_units),
    ):
        if there is not None and there != ours:
            raise Refused(
                f"The financier's invoice {invoice.remote_id} has another {what} than the one to be submitted.",
                remedy="Look for the right one. If there is none, settle it with the financier.",
            )
