"""How the report of a back-test or a shadow run is printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connector.cli.output import print_table, say
from connector.views import money


def print_report(report: Mapping[str, Any]) -> None:
    """Counts and money before and after, then what changes, worst first."""
    counts = report["counts"]
    older = report.get("older_versions")
    print_table(
        f"{report['records']} records, {counts['changed']} change "
        f"({counts['worse']} for the worse, {counts['touched']} of them sent already)",
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
            (
                name,
                found["changed"],
                f"{found['examples'][0]['key']}: {found['examples'][0]['before']} -> "
                f"{found['examples'][0]['after']}",
            )
            for name, found in report["fields"].items()
        ],
        empty="none.",
    )
    for title, listed in (
        ("Touch an invoice that was sent already (never re-sent without a decision)", "touched"),
        ("Change, the worst first", "changed"),
    ):
        print_table(
            title,
            ["record", "state", "before", "after", "reason"],
            [
                (
                    entry["key"],
                    entry["state"],
                    entry["before"]["kind"],
                    entry["after"]["kind"],
                    entry["after"]["sentence"],
                )
                for entry in report["lists"][listed][:50]
            ],
            empty="none.",
        )


def _sides(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterable[tuple[str, str, int, int, str, str]]:
    for currency in sorted(before.keys() | after.keys()):
        mine, theirs = before.get(currency, {}), after.get(currency, {})
        for kind in sorted(mine.keys() | theirs.keys()):
            cells = [
                side.get(kind, {"records": 0, "amount_minor_units": 0}) for side in (mine, theirs)
            ]
            amounts = [money(cell["amount_minor_units"], currency)["amount"] for cell in cells]
            yield (
                currency,
                kind,
                cells[0]["records"],
                cells[1]["records"],
                amounts[0] or "-",
                amounts[1] or "-",
            )
