"""What becomes of records as they came: secrets hidden, decoded, and judged by the mapping. No store, no clock.

A large pull spends half its time here, so it is done by a second process beside the one that stores: see `Beside`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import fields, replace
from datetime import date
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

import msgspec

from connector.beside import OtherProcess, serve
from connector.secrets import SecretBox
from connector.strict_json import JsonRefused, loads_storable, write
from connector.system import Record
from mappings import Mapping as CompiledMapping
from mappings import load_mapping
from mappings.canonical import Direction, FinancingInvoice
from mappings.outcome import Outcome, OutcomeKind, Problem

LARGEST_COUNTED = 10**15
"""Largest gross amount of one record that control totals take in, in minor units: ten thousand billion in cents."""

_JSON = msgspec.json.Encoder(decimal_format="number")


class Evaluated(NamedTuple):
    """One record: `stored` are its bytes with the secrets masked, `secrets` those values encrypted. `record` is None
    where it cannot be read (and where another process decoded it), `outcome` on streams that are not mapped."""

    stored: bytes
    secrets: bytes | None
    record: Record | None
    outcome: Outcome | None


class Recipe(NamedTuple):
    """Everything an evaluation depends on; it can be sent to another process."""

    secret_fields: tuple[str, ...]
    keys: tuple[str, ...]
    document: str | None
    """The mapping; None on streams that are not mapped."""
    mapping_name: str
    today: date


class Evaluation(Protocol):
    """Evaluates batches of records, in order."""

    def begin(self, raws: Sequence[bytes]) -> Future[list[Evaluated]]:
        """Start on a batch; the future has one entry for each."""

    def close(self) -> None:
        """Give back what it holds."""


class Inline:
    """Evaluates at once, here."""

    def __init__(
        self,
        secret_fields: Sequence[str],
        box: SecretBox,
        mapping: CompiledMapping | None,
        today: date,
    ) -> None:
        self._secret_fields = secret_fields
        self._box = box
        self._mapping = mapping
        self._today = today

    def begin(self, raws: Sequence[bytes]) -> Future[list[Evaluated]]:
        done: Future[list[Evaluated]] = Future()
        done.set_result([self.evaluated(raw) for raw in raws])
        return done

    def evaluated(self, raw: bytes) -> Evaluated:
        """Hide, decode and judge one record."""
        record = readable(raw)
        if record is None:
            stored, secrets = hide_in_bytes(raw, self._secret_fields, self._box)
            outcome = judged_raw(stored, self._mapping, self._today) if self._mapping else None
            return Evaluated(stored, secrets, None, outcome)
        stored, secrets = hide_in_record(raw, record, self._secret_fields, self._box)
        outcome = judged(record, self._mapping, self._today) if self._mapping else None
        return Evaluated(stored, secrets, record, outcome)

    def close(self) -> None:
        """Nothing is held."""


class Beside:
    """Evaluates in a second process, while this one stores the batch before."""

    def __init__(self, recipe: Recipe) -> None:
        self._other = OtherProcess("connector.evaluating", recipe)

    def begin(self, raws: Sequence[bytes]) -> Future[list[Evaluated]]:
        return self._other.begin(list(raws), lambda packed: [_unpacked(one) for one in packed])

    @property
    def process_id(self) -> int:
        """Which process it is."""
        return self._other.process_id

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None before that."""
        return self._other.exit_code

    def close(self) -> None:
        """End the process and wait for it."""
        self._other.close()


def worker(recipe: Recipe) -> Callable[[list[bytes]], list[Packed]]:
    """What the second process does."""
    mapping = None
    if recipe.document is not None:
        mapping = load_mapping(recipe.document, name=recipe.mapping_name)
    inline = Inline(recipe.secret_fields, SecretBox(recipe.keys), mapping, recipe.today)
    return lambda raws: [_packed(inline.evaluated(raw)) for raw in raws]


# Tuples of plain values, because to pickle and to read a dataclass costs as much as to evaluate a record. The decoded
# record is not sent back: few need it, and they can decode it again.
_INVOICE_FIELDS = attrgetter(*(part.name for part in fields(FinancingInvoice)))
_OUTCOME_FIELDS = attrgetter(
    *(part.name for part in fields(Outcome) if part.name not in ("kind", "invoice", "problems"))
)

Packed = tuple[Any, ...]


def _packed(evaluated: Evaluated) -> Packed:
    outcome = evaluated.outcome
    if outcome is None:
        return evaluated.stored, evaluated.secrets, None
    invoice = outcome.invoice
    return (
        evaluated.stored,
        evaluated.secrets,
        outcome.kind.value,
        None if invoice is None else (invoice.direction.value, *_INVOICE_FIELDS(invoice)[1:]),
        _OUTCOME_FIELDS(outcome),
        tuple((p.reason_code, p.sentence, p.field_path) for p in outcome.problems),
    )


def _unpacked(packed: Packed) -> Evaluated:
    stored, secrets, kind, *rest = packed
    if kind is None:
        return Evaluated(stored, secrets, None, None)
    invoice, others, problems = rest
    make: Callable[..., Outcome] = Outcome
    outcome = make(
        OutcomeKind(kind),
        None if invoice is None else FinancingInvoice(Direction(invoice[0]), *invoice[1:]),
        *others,
        tuple(Problem(*problem) for problem in problems),
    )
    return Evaluated(stored, secrets, None, outcome)


def judged(record: Mapping[str, Any], mapping: CompiledMapping, day: date) -> Outcome:
    """What the mapping says. An amount beyond all reason is not counted: one such record must not spoil the totals
    of all others."""
    return _countable(mapping.evaluate(record, day))


def judged_by_both(
    record: Mapping[str, Any], active: CompiledMapping, draft: CompiledMapping, day: date
) -> tuple[Outcome, Outcome]:
    """The same by two mappings."""
    before, after = active.evaluate_both(draft, record, day)
    return _countable(before), _countable(after)


def _countable(outcome: Outcome) -> Outcome:
    amount = outcome.amount_minor_units
    if amount is None or abs(amount) <= LARGEST_COUNTED:
        return outcome
    if outcome.kind is OutcomeKind.REJECTED:
        return replace(outcome, currency=None, amount_minor_units=None)
    return _rejected("amount_too_large", "The amount is too large to be right.", "amount")


def judged_raw(raw: bytes, mapping: CompiledMapping, day: date) -> Outcome:
    """What the mapping says of a record's bytes; a rejection where they cannot be read."""
    try:
        record = loads_storable(raw)
    except JsonRefused as refused:
        return unreadable(refused)
    return judged(record, mapping, day)


def unreadable(refused: JsonRefused) -> Outcome:
    """What becomes of a record that cannot be read, by any mapping."""
    return _rejected("malformed_record", f"The record cannot be read: {refused}.", "$")


def _rejected(reason_code: str, sentence: str, field_path: str) -> Outcome:
    return Outcome(
        kind=OutcomeKind.REJECTED,
        invoice=None,
        currency=None,
        amount_minor_units=None,
        reason_code=reason_code,
        sentence=sentence,
        field_path=field_path,
        problems=(Problem(reason_code, sentence, field_path),),
    )


def readable(raw: bytes) -> Record | None:
    """The decoded record, None where it cannot be read."""
    try:
        record: Record = loads_storable(raw)
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
            # It was written in a way of its own: with spaces, with escapes, or the name stands there once more.
            raw = write(record)
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


if __name__ == "__main__":
    # By its own name, because what is pickled here is read under that name at the other end.
    from connector.evaluating import worker as worker_by_name

    serve(worker_by_name)
