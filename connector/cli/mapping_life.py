"""Commands that take a mapping through its life: draft, approval, activation, rollback, shadow, examples, files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click

from connector.active_mapping import document_of
from connector.authoring.editing import Value, snippet, starter
from connector.authoring.examples import differences, pin
from connector.authoring.folder import apply, plan
from connector.authoring.stacks import Subject
from connector.bootstrap import Program
from connector.cli.calling import wake_running
from connector.cli.decide import operator
from connector.cli.main import Invocation, json_option, pass_invocation
from connector.cli.mapping import DAY, draft_for, mapping, told
from connector.cli.mapping_report import print_report
from connector.cli.output import ROW_NUMBER, print_json, print_table, say
from connector.errors import Refused
from connector.views import find_record
from connector.views.mappings import golden_example

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
NOTE = click.option("--note", help="Why, for those who read it later.")


# -- drafts -------------------------------------------------------------------------------------------------------


@mapping.command("new")
@click.argument("subject")
@click.argument("file", type=FILE, required=False)
@NOTE
@pass_invocation
def mapping_new(invocation: Invocation, subject: str, file: Path | None, note: str | None) -> None:
    """Begin a draft of one layer: SUBJECT is base:MAPPING, company:COMPANY/MAPPING or connection:CONNECTION.

    Without FILE it begins from the document in force, or from an overlay that changes nothing yet.
    """
    with invocation.program() as program:
        chosen = Subject.parse(subject)
        text = _beginning(program, chosen) if file is None else document_of(str(file))
        made = program.mapping_life.new(chosen, text, operator(), note=note)
    say(f"Document {made.id} is a draft: {made.title}. Next: connector mapping edit {made.id}")


def _beginning(program: Program, subject: Subject) -> str:
    affected = program.mapping_life.stacks.affected(subject)
    with program.database.read() as tx:
        active = tx.mapping_documents.active(subject.layer, subject.name)
    if active is not None:
        return active.document
    system = program.config.connections[affected[0].connection].system
    return starter(subject.layer, subject.name, system)


@mapping.command("edit")
@click.argument("document", type=ROW_NUMBER)
@click.argument("file", type=FILE, required=False)
@click.option(
    "--set",
    "entries",
    multiple=True,
    metavar="ENTRY=VALUE",
    help="Change one entry, such as fields.due_date='invoice_due_date | date'. May be given again.",
)
@NOTE
@pass_invocation
def mapping_edit(
    invocation: Invocation,
    document: int,
    file: Path | None,
    entries: Sequence[str],
    note: str | None,
) -> None:
    """Make the next version of a document: from FILE, by --set, or in your editor. What you do not change stays as it
    was written."""
    with invocation.program() as program:
        life, by = program.mapping_life, operator()
        if entries:
            made = life.set_entry(document, snippet(dict(map(_entry, entries))), by, note=note)
        else:
            with program.database.read() as tx:
                before = tx.mapping_documents.get(document).document
            text = click.edit(before, extension=".toml") if file is None else document_of(str(file))
            made = life.edit(document, before if text is None else text, by, note=note)
        wrong = life.check(made.id, by)
    say(f"Document {made.id} is a draft: {made.title}.")
    if wrong:
        problems = "\n".join(f"{connection}: {problem}" for connection, problem in wrong.items())
        raise Refused(f"It is kept, but cannot be used yet:\n{problems}")
    say(f"It can be used. Next: connector mapping backtest {made.id}")


def _entry(given: str) -> tuple[str, Value]:
    path, sign, value = given.partition("=")
    if not sign:
        raise click.UsageError(f"--set {given!r} has no equals sign. Write ENTRY=VALUE.")
    words: dict[str, Value] = {"true": True, "false": False}
    return path.strip(), words.get(value.strip(), value.strip())


@mapping.command("withdraw")
@click.argument("document", type=ROW_NUMBER)
@pass_invocation
def mapping_withdraw(invocation: Invocation, document: int) -> None:
    """Give up a draft. Its text and its reports stay readable; it can no longer become active."""
    with invocation.program() as program:
        program.mapping_life.withdraw(document, operator())
    say(f"Document {document} is withdrawn.")


# -- decisions ----------------------------------------------------------------------------------------------------


@mapping.command("report")
@click.argument("trial", type=ROW_NUMBER)
@json_option
@pass_invocation
def mapping_report(invocation: Invocation, trial: int, as_json: bool) -> None:
    """Print the kept report of a back-test or a shadow run."""
    with invocation.program() as program, program.database.read() as tx:
        found, report = tx.mapping_trials.get(trial), tx.mapping_trials.report(trial)
    if report is None:
        raise Refused(f"Trial {trial} ({found.kind}, {found.state}) has no report yet.")
    if as_json:
        print_json({"trial": trial, "connection": found.connection, **report})
        return
    print_report(report)


@mapping.command("approve")
@click.argument("document", type=ROW_NUMBER)
@pass_invocation
def mapping_approve(invocation: Invocation, document: int) -> None:
    """Agree to a back-tested document. Where a second person must, its author cannot."""
    with invocation.program() as program:
        approved = program.mapping_life.approve(document, operator())
    say(f"{approved.title} is approved. Next: connector mapping activate {document}")


@mapping.command("activate")
@click.argument("document", type=ROW_NUMBER)
@click.option("--remap-since", type=DAY, help="Leave records that were stored before as they are.")
@pass_invocation
def mapping_activate(invocation: Invocation, document: int, remap_since: datetime | None) -> None:
    """Put a document in force. Stored records are then decided anew: unsent invoices follow, sent ones never without a
    decision."""
    with invocation.program() as program:
        versions = program.mapping_life.activate(
            document,
            operator(),
            remap_since=None if remap_since is None else remap_since.date(),
        )
        _remap(program, [version.name for version in versions])
    say(f"Document {document} decides now for {', '.join(v.name for v in versions)}.")


def _remap(program: Program, connections: Sequence[str]) -> None:
    """Let the running connector decide stored records anew; where none runs, do it here."""
    for connection in connections:
        if wake_running(program, f"remap:{connection}"):
            say(f"{connection}: the running connector decides the stored records anew.")
        else:
            changed = program.remapper(connection).run(told)
            say(f"{connection}: {changed} stored records decided anew.")


@mapping.command("rollback")
@click.argument("subject")
@pass_invocation
def mapping_rollback(invocation: Invocation, subject: str) -> None:
    """Put the document of a layer in force again that was in force before. SUBJECT as for `new`."""
    with invocation.program() as program:
        chosen = Subject.parse(subject)
        now, was = program.mapping_life.rollback(chosen, operator())
        _remap(program, [stack.connection for stack in program.stacks.affected(chosen)])
    say(f"{was.title} is taken back; {'nothing' if now is None else now.title} is in its place.")


@mapping.command("remap")
@click.option("--connection", required=True, help="Whose stored records.")
@click.option("--since", type=DAY, help="Only what was stored on this day or later.")
@pass_invocation
def mapping_remap(invocation: Invocation, connection: str, since: datetime | None) -> None:
    """Decide stored records anew that another mapping version decided. The source is not asked. An interrupted pass
    goes on where it ended."""
    with invocation.program() as program:
        program.stacks.get(connection)
        day = None if since is None else since.date()
        program.remapper(connection).ask(operator(), day)
        _remap(program, [connection])


@mapping.command("shadow")
@click.argument("document", type=ROW_NUMBER, required=False)
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True)
@click.option("--stop", "trial", type=ROW_NUMBER, help="End this shadow run.")
@pass_invocation
def mapping_shadow(
    invocation: Invocation, document: int | None, days: int, trial: int | None
) -> None:
    """Let a draft run beside the active mapping on everything that is pulled. Nothing is decided by it; what differs is
    kept as a report (`connector mapping report`)."""
    if (document is None) == (trial is None):
        raise click.UsageError("Give the number of a document, or --stop and the number of a run.")
    with invocation.program() as program:
        if trial is not None:
            program.trials.stop_shadow(trial, operator())
            say(f"Run {trial} has ended.")
        elif document is not None:
            ids = program.trials.start_shadow(document, operator(), timedelta(days=days))
            say(f"It runs for {days} days. Reports: {', '.join(map(str, ids))}.")


# -- golden examples ----------------------------------------------------------------------------------------------


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
    type=ROW_NUMBER,
    help="Expect what this draft makes of it; in force together with the draft.",
)
@pass_invocation
def example_pin(invocation: Invocation, word: str, name: str, document: int | None) -> None:
    """Keep RECORD with its outcome as the example NAME."""
    with invocation.program() as program:
        with program.database.read() as tx:
            record = find_record(tx, word)
        used = program.mappings.active(record.connection)[0]
        if document is not None:
            used = draft_for(program, str(document), record.connection)
        with program.database.write() as tx:
            made = pin(
                tx,
                record.id,
                name,
                used,
                program.clock.today(),
                operator(),
                document_id=document,
            )
    say(f"{made.name} v{made.version_no} is {made.state}: {made.expected['kind']}.")


@example.command("check")
@click.option("--with", "document", type=ROW_NUMBER, help="Check this draft instead.")
@click.option("--connection", required=True, help="Whose examples.")
@pass_invocation
def example_check(invocation: Invocation, document: int | None, connection: str) -> None:
    """Hold the active mapping (or a draft) to the examples."""
    with invocation.program() as program:
        used = program.mappings.active(connection)[0]
        if document is not None:
            used = draft_for(program, str(document), connection)
        with program.database.read() as tx:
            examples = tx.mapping_examples.in_force(connection, document)
    found = differences(used, examples)
    for difference in found:
        click.echo(str(difference))
    if found:
        raise Refused(f"{len(found)} expectations of {len(examples)} examples are not met.")
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


# -- files --------------------------------------------------------------------------------------------------------


@mapping.command("apply")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--yes", is_flag=True, help="Do what the plan says.")
@json_option
@pass_invocation
def mapping_apply(invocation: Invocation, folder: Path, yes: bool, as_json: bool) -> None:
    """Bring mappings that live in files into force: FOLDER/base, FOLDER/company/COMPANY, FOLDER/connection.

    Without --yes the plan is shown and nothing is changed. Where a second person must approve, what was changed is
    left back-tested.
    """
    with invocation.program() as program:
        planned = plan(program.database, program.mapping_life, folder)
        if as_json:
            print_json(
                [
                    {"subject": str(p.subject), "verdict": p.verdict, "changes": p.changes}
                    for p in planned
                ]
            )
        else:
            for item in planned:
                click.echo(f"{item.subject}: {item.verdict}")
                for change in item.changes:
                    click.echo(f"  {change}")
        if not yes:
            say("Nothing was changed. Do it with --yes.")
            return
        done = apply(program.mapping_life, program.trials, planned, operator(), told, say)
        for taken in done:
            say(f"{taken.subject}: document {taken.document_id} is {taken.state}.")
        live = {
            stack.connection
            for taken in done
            if taken.state == "active"
            for stack in program.stacks.affected(taken.subject)
        }
        _remap(program, sorted(live))
