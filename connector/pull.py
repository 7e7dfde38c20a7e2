"""Pull: a source's pages become immutable record versions, outcomes and financing invoices, page by page.

Everything a page causes is committed together with the page's cursor, or not at all. An unchanged record costs one
comparison of hashes; an unchanged page of a numbered walk costs one for the whole page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from connector.clock import Clock
from connector.deciding import Decider, Totals
from connector.errors import ConnectorError, ContractDrift, ReconnectRequired
from connector.intake import Arrival, Intake, arrival
from connector.secrets import SecretBox
from connector.store.database import Database
from connector.store.records import Known
from connector.store.transaction import Transaction
from connector.system import AccountingSystem, Page, RawRecord, Stream

log = logging.getLogger(__name__)

RECORDS_A_COMMIT = 400
"""How many new or changed records are stored in one transaction, about: it holds the write lock for some 30 ms."""

Progress = Callable[["RunReport"], None]


class Deciders(Protocol):
    """Gives the decider for a connection's mapped stream, or None where no flow takes its invoices anywhere."""

    def __call__(self, connection: str) -> Decider | None: ...


@dataclass(slots=True)
class RunReport:
    """What one run of one stream did. Amounts in minor units by (currency, kind)."""

    run_id: int
    connection: str
    stream: str
    full_walk: bool
    pages: int = 0
    seen: int = 0
    changed: int = 0
    drifted: bool = False
    expected: int | None = None
    """How many records the system says there are, where it says so."""
    totals: Totals = field(default_factory=dict)

    def add(self, changed: int, totals: Totals) -> None:
        """Take in what one page brought."""
        self.changed += changed
        for key, (number, amount) in totals.items():
            before, sum_before = self.totals.get(key, (0, 0))
            self.totals[key] = (before + number, sum_before + amount)


@dataclass(slots=True)
class _Walk:
    """One run under way, and what waits for its next commit."""

    report: RunReport
    stream: Stream
    system: AccountingSystem
    decider: Decider | None
    waiting: list[Page] = field(default_factory=list)
    fresh: list[Page] = field(default_factory=list)
    """Those of the waiting pages that were not seen like this before."""
    waiting_ids: set[str] = field(default_factory=set)
    arrivals: list[Arrival] = field(default_factory=list)

    def forget(self) -> None:
        """What waited is stored."""
        self.waiting.clear()
        self.fresh.clear()
        self.waiting_ids.clear()
        self.arrivals = []


class Puller:
    """Runs the pulls of all connections. One pull of a connection at a time is the engine's promise."""

    def __init__(
        self, database: Database, clock: Clock, box: SecretBox, deciders: Deciders
    ) -> None:
        self._database = database
        self._clock = clock
        self._box = box
        self._deciders = deciders

    def run(
        self,
        connection: str,
        system: AccountingSystem,
        stream: Stream,
        *,
        full_walk: bool,
        progress: Progress | None = None,
    ) -> RunReport:
        """Pull one stream once. Raises what the system raises, after writing it down on the run; what was committed
        page by page stays, and the cursor with it."""
        with self._database.write() as tx:
            cursor = None if full_walk else tx.cursors.get(connection, stream.name)
            run_id = tx.runs.start(connection, stream.name, "pull")
            marks = tx.records.page_marks(connection, stream.name)
        report = RunReport(run_id, connection, stream.name, full_walk=cursor is None)
        walk = _Walk(report, stream, system, self._deciders(connection) if stream.mapped else None)
        try:
            for page in system.pull(stream.name, cursor):
                self._page(walk, marks, page)
                if progress is not None:
                    progress(report)
            self._commit(walk)
        except Exception as error:
            self._failed(report, error)
            raise
        self._succeeded(report)
        return report

    # -- pages ----------------------------------------------------------------------------------------------------

    def _page(self, walk: _Walk, marks: dict[int, tuple[bytes, int]], page: Page) -> None:
        """Take in one page. It is committed with the next ones, until they are RECORDS_A_COMMIT or one moves the
        cursor: a commit costs as much as storing some ten records, and holds up whoever else writes."""
        report = walk.report
        report.pages += 1
        report.seen += page.size
        if page.total is not None:
            report.drifted |= report.expected not in (None, page.total)
            report.expected = page.total
        if page.number is not None and marks.get(page.number) == (page.digest, page.size):
            walk.waiting.append(page)
        else:
            records = {record.source_id: record for record in page.records()}
            if not walk.waiting_ids.isdisjoint(records):
                self._commit(
                    walk
                )  # it came twice, because pages shifted: the second is compared with the first
            walk.waiting.append(page)
            walk.fresh.append(page)
            walk.waiting_ids.update(records)
            walk.arrivals += self._changed(walk, page, records)
        if page.cursor is not None or len(walk.arrivals) >= RECORDS_A_COMMIT:
            self._commit(walk)

    def _commit(self, walk: _Walk) -> None:
        """Store all that waits, with the cursor that is true once it is stored."""
        report, stream = walk.report, walk.stream
        cursor = walk.waiting[-1].cursor if walk.waiting else None
        if not walk.fresh and cursor is None:
            walk.forget()
            return
        with self._database.write() as tx:
            if walk.arrivals:
                intake = Intake(
                    tx, report.connection, stream, report.run_id, walk.system, walk.decider
                )
                report.add(len(walk.arrivals), intake.store(walk.arrivals))
                tx.runs.progress(report.run_id, report.pages, report.seen, report.changed)
            self._remember_pages(tx, walk)
            if cursor is not None:
                tx.cursors.set(report.connection, stream.name, cursor, full_walk=False)
        walk.forget()

    def _changed(self, walk: _Walk, page: Page, newest: Mapping[str, RawRecord]) -> list[Arrival]:
        """The records that differ from what is stored, decoded and evaluated: all the thinking, before the lock."""
        report, stream = walk.report, walk.stream
        content_hash = self._box.content_hash
        hashes = {source_id: content_hash(record.raw) for source_id, record in newest.items()}
        with self._database.read() as tx:
            known = tx.records.known(report.connection, stream.name, list(newest))
            overtaken = {
                source_id
                for source_id, before in known.items()
                if before.content_hash != hashes[source_id]
                and before.page not in (None, page.number)
                and self._is_older(tx, report, before, newest[source_id])
            }
        changed = []
        for source_id, raw in newest.items():
            before = known.get(source_id)
            if before is not None and before.content_hash == hashes[source_id]:
                continue
            if source_id in overtaken:
                continue
            changed.append(
                arrival(
                    raw, hashes[source_id], before, page.number, stream, self._box, walk.decider
                )
            )
        return changed

    def _is_older(self, tx: Transaction, report: RunReport, before: Known, now: RawRecord) -> bool:
        """Whether this is an older copy of what the same walk has stored already: pages are fetched ahead, and a
        record may have changed and moved to an earlier page between the fetches."""
        stored = tx.records.version(before.latest_version_id)
        return (
            stored is not None
            and stored.run_id == report.run_id
            and now.updated_at is not None
            and stored.source_updated_at is not None
            and now.updated_at < stored.source_updated_at
        )

    def _remember_pages(self, tx: Transaction, walk: _Walk) -> None:
        """Mark pages as seen, and unmark those on which a changed record used to be: their bytes may come back with an
        older version of it."""
        report, stream = walk.report, walk.stream
        fresh = [page for page in walk.fresh if page.number is not None]
        elsewhere = {
            item.known.page
            for item in walk.arrivals
            if item.known is not None and item.known.page not in (None, item.page)
        }
        if elsewhere:
            tx.records.unmark_pages(
                report.connection, stream.name, [p for p in elsewhere if p is not None]
            )
        for page in fresh:
            if page.number is not None and page.digest is not None:
                tx.records.mark_page(
                    report.connection, stream.name, page.number, page.digest, page.size
                )

    # -- the end of a run -----------------------------------------------------------------------------------------

    def _succeeded(self, report: RunReport) -> None:
        with self._database.write() as tx:
            tx.runs.progress(report.run_id, report.pages, report.seen, report.changed)
            tx.runs.finish(report.run_id, "succeeded", drifted=report.drifted)
            if report.full_walk:
                tx.cursors.walked(report.connection, report.stream)
        log.info(
            "pull.finished connection=%s stream=%s pages=%d seen=%d changed=%d drifted=%s",
            report.connection,
            report.stream,
            report.pages,
            report.seen,
            report.changed,
            report.drifted,
        )

    def _failed(self, report: RunReport, error: Exception) -> None:
        known = error if isinstance(error, ConnectorError) else None
        with self._database.write() as tx:
            tx.runs.progress(report.run_id, report.pages, report.seen, report.changed)
            tx.runs.finish(
                report.run_id,
                "failed",
                drifted=report.drifted,
                error_class=type(error).__name__,
                error=str(known) if known else "An internal error; the log has its trace.",
            )
        state = "backing_off"
        if isinstance(error, ReconnectRequired):
            state = "reconnect"
        elif isinstance(error, ContractDrift):
            state = "drift"
        log.warning(
            "pull.failed connection=%s stream=%s state=%s error=%s",
            report.connection,
            report.stream,
            state,
            known or type(error).__name__,
        )
