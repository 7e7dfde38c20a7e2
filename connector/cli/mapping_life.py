"""Commands that take a mapping through its life: draft, approval, activation, rollback, shadow, files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click

from connector.active_mapping import document_of
from connector.authoring.editing import Value, snippet, starter
from connector.authoring.folder import apply, plan
from connector.authoring.stacks import Subject
from connector.bootstrap import Program
from connector.cli.calling import wake_running
from connector.cli.decide import operator
from connector.cli.main import Invocation, json_option, pass_invocation
from connector.cli.mapping import DAY, document_number, mapping, told
from connector.cli.mapping_report import numbers_of, print_report
from connector.cli.output import ROW_NUMBER, print_json, say, sure
from connector.errors import Refused
from connector.views.mappings import gist, needs_a_look

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
NOTE = click.option("--note", help="Why, for those who read it later.")
DOCUMENT = click.argument("document")
YES = click.option("--yes", is_flag=True, help="Do it without asking.")


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
    say(f"Document {made.id} is a draft: {made.title}. Next: connector mapping edit {chosen}")


def _beginning(program: Program, subject: Subject) -> str:
    affected = program.mapping_life.stacks.affected(subject)
    with program.database.read() as tx:
        active = tx.mapping_documents.active(subject.layer, subject.name)
    if active is not None:
        return active.document
    system = program.config.connections[affected[0].connection].system
    return starter(subject.layer, subject.name, system)


@mapping.command("edit")
@DOCUMENT
@click.argument("file", type=FILE, required=False)
@click.option(
    "--set",
    "entries",
    multiple=True,
    metavar="ENTRY=VALUE",
    help="Change one entry, such as fields.due_date='invoice_due_date | date', fields.note=false (left out) or "
    "exclude.past_due.off=true (switched off). May be given again.",
)
@NOTE
@pass_invocation
def mapping_edit(
    invocation: Invocation,
    document: str,
    file: Path | None,
    entries: Sequence[str],
    note: str | None,
) -> None:
    """Make the next version of a document: from FILE, by --set, or in your editor. What you do not change stays as it
    was written. DOCUMENT is its number, or its layer (connection:NAME), whose newest draft is then meant."""
    with invocation.program() as program:
        life, by = program.mapping_life, operator()
        with program.database.read() as tx:
            before = tx.mapping_documents.get(document_number(program, document))
        say(_decides_for(program, Subject.of(before)))
        if entries:
            made = life.set_entry(before.id, snippet(dict(map(_entry, entries))), by, note=note)
        else:
            own = before.document
            text = click.edit(own, extension=".toml") if file is None else document_of(str(file))
            made = life.edit(before.id, own if text is None else text, by, note=note)
        wrong = life.check(made.id, by)
    say(f"Document {made.id} is a draft: {made.title}.")
    if wrong:
        problems = "\n".join(f"{connection}: {problem}" for connection, problem in wrong.items())
        raise Refused(f"It is kept, but cannot be used yet:\n{problems}")
    say(f"It can be used. Next: connector mapping backtest {Subject.of(made)}")


def _decides_for(program: Program, subject: Subject) -> str:
    connections = [stack.connection for stack in program.stacks.affected(subject)]
    return f"The layer {subject} is part of the mapping of {', '.join(connections)}."


def _entry(given: str) -> tuple[str, Value]:
    path, sign, value = given.partition("=")
    if not sign:
        raise click.UsageError(f"--set {given!r} has no equals sign. Write ENTRY=VALUE.")
    words: dict[str, Value] = {"true": True, "false": False}
    return path.strip(), words.get(value.strip(), value.strip())


@mapping.command("withdraw")
@DOCUMENT
@pass_invocation
def mapping_withdraw(invocation: Invocation, document: str) -> None:
    """Give up a draft. Its text and its reports stay readable; it can no longer become active."""
    with invocation.program() as program:
        number = document_number(program, document)
        program.mapping_life.withdraw(number, operator())
    say(f"Document {number} is withdrawn.")


# -- decisions ----------------------------------------------------------------------------------------------------


@mapping.command("report")
@click.argument("trial", type=ROW_NUMBER)
@json_option
@pass_invocation
def mapping_report(invocation: Invocation, trial: int, as_json: bool) -> None:
    """Print the kept report of a back-test or a shadow run."""
    with invocation.program() as program:
        with program.database.read() as tx:
            found, report = tx.mapping_trials.get(trial), tx.mapping_trials.report(trial)
        if report is None:
            raise Refused(f"Trial {trial} ({found.kind}, {found.state}) has no report yet.")
        if as_json:
            print_json({"trial": trial, "connection": found.connection, **report})
        else:
            print_report(report, numbers_of(program, found.connection, report))


@mapping.command("approve")
@DOCUMENT
@pass_invocation
def mapping_approve(invocation: Invocation, document: str) -> None:
    """Agree to a back-tested document. Where a second person must, its author cannot."""
    with invocation.program() as program:
        number = document_number(program, document)
        approved = program.mapping_life.approve(number, operator())
    say(f"{approved.title} is approved. Next: connector mapping activate {Subject.of(approved)}")


@mapping.command("activate")
@DOCUMENT
@click.option("--remap-since", type=DAY, help="Leave records that were stored before as they are.")
@YES
@pass_invocation
def mapping_activate(
    invocation: Invocation, document: str, remap_since: datetime | None, yes: bool
) -> None:
    """Put a document in force. Stored records are then decided anew: unsent invoices follow, sent ones never without a
    decision. The back-test's headline is shown first; where something comes out worse, or an invoice that was sent
    already is touched, you are asked."""
    with invocation.program() as program:
        number = document_number(program, document)
        _told_what_comes(program, number, yes=yes)
        versions = program.mapping_life.activate(
            number,
            operator(),
            remap_since=None if remap_since is None else remap_since.date(),
        )
        _remap(program, [version.name for version in versions])
    say(f"Document {number} decides now for {', '.join(v.name for v in versions)}.")


def _told_what_comes(program: Program, number: int, *, yes: bool) -> None:
    """Show what the back-tests said. Where a person should have read that first, ask."""
    with program.database.read() as tx:
        is_open = tx.mapping_documents.get(number).is_open
    if not is_open:
        return  # refused in a moment, and for a better reason than any report
    reports = program.trials.reports_of(number)
    for connection, report in reports.items():
        say(f"{connection}: {gist(report)}")
    if any(map(needs_a_look, reports.values())):
        sure("Put it in force?", yes=yes)


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
@click.argument("document", required=False)
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True)
@click.option("--stop", "trial", type=ROW_NUMBER, help="End this shadow run.")
@pass_invocation
def mapping_shadow(
    invocation: Invocation, document: str | None, days: int, trial: int | None
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
            number = document_number(program, document)
            ids = program.trials.start_shadow(number, operator(), timedelta(days=days))
            say(f"It runs for {days} days. Reports: {', '.join(map(str, ids))}.")


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
