"""Golden examples: pinning a stored record with its outcome, and holding every activation to all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from connector.errors import Refused
from connector.evaluating import readable
from connector.store.mapping_examples import GoldenExample
from connector.store.transaction import Transaction
from mappings import Example, ExampleDifference, check_examples, outcome_as_dict
from mappings import Mapping as CompiledMapping


def pin(
    tx: Transaction,
    record_id: int,
    name: str,
    mapping: CompiledMapping,
    today: date,
    by: str,
    *,
    document_id: int | None = None,
    expected: Mapping[str, Any] | None = None,
) -> GoldenExample:
    """Keep a record with what `mapping` makes of it today (or with what is expected instead). With `document_id` it is
    proposed with that change, and in force once the change is active. Raises Refused for a record without a shape."""
    record = tx.records.get(record_id)
    raw = tx.records.latest_raw(record_id)
    decoded = readable(raw)
    if decoded is None:
        raise Refused(
            f"The record {record.source_id} cannot be read, so that it makes no example.",
            remedy="Pin a record that the mapping can look at.",
        )
    outcome = outcome_as_dict(mapping.evaluate(decoded, today))
    example = tx.mapping_examples.add(
        record.connection,
        name,
        source_id=record.source_id,
        raw=raw,
        today=today,
        expected=dict(expected) if expected is not None else outcome,
        by=by,
        document_id=document_id,
    )
    tx.audit.append(
        by,
        "mapping.example_pinned" if document_id is None else "mapping.example_proposed",
        f"{record.connection} {name} v{example.version_no}",
        {"source_id": record.source_id, "today": today.isoformat(), "document_id": document_id},
    )
    return example


def differences(
    mapping: CompiledMapping, examples: Sequence[GoldenExample]
) -> list[ExampleDifference]:
    """What the examples expect and the mapping gives otherwise."""
    return check_examples(
        mapping,
        [Example(e.name, readable(e.raw), e.today, e.expected) for e in examples],
    )
