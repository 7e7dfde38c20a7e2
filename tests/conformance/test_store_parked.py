"""Which parked messages certainly changed nothing, and which invoices stopped without one, on every database."""

from __future__ import annotations

import pytest

from connector.errors import ConnectorError, ContractDrift, OutcomeUnknown, Refused
from connector.store.database import Database
from connector.store.outbox_reading import OutboxRow
from connector.store.reading_invoices import STOPPED, Selection
from connector.store.transaction import Transaction
from tests.databases import FINANCIER, finance, message, store_records

REFUSED, UNCLEAR = Refused("no"), OutcomeUnknown("no answer")


@pytest.fixture(autouse=True)
def no_secret_is_shown() -> None:
    """Stands in for the fixture of that name, which belongs to the conformance of the systems."""


def _message(tx: Transaction, name: str, seq: int = 1) -> OutboxRow:
    (saved,) = store_records(tx, [name])
    financing = finance(tx, saved)
    tx.financing.set_state(financing, "submitting", None, ("ready",))
    tx.financing.set_state(financing, "parked", "see its message", ("submitting",))
    return message(tx, financing, seq, kind="session")


def _attempt(
    tx: Transaction, row: OutboxRow, action: str, state: str, error: ConnectorError
) -> OutboxRow:
    token = tx.outbox.claim(row, action=action, lease_seconds=60)
    assert token is not None
    tx.outbox.complete(
        row.id,
        token,
        state=state,
        error_class=type(error).__name__,
        error=str(error),
        attempt_result="parked" if state == "parked" else "no usable answer",
    )
    return tx.outbox.get(row.id)


@pytest.mark.parametrize(
    ("tries", "is_clear"),
    [
        ([("send", "parked", REFUSED)], True),
        ([("send", "parked", ContractDrift("odd"))], False),
        ([("send", "parked", UNCLEAR)], False),
        ([("send", "unknown", UNCLEAR), ("look_up", "parked", REFUSED)], False),
        ([("send", "unknown", UNCLEAR), ("send", "parked", REFUSED)], False),
    ],
)
def test_only_a_refusal_after_clear_answers_is_certain(
    database: Database, tries: list[tuple[str, str, ConnectorError]], is_clear: bool
) -> None:
    with database.write() as tx:
        row = _message(tx, "a")
        for action, state, error in tries:
            row = _attempt(tx, row, action, state, error)
        assert tx.outbox.took_no_effect(row.id) is is_clear
        assert [each.id for each in tx.deliveries.parked(is_refused=is_clear, limit=9)] == [row.id]
        assert tx.deliveries.parked(is_refused=not is_clear, limit=9) == []


def test_what_never_left_changed_nothing_and_each_is_counted_once(database: Database) -> None:
    with database.write() as tx:
        held_back, unclear = _message(tx, "a"), _message(tx, "b")
        assert tx.outbox.park(held_back, REFUSED)
        _attempt(tx, unclear, "send", "parked", UNCLEAR)
        sums = {part.is_refused: part for part in tx.deliveries.parked_sums()}
        assert {key: (part.count, part.submits) for key, part in sums.items()} == {
            True: (1, True),
            False: (1, True),
        }
        assert sums[True].amount_minor_units > 0
        assert tx.totals.stopped() == []


def test_one_that_was_replaced_is_not_given_up_and_one_without_a_message_stopped(
    database: Database,
) -> None:
    with database.write() as tx:
        row = _message(tx, "a")
        tx.outbox.park(row, REFUSED)
        tx.outbox.decide(row.id, state="dead", reason="mended")
        assert tx.deliveries.open_sent() == {(FINANCIER, "dead"): 1}
        assert tx.totals.stopped() == []
        assert tx.invoices.page(Selection(state=STOPPED)) == []
        assert len(tx.invoices.page(Selection(state="parked"))) == 1
        message(tx, row.financing_invoice_id, 2, kind="session")
        assert tx.deliveries.open_sent() == {(FINANCIER, "pending"): 1}
        assert tx.deliveries.stuck_since() == {}
        ((_, count, _, _),) = tx.totals.stopped()
        assert count == 1
        (listed,) = tx.invoices.page(Selection(state=STOPPED))
        assert listed.state == "parked"
        (line,) = tx.invoices.sums(Selection(state=STOPPED))
        assert line.count == count
