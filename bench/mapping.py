"""Microseconds a record for mapping, validation and outcome, against a handwritten function of the same work.

In one process, interleaved rounds over the same decoded records, CPU time; nothing is read, stored or sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from bench.records import Ledger
from bench.report import Figure, Report
from mappings.canonical import Direction, FinancingInvoice
from mappings.outcome import Outcome, OutcomeKind, Problem

RECORDS = 2_000
LIMIT_MICROSECONDS = 60
HOSTILE_MILLISECONDS = 50
_ROUNDS = 9

_TEXTS = {
    "invoice_number": 49,
    "originating_counterparty_id": 36,
    "receiving_counterparty_id": 36,
}
_OPTIONAL_TEXTS = {
    "note": 1000,
    "reconciliation_id": 50,
    "account_number": 250,
    "payment_group_id": 100,
    "accounting_id": 70,
}
_STATUSES = {"pending", "in-progress", "sent", "complete", "failed", "canceled"}
_YEAR = timedelta(days=365)

Evaluate = Callable[[Mapping[str, Any], date], Outcome]


def handwritten(record: Mapping[str, Any], today: date) -> Outcome:
    """What a careful programmer would write by hand for this one system and financier: the baseline."""
    problems: list[Problem] = []
    for name, longest in _TEXTS.items():
        value = record.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= longest:
            problems.append(Problem("invalid_text", f"{name} must be a text.", name))
    for name, longest in _OPTIONAL_TEXTS.items():
        value = record.get(name)
        if value is not None and not (isinstance(value, str) and len(value) <= longest):
            problems.append(Problem("invalid_text", f"{name} must be a text.", name))
    amount, discount = record.get("amount_cents"), record.get("discount_amount_cents", 0)
    if type(amount) is not int or not 1 <= amount <= 999_999_900:
        problems.append(Problem("invalid_amount", "amount_cents is out of range.", "amount_cents"))
    if type(discount) is not int or not 0 <= discount <= 999_999_900:
        problems.append(
            Problem("invalid_amount", "The discount is out of range.", "discount_amount_cents")
        )
    issued = _date(record, "invoice_date", problems)
    due = _date(record, "invoice_due_date", problems)
    if issued is not None and abs(issued - today) > _YEAR:
        problems.append(Problem("invalid_date", "invoice_date is too far away.", "invoice_date"))
    if record.get("currency") != "USD":
        problems.append(Problem("invalid_currency", "currency must be USD.", "currency"))
    status = record.get("status")
    if status not in _STATUSES:
        problems.append(Problem("invalid_status", "The status is unknown.", "status"))
    if problems or due is None:
        return _refused(
            OutcomeKind.REJECTED, problems[0].reason_code if problems else "no_due_date"
        )
    if status != "pending":
        return _refused(OutcomeKind.EXCLUDED, "already_paid", amount)
    if due < today:
        return _refused(OutcomeKind.EXCLUDED, "past_due", amount)
    invoice = FinancingInvoice(
        direction=Direction.PAYABLE,
        invoice_number=record["invoice_number"],
        currency="USD",
        amount_minor_units=record["amount_cents"] - discount,
        due_date=due,
        buyer_id=record["originating_counterparty_id"],
        supplier_id=record["receiving_counterparty_id"],
        issue_date=issued,
        note=record.get("note"),
    )
    return Outcome(OutcomeKind.MAPPED, invoice, "USD", amount, recheck_on=due + timedelta(days=1))


def _date(record: Mapping[str, Any], name: str, problems: list[Problem]) -> date | None:
    value = record.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        problems.append(Problem("invalid_date", f"{name} must be a date.", name))
        return None


def _refused(kind: OutcomeKind, reason_code: str, amount: int | None = None) -> Outcome:
    return Outcome(kind, None, "USD", amount, reason_code=reason_code, sentence=reason_code)


def measure(rounds: int = _ROUNDS) -> Report:
    """Time the shipped Finexio mapping beside the handwritten function; both must agree on every record."""
    from connector.strict_json import loads
    from mappings import load_mapping, shipped

    today = datetime.now(UTC).date()
    ledger = Ledger(7, today)
    records = [loads(ledger.invoice_json(index)) for index in range(RECORDS)]
    mapping = load_mapping(shipped()["finexio"], name="finexio")
    _agree(records, today, mapping.evaluate)
    own: list[float] = []
    baseline: list[float] = []
    for _ in range(max(rounds, _ROUNDS)):
        baseline.append(_microseconds(records, today, handwritten))
        own.append(_microseconds(records, today, mapping.evaluate))
    ratio = median(mine / theirs for mine, theirs in zip(own, baseline, strict=True))
    figure = Figure(
        name="mapping + validation + outcome, a record",
        value=median(own),
        unit="us",
        baseline="handwritten",
        baseline_value=median(baseline),
        ratio=ratio,
        target=f"<= {LIMIT_MICROSECONDS} us",
        met=median(own) <= LIMIT_MICROSECONDS,
    )
    return Report(figures=[figure, _hostile(mapping.document)])


def _hostile(usual: str) -> Figure:
    """The slowest of the documents that were written to be slow, beside the shipped one: CPU time of reading, best of
    three."""
    from mappings import MappingError, load_mapping
    from tests.unit.mappings.hostile import DOCUMENTS

    def milliseconds(document: str) -> float:
        best = 1e9
        for _ in range(3):
            started = time.thread_time()
            with suppress(MappingError):
                load_mapping(document, name="hostile")
            best = min(best, (time.thread_time() - started) * 1e3)
        return best

    baseline = milliseconds(usual)
    slowest = max(map(milliseconds, DOCUMENTS.values()))
    return Figure(
        name=f"slowest of {len(DOCUMENTS)} hostile documents",
        value=slowest,
        unit="ms",
        baseline="the shipped one",
        baseline_value=baseline,
        ratio=slowest / baseline,
        target=f"<= {HOSTILE_MILLISECONDS} ms",
        met=slowest <= HOSTILE_MILLISECONDS,
    )


def _microseconds(records: list[Any], today: date, evaluate: Evaluate) -> float:
    started = time.thread_time()
    for record in records:
        evaluate(record, today)
    return (time.thread_time() - started) / len(records) * 1e6


def _agree(records: list[Any], today: date, evaluate: Evaluate) -> None:
    """A benchmark of wrong results is worthless: same kind, same amount, same parties, on every record."""
    for record in records:
        expected, found = handwritten(record, today), evaluate(record, today)
        if (expected.kind, expected.amount_minor_units) != (found.kind, found.amount_minor_units):
            raise RuntimeError(f"the mapping makes {found} of a record, by hand it is {expected}")
        if expected.invoice is None or found.invoice is None:
            continue
        if (
            expected.invoice.amount_minor_units != found.invoice.amount_minor_units
            or expected.invoice.buyer_id != found.invoice.buyer_id
        ):
            raise RuntimeError(f"the mapping makes {found} of a record, by hand it is {expected}")
