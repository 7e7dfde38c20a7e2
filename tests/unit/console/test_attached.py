"""What becomes of an attached file, and of words that were stored once."""

from __future__ import annotations

import pytest

from connector.store.database import Database
from connector.views.attached import ATTACHED, of_attached
from connector.views.lines import outbox_line
from tests.databases import finance, message, store_records


@pytest.mark.parametrize(
    ("states", "purpose", "said"),
    [
        ((), "invoice", ""),
        (("submitting",), "invoice", "this one is kept here and is not sent"),
        (("submitting", "submitted"), "purchase_order", "only if another session is opened"),
        (("submitting", "parked"), "transport", "only if another session is opened"),
    ],
)
def test_it_is_said_whether_the_file_goes_along(
    database: Database, states: tuple[str, ...], purpose: str, said: str
):
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing = tx.financing.get(finance(tx, saved))
        before = financing.state
        for state in states:
            tx.financing.set_state(financing.id, state, "x", (before,))
            before = state
        shown = of_attached(tx, financing.record_id, purpose)
    assert shown == ATTACHED if not said else said in shown


def test_an_old_word_before_a_stored_sentence_is_not_shown(database: Database):
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        row = message(tx, finance(tx, saved), unsupported="None: Finexio offers no way.")
    assert outbox_line(row)["error"] == "Finexio offers no way."
