"""Two outcomes of one record side by side, and sums of such comparisons: for back-tests, shadow and re-mapping."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from mappings.canonical import FinancingInvoice
from mappings.currencies import NO_CURRENCY
from mappings.examples import INVOICE_FIELDS
from mappings.outcome import Outcome, OutcomeKind

_ORDER: Final = {
    OutcomeKind.MAPPED: 0,
    OutcomeKind.HELD: 1,
    OutcomeKind.EXCLUDED: 2,
    OutcomeKind.REJECTED: 3,
}
_REASON_FIELDS: Final = ("reason_code", "field_path", "currency", "amount_minor_units")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of the financing invoice, or `reason_code`, `field_path`, `record.currency`,
    `record.amount_minor_units` of the outcome, with both values as JSON-able values."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """What differs between two outcomes of one record.

    `money` is what would be offered for financing less what was, in minor units by currency; a currency without a
    difference is absent. `fields` compares invoices field by field when both are there.
    """

    before: Outcome
    after: Outcome
    fields: tuple[FieldChange, ...]
    money: Mapping[str, int]

    @property
    def became_eligible(self) -> bool:
        """Is mapped now and was not."""
        return self.after.kind is OutcomeKind.MAPPED and self.before.kind is not OutcomeKind.MAPPED

    @property
    def stopped(self) -> bool:
        """Was mapped and is not now."""
        return self.before.kind is OutcomeKind.MAPPED and self.after.kind is not OutcomeKind.MAPPED

    @property
    def worse(self) -> int:
        """Steps away from a financing invoice (mapped, held, excluded, rejected); below zero is better."""
        return _ORDER[self.after.kind] - _ORDER[self.before.kind]


def compare(before: Outcome, after: Outcome) -> OutcomeChange | None:
    """The difference of two outcomes of one record on one day; None when nothing that counts differs. The wording of
    sentences and the day of the next look do not count."""
    if before is after or before == after:
        return None
    old, new = before.invoice, after.invoice
    fields = [*_reasons(before, after)]
    if old is not None and new is not None and old != new:
        fields += _invoice_changes(old, new)
    if before.kind is after.kind and not fields:
        return None
    return OutcomeChange(before, after, tuple(fields), _money(old, new))


def _reasons(before: Outcome, after: Outcome) -> list[FieldChange]:
    changes = []
    for name in _REASON_FIELDS:
        was, now = getattr(before, name), getattr(after, name)
        if was != now:
            own = name if name in ("reason_code", "field_path") else f"record.{name}"
            changes.append(FieldChange(own, was, now))
    return changes


def _invoice_changes(old: FinancingInvoice, new: FinancingInvoice) -> list[FieldChange]:
    pairs = ((name, getattr(old, name), getattr(new, name)) for name in INVOICE_FIELDS)
    return [FieldChange(name, _plain(a), _plain(b)) for name, a, b in pairs if a != b]


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return ", ".join(value) if isinstance(value, tuple) else value


def _money(old: FinancingInvoice | None, new: FinancingInvoice | None) -> dict[str, int]:
    found: dict[str, int] = {}
    if old is not None:
        found[old.currency] = -old.amount_minor_units
    if new is not None:
        found[new.currency] = found.get(new.currency, 0) + new.amount_minor_units
    return {currency: amount for currency, amount in found.items() if amount}


Tally = dict[str, dict[str, list[int]]]
"""Currency -> kind -> [records, minor units]."""


class Comparison:
    """The sum of many comparisons, in memory that does not grow with them.

    Two of them, made over different records, merge into what one over all would be, in any order. Amounts are
    minor units. Examples are the `examples` first by worse outcome, then by key; `key` names a record
    (`connection/stream/source_id`) and must be its own. `touched` lists changes of invoices that are already with the financier, with
    their count: a caller who needs more of them than `listed` keeps those that `add` gives back.
    """

    def __init__(self, *, examples: int = 20, listed: int = 1_000) -> None:
        self.examples_limit = examples
        self.listed_limit = listed
        self.records = 0
        self.counts = dict.fromkeys(
            ("changed", "worse", "better", "became_eligible", "stopped", "touched"), 0
        )
        self.before: Tally = {}
        self.after: Tally = {}
        self.financed_before: dict[str, list[int]] = {}
        self.financed_after: dict[str, list[int]] = {}
        self.fields: dict[str, int] = {}
        self._field_examples: dict[str, list[_Kept]] = {}
        self._lists: dict[str, list[_Kept]] = {
            name: [] for name in ("changed", "became_eligible", "stopped", "touched")
        }

    def add(
        self, key: str, before: Outcome, after: Outcome, *, state: str | None = None
    ) -> OutcomeChange | None:
        """Count one record. `state` is that of its financing invoice when it was already sent (`submitted`,
        `approved`, `funded`). Gives the change, if there is one."""
        self.records += 1
        _count(self.before, self.financed_before, before)
        _count(self.after, self.financed_after, after)
        change = compare(before, after)
        if change is not None:
            self._keep(key, change, state)
        return change

    def merge(self, other: Comparison) -> None:
        """Add what another one counted over other records. Both must have the same limits."""
        if (self.examples_limit, self.listed_limit) != (other.examples_limit, other.listed_limit):
            raise ValueError("Comparisons with different limits cannot be merged.")
        self.records += other.records
        for name, number in other.counts.items():
            self.counts[name] += number
        for mine, theirs in ((self.before, other.before), (self.after, other.after)):
            for currency, kinds in theirs.items():
                _merge_pairs(mine.setdefault(currency, {}), kinds)
        _merge_pairs(self.financed_before, other.financed_before)
        _merge_pairs(self.financed_after, other.financed_after)
        for name, number in other.fields.items():
            self.fields[name] = self.fields.get(name, 0) + number
        for name, kept in other._field_examples.items():
            self._put(self._field_examples.setdefault(name, []), kept, self.examples_limit)
        for name, kept in other._lists.items():
            self._put(self._lists[name], kept, self._limit(name))

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, the same for the same records in whatever order they came."""
        return {
            "limits": {"examples": self.examples_limit, "listed": self.listed_limit},
            "records": self.records,
            "counts": dict(self.counts),
            "before": _tally(self.before),
            "after": _tally(self.after),
            "financed_before": _pairs(self.financed_before),
            "financed_after": _pairs(self.financed_after),
            "fields": {
                name: {
                    "changed": self.fields[name],
                    "examples": [kept.entry for kept in self._field_examples[name]],
                }
                for name in sorted(self.fields)
            },
            "lists": {name: [kept.entry for kept in found] for name, found in self._lists.items()},
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Comparison:
        """What `as_dict` gave, to be counted on or merged. Raises KeyError for anything else."""
        made = cls(**value["limits"])
        made.records = value["records"]
        made.counts.update(value["counts"])
        for tally, name in ((made.before, "before"), (made.after, "after")):
            for currency, kinds in value[name].items():
                _merge_pairs(tally.setdefault(currency, {}), _unpaired(kinds))
        made.financed_before = _unpaired(value["financed_before"])
        made.financed_after = _unpaired(value["financed_after"])
        for name, found in value["fields"].items():
            made.fields[name] = found["changed"]
            made._field_examples[name] = [_Kept.of(entry) for entry in found["examples"]]
        for name, entries in value["lists"].items():
            made._lists[name] = [_Kept.of(entry) for entry in entries]
        return made

    def _keep(self, key: str, change: OutcomeChange, state: str | None) -> None:
        self.counts["changed"] += 1
        if change.worse:
            self.counts["worse" if change.worse > 0 else "better"] += 1
        place = (-change.worse, key)
        kept: _Kept | None = None
        for name, holds in (
            ("changed", True),
            ("became_eligible", change.became_eligible),
            ("stopped", change.stopped),
            ("touched", state is not None),
        ):
            if not holds:
                continue
            if name != "changed":
                self.counts[name] += 1
            if self._has_room(self._lists[name], place, self._limit(name)):
                kept = kept or _Kept.of(_described(key, change, state))
                self._put(self._lists[name], [kept], self._limit(name))
        for field in change.fields:
            self.fields[field.field] = self.fields.get(field.field, 0) + 1
            examples = self._field_examples.setdefault(field.field, [])
            if self._has_room(examples, place, self.examples_limit):
                example = _Kept.of({"key": key, "worse": change.worse, **asdict(field)})
                self._put(examples, [example], self.examples_limit)

    def _limit(self, name: str) -> int:
        return self.listed_limit if name == "touched" else self.examples_limit

    @staticmethod
    def _has_room(kept: list[_Kept], place: tuple[int, str], limit: int) -> bool:
        return len(kept) < limit or bool(kept and place < kept[-1].place)

    @classmethod
    def _put(cls, kept: list[_Kept], more: list[_Kept], limit: int) -> None:
        for one in more:
            if cls._has_room(kept, one.place, limit):
                insort(kept, one)
                del kept[limit:]


@dataclass(frozen=True, slots=True)
class _Kept:
    """An example in its place: worse outcomes first, then by key."""

    place: tuple[int, str]
    entry: dict[str, Any]

    @classmethod
    def of(cls, entry: dict[str, Any]) -> _Kept:
        return cls((-entry["worse"], entry["key"]), entry)

    def __lt__(self, other: _Kept) -> bool:
        return self.place < other.place


def _described(key: str, change: OutcomeChange, state: str | None) -> dict[str, Any]:
    return {
        "key": key,
        "worse": change.worse,
        "before": _side(change.before),
        "after": _side(change.after),
        "fields": [asdict(field) for field in change.fields],
        "money": dict(sorted(change.money.items())),
        "state": state,
    }


def _side(outcome: Outcome) -> dict[str, Any]:
    return {
        "kind": outcome.kind.value,
        "reason_code": outcome.reason_code,
        "sentence": outcome.sentence,
    }


def _count(tally: Tally, financed: dict[str, list[int]], outcome: Outcome) -> None:
    kinds = tally.setdefault(outcome.currency or NO_CURRENCY, {})
    pair = kinds.setdefault(outcome.kind.value, [0, 0])
    pair[0] += 1
    pair[1] += outcome.amount_minor_units or 0
    if outcome.invoice is not None:
        offered = financed.setdefault(outcome.invoice.currency, [0, 0])
        offered[0] += 1
        offered[1] += outcome.invoice.amount_minor_units


def _merge_pairs(mine: dict[str, list[int]], theirs: Mapping[str, list[int]]) -> None:
    for key, (number, amount) in theirs.items():
        pair = mine.setdefault(key, [0, 0])
        pair[0] += number
        pair[1] += amount


def _pairs(found: Mapping[str, list[int]]) -> dict[str, dict[str, int]]:
    return {
        key: {"records": found[key][0], "amount_minor_units": found[key][1]}
        for key in sorted(found)
    }


def _tally(found: Tally) -> dict[str, dict[str, dict[str, int]]]:
    return {currency: _pairs(found[currency]) for currency in sorted(found)}


def _unpaired(found: Mapping[str, Mapping[str, int]]) -> dict[str, list[int]]:
    return {key: [pair["records"], pair["amount_minor_units"]] for key, pair in found.items()}
