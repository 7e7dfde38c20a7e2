"""Pull: a source's pages become immutable record versions, outcomes and financing invoices, page by page.

Everything a page causes is committed together with the page's cursor, or not at all. An unchanged record costs one
comparison of hashes; an unchanged page of a numbered walk costs one for the whole page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
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
        decider = self._deciders(connection) if stream.mapped else None
        try:
            for page in system.pull(stream.name, cursor):
                self._page(report, stream, system, decider, marks, page)
                if progress is not None:
                    progress(report)
        except Exception as error:
            self._failed(report, error)
            raise
        self._succeeded(report)
        return report

    # -- one page -------------------------------------------------------------------------------------------------

    def _page(
        self,
        report: RunReport,
        stream: Stream,
        system: AccountingSystem,
        decider: Decider | None,
        marks: dict[int, tuple[bytes, int]],
        page: Page,
    ) -> None:
        report.pages += 1
        report.seen += page.size
        if page.total is not None:
            report.drifted |= report.expected not in (None, page.total)
            report.expected = page.total
        if page.number is not None and marks.get(page.number) == (page.digest, page.size):
            if page.cursor is not None:
                with self._database.write() as tx:
                    tx.cursors.set(report.connection, stream.name, page.cursor, full_walk=False)
            return
        changed = self._changed(report, stream, decider, page)
        with self._database.write() as tx:
            if changed:
                intake = Intake(tx, report.connection, stream, report.run_id, system, decider)
                report.add(len(changed), intake.store(changed, page.number))
                tx.runs.progress(report.run_id, report.pages, report.seen, report.changed)
            self._remember_page(tx, report, stream, page, changed)
            if page.cursor is not None:
                tx.cursors.set(report.connection, stream.name, page.cursor, full_walk=False)

    def _changed(
        self,
        report: RunReport,
        stream: Stream,
        decider: Decider | None,
        page: Page,
    ) -> list[Arrival]:
        """The records that differ from what is stored, decoded and evaluated: all the thinking, before the lock."""
        newest = {record.source_id: record for record in page.records()}
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
            changed.append(arrival(raw, hashes[source_id], before, stream, self._box, decider))
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

    def _remember_page(
        self,
        tx: Transaction,
        report: RunReport,
        stream: Stream,
        page: Page,
        changed: Sequence[Arrival],
    ) -> None:
        """Mark this page as seen, and unmark pages on which a changed record used to be: their bytes may come back
        with an older version of it."""
        if page.number is None or page.digest is None:
            return
        elsewhere = {
            item.known.page
            for item in changed
            if item.known is not None and item.known.page not in (None, page.number)
        }
        if elsewhere:
            tx.records.unmark_pages(
                report.connection, stream.name, [p for p in elsewhere if p is not None]
            )
        tx.records.mark_page(report.connection, stream.name, page.number, page.digest, page.size)

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
