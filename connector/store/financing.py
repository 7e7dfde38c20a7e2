"""Financing invoices: terms that move money, under a digest, and where each one stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import Select, func, select, update

from connector.errors import InvariantBroken, NotFound
from connector.store.financing_rows import (
    FinancingRow,
    NewFinancing,
    RemoteFacts,
    decoded,
    insert_row,
    replaced_row,
)
from connector.store.repository import Repository, Value
from connector.store.schema import REPLACEABLE, financing_invoices, source_records

_INSERT = """
insert into financing_invoices (id, record_id, financier, client_reference_id, outcome_id, direction, invoice_number,
  currency, amount_minor_units, issue_date, due_date, buyer_id, supplier_id, type_of_goods, state, digest, created_at,
  updated_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_REPLACE = """
update financing_invoices set financier = ?, outcome_id = ?, direction = ?, invoice_number = ?, currency = ?,
  amount_minor_units = ?, issue_date = ?, due_date = ?, buyer_id = ?, supplier_id = ?, type_of_goods = ?,
  state = 'ready', state_reason = null, digest = ?, updated_at = ?
where id = ? and record_id = ? and client_reference_id = ? and state in ('ready', 'withdrawn')"""

_WITHDRAW = """
update financing_invoices set state = 'withdrawn', state_reason = ?, updated_at = ? where id = ? and state = 'ready'"""

_BATCH = 500


class FinancingInvoices(Repository):
    """Writing and reading financing invoices."""

    def insert_many(self, financier: str, rows: Sequence[NewFinancing]) -> None:
        """Store new financing invoices, ready to be submitted.

        Raises InvariantBroken when a record has one at this financier, or a client reference is there already.
        """
        now = self._now_text()
        self._execute_many(_INSERT, [insert_row(financier, new, now) for new in rows])

    def get(self, financing_id: int) -> FinancingRow:
        """One financing invoice, verified. Raises NotFound, and InvariantBroken when its digest does not verify."""
        found = self._one(financing_invoices.c.id == financing_id)
        if found is None:
            raise NotFound(f"There is no financing invoice {financing_id}.")
        return found

    def sent_states(self, record_ids: Sequence[int]) -> dict[int, str]:
        """Where the financing of each record stands that was sent: its status, or its state before the platform gave
        one. Not verified: for reports."""
        columns = financing_invoices.c
        query = select(columns.record_id, func.coalesce(columns.status, columns.state)).where(
            self._among(columns.record_id, record_ids), columns.state.not_in(REPLACEABLE)
        )
        return {row[0]: row[1] for row in self._connection.execute(query)}

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

    def by_session(self, financier: str, session_id: str) -> FinancingRow | None:
        """The one whose hosted session this is, verified like `get`."""
        columns = financing_invoices.c
        return self._one(
            (columns.financier == financier) & (columns.remote_session_id == session_id)
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

    def poll_at_once(
        self, financier: str, now: datetime, remote_ids: Sequence[str] | None = None
    ) -> int:
        """Make every invoice under way, or those with these remote identifiers, due for its poll. Returns how many."""
        columns = financing_invoices.c
        due = (
            update(financing_invoices)
            .where(columns.financier == financier, columns.next_poll_at > now)
            .values(next_poll_at=now)
        )
        if remote_ids is not None:
            due = due.where(self._among(columns.remote_invoice_id, remote_ids))
        return self._connection.execute(due).rowcount

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

    def replace_many(self, financier: str, rows: Sequence[NewFinancing]) -> None:
        """Offer ones that were not sent under other terms, or to another financier: they are `ready` again. Record and
        client reference stay what they were. Raises InvariantBroken where one was sent."""
        now = self._now_text()
        self._change_all(_REPLACE, [replaced_row(financier, new, now) for new in rows], "replaced")

    def withdraw_many(self, rows: Sequence[tuple[int, str]]) -> None:
        """Take back ones that are ready: pairs of identifier and reason. Raises InvariantBroken where one is not."""
        now = self._now_text()
        self._change_all(_WITHDRAW, [(reason, now, row_id) for row_id, reason in rows], "withdrawn")

    def _change_all(self, statement: str, rows: Sequence[tuple[Value, ...]], what: str) -> None:
        if self._execute_many(statement, rows) != len(rows):
            raise InvariantBroken(
                f"A financing invoice could not be {what}: it was sent meanwhile, or it does not exist.",
                remedy="Nothing was stored; the next run decides it again.",
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
        return [decoded(row) for row in self._connection.execute(query).mappings()]
