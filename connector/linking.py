"""Links counterparties of the accounting system to companies of the financier.

By hand, through the CLI or the console; or made at the financier, where a flow allows it. After a link, the records
that were held for it are decided again, without asking the source.
"""

from __future__ import annotations

import logging
from typing import Protocol

from connector.config.model import Flow
from connector.errors import ConnectorError, OutcomeUnknown, Refused
from connector.financier import Financier, LimitsBuyers, RemoteCompany
from connector.store.companies import CounterpartyRow
from connector.store.database import Database
from connector.system import Counterparty

log = logging.getLogger(__name__)


class Waiting(Protocol):
    """The records that are held because a company of theirs is not linked."""

    def parties(self) -> set[tuple[str, str]]:
        """Their buyers and suppliers: pairs of counterparty identifiers."""

    def decide_again(self) -> None:
        """Decide them anew."""


class Linker:
    """The links of one flow."""

    def __init__(
        self,
        database: Database,
        flow: Flow,
        waiting: Waiting,
        limits_buyers: LimitsBuyers | None = None,
    ) -> None:
        """`limits_buyers` is the flow's financier, where invoices wait for approved limits there."""
        self._database = database
        self._flow = flow
        self._waiting = waiting
        self._limits_buyers = limits_buyers

    def link(self, counterparty_id: str, company_id: str, *, by: str, how: str = "hand") -> None:
        """Link for a person, and decide what was waiting for it. `how`: `hand`, or `created` there just now."""
        self._save(counterparty_id, company_id, how=how, by=by)
        if self._limits_buyers is not None:
            self._learn_limit(self._limits_buyers, company_id)
        self._waiting.decide_again()

    def create_missing(self, financier: Financier) -> int:
        """Make the companies that held records wait for, and no others: what the financier does not need to know it
        is not told. A refused one is logged and left for a person."""
        needed = {company for pair in self._waiting.parties() for company in pair}
        if not needed:
            return 0
        with self._database.read() as tx:
            unlinked = tx.companies.counterparties(
                self._flow.connection, unlinked_for=self._flow.financier
            )
        made = 0
        for row in unlinked:
            if row.counterparty_id not in needed:
                continue
            try:
                company = financier.create_company(as_counterparty(row))
            except (Refused, OutcomeUnknown) as error:
                # An unclear answer does no harm: the next attempt looks for the company before it makes one.
                log.warning(
                    "company.not_created counterparty=%s error=%s", row.counterparty_id, error
                )
                continue
            self._save(row.counterparty_id, company.company_id, how="created", by="connector")
            if isinstance(financier, LimitsBuyers):
                self._save_limit(company, financier.limit_currency)
            made += 1
        self.catch_up()
        return made

    def catch_up(self) -> None:
        """Decide what is held although both its companies are linked: they were just linked, or the program ended
        between a link and the decisions that follow from it."""
        waiting = self._waiting.parties()
        companies = {company for pair in waiting for company in pair}
        with self._database.read() as tx:
            linked = tx.companies.links(self._flow.connection, self._flow.financier, companies)
        if any(linked.keys() >= set(pair) for pair in waiting):
            self._waiting.decide_again()

    def _save(self, counterparty_id: str, company_id: str, *, how: str, by: str) -> None:
        flow = self._flow
        with self._database.write() as tx:
            tx.companies.link(
                flow.connection, counterparty_id, flow.financier, company_id, how=how, by=by
            )
            tx.audit.append(
                by,
                "company.linked",
                f"{flow.connection}/{counterparty_id}",
                {"financier": flow.financier, "company_id": company_id, "how": how},
            )

    def _learn_limit(self, financier: LimitsBuyers, company_id: str) -> None:
        """Ask about the limit of a company that was just linked. Where that fails it is asked about later."""
        try:
            for company in financier.companies():
                if company.company_id == company_id:
                    self._save_limit(company, financier.limit_currency)
        except ConnectorError as error:
            log.warning("company.limit_not_known company=%s error=%s", company_id, error)

    def _save_limit(self, company: RemoteCompany, currency: str) -> None:
        """Keep what was told about the limit beside, so that nobody has to ask about it at once."""
        with self._database.write() as tx:
            tx.companies.save_limit(
                self._flow.financier, company.company_id, company.buyer_limit, currency
            )


def as_counterparty(row: CounterpartyRow) -> Counterparty:
    """A stored counterparty as a financier is told of it."""
    return Counterparty(
        counterparty_id=row.counterparty_id,
        name=row.name,
        role=row.role,
        country=row.country,
        tax_id=row.tax_id,
        email=row.email,
        address=row.address,
    )
