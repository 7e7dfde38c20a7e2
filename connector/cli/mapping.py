"""Commands about mappings: see them, check a draft, explain a record, and try a draft on everything that is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from connector.active_mapping import compiled, document_of, mapping_name
from connector.backtest import backtest
from connector.bootstrap import Program
from connector.cli.decide import flow_named
from connector.cli.main import Invocation, cli, json_option, pass_invocation
from connector.cli.output import print_json, print_table, say
from connector.errors import ConfigError
from connector.evaluating import readable
from connector.views import find_record, instant, money
from mappings import diff, explanation_text, shipped

TOML_FILE = click.Path(path_type=Path, dir_okay=False)


@cli.group()
def mapping() -> None:
    """What decides which invoices are offered, and how. docs/mapping-language.md teaches the language."""


@mapping.command("list")
@json_option
@pass_invocation
def mapping_list(invocation: Invocation, as_json: bool) -> None:
    """Every version of the mappings that the flows use."""
    with invocation.program() as program, program.database.read() as tx:
        names = sorted({mapping_name(flow.mapping) for flow in program.config.flows})
        lines = [
            {
                "name": version.name,
                "version": version.version_no,
                "state": version.state,
                "activated_at": instant(version.activated_at),
                "by": version.created_by,
                "sha256": version.sha256,
            }
            for name in names
            for version in tx.mappings.versions(name)
        ]
    if as_json:
        print_json(lines)
        return
    print_table(
        "Mappings",
        ["name", ">version", "state", "activated", "by", "sha256"],
        [
            (n["name"], n["version"], n["state"], n["activated_at"], n["by"], n["sha256"])
            for n in lines
        ],
        empty="none was activated yet. Start the connector once.",
    )


@mapping.command("show")
@click.argument("name")
def mapping_show(name: str) -> None:
    """Print a shipped mapping, to read or to begin your own from."""
    documents = shipped()
    if name not in documents:
        raise click.UsageError(
            f"There is no shipped mapping {name!r}. There are: {', '.join(sorted(documents))}."
        )
    click.echo(documents[name], nl=False)


@mapping.command("check")
@click.argument("file", type=TOML_FILE)
def mapping_check(file: Path) -> None:
    """Check the draft FILE: every problem with its line, column and a suggestion."""
    draft = compiled(document_of(str(file)), file.stem)
    say(f"It can be used: {draft.system} {draft.stream} to {draft.financier}.")


@mapping.command("explain")
@click.argument("word")
@click.option(
    "--draft", type=TOML_FILE, help="Explain by this draft instead of the active mapping."
)
@pass_invocation
def mapping_explain(invocation: Invocation, word: str, draft: Path | None) -> None:
    """Explain the outcome of one record: each field step by step, each rule's verdict."""
    with invocation.program() as program:
        with program.database.read() as tx:
            record = find_record(tx, word)
            raw = tx.records.latest_raw(record.id)
        decider = program.decider(record.connection)
        if decider is None:
            raise ConfigError(f"No flow takes the invoices of {record.connection!r} anywhere.")
        used = decider.mapping if draft is None else compiled(document_of(str(draft)), draft.stem)
        explained = used.explain(readable(raw), decider.today)
    click.echo(explanation_text(explained, origins=used.origins))


@mapping.command("diff")
@click.argument("before")
@click.argument("after")
@json_option
def mapping_diff(before: str, after: str, as_json: bool) -> None:
    """What changes from BEFORE to AFTER, in words. Each is a shipped mapping's name or a file."""
    changes = diff(*(compiled(document_of(name), mapping_name(name)) for name in (before, after)))
    if as_json:
        print_json([{"entry": c.entry, "before": c.before, "after": c.after} for c in changes])
        return
    for change in changes:
        click.echo(change.sentence)
    if not changes:
        say("They say the same.")


@mapping.command("backtest")
@click.argument("file", type=TOML_FILE)
@click.option("--connection", required=True, help="Whose stored records to try it on.")
@json_option
@pass_invocation
def mapping_backtest(invocation: Invocation, file: Path, connection: str, as_json: bool) -> None:
    """Try the draft FILE on every stored record, beside the active mapping. Nothing is changed or sent.

    What becomes worse and what touches an invoice that was sent already is listed first.
    """
    draft = compiled(document_of(str(file)), file.stem)
    with invocation.program() as program:
        report = run_backtest(program, draft, connection)
    if as_json:
        print_json(report)
        return
    print_report(report)


def run_backtest(program: Program, draft: Any, connection: str) -> dict[str, Any]:
    """The comparison as a dictionary, with progress for the person who waits."""
    flow_named(program, connection)
    active = program.decider(connection)
    if active is None:
        raise ConfigError(f"No flow takes the invoices of {connection!r} anywhere.")

    def progress(compared: int) -> None:
        if compared % 10_000 == 0:
            say(f"{compared} records compared.")

    stream = program.mapped_stream(connection)
    return backtest(program.database, stream, active, draft, progress).as_dict()


def print_report(report: Mapping[str, Any]) -> None:
    """Counts and money before and after, then what changes, worst first."""
    counts = report["counts"]
    print_table(
        f"{report['records']} records, {counts['changed']} change "
        f"({counts['worse']} for the worse, {counts['touched']} of them sent already)",
        ["currency", "outcome", ">records before", ">after", ">amount before", ">after"],
        _sides(report["before"], report["after"]),
        empty="nothing is stored yet.",
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
