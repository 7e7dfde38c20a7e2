"""Holding an invoice back after all: what it lacks was only seen when it was to be sent."""

from __future__ import annotations

from datetime import date, timedelta

from connector.store.financing_rows import FinancingRow
from connector.store.records import NewOutcome
from connector.store.transaction import Transaction
from mappings.outcome import OutcomeKind


def hold(
    tx: Transaction, financing: FinancingRow, reason_code: str, sentence: str, today: date
) -> None:
    """Let a mapped, unsent invoice wait after all.

    It is decided again tomorrow at the latest; a document may have been attached without the record changing.
    """
    if tx.financing.state_of(financing.id) != "ready":
        return
    current = tx.records.current_outcome(financing.record_id)
    (outcome_id,) = tx.allocate("outcomes", 1)
    tx.records.decide(
        financing.record_id,
        current.version_id,
        current.mapping_version_id,
        None,
        NewOutcome(
            id=outcome_id,
            kind=OutcomeKind.HELD.value,
            reason_code=reason_code,
            sentence=sentence,
            currency=current.currency,
            amount_minor_units=current.amount_minor_units,
        ),
        today + timedelta(days=1),
    )
    for correction in tx.corrections.of_outcomes([current.id]).values():
        tx.corrections.note_outcomes({outcome_id: correction.id})
    tx.financing.set_state(financing.id, "withdrawn", sentence, allowed_from=("ready",))
