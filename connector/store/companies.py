"""Counterparties as the systems know them, and the financiers' companies they are linked to."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, select, update

from connector.financier import BuyerLimit, LimitStatus
from connector.store.chain import canonical_json
from connector.store.repository import Repository
from connector.store.schema import buyer_limits, company_links, counterparties
from connector.system import Counterparty

_SAVE = """
insert into counterparties (connection, counterparty_id, name, role, country, tax_id, email, address, record_id)
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (connection, counterparty_id) do update set name = excluded.name, role = excluded.role,
  country = excluded.country, tax_id = excluded.tax_id, email = excluded.email, address = excluded.address,
  record_id = excluded.record_id"""


_LINKS_SQLITE = """
select counterparty_id, company_id from company_links
where connection = ? and financier = ? and counterparty_id in (select value from json_each(?))"""

_LINKS_POSTGRESQL = """
select counterparty_id, company_id from company_links
where connection = ? and financier = ? and counterparty_id = any(?)"""


@dataclass(frozen=True, slots=True)
class CounterpartyRow:
    """A counterparty with the record it was last read from. Fields as in `connector.system.Counterparty`."""

    connection: str
    counterparty_id: str
    name: str
    role: str
    country: str | None
    tax_id: str | None
    email: str | None
    address: Mapping[str, str]
    record_id: int


@dataclass(frozen=True, slots=True)
class CompanyLink:
    """A counterparty of a connection is this company at a financier. `how`: `hand` or `created`."""

    connection: str
    counterparty_id: str
    financier: str
    company_id: str
    how: str
    linked_by: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class LimitRow:
    """The latest limit of a company at a financier. `status`: `none` or a word of `connector.financier.LimitStatus`;
    amounts in minor units of `currency`, None where they are not told."""

    financier: str
    company_id: str
    status: str
    raw_status: str | None
    currency: str
    requested_minor_units: int | None
    total_minor_units: int | None
    available_minor_units: int | None
    checked_at: datetime
    requested_at: datetime | None
    requested_by: str | None


class Companies(Repository):
    """Writing and reading counterparties, links and limits."""

    def save_counterparties(
        self, connection: str, rows: Sequence[tuple[Counterparty, int]]
    ) -> None:
        """Store counterparties, each with the identifier of the source record it was read from."""
        self._execute_many(
            _SAVE,
            [
                (
                    connection,
                    found.counterparty_id,
                    found.name,
                    found.role,
                    found.country,
                    found.tax_id,
                    found.email,
                    canonical_json(dict(found.address)),
                    record_id,
                )
                for found, record_id in rows
            ],
        )

    def counterparty(self, connection: str, counterparty_id: str) -> CounterpartyRow | None:
        """One counterparty."""
        row = self._connection.execute(
            select(counterparties).where(
                counterparties.c.connection == connection,
                counterparties.c.counterparty_id == counterparty_id,
            )
        )
        found = row.mappings().one_or_none()
        return None if found is None else _counterparty(found)

    def counterparties(
        self, connection: str, unlinked_for: str | None = None
    ) -> list[CounterpartyRow]:
        """All counterparties of a connection by name; only those without a link at financier `unlinked_for`."""
        query = select(counterparties).where(counterparties.c.connection == connection)
        if unlinked_for is not None:
            query = query.outerjoin(
                company_links,
                and_(
                    company_links.c.connection == counterparties.c.connection,
                    company_links.c.counterparty_id == counterparties.c.counterparty_id,
                    company_links.c.financier == unlinked_for,
                ),
            ).where(company_links.c.company_id.is_(None))
        ordered = query.order_by(counterparties.c.name, counterparties.c.counterparty_id)
        return [_counterparty(row) for row in self._connection.execute(ordered).mappings()]

    def names(self, connection: str, counterparty_ids: Sequence[str]) -> dict[str, str]:
        """What those of the counterparties are called that are known."""
        rows = self._connection.execute(
            select(counterparties.c.counterparty_id, counterparties.c.name).where(
                counterparties.c.connection == connection,
                self._among(counterparties.c.counterparty_id, counterparty_ids),
            )
        )
        return {row.counterparty_id: row.name for row in rows}

    def link(
        self,
        connection: str,
        counterparty_id: str,
        financier: str,
        company_id: str,
        how: str,
        by: str,
    ) -> None:
        """Link a counterparty to a company, in place of an earlier link."""
        self._upsert(
            company_links,
            connection=connection,
            counterparty_id=counterparty_id,
            financier=financier,
            company_id=company_id,
            how=how,
            linked_by=by,
            linked_at=self._now(),
        )

    def unlink(self, connection: str, counterparty_id: str, financier: str) -> bool:
        """Remove a link. Returns whether there was one."""
        links = company_links.c
        gone = self._connection.execute(
            delete(company_links).where(
                links.connection == connection,
                links.counterparty_id == counterparty_id,
                links.financier == financier,
            )
        )
        return gone.rowcount == 1

    def links(
        self, connection: str, financier: str, counterparty_ids: Collection[str]
    ) -> dict[str, str]:
        """The linked companies, by counterparty identifier; those without a link are absent."""
        wanted = list(counterparty_ids)
        if self._is_sqlite:
            rows = self._query_plain(_LINKS_SQLITE, (connection, financier, json.dumps(wanted)))
        else:
            rows = self._query_plain(_LINKS_POSTGRESQL, (connection, financier, wanted))
        return dict(rows)

    def all_links(
        self, connection: str | None = None, financier: str | None = None
    ) -> list[CompanyLink]:
        """All links, by connection, financier and counterparty."""
        links = company_links.c
        query = select(company_links).order_by(
            links.connection, links.financier, links.counterparty_id
        )
        if connection is not None:
            query = query.where(links.connection == connection)
        if financier is not None:
            query = query.where(links.financier == financier)
        return [CompanyLink(**row) for row in self._connection.execute(query).mappings()]

    def save_limit(
        self, financier: str, company_id: str, limit: BuyerLimit | None, currency: str
    ) -> None:
        """Keep what the financier tells about a company now; None: it has no limit. Who asked for one stays."""
        told = limit or BuyerLimit(LimitStatus.UNKNOWN, "", currency)
        self._upsert(
            buyer_limits,
            financier=financier,
            company_id=company_id,
            status="none" if limit is None else limit.status.value,
            raw_status=None if limit is None else limit.raw_status,
            currency=told.currency,
            requested_minor_units=told.requested_minor_units,
            total_minor_units=told.total_minor_units,
            available_minor_units=told.available_minor_units,
            checked_at=self._now(),
        )

    def limit_was_requested(self, financier: str, company_id: str, by: str) -> None:
        """Note who asked for the limit that was just saved."""
        self._connection.execute(
            update(buyer_limits)
            .where(
                buyer_limits.c.financier == financier,
                buyer_limits.c.company_id == company_id,
            )
            .values(requested_at=self._now(), requested_by=by)
        )

    def limits_to_ask(self, connection: str, financier: str, before: datetime) -> set[str]:
        """Linked companies without an approved limit that were last asked about at or before that time, or never."""
        links, known = company_links.c, buyer_limits.c
        rows = self._connection.execute(
            select(links.company_id)
            .distinct()
            .outerjoin(
                buyer_limits,
                and_(known.financier == links.financier, known.company_id == links.company_id),
            )
            .where(
                links.connection == connection,
                links.financier == financier,
                known.status.is_(None)
                | and_(known.status != LimitStatus.APPROVED.value, known.checked_at <= before),
            )
        )
        return set(rows.scalars())

    def forget_limits(self, financier: str, company_ids: Collection[str]) -> None:
        """Forget what is known about companies' limits, so that it is asked for anew."""
        self._connection.execute(
            delete(buyer_limits).where(
                buyer_limits.c.financier == financier,
                self._among(buyer_limits.c.company_id, company_ids),
            )
        )

    def limits(self, financier: str, company_ids: Collection[str]) -> dict[str, LimitRow]:
        """What is known about the companies' limits, by company; those never asked about are absent."""
        rows = self._connection.execute(
            select(buyer_limits).where(
                buyer_limits.c.financier == financier,
                self._among(buyer_limits.c.company_id, company_ids),
            )
        )
        return {row["company_id"]: LimitRow(**row) for row in rows.mappings()}


def _counterparty(row: Mapping[Any, Any]) -> CounterpartyRow:
    return CounterpartyRow(**{**row, "address": json.loads(row["address"])})
