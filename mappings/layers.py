"""Layers: a whole document with partial ones (overlays) on top, made into one document that says who set what.

shipped default <- company overlay <- connection overlay. The unit is the entry: one field, one line of a value table,
one part of a rule. The upper layer's entry takes the place of the lower one's; everything else stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mappings.document import Document
from mappings.entry_list import Entries, Entry, read_entries, slot_of
from mappings.locations import KeyPath, Locations, Position
from mappings.problems import DocumentProblem, MappingError
from mappings.rules import KINDS
from mappings.splicing import render

MAX_LAYERS: Final = 10
_ABOUT_THE_SOURCE: Final = ("system", "stream")
_PARTS_OF_A_RULE: Final = ("when", "when_any", "sentence", "off")


@dataclass(frozen=True, slots=True)
class Layer:
    """One document of several. `name` stands in messages, such as `the overlay of Acme`."""

    name: str
    document: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an entry was written: the layer, and the line and column in it, both counted from 1."""

    layer: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.layer}, line {self.line}"


@dataclass(frozen=True, slots=True)
class EffectiveDocument:
    """What the layers say together.

    `text` is one TOML document, which `load_mapping` reads like any other; the comments of the first layer stay, and
    with nothing changed above it, it is the first layer's text. `annotated` is the same with a comment at
    each entry that another layer set. `origins` is keyed by the entry as one would say it (`fields.amount`,
    `exclude.past_due`, `exclude.past_due.when`, `tables.direction.out`); `switched_off` by rule or entry.
    """

    name: str
    text: str
    annotated: str
    layers: tuple[Layer, ...]
    origins: Mapping[str, Origin]
    switched_off: Mapping[str, Origin]
    locations: Locations


def effective(layers: Sequence[Layer], *, name: str = "mapping") -> EffectiveDocument:
    """Put overlays on a whole document (the first layer). The result is not yet compiled.

    An overlay switches a rule off by `off = true` under the rule's name, and on again by `off = false`; it takes away
    a field, or a line of a table, of the record's description or of the totals, by `NAME = false`. Raises
    MappingError, whose problems name layer, line and column.
    """
    if not 1 <= len(layers) <= MAX_LAYERS or len({layer.name for layer in layers}) < len(layers):
        message = f"There must be 1 to {MAX_LAYERS} layers, each with a name of its own"
        raise MappingError(name, [DocumentProblem(1, 1, "", message)])
    documents = [_read(layer, name) for layer in layers]
    merged: Entries = {}
    problems: list[DocumentProblem] = []
    below: Entries = {}
    for number, (document, layer) in enumerate(zip(documents, layers, strict=True)):
        own = read_entries(document, layer.document, number)
        if number == 0:
            below = own
        else:
            _check_overlay(document, own, merged)
        problems += document.problems
        merged = {**merged, **own}
    if problems:
        raise MappingError(name, problems)
    live, gone = _settled(merged)
    origin = {
        slot: _origin(documents, layers, entry)
        for slot, entry in (*live.items(), *((s, e) for s, e in gone.items() if s not in live))
    }
    names = [layer.name for layer in layers]
    return EffectiveDocument(
        name,
        render(layers[0].document, documents[0].locations.spans, below, live, None),
        render(layers[0].document, documents[0].locations.spans, below, live, names),
        tuple(layers),
        _origins(live, origin),
        {_spoken(slot): origin[slot] for slot in gone},
        _locations(documents, live, names),
    )


def amended(document: str, change: str) -> str:
    """A document with the entries of a partial one written into it, all else as its author wrote it. Nothing is
    settled: `off = true` and `NAME = false` stand there for the layers below. Raises MappingError."""
    layers = [Layer("document", document), Layer("change", change)]
    documents = [_read(layer, "mapping") for layer in layers]
    own, others = (
        read_entries(read, layer.document, number)
        for number, (read, layer) in enumerate(zip(documents, layers, strict=True))
    )
    for read in documents:
        read.finish()
    return render(document, documents[0].locations.spans, own, {**own, **others}, None)


def _read(layer: Layer, name: str) -> Document:
    try:
        return Document(layer.document, name, layer=layer.name)
    except MappingError as error:
        raise MappingError(name, error.problems) from None


def _check_overlay(document: Document, own: Entries, merged: Entries) -> None:
    """Note what an overlay cannot mean, given the layers below it."""
    for slot, entry in own.items():
        section = str(slot[0])
        if section in _ABOUT_THE_SOURCE and slot in merged and merged[slot].value != entry.value:
            document.note(
                entry.path,
                f"This overlay is for another {section}; the layers below it have {merged[slot].value}",
                at_value=True,
            )
        if entry.takes_away and slot not in merged:
            beside = tuple(str(known[-1]) for known in merged if known[:-1] == slot[:-1])
            document.note(entry.path, f"No layer below has {slot[-1]}", allowed=beside)
        if section in KINDS and len(slot) == 3:
            if slot[2] not in _PARTS_OF_A_RULE:
                document.note(
                    entry.path, f"There is no entry {slot[2]} here", allowed=_PARTS_OF_A_RULE
                )
            _check_switch(document, slot, entry, own, merged)


def _check_switch(
    document: Document, slot: KeyPath, entry: Entry, own: Entries, merged: Entries
) -> None:
    switch = (*slot[:2], "off")
    if slot == switch:
        if not isinstance(entry.value, bool):
            document.note(entry.path, "Write off = true or off = false", at_value=True)
        elif not any(known[:2] == slot[:2] and known != switch for known in (*merged, *own)):
            known_rules = {str(known[1]) for known in merged if known[0] == slot[0]}
            document.note(
                slot[:2],
                f"No layer below has a rule {slot[1]} under {slot[0]}",
                allowed=sorted(known_rules),
            )
    elif switch in merged and merged[switch].value is True and switch not in own:
        document.note(
            entry.path,
            "A layer below has switched this rule off; write off = false to switch it on again",
        )


def _settled(merged: Entries) -> tuple[Entries, Entries]:
    """What is in force, and what was switched off or taken away (a rule by its first two parts)."""
    gone: Entries = {}
    for slot, entry in merged.items():
        if slot[0] in KINDS and len(slot) == 3 and slot[2] == "off" and entry.layer > 0:
            if entry.value is True:
                gone[slot[:2]] = entry
        elif entry.takes_away and entry.layer > 0:
            gone[slot] = entry
    live = {
        slot: entry
        for slot, entry in merged.items()
        if slot not in gone
        and slot[:2] not in gone
        and not (slot[0] in KINDS and slot[2:] == ("off",) and entry.layer > 0)
    }
    return live, gone


def _origin(documents: Sequence[Document], layers: Sequence[Layer], entry: Entry) -> Origin:
    position = documents[entry.layer].locations.key(entry.path)
    return Origin(layers[entry.layer].name, position.line, position.column)


def _origins(live: Entries, origin: Mapping[KeyPath, Origin]) -> dict[str, Origin]:
    found = {_spoken(entry.path): origin[slot] for slot, entry in live.items()}
    latest: dict[KeyPath, tuple[int, Origin]] = {}
    for slot, entry in live.items():
        rule = slot[:2]
        if slot[0] in KINDS and (rule not in latest or entry.layer > latest[rule][0]):
            latest[rule] = (entry.layer, origin[slot])
    return found | {_spoken(rule): place for rule, (_, place) in latest.items()}


def _spoken(path: KeyPath) -> str:
    return ".".join(map(str, path))


def _locations(documents: Sequence[Document], live: Entries, names: Sequence[str]) -> Locations:
    """Where each entry in force was written. A section stands where it was begun, a rule where it was last changed."""
    found = Locations({}, {}, {})
    for number, document in enumerate(documents):
        for places, own in (
            (found.keys, document.locations.keys),
            (found.values, document.locations.values),
        ):
            for path, position in own.items():
                slot = slot_of(path)
                place = Position(position.line, position.column, names[number])
                if slot is None:
                    if len(path) > 1 or path not in places:
                        places[path] = place
                elif slot in live and live[slot].layer == number:
                    places[path] = place
    return found
