"""How the report of a back-test or a shadow run is printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connector.bootstrap import Program
from connector.cli.output import print_table, say
from connector.views import money
from connector.views.mappings import (
    REASONS,
    gist,
    invoice_numbers,
    records_of_report,
    said_once,
)
from mappings.currencies import NO_CURRENCY

LISTED = 50


def numbers_of(program: Program, connection: str, report: Mapping[str, Any]) -> dict[str, str]:
    """The invoice numbers of the records that a report names, by key."""
    stream = program.mapped_stream(connection)
    with program.database.read() as tx:
        return invoice_numbers(tx, records_of_report(tx, connection, stream, report))


def print_report(report: Mapping[str, Any], numbers: Mapping[str, str]) -> None:
    """The headline, counts and money before and after, then what changes, worst first. `numbers` are those of the
    invoices, by the key of their record."""
    older = report.get("older_versions")
    print_table(
        gist(report),
        ["currency", "outcome", ">records before", ">after", ">amount before", ">after"],
        _sides(report["before"], report["after"]),
        empty="nothing is stored yet.",
    )
    if older and older["records"]:
        say(
            f"Of {older['records']} older versions of these records {older['counts']['changed']} would have come out "
            "otherwise."
        )
    print_table(
        "Fields that change",
        ["field", ">records", "for example"],
        [
            (name, found["changed"], _example(found["examples"][0], numbers))
            for name, found in report["fields"].items()
            if name not in REASONS
        ],
        empty="none.",
    )
    listed = said_once(report)
    for title, name in (
        ("Touch an invoice that was sent already (never re-sent without a decision)", "touched"),
        ("Change, and were not sent, the worst first", "changed"),
    ):
        print_table(
            title,
            ["invoice", *(["sent as"] if name == "touched" else []), "outcome", "because"],
            [
                (
                    numbers.get(entry["key"], entry["key"]),
                    *([entry["state"]] if name == "touched" else []),
                    _outcome(entry),
                    entry["after"]["sentence"],
                )
                for entry in listed[name][:LISTED]
            ],
            empty="none.",
        )


def _example(example: Mapping[str, Any], numbers: Mapping[str, str]) -> str:
    before, after = (
        "nothing" if example[side] is None else example[side] for side in ("before", "after")
    )
    return f"{numbers.get(example['key'], example['key'])}: {before} -> {after}"


def _outcome(entry: Mapping[str, Any]) -> str:
    before, after = entry["before"]["kind"], entry["after"]["kind"]
    return f"{before} -> {after}" if before != after else str(after)


def _sides(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterable[tuple[str, str, int, int, str, str]]:
    for currency in sorted(before.keys() | after.keys()):
        mine, theirs = before.get(currency, {}), after.get(currency, {})
        for kind in sorted(mine.keys() | theirs.keys()):
            cells = [
                side.get(kind, {"records": 0, "amount_minor_units": 0}) for side in (mine, theirs)
            ]
            amounts = [
                None if currency == NO_CURRENCY else money(cell["amount_minor_units"], currency)
                for cell in cells
            ]
            yield (
                "not said" if currency == NO_CURRENCY else currency,
                kind,
                cells[0]["records"],
                cells[1]["records"],
                *("-" if each is None else each["amount"] or "-" for each in amounts),
            )
