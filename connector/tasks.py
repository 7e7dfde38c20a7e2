"""The recurring work, one class per kind. Each reads what is due from the store, so running one too often or twice
does no harm, and leaving one out is made up for by the next.

    pull        a connection's streams, then the records whose day has come
    link        make the companies that records wait for (flows that allow it)
    submit      open what is ready, then work off the due steps
    hear        drain the inbox of a financier
    poll        ask about invoices that no webhook spoke of
    write_back  write statuses on the invoices of a connection
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from connector.clock import Clock
from connector.config.model import Flow
from connector.deciding import DOCUMENT_MISSING, Decider
from connector.documents import InvoiceDocuments
from connector.errors import ContractDrift, InvariantBroken, RecordRejected, Refused
from connector.financier import Financier
from connector.holding import hold
from connector.inbox_actions import Rereader
from connector.limits import BuyerLimits
from connector.linking import Linker
from connector.parallel import for_each
from connector.pull import Progress, Puller, RunReport
from connector.redeciding import Redecider
from connector.statuses import StatusKeeper
from connector.store.database import Database
from connector.store.financing_rows import FinancingRow
from connector.store.outbox_reading import OutboxRow
from connector.submission import Submitter
from connector.system import AccountingSystem
from connector.write_back import KIND as WRITE_STATUS
from connector.write_back import WriteBacker

log = logging.getLogger(__name__)

BATCH = 200

DAMAGED = (
    "The invoice was changed outside the connector: its digest does not verify. Nothing is sent for it. "
    "Compare it with the accounting system and a backup."
)


@dataclass(frozen=True, slots=True)
class PullTask:
    """Pulls all streams of one connection; counterparties first, because invoices name them."""

    connection: str
    system: AccountingSystem
    puller: Puller
    database: Database
    clock: Clock
    decider: Callable[[], Decider | None]
    full_walk_interval_seconds: float
    rereader: Rereader | None = None

    def run(self, *, full_walk: bool = False, progress: Progress | None = None) -> list[RunReport]:
        """Pull once. A stream whose last full walk is long ago, or found the pages shifting, is walked in full. What
        people asked to be read again comes first."""
        if self.rereader is not None:
            self.rereader.run()
        reports = []
        for stream in sorted(self.system.streams, key=lambda s: s.mapped):
            whole = full_walk or not stream.incremental or self._walk_is_due(stream.name)
            reports.append(
                self.puller.run(
                    self.connection, self.system, stream, full_walk=whole, progress=progress
                )
            )
        self.recheck()
        return reports

    def recheck(self) -> None:
        """Decide the records again whose outcome may be another today."""
        decider = self.decider()
        if decider is None:
            return
        for stream in self.system.streams:
            if stream.mapped:
                Redecider(self.database, stream.name).run(
                    decider, "recheck", recheck_due=self.clock.today()
                )

    def _walk_is_due(self, stream: str) -> bool:
        with self.database.read() as tx:
            walked_at = tx.cursors.last_full_walk_at(self.connection, stream)
            last = tx.runs.last(self.connection, stream, task="pull")
        if walked_at is None or (last is not None and last.drifted):
            return True
        return self.clock.now() - walked_at >= timedelta(seconds=self.full_walk_interval_seconds)


@dataclass(frozen=True, slots=True)
class LinkTask:
    """Makes missing companies at the financier where the flow allows it, and asks about the limits of buyers that
    held invoices wait for. Speaks to the financier only when something waits."""

    linker: Linker
    financier: Financier
    limits: BuyerLimits | None
    creates: bool

    def run(self) -> None:
        if self.creates:
            self.linker.create_missing(self.financier)
        if self.limits is not None:
            self.limits.catch_up()


@dataclass(frozen=True, slots=True)
class SubmitTask:
    """Submits the invoices of one flow."""

    flow: Flow
    database: Database
    clock: Clock
    submitter: Submitter
    documents: InvoiceDocuments
    needs_document: bool
    steps: Sequence[str]
    workers: int
    stopping: Event

    def open_one(self, financing_id: int) -> bool:
        """Begin one invoice's submission. False when it now waits for its document."""
        with self.database.read() as tx:
            financing = tx.financing.get(financing_id)
        sentence = "Attach the invoice document: the accounting system holds none for this invoice."
        try:
            document = self.documents.ensure(financing) if self.needs_document else None
            if document is not None or not self.needs_document:
                self.submitter.open(financing, document)
                return True
        except (RecordRejected, Refused, ContractDrift, InvariantBroken) as error:
            # Something is wrong with this invoice; the others go on.
            sentence = str(error)
        with self.database.write() as tx:
            hold(tx, financing, DOCUMENT_MISSING, sentence, self.clock.today())
        return False

    def open_ready(self) -> None:
        """Begin the submission of what is ready. Speaks to the accounting system alone, for its documents."""
        if self.flow.submit != "automatic":
            return
        while not self.stopping.is_set():
            with self.database.read() as tx:
                ready = tx.financing.to_submit(
                    self.flow.financier, connection=self.flow.connection, limit=BATCH
                )
            if not ready:
                return
            self._park_damaged([row for row in ready if not row.intact])
            for_each(
                [row.id for row in ready if row.intact],
                self.open_one,
                workers=self.workers,
                stopping=self.stopping,
            )

    def _park_damaged(self, rows: Sequence[FinancingRow]) -> None:
        for row in rows:
            log.error("submit.damaged financing=%d", row.id)
            with self.database.write() as tx:
                tx.financing.set_state(row.id, "parked", DAMAGED, allowed_from=("ready",))

    def work_off_due(self) -> None:
        """Do every step that is due at the financier."""

        def due() -> list[OutboxRow]:
            with self.database.read() as tx:
                return tx.outbox.due(
                    self.flow.financier,
                    kinds=self.steps,
                    connection=self.flow.connection,
                    limit=BATCH,
                )

        work_off(due, self.submitter.work, workers=self.workers, stopping=self.stopping)


@dataclass(frozen=True, slots=True)
class HearTask:
    """Drains the inbox of one financier."""

    endpoint: str
    database: Database
    keeper: StatusKeeper
    lease_seconds: float
    workers: int
    stopping: Event

    def run(self) -> None:
        while not self.stopping.is_set():
            with self.database.write() as tx:
                rows = tx.inbox.claim_due(
                    self.endpoint, timedelta(seconds=self.lease_seconds), limit=BATCH
                )
            if not rows:
                return
            for_each(rows, self.keeper.hear, workers=self.workers, stopping=self.stopping)


@dataclass(frozen=True, slots=True)
class PollTask:
    """Asks about invoices whose time has come."""

    financier: str
    database: Database
    clock: Clock
    keeper: StatusKeeper
    workers: int
    stopping: Event

    def run(self, *, everything: bool = False) -> None:
        """Ask about what is due; `everything`: about each invoice under way."""
        if everything:
            with self.database.write() as tx:
                tx.financing.poll_at_once(self.financier, self.clock.now())
        while not self.stopping.is_set():
            with self.database.read() as tx:
                rows = tx.financing.to_poll(self.financier, self.clock.now(), limit=BATCH)
            if not rows:
                return
            for_each(
                [row.id for row in rows],
                self.keeper.poll,
                workers=self.workers,
                stopping=self.stopping,
            )


@dataclass(frozen=True, slots=True)
class WriteBackTask:
    """Writes statuses on the invoices of one connection."""

    connection: str
    database: Database
    backer: WriteBacker
    workers: int
    stopping: Event

    def run(self) -> None:
        def due() -> list[OutboxRow]:
            with self.database.read() as tx:
                return tx.outbox.due(self.connection, kinds=[WRITE_STATUS], limit=BATCH)

        work_off(due, self.backer.work, workers=self.workers, stopping=self.stopping)


def work_off(
    due: Callable[[], list[OutboxRow]],
    work: Callable[[OutboxRow], None],
    *,
    workers: int,
    stopping: Event,
) -> None:
    """Work outbox rows off until none is due. Rows of one stream come one after the other, streams side by side."""
    while not stopping.is_set():
        rows = due()
        if not rows:
            return
        for_each(rows, work, workers=workers, stopping=stopping)
