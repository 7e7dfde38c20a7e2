"""Buyer limits: some financiers finance invoices to a buyer only up to a limit, which must be approved first.

An invoice whose buyer has no approved limit is held. What the financier says about the limits of such buyers is asked
for by itself, again and again, and once one is approved its invoices are decided anew. A limit is requested by a
person: it names an amount and says who the buyer is, which no invoice tells.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from connector.clock import Clock
from connector.config.model import Flow
from connector.errors import NotFound, OutcomeUnknown, Refused
from connector.financier import BuyerLimit, LimitRequest, LimitsBuyers, LimitStatus
from connector.store.companies import LimitRow
from connector.store.database import Database

log = logging.getLogger(__name__)


class Waiting(Protocol):
    """The records that are held because their buyer has no approved limit."""

    def is_anything_held(self) -> bool:
        """Whether there are any."""

    def decide_again(self) -> None:
        """Decide them anew."""


class BuyerLimits:
    """The limits of one flow's buyers."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        flow: Flow,
        financier: LimitsBuyers,
        waiting: Waiting,
        interval_seconds: float,
    ) -> None:
        """`waiting` are the records held for a limit; `interval_seconds` is how often the same one is asked about."""
        self._database = database
        self._clock = clock
        self._flow = flow
        self._financier = financier
        self._waiting = waiting
        self._interval_seconds = interval_seconds

    @property
    def currency(self) -> str:
        """The ISO code in which limits are told and asked for."""
        return self._financier.limit_currency

    def catch_up(self) -> int:
        """While records wait for a limit: ask about those that are not approved, where it is time, and decide what
        waits when one is another by now. Returns how many companies were asked about."""
        if not self._waiting.is_anything_held():
            return 0
        long_ago = self._clock.now() - timedelta(seconds=self._interval_seconds)
        flow = self._flow
        with self._database.read() as tx:
            due = tx.companies.limits_to_ask(flow.connection, flow.financier, long_ago)
            before = tx.companies.limits(flow.financier, due)
        if due and self._ask(sorted(due), before):
            try:
                self._waiting.decide_again()
            except Exception:
                # What was learnt is learnt anew next time, and decided from then.
                with self._database.write() as tx:
                    tx.companies.forget_limits(flow.financier, due)
                raise
        return len(due)

    def request(self, counterparty_id: str, request: LimitRequest, *, by: str) -> LimitRow:
        """Ask the financier for a limit, for a person; what is known about it then.

        Raises NotFound for a counterparty without a link, Refused while a request is under way, and what the
        financier raises: OutcomeUnknown only when it cannot be found out whether the request arrived.
        """
        company_id = self._company(counterparty_id)
        standing = self._standing(company_id)
        if standing is not None and standing.status is LimitStatus.UNDER_REVIEW:
            raise Refused(
                f"A limit for {counterparty_id[:80]!r} is under review already.",
                remedy="Wait for the financier's answer; the invoices go on by themselves.",
            )
        limit = self._requested(company_id, request, standing)
        flow = self._flow
        with self._database.write() as tx:
            tx.companies.save_limit(flow.financier, company_id, limit, limit.currency)
            tx.companies.limit_was_requested(flow.financier, company_id, by)
            tx.audit.append(
                by,
                "buyer_limit.requested",
                f"{flow.connection}/{counterparty_id}",
                {
                    "financier": flow.financier,
                    "company_id": company_id,
                    "currency": request.currency,
                    "amount_minor_units": request.amount_minor_units,
                    "status": limit.raw_status,
                },
            )
            row = tx.companies.limits(flow.financier, [company_id])[company_id]
        log.info("buyer_limit.requested company=%s status=%s", company_id, limit.status.value)
        self._waiting.decide_again()
        return row

    def refresh(self, counterparty_id: str) -> LimitRow:
        """Ask about one buyer's limit now, and let what waits for it go on. Raises NotFound for one without a link."""
        company_id = self._company(counterparty_id)
        self._standing(company_id)
        self._waiting.decide_again()
        with self._database.read() as tx:
            return tx.companies.limits(self._flow.financier, [company_id])[company_id]

    def _requested(
        self, company_id: str, request: LimitRequest, before: BuyerLimit | None
    ) -> BuyerLimit:
        try:
            return self._financier.request_limit(company_id, request)
        except OutcomeUnknown:
            # A request moves no money, but two of them would confuse whoever reviews them: look before saying so.
            after = self._standing(company_id)
            if after is None or after == before:
                raise
            return after

    def _ask(self, company_ids: Sequence[str], before: Mapping[str, LimitRow]) -> bool:
        """Ask about companies, all at once. Returns whether an answer is another than the one before."""
        told = {company.company_id: company.buyer_limit for company in self._financier.companies()}
        changed = False
        for company_id in company_ids:
            if company_id not in told:
                log.warning("buyer_limit.company_gone company=%s", company_id)
            limit = told.get(company_id)
            self._save(company_id, limit)
            known = before.get(company_id)
            status = "none" if limit is None else limit.status.value
            if known is None or known.status != status:
                log.info("buyer_limit.changed company=%s status=%s", company_id, status)
                changed = True
        return changed

    def _standing(self, company_id: str) -> BuyerLimit | None:
        """What the financier says about one company's limit now; kept. Raises NotFound for a company it has not."""
        for company in self._financier.companies():
            if company.company_id == company_id:
                self._save(company_id, company.buyer_limit)
                return company.buyer_limit
        raise NotFound(
            f"{self._flow.financier} has no company {company_id[:80]!r} any more.",
            remedy="Link the buyer anew.",
        )

    def _save(self, company_id: str, limit: BuyerLimit | None) -> None:
        with self._database.write() as tx:
            tx.companies.save_limit(
                self._flow.financier, company_id, limit, self._financier.limit_currency
            )

    def _company(self, counterparty_id: str) -> str:
        flow = self._flow
        with self._database.read() as tx:
            links = tx.companies.links(flow.connection, flow.financier, [counterparty_id])
        if counterparty_id not in links:
            raise NotFound(
                f"{counterparty_id[:80]!r} of {flow.connection} is not linked to a company at {flow.financier}.",
                remedy="Link it first.",
            )
        return links[counterparty_id]
