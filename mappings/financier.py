"""What a financier asks of an invoice, read from the packaged descriptions in `mappings/financiers/`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

from mappings.document import Document
from mappings.vocabulary import AMOUNT, CURRENCY, DATE, TEXT

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)

TARGETS: Final[dict[str, frozenset[str]]] = {
    "direction": frozenset({TEXT}),
    "invoice_number": frozenset({TEXT}),
    "currency": frozenset({CURRENCY}),
    "amount": frozenset({AMOUNT}),
    "due_date": frozenset({DATE}),
    "buyer": frozenset({TEXT}),
    "supplier": frozenset({TEXT}),
    "issue_date": frozenset({DATE}),
    "type_of_goods": frozenset({TEXT}),
    "note": frozenset({TEXT}),
}
"""The fields of a financing invoice, and the kinds of value each takes."""


@dataclass(frozen=True, slots=True)
class FieldNeed:
    """What is asked of one field. `missing` is the sentence for a record that lacks it."""

    required: bool
    missing: str
    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FinancierDescription:
    """A financier's needs by field, and the document that holds its rules. `systems` are those whose invoices it
    finances; none named means any."""

    name: str
    fields: dict[str, FieldNeed]
    document: Document
    systems: tuple[str, ...] = ()


def known_financiers() -> tuple[str, ...]:
    """Names of the packaged descriptions."""
    folder = resources.files("mappings").joinpath("financiers")
    return tuple(
        sorted(
            entry.name.removesuffix(".toml")
            for entry in folder.iterdir()
            if entry.name.endswith(".toml")
        )
    )


@lru_cache(maxsize=32)
def describe_financier(name: str) -> FinancierDescription:
    """Read a packaged description. Raises KeyError for an unknown name, MappingError for a description with mistakes."""
    if name not in known_financiers():
        raise KeyError(name)
    text = resources.files("mappings").joinpath("financiers", f"{name}.toml").read_text("utf-8")
    document = Document(text, f"financiers/{name}.toml")
    top = document.section((), ("sentence", "systems", "fields", "exclude", "hold"))
    fields: dict[str, FieldNeed] = {}
    for target, entry in document.named_sections(("fields",), _NAME).items():
        document.section(("fields", target), ("required", "missing", "allowed"))
        if target not in TARGETS:
            document.note(("fields", target), "There is no such field", allowed=TARGETS)
        fields[target] = FieldNeed(
            entry.get("required") is True,
            str(entry.get("missing", "")),
            tuple(map(str, entry.get("allowed", ()))),
        )
    document.finish()
    return FinancierDescription(name, fields, document, tuple(map(str, top.get("systems", ()))))


def listed_goods(goods: str) -> tuple[str, ...]:
    """`perishables, other` as its two words."""
    return tuple(part.strip() for part in goods.split(",")) if "," in goods else (goods,)
