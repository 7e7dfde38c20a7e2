"""Commands about golden examples: pin a record with its outcome, hold mappings to it."""

from __future__ import annotations

import click

from connector.authoring.examples import hold_to, pin
from connector.cli.decide import operator
from connector.cli.main import Invocation, json_option, pass_invocation
from connector.cli.mapping import document_number, draft_for, mapping
from connector.cli.output import print_json, print_table, say, sure
from connector.evaluating import readable
from connector.views import find_record
from connector.views.mappings import golden_example
from mappings import OutcomeKind


@mapping.group("example")
def example() -> None:
    """Golden examples: records pinned with what must become of them. Every activation is held to them."""


@example.command("list")
@click.option("--connection", help="Only this connection.")
@json_option
@pass_invocation
def example_list(invocation: Invocation, connection: str | None, as_json: bool) -> None:
    """The examples in force, and those proposed with a change."""
    with invocation.program() as program, program.database.read() as tx:
        lines = [golden_example(e) for e in tx.mapping_examples.all(connection)]
    if as_json:
        print_json(lines)
        return
    keys = ("connection", "name", "version", "state", "record", "today", "by")
    print_table(
        "Golden examples",
        ["connection", "name", ">version", "state", "record", "as of", "by"],
        [tuple(line[key] for key in keys) for line in lines],
        empty="none. Pin one with `connector mapping example pin RECORD NAME`.",
    )


@example.command("pin")
@click.argument("word", metavar="RECORD")
@click.argument("name")
@click.option(
    "--with",
    "document",
    help="Expect what this draft makes of it; in force together with the draft.",
)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@pass_invocation
def example_pin(
    invocation: Invocation, word: str, name: str, document: str | None, yes: bool
) -> None:
    """Keep RECORD with its outcome as the example NAME. You are asked where that outcome is no invoice."""
    with invocation.program() as program:
        with program.database.read() as tx:
            record = find_record(tx, word)
            raw = tx.records.latest_raw(record.id)
        used = program.mappings.active(record.connection)[0]
        number = None if document is None else document_number(program, document)
        if document is not None:
            used = draft_for(program, document, record.connection)
        outcome = used.evaluate(readable(raw), program.clock.today())
        if outcome.kind is not OutcomeKind.MAPPED:
            say(
                f"What would be pinned is no invoice: {word} is {outcome.kind.value}. {outcome.sentence}"
            )
            sure("Must it stay so?", yes=yes)
        with program.database.write() as tx:
            made = pin(
                tx,
                record.id,
                name,
                used,
                program.clock.today(),
                operator(),
                document_id=number,
            )
    say(f"{made.name} v{made.version_no} is {made.state}: {made.expected['kind']}.")


@example.command("check")
@click.option("--with", "document", help="Check this draft instead.")
@click.option("--connection", required=True, help="Whose examples.")
@pass_invocation
def example_check(invocation: Invocation, document: str | None, connection: str) -> None:
    """Hold the active mapping (or a draft) to the examples."""
    with invocation.program() as program:
        used = program.mappings.active(connection)[0]
        number = None if document is None else document_number(program, document)
        if document is not None:
            used = draft_for(program, document, connection)
        with program.database.read() as tx:
            examples = tx.mapping_examples.in_force(connection, number)
    hold_to(used, examples, connection)
    say(f"All {len(examples)} examples come out as they must.")


@example.command("retire")
@click.argument("connection")
@click.argument("name")
@pass_invocation
def example_retire(invocation: Invocation, connection: str, name: str) -> None:
    """Take an example out of force: no activation is held to it any more."""
    with invocation.program() as program, program.database.write() as tx:
        tx.mapping_examples.retire(connection, name)
        tx.audit.append(operator(), "mapping.example_retired", f"{connection} {name}", {})
    say(f"{name} is retired.")
