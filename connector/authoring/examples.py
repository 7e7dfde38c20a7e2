"""Golden examples: pinning a stored record with its outcome, and holding every activation to all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from connector.errors import Refused
from connector.evaluating import readable
from connector.store.mapping_examples import GoldenExample
from connector.store.transaction import Transaction
from mappings import Example, ExampleDifference, check_examples, outcome_as_dict
from mappings import Mapping as CompiledMapping
from mappings.currencies import EXPONENTS
from mappings.money import to_text

LONGEST_NAME: Final = 100


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
    proposed with that change, and in force once the change is active. Raises Refused for a record without a shape, and
    for a name that is missing or too long."""
    if not 0 < len(name) <= LONGEST_NAME:
        raise Refused(
            f"The example needs a name of at most {LONGEST_NAME} characters; this has {len(name)}.",
            remedy="Say in a few words what it shows.",
        )
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


def hold_to(mapping: CompiledMapping, examples: Sequence[GoldenExample], connection: str) -> None:
    """Raises Refused when the mapping makes something else of an example."""
    found = unmet(mapping, examples)
    if not found:
        return
    count = "1 golden example" if len(found) == 1 else f"{len(found)} golden examples"
    told = "\n".join(f"  {sentence}" for sentence in found[:20])
    raise Refused(
        f"{count} of {connection} {'comes' if len(found) == 1 else 'come'} out otherwise:\n{told}",
        remedy="Correct the mapping, or change the example together with it.",
    )


def unmet(mapping: CompiledMapping, examples: Sequence[GoldenExample]) -> list[str]:
    """A sentence for each example that the mapping makes something else of."""
    found = check_examples(
        mapping,
        [Example(e.name, readable(e.raw), e.today, e.expected) for e in examples],
    )
    by_name: dict[str, list[ExampleDifference]] = {}
    for difference in found:
        by_name.setdefault(difference.example, []).append(difference)
    return [
        _sentence(name, by_name[name], _currency(example))
        for example in examples
        if (name := example.name) in by_name
    ]


def _sentence(name: str, found: Sequence[ExampleDifference], currency: str | None) -> str:
    """Another kind of outcome says all; otherwise each field that differs."""
    by_what = {difference.what: difference for difference in found}
    if "kind" in by_what:
        kind, reason = by_what["kind"], by_what.get("reason_code")
        why = f" ({reason.found})" if reason is not None and reason.found else ""
        return f"{name}: should be {kind.expected}, but is {kind.found}{why}."
    told = [
        f"{_field(what)} should be {_told(what, each.expected, currency)}, "
        f"but is {_told(what, each.found, currency)}"
        for what, each in by_what.items()
        if what not in ("amount_minor_units", "currency") or f"invoice.{what}" not in by_what
    ]
    return f"{name}: {'; '.join(told)}."


def _currency(example: GoldenExample) -> str | None:
    invoice = example.expected.get("invoice")
    of_invoice = invoice.get("currency") if isinstance(invoice, Mapping) else None
    found = of_invoice or example.expected.get("currency")
    return found if isinstance(found, str) and found in EXPONENTS else None


def _field(what: str) -> str:
    return f"the {what.removeprefix('invoice.').removesuffix('_minor_units').replace('_', ' ')}"


def _told(what: str, value: Any, currency: str | None) -> str:
    if value is None or isinstance(value, Mapping):
        return "nothing" if value is None else "another"
    if what.endswith("amount_minor_units") and type(value) is int and currency is not None:
        return f"{to_text(value, currency)} {currency}"
    return str(value)
