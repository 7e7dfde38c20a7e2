"""How commands print: tables for people, JSON for machines, progress on long work. Results go to standard output,
everything else to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from connector.errors import Refused
from connector.pull import RunReport

stdout = Console(highlight=False, soft_wrap=True)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)
_endless = Console(width=100_000, highlight=False, soft_wrap=True)
"""Standard output into a file or another program, which get whole rows: only a terminal has an edge to fold at."""


GAP = 2
"""Between two columns."""
SHORT = 20
"""A column of this many letters at most is never broken: codes, states, dates, amounts."""
LEAST_OF_A_SENTENCE = 30
"""The least room for a column that is wider."""


def print_json(value: Any) -> None:
    """One JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str
) -> None:
    """A table. Columns whose name begins with `>` are right-aligned. In a terminal too narrow for its columns side by
    side, each row is a record of a few lines."""
    listed = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not listed:
        stdout.print(Text(f"{title}: {empty}"))
        return
    names = [name.lstrip(">") for name in columns]
    widths = [max(map(cell_len, column)) for column in zip(names, *listed, strict=True)]
    least = [width if width <= SHORT else min(width, LEAST_OF_A_SENTENCE) for width in widths]
    if stdout.is_terminal and sum(least) + GAP * (len(least) - 1) > stdout.width:
        _print_records(title, names, listed, [width <= SHORT for width in widths])
        return
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name, heading, width in zip(columns, names, least, strict=True):
        # Folded, never cut: identifiers must be copied from here.
        justify: JustifyMethod = "right" if name.startswith(">") else "left"
        table.add_column(heading, justify=justify, overflow="fold", min_width=width)
    for row in listed:
        table.add_row(*map(Text, row))
    (stdout if stdout.is_terminal else _endless).print(table)


def _print_records(
    title: str, names: Sequence[str], rows: Iterable[Sequence[str]], is_short: Sequence[bool]
) -> None:
    """Each row by its first cell, what is short beside it, each sentence on lines of its own. What is empty is left out."""
    stdout.print(Text(title, style="bold"))
    indent = "  "
    for first, *others in rows:
        told = list(zip(names[1:], others, is_short[1:], strict=True))
        beside = [f"{name}: {cell}" for name, cell, short in told if cell and short]
        lines = [first or "-"]
        for part in beside:
            if cell_len(lines[-1]) + GAP + cell_len(part) > stdout.width:
                lines.append(indent + part)
            else:
                lines[-1] += " " * GAP + part
        for name, cell, short in told:
            if cell and not short:
                whole = Text(f"{name}: {cell}")
                wrapped = whole.wrap(stdout, stdout.width - len(indent), overflow="fold")
                lines += [indent + line.plain.rstrip() for line in wrapped]
        for line in lines:
            stdout.print(Text(line))


def say(sentence: str) -> None:
    """A sentence for the person at the terminal."""
    stderr.print(Text(sentence))


def sure(question: str, *, yes: bool) -> None:
    """Ask before something with effect. Raises Refused for anything but a yes, and where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("Nothing was done: this asks first.", remedy="Say --yes.")
    if not click.confirm(question, err=True):
        raise Refused("Nothing was done.")


ROW_NUMBER = click.IntRange(0, 2**62)
"""A row's number, as far as a database can have one."""


class PullProgress:
    """Says every few thousand records how far a pull is."""

    def __init__(self, every: int = 5000) -> None:
        self._every = every
        self._next = every

    def __call__(self, report: RunReport) -> None:
        if report.seen < self._next:
            return
        self._next = report.seen + self._every
        of = f" of {report.expected}" if report.expected else ""
        say(
            f"{report.connection}: read {report.seen}{of} {report.stream}, {report.changed} new or changed"
        )


def print_endpoints(lines: Sequence[dict[str, Any]]) -> None:
    """How the endpoints of the status feed fare."""
    print_table(
        "Status feed",
        ["endpoint", "state", ">waiting", ">delivered", ">dead", "next try", "last success", "why"],
        [
            (
                line["name"],
                line["state"],
                line["waiting"] + line["not_yet_offered"],
                line["delivered"],
                line["dead"],
                line["next_attempt_at"],
                line["last_success_at"],
                line["reason"] or line["error"],
            )
            for line in lines
        ],
        empty="it has no endpoints.",
    )


def amount_of(line: dict[str, Any]) -> str:
    """`1234.50 USD`, or a dash where the record does not say it."""
    return "-" if line["amount"] is None else f"{line['amount']} {line['currency']}"
