"""The error inbox as people and programs are shown it: causes with what to do, and the records of a selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.deciding import (
    CHANGED_AFTER_SUBMISSION,
    DOCUMENT_MISSING,
    NO_BUYER_LIMIT,
    NOT_LINKED,
    OTHER_FINANCIER,
)
from connector.store.inbox_work import Assignment
from connector.store.reading_inbox import CauseTotal, InboxSelection
from connector.store.schema import REPLACEABLE
from connector.store.transaction import Transaction
from connector.views.causes import WHO, advice, cause_subject
from connector.views.invoices import invoice_line, sum_line
from connector.views.lines import Json, instant, record_number

_NO_FIELD = (
    *(NOT_LINKED, NO_BUYER_LIMIT, DOCUMENT_MISSING, CHANGED_AFTER_SUBMISSION, OTHER_FINANCIER),
    *("malformed_record", "not_a_record"),
)
"""Causes that no correction of a field does away with."""

_UNSENT = (None, *REPLACEABLE)


def causes(tx: Transaction) -> list[Json]:
    """Every cause with its records and money, the most frequent first."""
    assigned = tx.assignments.all()
    found: dict[str, Json] = {}
    for total in tx.error_inbox.causes():
        subject = cause_subject(total.cause)
        line = found.get(subject)
        if line is None:
            line = found[subject] = _cause(total, assigned.get(subject))
        line["count"] += total.sum.count
        line["sums"].append(sum_line(total.sum))
        line["since"] = min(line["since"], instant(total.since) or "")
    return sorted(found.values(), key=lambda line: -line["count"])


def _cause(total: CauseTotal, assigned: Assignment | None) -> Json:
    cause = total.cause
    told = advice(cause, total.sentence, is_one_sentence=total.is_one_sentence, rule=total.rule)
    return {
        "connection": cause.connection,
        "kind": cause.kind,
        "reason_code": cause.reason_code,
        "detail": cause.detail,
        "subject": cause_subject(cause),
        "title": told.title,
        "sentence": total.sentence,
        "who": told.who,
        "who_acts": WHO[told.who],
        "remedy": told.remedy,
        "otherwise": told.otherwise,
        "action": told.action,
        "since": instant(total.since) or "",
        "count": 0,
        "sums": [],
        **_looked_after(assigned),
    }


def _looked_after(assigned: Assignment | None) -> Json:
    return {
        "assigned_to": None if assigned is None else assigned.name,
        "assigned_id": None if assigned is None else assigned.person_id,
    }


def waiting_records(
    tx: Transaction, chosen: InboxSelection, after_id: int, limit: int
) -> list[Json]:
    """The next records of a selection, oldest first: the invoice, why it waits since when, who looks after it, and what
    came of reading it again."""
    ids = tx.error_inbox.page(chosen, after_id, limit)
    return records(tx, ids)


def records(tx: Transaction, ids: Sequence[int]) -> list[Json]:
    """These waiting records, in the order given."""
    lines = tx.invoices.of_records(ids)
    since = tx.error_inbox.decided_at(ids)
    assigned = tx.assignments.all()
    rereads = tx.rereads.newest(ids)
    found = []
    for record_id in ids:
        line, asked = lines[record_id], rereads.get(record_id)
        found.append(
            {
                **invoice_line(line),
                "record_id": record_id,
                "field_path": line.field_path,
                "since": instant(since.get(record_id)),
                "may_be_corrected": line.reason_code not in _NO_FIELD and line.state in _UNSENT,
                "is_being_read": asked is not None and asked.finished_at is None,
                "read_again": None if asked is None else asked.result,
                **_looked_after(assigned.get(record_number(record_id))),
            }
        )
    return found


def mine(assigned: Mapping[str, Assignment], person_id: int | None) -> tuple[set[str], list[int]]:
    """What a person looks after: causes by their subject, and records."""
    subjects = {s for s, each in assigned.items() if each.person_id == person_id}
    numbers = [int(s[1:]) for s in subjects if s.startswith("r") and s[1:].isdecimal()]
    return {s for s in subjects if s.startswith("cause ")}, sorted(numbers)


def resolved_today(tx: Transaction, now: datetime) -> int:
    """How many records left the inbox since midnight UTC."""
    return tx.error_inbox.resolved_since(now.replace(hour=0, minute=0, second=0, microsecond=0))
