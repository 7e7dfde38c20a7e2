"""Intake: records that are new or have changed become versions, outcomes and financing invoices, in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from connector.deciding import Candidate, Decider, Decision, Totals, as_row, count
from connector.errors import ConnectorError
from connector.secrets import SecretBox
from connector.store.records import Known, NewVersion
from connector.store.transaction import Transaction
from connector.strict_json import JsonRefused, loads, write
from connector.system import AccountingSystem, RawRecord, Record, Stream
from mappings.outcome import Outcome

log = logging.getLogger(__name__)

_JSON = msgspec.json.Encoder(decimal_format="number")


class Arrival(NamedTuple):
    """A record that is new or has changed. `stored` are its bytes with the secrets masked; `record` is None, and
    `outcome` a rejection, where they cannot be read; `known` is what the store held before."""

    raw: RawRecord
    page: int | None
    content_hash: bytes
    stored: bytes
    secrets: bytes | None
    record: Record | None
    outcome: Outcome | None
    known: Known | None


def arrival(
    raw: RawRecord,
    content_hash: bytes,
    known: Known | None,
    page: int | None,
    stream: Stream,
    box: SecretBox,
    decider: Decider | None,
) -> Arrival:
    """Hide, decode and evaluate one record: all the thinking, outside any transaction."""
    record = readable(raw.raw)
    outcome: Outcome | None = None
    if record is None:
        stored, secrets = hide_in_bytes(raw.raw, stream.secret_fields, box)
        if decider is not None:
            _, outcome = decider.evaluate_raw(stored)
    else:
        stored, secrets = hide_in_record(raw.raw, record, stream.secret_fields, box)
        if decider is not None:
            outcome = decider.evaluate(record)
    return Arrival(raw, page, content_hash, stored, secrets, record, outcome, known)


class Intake:
    """Stores arrivals."""

    def __init__(
        self,
        tx: Transaction,
        connection: str,
        stream: Stream,
        run_id: int,
        system: AccountingSystem,
        decider: Decider | None,
    ) -> None:
        self._tx = tx
        self._connection = connection
        self._stream = stream
        self._run_id = run_id
        self._system = system
        self._decider = decider

    def store(self, arrivals: Sequence[Arrival]) -> Totals:
        """Store versions and all that follows from them; the control totals of what was stored."""
        tx = self._tx
        new = iter(tx.allocate("source_records", sum(1 for item in arrivals if not item.known)))
        record_ids = [item.known.id if item.known else next(new) for item in arrivals]
        version_ids = tx.allocate("record_versions", len(arrivals))
        decisions = self._decide(arrivals, record_ids, version_ids)
        outcome_ids = tx.allocate("outcomes", len(decisions))
        echoes = self._echoes(arrivals)
        versions = []
        for index, (item, record_id, version_id) in enumerate(
            zip(arrivals, record_ids, version_ids, strict=True)
        ):
            outcome = decisions[index].outcome if decisions else None
            versions.append(
                NewVersion(
                    record_id=record_id,
                    version_id=version_id,
                    is_first=item.known is None,
                    source_id=item.raw.source_id,
                    version_no=1 if item.known is None else item.known.version_no + 1,
                    content_hash=item.content_hash,
                    raw=item.stored,
                    secrets=item.secrets,
                    source_updated_at=item.raw.updated_at,
                    is_echo=index in echoes,
                    page=item.page,
                    outcome=None if outcome is None else as_row(outcome_ids[index], outcome),
                    recheck_on=None if outcome is None else outcome.recheck_on,
                )
            )
        mapping_version_id = self._decider.mapping_version_id if self._decider else None
        tx.records.save(
            self._connection, self._stream.name, self._run_id, mapping_version_id, versions
        )
        self._save_counterparties(arrivals, record_ids)
        return self._follow_up(decisions, dict(zip(record_ids, outcome_ids, strict=False)))

    def _decide(
        self, arrivals: Sequence[Arrival], record_ids: Sequence[int], version_ids: Sequence[int]
    ) -> list[Decision]:
        if self._decider is None:
            return []
        return self._decider.decide(
            self._tx,
            [
                (
                    Candidate(record_id, version_id, item.raw.source_id, item.known is not None),
                    item.outcome,
                )
                for item, record_id, version_id in zip(
                    arrivals, record_ids, version_ids, strict=True
                )
                if item.outcome is not None
            ],
        )

    def _follow_up(self, decisions: Sequence[Decision], outcome_ids: Mapping[int, int]) -> Totals:
        totals: Totals = {}
        if self._decider is None:
            return totals
        self._decider.offer(self._tx, self._stream.name, decisions, outcome_ids)
        for decision in decisions:
            outcome = decision.outcome
            count(totals, outcome.kind.value, outcome.currency, outcome.amount_minor_units)
            count(totals, "pulled", outcome.currency, outcome.amount_minor_units)
        self._tx.runs.add_totals(self._run_id, totals)
        return totals

    def _save_counterparties(self, arrivals: Sequence[Arrival], record_ids: Sequence[int]) -> None:
        if self._stream.name != "counterparties":
            return
        rows = []
        for item, record_id in zip(arrivals, record_ids, strict=True):
            if item.record is None:
                continue
            try:
                rows.append((self._system.counterparty(item.record), record_id))
            except ConnectorError as error:
                # Its invoices are held: the company cannot be linked. The others go on.
                log.warning("counterparty.unreadable record=%d error=%s", record_id, error)
        self._tx.companies.save_counterparties(self._connection, rows)

    def _echoes(self, arrivals: Sequence[Arrival]) -> set[int]:
        """Which arrivals differ from their previous version only by what we wrote back ourselves."""
        again = {
            f"write_back:{item.known.id}": index
            for index, item in enumerate(arrivals)
            if item.known is not None and item.record is not None
        }
        if not again or not self._stream.mapped:
            return set()
        echoes = set()
        for index, written in self._tx.outbox.written_fields(again).items():
            item = arrivals[index]
            if item.known is None or item.record is None:
                continue
            before = readable(self._tx.records.latest_raw(item.known.id))
            if before is not None and is_echo(
                before, item.record, written, self._stream.volatile_fields
            ):
                echoes.add(index)
        return echoes


def readable(raw: bytes) -> Record | None:
    """The decoded record, None where it cannot be read."""
    try:
        record: Record = loads(raw)
    except JsonRefused:
        return None
    return record


def hide_in_record(
    raw: bytes, record: Record, secret_fields: Sequence[str], box: SecretBox
) -> tuple[bytes, bytes | None]:
    """Mask the secret values in `record` and in its bytes; those bytes, and the values encrypted.

    A masked text keeps its length, so that a mapping can still check it; all other bytes stay as they came.
    """
    hidden: dict[str, Any] = {}
    for name in secret_fields:
        value = record.get(name)
        if value is None:
            continue
        hidden[name] = value
        masked = record[name] = _mask(value)
        key = msgspec.json.encode(name)
        member = key + b":" + _JSON.encode(value)
        if raw.count(key) == 1 and raw.count(member) == 1:
            raw = raw.replace(member, key + b":" + _JSON.encode(masked))
        else:
            raw = write(
                record
            )  # written in a way of its own: with spaces, escapes, or the name once more
    return raw, box.encrypt(_JSON.encode(hidden)) if hidden else None


def hide_in_bytes(
    raw: bytes, secret_fields: Sequence[str], box: SecretBox
) -> tuple[bytes, bytes | None]:
    """The same for a record that cannot be read as it must be (a key twice, a number too long)."""
    parts: dict[str, msgspec.Raw] = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    hidden: dict[str, Any] = {}
    for name in secret_fields:
        value = msgspec.json.decode(parts[name]) if name in parts else None
        if value is not None:
            hidden[name] = value
            parts[name] = msgspec.Raw(_JSON.encode(_mask(value)))
    if not hidden:
        return raw, None
    return _JSON.encode(parts), box.encrypt(_JSON.encode(hidden))


def _mask(value: Any) -> str | int:
    return "*" * len(value) if isinstance(value, str) else 0


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
