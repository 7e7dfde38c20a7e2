"""What differs between two mappings, in words: by field, rule, table line and option."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mappings.document import Document
from mappings.entry_list import Entries, Entry, read_entries
from mappings.locations import KeyPath
from mappings.mapping import Mapping
from mappings.rules import KINDS

_LEAVES_OUT: Final = "is no longer there"
_LEFT_OUT: Final = "left out"
_SWITCHES: Final = {True: "switched off", False: "switched on"}
_STATES: Final = (_LEFT_OUT, *_SWITCHES.values())
"""What an overlay says of an entry of the layers below, instead of giving it another value."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `what` names it (`field due_date`, `rule past_due (exclude)`); `before` and `after` are what is
    written, None where there is nothing. `entry` is its path in the documents (`fields.due_date`). Not `whole` is an
    overlay's part of a rule that stands in a layer below."""

    what: str
    before: str | None
    after: str | None
    entry: str
    whole: bool = True

    @property
    def sentence(self) -> str:
        """The change for people."""
        subject = self.what[:1].upper() + self.what[1:]
        if self.before is None and self.after in _STATES:
            return f"{subject} is {self.after}"
        if self.before is None:
            return f"{subject} is {'new' if self.whole else 'changed here'}: {self.after}"
        if self.after is None and (self.before in _STATES or not self.whole):
            return f"{subject} is as in the layers below again; it was: {self.before}"
        if self.after is None:
            return f"{subject} {_LEAVES_OUT}; it was: {self.before}"
        return f"{subject} was: {self.before}; is now: {self.after}"


def diff(before: Mapping | str, after: Mapping | str) -> list[Change]:
    """The differences of two documents, or of two compiled mappings with their layers and options. Comments, blanks
    and order of fields are no difference; the order of rules is.

    Raises MappingError for a text that is no mapping document. An unfinished draft, which would not compile, is fine
    as long as its entries can be told.
    """
    old, new = _entries(before), _entries(after)
    changes = [
        *_plain_changes(old, new),
        *_rule_changes(old, new),
        *_order_changes(old, new),
    ]
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        changes += _option_changes(before, after)
    return changes


def _entries(given: Mapping | str) -> Entries:
    text = given.document if isinstance(given, Mapping) else given
    document = Document(text, given.name if isinstance(given, Mapping) else "the document")
    entries = read_entries(document, text)
    document.finish()
    return entries


def _plain_changes(old: Entries, new: Entries) -> Iterator[Change]:
    for slot in dict.fromkeys((*old, *new)):
        if slot[0] in KINDS:
            continue
        before, after = old.get(slot), new.get(slot)
        if before is None or after is None or before.value != after.value:
            yield Change(
                _called(slot),
                None if before is None else _shown(before),
                None if after is None else _shown(after),
                ".".join(map(str, slot)),
            )


def _rule_changes(old: Entries, new: Entries) -> Iterator[Change]:
    for rule in dict.fromkeys(slot[:2] for slot in (*old, *new) if slot[0] in KINDS):
        before, after = _rule(old, rule), _rule(new, rule)
        if before != after:
            whole = _is_whole(new if before is None else old, rule)
            what = f"rule {rule[1]} ({rule[0]})"
            yield Change(what, before, after, ".".join(map(str, rule)), whole)


def _is_whole(entries: Entries, rule: KeyPath) -> bool:
    return (*rule, "when") in entries and (*rule, "sentence") in entries


def _rule(entries: Entries, rule: KeyPath) -> str | None:
    parts = {slot[2]: entry for slot, entry in entries.items() if slot[:2] == rule}
    if not parts:
        return None
    switch = parts["off"].value if "off" in parts else None
    said = [_SWITCHES[switch]] if isinstance(switch, bool) else []
    condition = parts.get("when")
    if condition is not None:
        texts = condition.value if isinstance(condition.value, list) else [condition.value]
        joined = (" or " if condition.path[-1] == "when_any" else " and ").join(map(str, texts))
        said.append(f"when {joined}")
    if "sentence" in parts:
        said.append(f"says: {parts['sentence'].value}")
    return "; ".join(said)


def _order_changes(old: Entries, new: Entries) -> Iterator[Change]:
    for section in KINDS:
        before = _names(old, section)
        after = _names(new, section)
        both = set(before) & set(after)
        kept_before = [name for name in before if name in both]
        kept_after = [name for name in after if name in both]
        if kept_before != kept_after:
            yield Change(
                f"order of the rules under {section}",
                ", ".join(kept_before),
                ", ".join(kept_after),
                section,
            )


def _names(entries: Entries, section: str) -> Sequence[str]:
    return list(dict.fromkeys(str(slot[1]) for slot in entries if slot[0] == section))


def _option_changes(before: Mapping, after: Mapping) -> Iterator[Change]:
    """Values that connections set; the defaults are entries of the documents."""
    old, new = before.options, after.options
    for name in dict.fromkeys((*old, *new)):
        if name in old and name in new:
            was, now = old[name], new[name]
            if was.value != now.value and (was.value, now.value) != (was.default, now.default):
                yield Change(f"value of the option {name}", was.value, now.value, f"options.{name}")


def _called(slot: KeyPath) -> str:
    section, name = str(slot[0]), str(slot[-1])
    if section == "options":
        return f"{name} of the option {slot[1]}"
    if section == "tables":
        return f"line {name} of the table {slot[1]}"
    words = {
        "fields": f"field {name}",
        "record": f"description of {name} in the record",
        "totals": f"{name} of the totals",
    }
    return words.get(section, name)


def _shown(entry: Entry) -> str:
    value: Any = entry.value
    if entry.takes_away:
        return _LEFT_OUT
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
