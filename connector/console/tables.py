"""Tables on a phone: what stands beside each other on a wide screen stands below each other there, each with the name of
its column before it. The names are put into the cells here, so that style alone does the rest, without any script."""

from __future__ import annotations

import re

from flask import Flask
from markupsafe import Markup, escape

COLUMNS_BESIDE_EACH_OTHER = 3
"""A table of so many columns is readable on a phone as it is."""

_HEAD = re.compile(r"<thead>(.*?)</thead>", re.DOTALL)
_HEADING = re.compile(r"<th\b([^>]*)>(.*?)</th>", re.DOTALL)
_ROW = re.compile(r"(<tr\b[^>]*>)(.*?)(</tr>)", re.DOTALL)
_CELL = re.compile(r"<(td|th)\b([^>]*)>(.*?)</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_MARK = re.compile(r"[@/_]")
_NOTHING = ("", "\N{EN DASH}")


def becomes_cards(inside: str) -> bool:
    """Whether a table (its inner markup) is too wide for a phone, and its rows can stand for themselves."""
    head = _HEAD.search(inside)
    if head is None or "rowspan=" in inside or "colspan=" in inside:
        return False
    shown = [attributes for attributes, _ in _HEADING.findall(head[1])]
    return sum("wide-only" not in each for each in shown) > COLUMNS_BESIDE_EACH_OTHER


def labelled(inside: str) -> Markup:
    """The inner markup of a table, each cell of its body with the name of its column. Cells without content say so."""
    text = str(inside)  # safe markup would escape what is joined to it
    head = _HEAD.search(text)
    if head is None:
        return Markup(text)  # noqa: S704 - the templates escaped it
    names = [_text(content) for _, content in _HEADING.findall(head[1])]
    body = _ROW.sub(lambda row: row[1] + _cells(row[2], names) + row[3], text[head.end() :])
    return Markup(text[: head.end()] + body)  # noqa: S704 - the templates escaped it


def _cells(row: str, names: list[str]) -> str:
    place = -1

    def one(cell: re.Match[str]) -> str:
        nonlocal place
        place += 1
        kind, attributes, content = cell.groups()
        if kind == "th" or place >= len(names):
            return cell[0]
        empty = ' data-empty=""' if _text(content) in _NOTHING and "<input" not in content else ""
        return f'<td{attributes} data-label="{names[place]}"{empty}>{content}</td>'

    return _CELL.sub(one, row)


def _text(markup: str) -> str:
    """The text of markup, ready for an attribute: what was escaped stays so."""
    return " ".join(_TAG.sub("", markup).split()).replace('"', "&#34;")


def foldable(text: str) -> Markup:
    """Text that a narrow column breaks before one of its marks (`ana@example.com`), not inside a word."""
    return Markup(_MARK.sub(r"<wbr>\g<0>", str(escape(text))))  # noqa: S704 - escaped here


def install(app: Flask) -> None:
    """Give the templates these."""
    app.jinja_env.filters["labelled"] = labelled
    app.jinja_env.filters["foldable"] = foldable
    app.jinja_env.tests["becoming_cards"] = becomes_cards
