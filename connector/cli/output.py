"""How commands print: tables for people, JSON for machines, progress on long work. Results go to standard output,
everything else to standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.pull import RunReport

stdout = Console(highlight=False, soft_wrap=True)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)
_endless = Console(width=100_000, highlight=False, soft_wrap=True)
"""Standard output into a file or another program, which get whole rows: only a terminal has an edge to fold at."""


def print_json(value: Any) -> None:
    """One JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str
) -> None:
    """A table. Columns whose name begins with `>` are right-aligned."""
    listed = [tuple(rows_) for rows_ in rows]
    if not listed:
        stdout.print(Text(f"{title}: {empty}"))
        return
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in columns:
        # Folded, never cut: identifiers must be copied from here.
        table.add_column(
            name.lstrip(">"), justify="right" if name.startswith(">") else "left", overflow="fold"
        )
    for row in listed:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    (stdout if stdout.is_terminal else _endless).print(table)


def say(sentence: str) -> None:
    """A sentence for the person at the terminal."""
    stderr.print(Text(sentence))


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
