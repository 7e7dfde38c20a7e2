"""Invoices as people look for them: one selection, its page, its sums. One statement each, whatever the selection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from connector.store.outbox_reading import is_stopped
from connector.store.repository import Repository
from connector.store.schema import (
    financing_invoices,
    invoice_documents,
    invoice_facts,
    outcomes,
    source_records,
)
from mappings.currencies import EXPONENTS, NO_CURRENCY

STOPPED = "stopped"
"""As a state: parked, and no message says why."""
MOST_WORDS = 8
_USUAL_EXPONENT = 2

_records, _made = source_records.c, outcomes.c
_facts, _financing = invoice_facts.c, financing_invoices.c


@dataclass(frozen=True, slots=True)
class Selection:
    """Which invoices are meant; what is None leaves nothing out. Amounts in major units of whatever currency, both
    ends included. `words`: each must be found in the number, counterparty, an identifier or the client reference."""

    words: tuple[str, ...] = ()
    connection: str | None = None
    outcome: str | None = None
    reason_code: str | None = None
    state: str | None = None
    status: str | None = None
    financier: str | None = None
    currency: str | None = None
    due_from: date | None = None
    due_to: date | None = None
    amount_from: Decimal | None = None
    amount_to: Decimal | None = None
    remote_invoice_id: str | None = field(default=None)


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One invoice of a list. `amount_minor_units` is the record's gross amount; `offered_minor_units` is what is
    offered for financing. What the record does not say is None."""

    record_id: int
    connection: str
    source_id: str
    outcome_kind: str
    reason_code: str | None
    sentence: str | None
    field_path: str | None
    currency: str | None
    amount_minor_units: int | None
    invoice_number: str | None
    direction: str | None
    counterparty_id: str | None
    counterparty_name: str | None
    due_date: date | None
    client_reference_id: str | None
    financier: str | None
    state: str | None
    state_reason: str | None
    status: str | None
    raw_status: str | None
    offered_minor_units: int | None


@dataclass(frozen=True, slots=True)
class Sum:
    """Invoices and money of a selection in one currency (`XXX`: the record says none)."""

    currency: str
    count: int
    amount_minor_units: int


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A file of a record, without its content; `size` in bytes."""

    id: int
    purpose: str
    name: str
    file_format: str
    sha256: str
    size: int
    origin: str
    added_at: datetime
    added_by: str


_COLUMNS = (
    _records.id,
    _records.connection,
    _records.source_id,
    _made.kind,
    _made.reason_code,
    _made.sentence,
    _made.field_path,
    _made.currency,
    _made.amount_minor_units,
    func.coalesce(_facts.invoice_number, _financing.invoice_number),
    func.coalesce(_facts.direction, _financing.direction),
    _facts.counterparty_id,
    _facts.counterparty_name,
    func.coalesce(_facts.due_date, _financing.due_date, type_=_facts.due_date.type),
    _financing.client_reference_id,
    _financing.financier,
    _financing.state,
    _financing.state_reason,
    _financing.status,
    _financing.raw_status,
    _financing.amount_minor_units,
)


def summed(lines: Iterable[InvoiceLine]) -> list[Sum]:
    """Count and gross amount of lines that are at hand, by currency, as `InvoiceReading.sums` gives them."""
    found: dict[str, Sum] = {}
    for line in lines:
        currency = line.currency or NO_CURRENCY
        before = found.get(currency, Sum(currency, 0, 0))
        found[currency] = Sum(
            currency,
            before.count + 1,
            before.amount_minor_units + (line.amount_minor_units or 0),
        )
    return [found[currency] for currency in sorted(found)]


class InvoiceReading(Repository):
    """Selections of invoices, newest first."""

    def page(
        self, selection: Selection, before_id: int | None = None, limit: int = 50
    ) -> list[InvoiceLine]:
        """The newest of the selection that are older than record `before_id`."""
        # The page of identifiers first: nothing wide is read for a row that is not shown.
        ids = self._chosen(select(_records.id), selection)
        # A search walks the facts, newest first, and ends when the page is full.
        position = _facts.record_id if selection.words else _records.id
        if before_id is not None:
            ids = ids.where(position < before_id)
        return self._lines(ids.order_by(position.desc()).limit(limit))

    def export(self, selection: Selection, batch: int = 1000) -> Iterator[InvoiceLine]:
        """Every invoice of the selection, newest first, a batch in memory at a time."""
        before_id: int | None = None
        while True:
            lines = self.page(selection, before_id, batch)
            yield from lines
            if len(lines) < batch:
                return
            before_id = lines[-1].record_id

    def one(self, record_id: int) -> InvoiceLine | None:
        """The line of one record; None when it has no outcome."""
        ids = select(_records.id).where(_records.id == record_id, _records.outcome_id.is_not(None))
        return next(iter(self._lines(ids)), None)

    def of_records(self, record_ids: Sequence[int]) -> dict[int, InvoiceLine]:
        """The lines of records, by their identifiers."""
        ids = select(_records.id).where(self._among(_records.id, record_ids))
        return {line.record_id: line for line in self._lines(ids)}

    def sums(self, selection: Selection) -> list[Sum]:
        """Count and gross amount of the whole selection, by currency."""
        currency = func.coalesce(_made.currency, NO_CURRENCY)
        query = self._chosen(
            select(currency, func.count(), func.coalesce(func.sum(_made.amount_minor_units), 0)),
            selection,
            with_outcome=True,
        )
        rows = self._connection.execute(query.group_by(currency).order_by(currency))
        return [Sum(money, count, int(amount)) for money, count, amount in rows]

    def undecided(self, connection: str, stream: str) -> int:
        """How many records of a stream were read and never decided."""
        return self._connection.execute(
            select(func.count()).where(
                _records.connection == connection,
                _records.stream == stream,
                _records.outcome_id.is_(None),
            )
        ).scalar_one()

    def documents(self, record_id: int) -> list[DocumentLine]:
        """The files of a record, oldest first, without their content."""
        columns = invoice_documents.c
        rows: Iterable[Any] = self._connection.execute(
            select(
                columns.id,
                columns.purpose,
                columns.name,
                columns.file_format,
                columns.sha256,
                func.length(columns.content),
                columns.origin,
                columns.added_at,
                columns.added_by,
            )
            .where(columns.record_id == record_id)
            .order_by(columns.id)
        )
        return [DocumentLine(*row) for row in rows]

    def currencies(self, newest: int = 2000) -> list[str]:
        """The currencies of the newest financing invoices, as choices of a filter."""
        recent = select(_financing.currency).order_by(_financing.id.desc()).limit(newest).subquery()
        return sorted(self._connection.execute(select(recent.c.currency).distinct()).scalars())

    def _lines(self, ids: Select[Any]) -> list[InvoiceLine]:
        rows: Iterable[Any] = self._connection.execute(
            select(*_COLUMNS)
            .join(outcomes, _made.id == _records.outcome_id)
            .outerjoin(invoice_facts, _facts.record_id == _records.id)
            .outerjoin(financing_invoices, _financing.record_id == _records.id)
            .where(_records.id.in_(ids))
            .order_by(_records.id.desc())
        )
        return [InvoiceLine(*row) for row in rows]

    def _chosen(
        self, query: Select[Any], chosen: Selection, *, with_outcome: bool = False
    ) -> Select[Any]:
        """`query` over source records, joined with what the selection looks at and no more."""
        of_money = (chosen.currency, chosen.amount_from, chosen.amount_to)
        of_facts = (chosen.due_from, chosen.due_to)
        of_financing = (
            chosen.state,
            chosen.status,
            chosen.financier,
            chosen.remote_invoice_id,
        )
        query = query.select_from(source_records).where(_records.outcome_id.is_not(None))
        if with_outcome or any(value is not None for value in of_money):
            query = query.join(outcomes, _made.id == _records.outcome_id)
        if chosen.words or any(value is not None for value in of_facts):
            query = query.join(invoice_facts, _facts.record_id == _records.id)
        if any(value is not None for value in of_financing):
            query = query.join(financing_invoices, _financing.record_id == _records.id)
        return query.where(and_(*self._conditions(chosen)))

    def _conditions(self, chosen: Selection) -> Iterator[ColumnElement[bool]]:
        equal = (
            (_records.connection, chosen.connection),
            (_records.outcome_kind, chosen.outcome),
            (_records.reason_code, chosen.reason_code),
            (_financing.state, None if chosen.state == STOPPED else chosen.state),
            (_financing.status, chosen.status),
            (_financing.financier, chosen.financier),
            (_financing.remote_invoice_id, chosen.remote_invoice_id),
        )
        yield _records.id > 0
        for column, value in equal:
            if value is not None:
                yield column == value
        if chosen.state == STOPPED:
            yield is_stopped()
        if chosen.currency == NO_CURRENCY:
            yield _made.currency.is_(None)
        elif chosen.currency is not None:
            yield _made.currency == chosen.currency
        if chosen.due_from is not None:
            yield _facts.due_date >= chosen.due_from
        if chosen.due_to is not None:
            yield _facts.due_date <= chosen.due_to
        if chosen.amount_from is not None or chosen.amount_to is not None:
            yield or_(*_amounts_within(chosen.amount_from, chosen.amount_to))
        for word in chosen.words[:MOST_WORDS]:
            yield self._contains(_facts.searched, word.casefold())

    def _contains(self, column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
        """Whether the text stands in the column; no character of it has a meaning of its own."""
        found = func.instr(column, text) if self._is_sqlite else func.strpos(column, text)
        return found > 0


def _amounts_within(low: Decimal | None, high: Decimal | None) -> Iterator[ColumnElement[bool]]:
    """Amounts between two in major units, both included: a condition for each number of decimals a currency has."""
    amount, currency = _made.amount_minor_units, _made.currency
    unusual = [code for code, places in EXPONENTS.items() if places != _USUAL_EXPONENT]
    for exponent in sorted(set(EXPONENTS.values())):
        within = []
        if low is not None:
            within.append(amount >= int(low.scaleb(exponent).to_integral_value(ROUND_CEILING)))
        if high is not None:
            within.append(amount <= int(high.scaleb(exponent).to_integral_value(ROUND_FLOOR)))
        if exponent == _USUAL_EXPONENT:
            yield and_(*within, currency.not_in(unusual))
        else:
            codes = [code for code, places in EXPONENTS.items() if places == exponent]
            yield and_(*within, currency.in_(codes))
