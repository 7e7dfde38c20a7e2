"""Pull: a source's pages become immutable record versions, outcomes and financing invoices, page by page.

Everything a page causes is committed together with the page's cursor, or not at all. An unchanged record costs one
comparison of hashes; an unchanged page of a numbered walk costs one for the whole page.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from connector.clock import Clock
from connector.deciding import Decider, Totals
from connector.errors import ConnectorError, ContractDrift, ReconnectRequired
from connector.evaluating import Beside, Evaluated, Evaluation, Inline, Recipe
from connector.intake import Arrival, Intake, Observer
from connector.secrets import SecretBox
from connector.store.database import Database
from connector.store.records import Known
from connector.store.transaction import Transaction
from connector.system import AccountingSystem, Cursor, Page, RawRecord, Stream

log = logging.getLogger(__name__)

BESIDE_AFTER = 4000
"""From how many new or changed records on a second process evaluates: starting it costs about as much as these."""

AHEAD = 2
"""How many batches may be evaluated while an older one is stored."""

UNDER_WAY_AT_MOST = 20_000
"""How many identifiers are kept to notice a record that comes twice in one walk."""

RECORDS_A_COMMIT = 400
"""How many new or changed records are stored in one transaction, about: it holds the write lock for some 30 ms."""

Progress = Callable[["RunReport"], None]


class Deciders(Protocol):
    """Gives the decider for a connection's mapped stream, or None where no flow takes its invoices anywhere."""

    def __call__(self, connection: str) -> Decider | None: ...


class Observers(Protocol):
    """Gives who watches a connection's decisions, if anybody does."""

    def __call__(self, connection: str) -> Observer | None: ...


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


Difference = tuple[RawRecord, int | None, bytes, Known | None]
"""A record that is not what is stored: as it came, its page, its content hash, and what is stored."""


@dataclass(slots=True)
class _Batch:
    """What one commit will hold: pages that were not seen like this before, and what is new on them."""

    pages: list[Page] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    cursor: Cursor | None = None


@dataclass(slots=True)
class _Walk:
    """One run under way: the batch that is read, and those that are evaluated."""

    report: RunReport
    stream: Stream
    system: AccountingSystem
    decider: Decider | None
    evaluation: Evaluation
    batch: _Batch = field(default_factory=_Batch)
    in_flight: deque[tuple[_Batch, Future[list[Evaluated]]]] = field(default_factory=deque)
    under_way: set[str] = field(default_factory=set)
    """Identifiers on pages since everything was last stored, bounded by UNDER_WAY_AT_MOST."""
    begun: int = 0
    observer: Observer | None = None
    outdated: bool = False
    """Whether another mapping became active after the evaluation began."""


class Puller:
    """Runs the pulls of all connections. One pull of a connection at a time is the engine's promise."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        box: SecretBox,
        deciders: Deciders,
        *,
        observers: Observers | None = None,
        beside_after: int = BESIDE_AFTER,
    ) -> None:
        self._database = database
        self._clock = clock
        self._box = box
        self._deciders = deciders
        self._observers = observers
        self._beside_after = beside_after

    def run(
        self,
        connection: str,
        system: AccountingSystem,
        stream: Stream,
        *,
        full_walk: bool,
        progress: Progress | None = None,
        only: Sequence[RawRecord] | None = None,
    ) -> RunReport:
        """Pull one stream once, or store `only` these records, which were read on their own: then the cursor stays where
        it is. Raises what the system raises, after writing it down on the run; what was committed
        until then stays, and the cursor with it."""
        with self._database.write() as tx:
            cursor = None if full_walk else tx.cursors.get(connection, stream.name)
            run_id = tx.runs.start(connection, stream.name, "pull" if only is None else "hear")
            marks = tx.records.page_marks(connection, stream.name)
        whole = cursor is None and only is None
        report = RunReport(run_id, connection, stream.name, full_walk=whole)
        decider = self._deciders(connection) if stream.mapped else None
        walk = _Walk(report, stream, system, decider, self._inline(stream, decider))
        if decider is not None and self._observers is not None:
            walk.observer = self._observers(connection)
        try:
            for page in system.pull(stream.name, cursor) if only is None else _one_page(only):
                self._page(walk, marks, page)
                if progress is not None:
                    progress(report)
            self._store_all(walk)
        except Exception as error:
            self._failed(report, error)
            raise
        finally:
            walk.evaluation.close()
        self._succeeded(report)
        return report

    # -- pages ----------------------------------------------------------------------------------------------------

    def _page(self, walk: _Walk, marks: dict[int, tuple[bytes, int]], page: Page) -> None:
        """Take in one page. It is committed with the next ones, until they are RECORDS_A_COMMIT or one moves the
        cursor: a commit costs as much as storing some ten records."""
        report = walk.report
        report.pages += 1
        report.seen += page.size
        if page.total is not None:
            report.drifted |= report.expected not in (None, page.total)
            report.expected = page.total
        batch = walk.batch
        batch.cursor = page.cursor or batch.cursor
        if page.number is None or marks.get(page.number) != (page.digest, page.size):
            records = {record.source_id: record for record in page.records()}
            if not walk.under_way.isdisjoint(records):
                self._store_all(
                    walk
                )  # it came twice, because pages shifted: the second is compared with the first
                batch = walk.batch
            if len(walk.under_way) > UNDER_WAY_AT_MOST:
                self._store_all(walk)
                batch = walk.batch
            walk.under_way.update(records)
            batch.pages.append(page)
            batch.differences += self._differences(walk, page, records)
        if page.cursor is not None:
            self._store_all(walk)
        elif len(batch.differences) >= RECORDS_A_COMMIT:
            self._evaluate(walk)

    def _evaluate(self, walk: _Walk) -> None:
        """Begin to evaluate the batch, and meanwhile store the one before it."""
        walk.begun += len(walk.batch.differences)
        if walk.begun > self._beside_after and isinstance(walk.evaluation, Inline):
            self._store_begun(walk, leave=0)
            walk.evaluation = Beside(self._recipe(walk))
        raws = [raw.raw for raw, _, _, _ in walk.batch.differences]
        walk.in_flight.append((walk.batch, walk.evaluation.begin(raws)))
        walk.batch = _Batch()
        self._store_begun(walk, leave=AHEAD)

    def _store_all(self, walk: _Walk) -> None:
        """Store everything that was read so far."""
        self._evaluate(walk)
        self._store_begun(walk, leave=0)
        walk.under_way.clear()

    def _store_begun(self, walk: _Walk, *, leave: int) -> None:
        """Store the oldest batches in their order, until `leave` are under way."""
        while len(walk.in_flight) > leave:
            batch, evaluation = walk.in_flight.popleft()
            arrivals = [
                Arrival(*difference, evaluated)
                for difference, evaluated in zip(
                    batch.differences, evaluation.result(), strict=True
                )
            ]
            self._commit(walk, batch, arrivals)

    def _commit(self, walk: _Walk, batch: _Batch, arrivals: list[Arrival]) -> None:
        """Store a batch, with the cursor that is true once it is stored."""
        report, stream = walk.report, walk.stream
        if not batch.pages and batch.cursor is None:
            return
        with self._database.write() as tx:
            if arrivals:
                arrivals = self._judged_in_force(tx, walk, arrivals)
                intake = Intake(
                    tx,
                    report.connection,
                    stream,
                    report.run_id,
                    walk.system,
                    walk.decider,
                    walk.observer,
                )
                report.add(len(arrivals), intake.store(arrivals))
                tx.runs.progress(report.run_id, report.pages, report.seen, report.changed)
            self._remember_pages(tx, walk, batch)
            if batch.cursor is not None:
                tx.cursors.set(report.connection, stream.name, batch.cursor, full_walk=False)

    def _judged_in_force(
        self, tx: Transaction, walk: _Walk, arrivals: list[Arrival]
    ) -> list[Arrival]:
        """The arrivals as the mapping in force judges them: another one may have become active since they were read.
        From then on all of this walk comes here, since its evaluation goes on with the mapping it began with."""
        while walk.decider is not None and not walk.decider.is_current(tx):
            walk.decider = self._deciders(walk.report.connection)
            walk.outdated = True
        decider = walk.decider
        if decider is None or not walk.outdated:
            return arrivals
        return [
            arrival._replace(
                evaluated=arrival.evaluated._replace(
                    outcome=decider.evaluate_raw(arrival.evaluated.stored)
                )
            )
            for arrival in arrivals
        ]

    def _inline(self, stream: Stream, decider: Decider | None) -> Inline:
        mapping = decider.mapping if decider else None
        today = decider.today if decider else self._clock.today()
        return Inline(stream.secret_fields, self._box, mapping, today)

    def _recipe(self, walk: _Walk) -> Recipe:
        decider = walk.decider
        return Recipe(
            secret_fields=walk.stream.secret_fields,
            keys=self._box.keys_for_another_process(),
            document=decider.mapping.document if decider else None,
            mapping_name=decider.mapping.name if decider else "",
            today=decider.today if decider else self._clock.today(),
        )

    def _differences(
        self, walk: _Walk, page: Page, newest: Mapping[str, RawRecord]
    ) -> list[Difference]:
        """The records that are not what is stored."""
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
            same = before is not None and before.content_hash == hashes[source_id]
            if not same and source_id not in overtaken:
                changed.append((raw, page.number, hashes[source_id], before))
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

    def _remember_pages(self, tx: Transaction, walk: _Walk, batch: _Batch) -> None:
        """Mark pages as seen, and unmark those on which a changed record used to be: their bytes may come back with an
        older version of it."""
        report, stream = walk.report, walk.stream
        elsewhere = {
            before.page
            for _, page, _, before in batch.differences
            if before is not None and before.page not in (None, page)
        }
        if elsewhere:
            tx.records.unmark_pages(
                report.connection, stream.name, [p for p in elsewhere if p is not None]
            )
        for page in batch.pages:
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


def _one_page(records: Sequence[RawRecord]) -> Iterable[Page]:
    yield Page(records=lambda: records, cursor=None, size=len(records))
