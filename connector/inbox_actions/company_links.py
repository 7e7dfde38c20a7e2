"""Which company at the financier a counterparty is: link, take the link away, make the company there."""

from __future__ import annotations

from typing import Protocol

from connector.config.model import Flow
from connector.errors import NotFound, Refused
from connector.financier import Financier
from connector.inbox_actions.deciding_anew import DecideAnew
from connector.linking import as_counterparty
from connector.store.companies import CounterpartyRow
from connector.store.database import Database


class Links(Protocol):
    """Makes a link, and decides what waited for it."""

    def link(
        self, counterparty_id: str, company_id: str, *, by: str, how: str = "hand"
    ) -> None: ...


class CompanyLinks:
    """The links of one flow, by hand."""

    def __init__(
        self,
        database: Database,
        flow: Flow,
        financier: Financier,
        linker: Links,
        decide_anew: DecideAnew,
    ) -> None:
        self._database = database
        self._flow = flow
        self._financier = financier
        self._linker = linker
        self._decide_anew = decide_anew

    def link(self, counterparty_id: str, company_id: str, *, by: str) -> None:
        """Link, and let waiting invoices go on. Raises NotFound for a counterparty or a company that is not there, and
        what the financier raises."""
        self._counterparty(counterparty_id)
        if company_id not in {company.company_id for company in self._financier.companies()}:
            raise NotFound(
                f"{self._flow.financier} has no company {company_id[:80]!r}.",
                remedy="Take one of those that are listed there.",
            )
        self._linker.link(counterparty_id, company_id, by=by)

    def create(self, counterparty_id: str, *, by: str) -> str:
        """Make the company at the financier and link it; its identifier there. Raises Refused where the flow does not
        allow it, and what the financier raises (OutcomeUnknown: asking again looks for it first)."""
        row = self._counterparty(counterparty_id)
        if not self._flow.create_companies:
            raise Refused(
                f"The flow {self._flow.name} does not make companies at {self._flow.financier}.",
                remedy="Set create_companies = true, or link an existing one.",
            )
        made = self._financier.create_company(as_counterparty(row))
        self._linker.link(counterparty_id, made.company_id, by=by, how="created")
        return made.company_id

    def unlink(self, counterparty_id: str, *, by: str) -> bool:
        """Take a link away; whether there was one. What was sent stays sent, what was not waits for a new link."""
        self._counterparty(counterparty_id)
        flow = self._flow
        with self._database.write() as tx:
            if not tx.companies.unlink(flow.connection, counterparty_id, flow.financier):
                return False
            subject = f"{flow.connection}/{counterparty_id}"
            tx.audit.append(by, "company.unlinked", subject, {"financier": flow.financier})
            ready = tx.error_inbox.ready_of(flow.connection, flow.financier, counterparty_id)
        for record_id in ready:
            self._decide_anew(flow.connection, [record_id])
        return True

    def _counterparty(self, counterparty_id: str) -> CounterpartyRow:
        with self._database.read() as tx:
            row = tx.companies.counterparty(self._flow.connection, counterparty_id)
        if row is None:
            raise NotFound(
                f"{self._flow.connection} has no counterparty {counterparty_id[:80]!r}.",
                remedy="Take one of those that are listed under companies.",
            )
        return row
