"""Changing single entries of a document, as a form or a command does, without touching what stands around them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from connector.errors import Refused
from mappings import Layer, MappingError, amended, effective

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SECTIONS_OF_RULES: Final = ("exclude", "hold", "eligible")

Value = str | bool | list[str]


def snippet(entries: Mapping[str, Value]) -> str:
    """A partial document that holds just these entries, by their path: `fields.due_date`, `tables.terms.N30`,
    `exclude.past_due.when`. A value is text, true or false (which switches off or on), or a list of texts.

    Raises Refused for a path that names no entry.
    """
    sections: dict[str, list[str]] = {}
    for path, value in entries.items():
        *section, key = _parts(path)
        lines = sections.setdefault(f"[{'.'.join(map(_key, section))}]", [])
        lines.append(f"{_key(key)} = {_value(value)}")
    return "\n".join("\n".join([header, *lines, ""]) for header, lines in sections.items())


def with_entries(layer: str, document: str, snippet: str) -> str:
    """The document with the entries of the snippet in it, all else as written. In a base, what is switched off or left
    out is taken out of the text; an overlay says it to the layers below. Raises Refused."""
    try:
        if layer == "base":
            return effective([Layer("document", document), Layer("change", snippet)]).text
        return amended(document, snippet)
    except MappingError as error:
        raise Refused(f"The change cannot be made:\n{error}") from None


def starter(layer: str, name: str, system: str) -> str:
    """What a new overlay begins from: a document that changes nothing and says how to."""
    whom = (
        f"the company {name.split('/', maxsplit=1)[0]}"
        if layer == "company"
        else f"the connection {name}"
    )
    return f"""\
# What {whom} does otherwise than the layers below it. Only what differs stands here.
# A field:            [fields]            due_date = "invoice_due_date | date"
# A line of a table:  [tables.terms]      N30 = "30"
# A rule:             [exclude.too_small] when = "..."  sentence = "..."
# A rule switched off: [hold.no_number]   off = true

system = "{system}"
"""


def _parts(path: str) -> list[str]:
    """Two parts, or three for rules, tables and options; what comes last may contain dots (`record."a.b"`)."""
    first = path.split(".", 1)
    if len(first) < 2 or not all(first):
        raise Refused(
            f"{path!r} names no entry of a mapping.",
            remedy="Write fields.NAME, tables.TABLE.LINE or RULES.NAME.PART, such as exclude.past_due.when.",
        )
    section, rest = first
    if section in (*_SECTIONS_OF_RULES, "tables", "options"):
        second = rest.split(".", 1)
        if len(second) < 2 or not all(second):
            raise Refused(f"{path!r} names no entry: a part is missing after {rest!r}.")
        return [section, *second]
    return [section, rest]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value(value: Value) -> str:
    # A JSON text, list or truth value is the same in TOML, but for the delete character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
