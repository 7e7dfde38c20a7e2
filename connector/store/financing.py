"""Financing invoices: terms that move money, under a digest, and where each one stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypedDict, Unpack

import msgspec
from sqlalchemy import Select, func, select, update

from connector.errors import InvariantBroken, NotFound
from connector.store.repository import Repository, Value
from connector.store.schema import REPLACEABLE, financing_invoices, source_records
from mappings.money import to_text

_INSERT = """
insert into financing_invoices (id, record_id, financier, client_reference_id, outcome_id, direction, invoice_number,
  currency, amount_minor_units, issue_date, due_date, buyer_id, supplier_id, type_of_goods, state, digest, created_at,
  updated_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Terms:
    """What the money depends on. `amount_minor_units` in the smallest unit of `currency` (ISO 4217, upper case);
    `buyer_id` and `supplier_id` are the source system's."""

    direction: str
    invoice_number: str
    currency: str
    amount_minor_units: int
    issue_date: date | None
    due_date: date
    buyer_id: str
    supplier_id: str
    type_of_goods: tuple[str, ...]

    def difference(self, other: Terms) -> str | None:
        """The first term in which `other` differs, in words; None when they are the same."""
        for name, label in _LABELS.items():
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                if name == "amount_minor_units" and self.currency == other.currency:
                    mine, theirs = (
                        f"{to_text(value, self.currency)} {self.currency}"
                        for value in (mine, theirs)
                    )
                return f"{label} was {_word(mine)} and is now {_word(theirs)}"
        return None


_LABELS = {
    "amount_minor_units": "the amount",
    "currency": "the currency",
    "due_date": "the due date",
    "invoice_number": "the invoice number",
    "direction": "the direction",
    "buyer_id": "the buyer",
    "supplier_id": "the supplier",
    "issue_date": "the issue date",
    "type_of_goods": "the type of goods",
}

NewFinancing = tuple[int, int, str, int, Terms]
"""(allocated id, record id, client reference, outcome id, terms)"""


@dataclass(frozen=True, slots=True)
class FinancingRow:
    """A stored financing invoice. `intact`: its terms are those that were written (the digest verifies)."""

    id: int
    record_id: int
    financier: str
    client_reference_id: str
    outcome_id: int
    direction: str
    invoice_number: str
    currency: str
    amount_minor_units: int
    issue_date: date | None
    due_date: date
    buyer_id: str
    supplier_id: str
    type_of_goods: tuple[str, ...]
    state: str
    state_reason: str | None
    remote_invoice_id: str | None
    remote_session_id: str | None
    session_url: str | None
    session_status: str | None
    status: str | None
    raw_status: str | None
    financing_json: str | None
    next_poll_at: datetime | None
    created_at: datetime
    updated_at: datetime
    intact: bool

    @property
    def terms(self) -> Terms:
        """The columns that move money."""
        return Terms(*(getattr(self, name) for name in Terms.__slots__))

    @property
    def is_sent(self) -> bool:
        """Whether a request may have left for it, so that its terms are fixed."""
        return self.state not in REPLACEABLE

    @property
    def financing(self) -> Mapping[str, int]:
        """Parts of the financing in minor units, by the platform's names; empty when it told none."""
        return {} if self.financing_json is None else json.loads(self.financing_json)


class RemoteFacts(TypedDict, total=False):
    """What the platform told about a financing invoice; what is absent stays as it is. `financing` is a JSON object."""

    remote_invoice_id: str | None
    remote_session_id: str | None
    session_url: str | None
    session_status: str | None
    status: str | None
    raw_status: str | None
    financing: str | None
    next_poll_at: datetime | None


class FinancingInvoices(Repository):
    """Writing and reading financing invoices."""

    def insert_many(self, financier: str, rows: Sequence[NewFinancing]) -> None:
        """Store new financing invoices, ready to be submitted.

        Raises InvariantBroken when a record has one at this financier, or a client reference is there already.
        """
        now = self._now_text()
        self._execute_many(_INSERT, [_insert_row(financier, new, now) for new in rows])

    def get(self, financing_id: int) -> FinancingRow:
        """One financing invoice, verified. Raises NotFound, and InvariantBroken when its digest does not verify."""
        found = self._one(financing_invoices.c.id == financing_id)
        if found is None:
            raise NotFound(f"There is no financing invoice {financing_id}.")
        return found

    def lock(self, financing_id: int) -> None:
        """Let no other transaction change it before this one ends (PostgreSQL; SQLite has one writer)."""
        self._connection.execute(
            select(financing_invoices.c.id)
            .where(financing_invoices.c.id == financing_id)
            .with_for_update()
        )

    def stranded(self, connection: str, financier: str) -> list[int]:
        """Records of a connection whose unsent invoice waits for another financier than `financier`."""
        columns = financing_invoices.c
        rows = self._connection.execute(
            select(columns.record_id)
            .join(source_records, source_records.c.id == columns.record_id)
            .where(
                source_records.c.connection == connection,
                columns.financier != financier,
                columns.state == "ready",
            )
            .order_by(columns.record_id)
        )
        return list(rows.scalars())

    def state_of(self, financing_id: int) -> str:
        """Its state, whether or not its digest verifies. Raises NotFound."""
        state: str | None = self._connection.execute(
            select(financing_invoices.c.state).where(financing_invoices.c.id == financing_id)
        ).scalar_one_or_none()
        if state is None:
            raise NotFound(f"There is no financing invoice {financing_id}.")
        return state

    def by_reference(self, client_reference_id: str) -> FinancingRow | None:
        """The one with this client reference, verified like `get`."""
        return self._one(financing_invoices.c.client_reference_id == client_reference_id)

    def by_remote_id(self, financier: str, remote_invoice_id: str) -> FinancingRow | None:
        """The one the platform knows under this identifier, verified like `get`."""
        columns = financing_invoices.c
        return self._one(
            (columns.financier == financier) & (columns.remote_invoice_id == remote_invoice_id)
        )

    def by_record(self, record_ids: Sequence[int]) -> dict[int, FinancingRow]:
        """Those of the records, by record identifier, whichever financier they were made for. Look at `intact`: a damaged one does not raise here."""
        found = {}
        for start in range(0, len(record_ids), _BATCH):
            batch = record_ids[start : start + _BATCH]
            query = select(financing_invoices).where(
                financing_invoices.c.record_id.in_(batch),
            )
            found.update({row.record_id: row for row in self._rows(query)})
        return found

    def of_record(self, record_id: int) -> list[FinancingRow]:
        """All financing invoices of a record, one per financier. Look at `intact`."""
        columns = financing_invoices.c
        return self._rows(
            select(financing_invoices).where(columns.record_id == record_id).order_by(columns.id)
        )

    def to_submit(
        self, financier: str, *, connection: str | None = None, limit: int, after_id: int = 0
    ) -> list[FinancingRow]:
        """The next in state `ready`, oldest first. Look at `intact`, or `get` each before it is sent."""
        columns = financing_invoices.c
        query = select(financing_invoices).where(
            columns.financier == financier, columns.state == "ready", columns.id > after_id
        )
        if connection is not None:
            query = query.join(source_records, source_records.c.id == columns.record_id).where(
                source_records.c.connection == connection
            )
        return self._rows(query.order_by(columns.id).limit(limit))

    def poll_at_once(self, financier: str, now: datetime) -> int:
        """Make every invoice under way due for its poll. Returns how many."""
        columns = financing_invoices.c
        return self._connection.execute(
            update(financing_invoices)
            .where(columns.financier == financier, columns.next_poll_at > now)
            .values(next_poll_at=now)
        ).rowcount

    def to_poll(self, financier: str, now: datetime, limit: int) -> list[FinancingRow]:
        """Those the platform has and whose next poll is due, longest due first."""
        columns = financing_invoices.c
        query = select(financing_invoices).where(
            columns.financier == financier,
            columns.remote_invoice_id.is_not(None),
            columns.next_poll_at <= now,
        )
        return self._rows(query.order_by(columns.next_poll_at, columns.id).limit(limit))

    def recent(
        self,
        limit: int,
        before_id: int | None = None,
        *,
        state: str | None = None,
        status: str | None = None,
    ) -> list[FinancingRow]:
        """The newest, newest first; the next page with `before_id`."""
        query = select(financing_invoices).order_by(financing_invoices.c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(financing_invoices.c.id < before_id)
        if state is not None:
            query = query.where(financing_invoices.c.state == state)
        if status is not None:
            query = query.where(financing_invoices.c.status == status)
        return self._rows(query)

    def counts(self, financier: str) -> dict[tuple[str, str | None], int]:
        """How many there are by (state, status)."""
        columns = financing_invoices.c
        rows = self._connection.execute(
            select(columns.state, columns.status, func.count())
            .where(columns.financier == financier)
            .group_by(columns.state, columns.status)
        )
        return {(state, status): count for state, status, count in rows}

    def damaged(self) -> list[int]:
        """Identifiers of all whose digest does not verify."""
        return [row.id for row in self._all() if not row.intact]

    def replace_terms(
        self, financing_id: int, financier: str, terms: Terms, outcome_id: int
    ) -> None:
        """Offer one that was not sent under other terms, or to another financier: it is `ready` again. Raises
        InvariantBroken once sent."""
        columns = financing_invoices.c
        known = self._connection.execute(
            select(columns.record_id, columns.client_reference_id).where(
                columns.id == financing_id, columns.state.in_(REPLACEABLE)
            )
        ).one_or_none()
        changed = 0
        if known is not None:
            changed = self._connection.execute(
                update(financing_invoices)
                .where(columns.id == financing_id, columns.state.in_(REPLACEABLE))
                .values(
                    **_terms_values(terms),
                    outcome_id=outcome_id,
                    financier=financier,
                    digest=_digest(
                        known.record_id, financier, known.client_reference_id, outcome_id, terms
                    ),
                    state="ready",
                    state_reason=None,
                    updated_at=self._now(),
                )
            ).rowcount
        if changed != 1:
            raise InvariantBroken(
                f"The terms of financing invoice {financing_id} are fixed: it was sent, or it does not exist."
            )

    def set_state(
        self, financing_id: int, new: str, reason: str | None, allowed_from: Collection[str]
    ) -> None:
        """Change the state, if it is one of `allowed_from` now. Raises InvariantBroken otherwise."""
        changed = self._connection.execute(
            update(financing_invoices)
            .where(
                financing_invoices.c.id == financing_id,
                financing_invoices.c.state.in_(allowed_from),
            )
            .values(state=new, state_reason=reason, updated_at=self._now())
        )
        if changed.rowcount != 1:
            raise InvariantBroken(
                f"Financing invoice {financing_id} is not {' or '.join(sorted(allowed_from))}, "
                f"so that it cannot become {new}."
            )

    def set_remote(self, financing_id: int, **facts: Unpack[RemoteFacts]) -> None:
        """Note what the platform told. Raises NotFound for an unknown identifier."""
        changed = self._connection.execute(
            update(financing_invoices)
            .where(financing_invoices.c.id == financing_id)
            .values(**facts, updated_at=self._now())
        )
        if changed.rowcount != 1:
            raise NotFound(f"There is no financing invoice {financing_id}.")

    def _one(self, condition: Any) -> FinancingRow | None:
        rows = self._rows(select(financing_invoices).where(condition))
        if not rows:
            return None
        if not rows[0].intact:
            raise InvariantBroken(
                f"Financing invoice {rows[0].id} was changed outside the connector: its digest does not verify.",
                remedy="Nothing is sent for it. Compare it with the accounting system and a backup.",
            )
        return rows[0]

    def _all(self) -> Iterator[FinancingRow]:
        after = 0
        while True:
            query = select(financing_invoices).where(financing_invoices.c.id > after)
            rows = self._rows(query.order_by(financing_invoices.c.id).limit(_BATCH))
            yield from rows
            if len(rows) < _BATCH:
                return
            after = rows[-1].id

    def _rows(self, query: Select[Any]) -> list[FinancingRow]:
        return [_decoded(row) for row in self._connection.execute(query).mappings()]


def _insert_row(financier: str, new: NewFinancing, now: str) -> tuple[Value, ...]:
    financing_id, record_id, client_reference_id, outcome_id, terms = new
    return (
        financing_id,
        record_id,
        financier,
        client_reference_id,
        outcome_id,
        terms.direction,
        terms.invoice_number,
        terms.currency,
        terms.amount_minor_units,
        None if terms.issue_date is None else terms.issue_date.isoformat(),
        terms.due_date.isoformat(),
        terms.buyer_id,
        terms.supplier_id,
        _encoded(terms.type_of_goods),
        "ready",
        _digest(record_id, financier, client_reference_id, outcome_id, terms),
        now,
        now,
    )


def _terms_values(terms: Terms) -> dict[str, Any]:
    return {
        "direction": terms.direction,
        "invoice_number": terms.invoice_number,
        "currency": terms.currency,
        "amount_minor_units": terms.amount_minor_units,
        "issue_date": terms.issue_date,
        "due_date": terms.due_date,
        "buyer_id": terms.buyer_id,
        "supplier_id": terms.supplier_id,
        "type_of_goods": _encoded(terms.type_of_goods),
    }


def _digest(
    record_id: int, financier: str, client_reference_id: str, outcome_id: int, terms: Terms
) -> bytes:
    """BLAKE2b-256 of the columns that move money, as a compact JSON list in fixed order, UTF-8."""
    content = msgspec.json.encode(
        (
            record_id,
            financier,
            client_reference_id,
            outcome_id,
            terms.direction,
            terms.invoice_number,
            terms.currency,
            terms.amount_minor_units,
            terms.issue_date,
            terms.due_date,
            terms.buyer_id,
            terms.supplier_id,
            terms.type_of_goods,
        )
    )
    return hashlib.blake2b(content, digest_size=32).digest()


def _encoded(words: tuple[str, ...]) -> str:
    return msgspec.json.encode(words).decode()


def _decoded(row: Mapping[Any, Any]) -> FinancingRow:
    columns = dict(row)
    stored_digest = columns.pop("digest")
    columns["type_of_goods"] = tuple(json.loads(columns["type_of_goods"]))
    columns["financing_json"] = columns.pop("financing")
    terms = Terms(*(columns[name] for name in Terms.__slots__))
    digest = _digest(
        columns["record_id"],
        columns["financier"],
        columns["client_reference_id"],
        columns["outcome_id"],
        terms,
    )
    return FinancingRow(**columns, intact=digest == stored_digest)


def _word(value: Any) -> str:
    if value is None:
        return "not given"
    if isinstance(value, tuple):
        return ", ".join(value) or "not given"
    return str(value)
