"""The error inbox: what is held or rejected, by cause. One statement each, whatever waits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from connector.store.reading_invoices import Sum
from connector.store.repository import Repository
from connector.store.schema import (
    financing_invoices,
    outcomes,
    source_records,
)
from mappings.currencies import NO_CURRENCY

WAITING = ("held", "rejected")
LISTED_AT_MOST = 10_000
"""How many records one action takes at once."""

_records, _made = source_records.c, outcomes.c
_detail = func.coalesce(_made.rule, _made.field_path, "")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why records wait: the outcome's kind and reason, and the rule or field that it is about (empty: neither)."""

    connection: str
    kind: str
    reason_code: str
    detail: str


@dataclass(frozen=True, slots=True)
class CauseTotal:
    """Records that wait for one cause, in one currency; `sentence` is that of one of them, `since` when the oldest
    outcome among them was decided."""

    cause: Cause
    sum: Sum
    sentence: str | None
    since: datetime
    is_one_sentence: bool
    """Whether all of them say the same sentence."""
    rule: str | None
    """The mapping's rule that speaks; None where a field is wrong, or a gate waits."""


@dataclass(frozen=True, slots=True)
class InboxSelection:
    """Which waiting records are meant; what is None leaves nothing out. `record_ids`: only these."""

    connection: str | None = None
    kind: str | None = None
    reason_code: str | None = None
    detail: str | None = None
    record_ids: Sequence[int] | None = None


class InboxReading(Repository):
    """Reading what waits for a person."""

    def causes(self) -> list[CauseTotal]:
        """Everything that waits, by cause and currency."""
        currency = func.coalesce(_made.currency, NO_CURRENCY)
        # The index's columns first: by connection SQLite would walk every record there is.
        key = (_records.outcome_kind, _records.reason_code, _records.connection, _detail)
        rows = self._connection.execute(
            select(
                *key,
                currency,
                func.count(),
                func.coalesce(func.sum(_made.amount_minor_units), 0),
                func.min(_made.sentence),
                func.min(_made.decided_at, type_=_made.decided_at.type),
                func.max(_made.sentence) == func.min(_made.sentence),
                func.min(_made.rule),
            )
            .join(outcomes, _made.id == _records.outcome_id)
            .where(_records.outcome_kind.in_(WAITING))
            .group_by(*key, currency)
            .order_by(*key, currency)
        )
        return [
            CauseTotal(
                Cause(connection, kind, reason, detail),
                Sum(money, count, int(amount)),
                sentence,
                since,
                bool(same),
                rule,
            )
            for kind, reason, connection, detail, money, count, amount, sentence, since, same, rule in rows
        ]

    def page(self, chosen: InboxSelection, after_id: int = 0, limit: int = 50) -> list[int]:
        """Identifiers of the next waiting records of a selection after `after_id`, oldest first."""
        rows = self._connection.execute(
            select(_records.id)
            .join(outcomes, _made.id == _records.outcome_id)
            .where(and_(*self._chosen(chosen)), _records.id > after_id)
            .order_by(_records.id)
            .limit(limit)
        )
        return list(rows.scalars())

    def sums(self, chosen: InboxSelection) -> list[Sum]:
        """Count and gross amount of a selection, by currency."""
        currency = func.coalesce(_made.currency, NO_CURRENCY)
        rows = self._connection.execute(
            select(currency, func.count(), func.coalesce(func.sum(_made.amount_minor_units), 0))
            .select_from(source_records)
            .join(outcomes, _made.id == _records.outcome_id)
            .where(and_(*self._chosen(chosen)))
            .group_by(currency)
            .order_by(currency)
        )
        return [Sum(money, count, int(amount)) for money, count, amount in rows]

    def resolved_since(self, since: datetime, window: int = 20_000) -> int:
        """How many records left the inbox since an instant: they waited before and do not now. Looks at the newest
        `window` decisions at most."""
        highest = self._connection.execute(select(func.max(_made.id))).scalar_one() or 0
        before = outcomes.alias()
        waited = (
            select(before.c.id)
            .where(
                before.c.record_id == _made.record_id,
                before.c.id < _made.id,
                before.c.kind.in_(WAITING),
            )
            .exists()
        )
        return self._connection.execute(
            select(func.count())
            .select_from(outcomes)
            .join(source_records, _records.outcome_id == _made.id)
            .where(
                _records.id == _made.record_id,
                _made.id > highest - window,
                _made.kind.not_in(WAITING),
                _made.decided_at >= since,
                waited,
            )
        ).scalar_one()

    def decided_at(self, record_ids: Collection[int]) -> dict[int, datetime]:
        """When the outcomes in force of these records were decided."""
        rows = self._connection.execute(
            select(_records.id, _made.decided_at)
            .join(outcomes, _made.id == _records.outcome_id)
            .where(self._among(_records.id, list(record_ids)))
        )
        return {row.id: row.decided_at for row in rows}

    def held_sentences(
        self, connection: str, reason_codes: Collection[str]
    ) -> list[tuple[str, Sum]]:
        """Held invoices and money of each sentence and currency, for these reasons: a gate's sentence names the company
        that is waited for."""
        currency = func.coalesce(_made.currency, NO_CURRENCY)
        rows = self._connection.execute(
            select(
                _made.sentence,
                currency,
                func.count(),
                func.coalesce(func.sum(_made.amount_minor_units), 0),
            )
            .select_from(source_records)
            .join(outcomes, _made.id == _records.outcome_id)
            .where(
                _records.connection == connection,
                _records.outcome_kind == "held",
                _records.reason_code.in_(list(reason_codes)),
            )
            .group_by(_made.sentence, currency)
            .order_by(_made.sentence, currency)
        )
        return [(text or "", Sum(money, count, int(amount))) for text, money, count, amount in rows]

    def ready_of(self, connection: str, financier: str, counterparty_id: str) -> list[int]:
        """Records of a counterparty whose financing invoice is ready and not yet sent."""
        columns = financing_invoices.c
        rows = self._connection.execute(
            select(columns.record_id)
            .join(source_records, _records.id == columns.record_id)
            .where(
                _records.connection == connection,
                columns.financier == financier,
                columns.state == "ready",
                or_(columns.buyer_id == counterparty_id, columns.supplier_id == counterparty_id),
            )
            .order_by(columns.record_id)
        )
        return list(rows.scalars())

    def _chosen(self, chosen: InboxSelection) -> list[ColumnElement[bool]]:
        equal = (
            (_records.connection, chosen.connection),
            (_records.outcome_kind, chosen.kind),
            (_records.reason_code, chosen.reason_code),
            (_detail, chosen.detail),
        )
        conditions: list[ColumnElement[bool]] = [_records.outcome_kind.in_(WAITING)]
        conditions += [column == value for column, value in equal if value is not None]
        if chosen.record_ids is not None:
            conditions.append(self._among(_records.id, list(chosen.record_ids)))
        return conditions
