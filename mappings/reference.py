"""The tables of docs/mapping-language.md, made from the language itself. A test fails when the page is stale."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from mappings.conditions import COMPARISONS
from mappings.financier import TARGETS, describe_financier, known_financiers
from mappings.functions import FUNCTIONS
from mappings.vocabulary import Function


def functions_table(*, begins: bool) -> str:
    """The functions that stand at the beginning of an expression, or those that follow."""
    lines = ["| function | what it does | example | from | gives |", "|---|---|---|---|---|"]
    for function in FUNCTIONS.values():
        if function.begins == begins:
            example = function.example
            lines.append(
                f"| `{function.signature}` | {function.sentence} | {_code(example.expression)} "
                f"| {_code(json.dumps(example.record))} | {_result(function)} |"
            )
    return "\n".join(lines)


def comparisons_table() -> str:
    """The comparisons of conditions."""
    lines = ["| comparison | holds when |", "|---|---|"]
    lines += [f"| `{entry.words}` | {entry.sentence} |" for entry in COMPARISONS]
    return "\n".join(lines)


def fields_table() -> str:
    """The fields of a financing invoice, and what each financier asks of them."""
    financiers = known_financiers()
    lines = [
        "| field | is | " + " | ".join(f"`{name}`" for name in financiers) + " |",
        "|---|---|" + "---|" * len(financiers),
    ]
    for target, kinds in TARGETS.items():
        asked = []
        for name in financiers:
            need = describe_financier(name).fields.get(target)
            words = ["required" if need and need.required else "may be left out"]
            if need and need.allowed:
                words.append("one of " + ", ".join(need.allowed))
            asked.append("; ".join(words))
        lines.append(f"| `{target}` | {' or '.join(sorted(kinds))} | {' | '.join(asked)} |")
    return "\n".join(lines)


def generated(page: str) -> str:
    """The page with every generated part made anew.

    A part stands between the lines `<!-- generated: NAME -->` and `<!-- end -->`. Raises KeyError for another name.
    """
    parts = {
        "beginnings": functions_table(begins=True),
        "functions": functions_table(begins=False),
        "comparisons": comparisons_table(),
        "fields": fields_table(),
    }
    before, *rest = page.split("<!-- generated: ")
    made = [before]
    for piece in rest:
        name, _, remainder = piece.partition(" -->")
        _, _, after = remainder.partition("<!-- end -->")
        made.append(f"<!-- generated: {name} -->\n{parts[name]}\n<!-- end -->{after}")
    return "".join(made)


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _result(function: Function) -> str:
    result: Any = function.example.result
    if isinstance(result, str) and result.startswith("!"):
        return f"*{result[1:]}*"
    if isinstance(result, date):
        return f"{result.isoformat()}"
    return _code(json.dumps(result))
