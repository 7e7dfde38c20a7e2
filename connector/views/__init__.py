"""What people and programs are shown: plain dictionaries, the same for `--json`, the API and the pages.

Amounts appear twice: `amount_minor_units` (integer) and `amount` (decimal text in major units). Instants are ISO UTC.
"""

from __future__ import annotations

from connector.views.lines import (
    Json,
    financing_line,
    inbox_line,
    instant,
    money,
    outbox_line,
    outcome,
    record_number,
    run,
)
from connector.views.lives import find_record, life
from connector.views.standing import (
    SEVERITY,
    needs_a_person,
    queues,
    status,
    system_state,
    totals,
)

__all__ = [
    "SEVERITY",
    "Json",
    "financing_line",
    "find_record",
    "inbox_line",
    "instant",
    "life",
    "money",
    "needs_a_person",
    "outbox_line",
    "outcome",
    "queues",
    "record_number",
    "run",
    "status",
    "system_state",
    "totals",
]
