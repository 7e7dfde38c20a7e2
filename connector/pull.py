"""Pull: a source's pages become immutable record versions, outcomes and financing invoices, page by page.

Everything a page causes is committed together with the page's cursor, or not at all. An unchanged record costs one
comparison of hashes; an unchanged page of a numbered walk costs one for the whole page.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from connector.clock import Clock
from connector.deciding import (
    Candidate,
    Decider,
    Decision,
    Totals,
    as_row,
    count,
)
from connector.errors import ConnectorError, ContractDrift, ReconnectRequired
from connector.secrets import SecretBox
from connector.store.database import Database
from connector.store.records import Known, NewVersion
from connector.store.transaction import Transaction
from connector.strict_json import JsonRefused, loads
from connector.system import AccountingSystem, Page, RawRecord, Record, Stream
from mappings.outcome import Outcome, OutcomeKind, Problem

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


@dataclass(frozen=True, slots=True)
class _Changed:
    """A record of this page that is new or has changed, ready to be stored."""

    raw: RawRecord
    hash: bytes
    stored: bytes
    secrets: bytes | None
    record: Record | None
    outcome: Outcome | None
    known: Known | None


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
                self._store(tx, report, stream, system, decider, page, changed)
            self._remember_page(tx, report, stream, page, changed)
            if page.cursor is not None:
                tx.cursors.set(report.connection, stream.name, page.cursor, full_walk=False)

    def _changed(
        self,
        report: RunReport,
        stream: Stream,
        decider: Decider | None,
        page: Page,
    ) -> list[_Changed]:
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
            stored, secrets = hide_secrets(raw.raw, stream.secret_fields, self._box)
            record, outcome = _evaluate(stored, decider)
            changed.append(
                _Changed(raw, hashes[source_id], stored, secrets, record, outcome, before)
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

    def _store(
        self,
        tx: Transaction,
        report: RunReport,
        stream: Stream,
        system: AccountingSystem,
        decider: Decider | None,
        page: Page,
        changed: Sequence[_Changed],
    ) -> None:
        first = iter(
            tx.allocate("source_records", sum(1 for item in changed if item.known is None))
        )
        record_ids = [item.known.id if item.known else next(first) for item in changed]
        version_ids = tx.allocate("record_versions", len(changed))
        echoes = self._echoes(tx, stream, changed)
        decisions: list[Decision] = []
        if decider is not None:
            decisions = decider.decide(
                tx,
                [
                    (
                        Candidate(
                            record_id,
                            version_id,
                            item.raw.source_id,
                            known=item.known is not None,
                        ),
                        item.outcome,
                    )
                    for record_id, version_id, item in zip(
                        record_ids, version_ids, changed, strict=True
                    )
                    if item.outcome is not None
                ],
            )
        outcome_ids = tx.allocate("outcomes", len(decisions))
        totals: Totals = {}
        versions = [
            NewVersion(
                record_id=record_id,
                version_id=version_id,
                is_first=item.known is None,
                source_id=item.raw.source_id,
                version_no=1 if item.known is None else item.known.version_no + 1,
                content_hash=item.hash,
                raw=item.stored,
                secrets=item.secrets,
                source_updated_at=item.raw.updated_at,
                is_echo=index in echoes,
                page=page.number,
                outcome=as_row(outcome_ids[index], decisions[index].outcome) if decisions else None,
                recheck_on=decisions[index].outcome.recheck_on if decisions else None,
            )
            for index, (record_id, version_id, item) in enumerate(
                zip(record_ids, version_ids, changed, strict=True)
            )
        ]
        tx.records.save(
            report.connection,
            stream.name,
            report.run_id,
            decider.mapping_version_id if decider else None,
            versions,
        )
        if decider is not None:
            stored = dict(zip(record_ids, outcome_ids, strict=True))
            decider.offer(tx, stream.name, decisions, stored)
            for decision in decisions:
                outcome = decision.outcome
                count(totals, outcome.kind.value, outcome.currency, outcome.amount_minor_units)
                count(totals, "pulled", outcome.currency, outcome.amount_minor_units)
            tx.runs.add_totals(report.run_id, totals)
            for key, (number, amount) in totals.items():
                before, sum_before = report.totals.get(key, (0, 0))
                report.totals[key] = (before + number, sum_before + amount)
        if stream.name == "counterparties":
            tx.companies.save_counterparties(
                report.connection,
                [
                    (system.counterparty(item.record), record_id)
                    for record_id, item in zip(record_ids, changed, strict=True)
                    if item.record is not None
                ],
            )
        report.changed += len(changed)
        tx.runs.progress(report.run_id, report.pages, report.seen, report.changed)

    def _echoes(self, tx: Transaction, stream: Stream, changed: Sequence[_Changed]) -> set[int]:
        """Which of `changed` differ from their previous version only by what we wrote back ourselves."""
        again = {
            f"write_back:{item.known.id}": index
            for index, item in enumerate(changed)
            if item.known is not None and item.record is not None
        }
        if not again or not stream.mapped:
            return set()
        echoes = set()
        for index, written in tx.outbox.written_fields(again).items():
            item = changed[index]
            if item.known is None or item.record is None:
                continue
            before = loads(tx.records.latest_raw(item.known.id))
            if is_echo(before, item.record, written, stream.volatile_fields):
                echoes.add(index)
        return echoes

    def _remember_page(
        self,
        tx: Transaction,
        report: RunReport,
        stream: Stream,
        page: Page,
        changed: Sequence[_Changed],
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
            tx.connections.succeeded(report.connection)
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


def _evaluate(stored: bytes, decider: Decider | None) -> tuple[Record | None, Outcome | None]:
    try:
        record = loads(stored)
    except JsonRefused as refused:
        return None, _malformed(str(refused)) if decider else None
    return record, decider.evaluate(record) if decider else None


def _malformed(why: str) -> Outcome:
    sentence = f"The record cannot be read: {why}."
    return Outcome(
        kind=OutcomeKind.REJECTED,
        invoice=None,
        currency=None,
        amount_minor_units=None,
        reason_code="malformed_record",
        sentence=sentence,
        field_path="$",
        problems=(Problem("malformed_record", sentence, "$"),),
    )


def hide_secrets(
    raw: bytes, secret_fields: Sequence[str], box: SecretBox
) -> tuple[bytes, bytes | None]:
    """The record with its secret values masked, and those values encrypted.

    A masked text keeps its length, so that a mapping can still check it; all other bytes stay as they came.
    """
    present = [name for name in secret_fields if b'"%s"' % name.encode() in raw]
    if not present:
        return raw, None
    parts: dict[str, msgspec.Raw] = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    hidden: dict[str, Any] = {}
    for name in present:
        value = msgspec.json.decode(parts[name]) if name in parts else None
        if value is None:
            continue
        hidden[name] = value
        masked: str | int = "*" * len(value) if isinstance(value, str) else 0
        parts[name] = msgspec.Raw(msgspec.json.encode(masked))
    if not hidden:
        return raw, None
    return msgspec.json.encode(parts), box.encrypt(json.dumps(hidden).encode())


def is_echo(
    before: Record, after: Record, written: Mapping[str, Any], volatile_fields: Sequence[str]
) -> bool:
    """Whether `after` differs from `before` only by fields we wrote, with the values we wrote, and by volatile ones."""
    ignored = set(volatile_fields)
    for name in before.keys() | after.keys():
        if name in ignored or before.get(name) == after.get(name):
            continue
        if name not in written or after.get(name) != written[name]:
            return False
    return True
