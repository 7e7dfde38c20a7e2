"""Commands that read mappings: see them, check a draft, explain a record, compare, and the back-test of a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from connector.active_mapping import compiled, document_of, mapping_name
from connector.authoring.stacks import LAYERS, Subject
from connector.backtest import Scope, backtest
from connector.bootstrap import Program
from connector.cli.decide import flow_named, operator
from connector.cli.main import Invocation, cli, json_option, pass_invocation
from connector.cli.mapping_report import numbers_of, print_report
from connector.cli.output import print_json, print_table, say
from connector.comparing import Pair
from connector.errors import ConfigError, Refused
from connector.views import find_record
from connector.views.explained import explained_text
from connector.views.mappings import mapping_document
from mappings import Mapping as CompiledMapping
from mappings import diff, shipped


@cli.group()
def mapping() -> None:
    """What decides which invoices are offered, and how. docs/mapping-language.md teaches the language,
    docs/mapping-life.md how a change goes live."""


@mapping.command("list")
@json_option
@pass_invocation
def mapping_list(invocation: Invocation, as_json: bool) -> None:
    """Every version of every layer's document, newest first."""
    with invocation.program() as program, program.database.read() as tx:
        lines = [mapping_document(document) for document in tx.mapping_documents.all()]
    if as_json:
        print_json(lines)
        return
    print_table(
        "Mappings",
        [">document", "layer", "name", ">version", "state", "written by", "active since", "note"],
        [
            (
                *(n[key] for key in ("document", "layer", "name", "version", "state")),
                *(n[key] for key in ("created_by", "activated_at", "note")),
            )
            for n in lines
        ],
        empty="none was activated yet. Start the connector once.",
    )


@mapping.command("show")
@click.argument("what")
@pass_invocation
def mapping_show(invocation: Invocation, what: str) -> None:
    """Print a mapping: WHAT is the name of a shipped one, the number of a document, a layer's newest draft
    (connection:NAME), or a connection, whose layers are then shown as one document that says which layer set what."""
    documents = shipped()
    if what in documents:
        click.echo(documents[what], nl=False)
        return
    try:
        with invocation.program() as program:
            click.echo(_shown(program, what), nl=False)
    except ConfigError:
        if is_document(what) or invocation.config_path.exists():
            raise
        raise click.UsageError(
            f"There is no shipped mapping {what!r}. There are: {', '.join(sorted(documents))}."
        ) from None


def _shown(program: Program, what: str) -> str:
    if not is_document(what):
        return program.mapping_life.annotated(what)
    number = document_number(program, what)
    with program.database.read() as tx:
        return tx.mapping_documents.get(number).document


@mapping.command("check")
@click.argument("what")
@pass_invocation
def mapping_check(invocation: Invocation, what: str) -> None:
    """Check a draft: a file, a document's number, or a layer (its newest draft). Every problem has its line, column and
    a suggestion."""
    if not is_document(what):
        draft = compiled(document_of(what), mapping_name(what))
        say(f"It can be used: {draft.system} {draft.stream} to {draft.financier}.")
        return
    with invocation.program() as program:
        number = document_number(program, what)
        wrong = program.mapping_life.check(number, operator())
    if wrong:
        told = "\n".join(f"{connection}: {problem}" for connection, problem in wrong.items())
        raise Refused(f"The document {number} cannot be used:\n{told}")
    say(f"The document {number} can be used.")


@mapping.command("explain")
@click.argument("word", metavar="RECORD")
@click.option(
    "--draft", metavar="DRAFT", help="Explain by this draft: a file, a document or a layer."
)
@pass_invocation
def mapping_explain(invocation: Invocation, word: str, draft: str | None) -> None:
    """Explain the outcome of one record: each field step by step, each rule's verdict."""
    with invocation.program() as program:
        with program.database.read() as tx:
            record = find_record(tx, word)
            raw = tx.records.latest_raw(record.id)
            correction = tx.corrections.in_force([record.id]).get(record.id)
        decider = program.decider(record.connection)
        if decider is None:
            raise ConfigError(f"No flow takes the invoices of {record.connection!r} anywhere.")
        used = decider.mapping
        if draft is not None:
            used = draft_for(program, draft, record.connection)
        told = explained_text(used, raw, decider.today, correction)
    click.echo(told)


@mapping.command("diff")
@click.argument("before")
@click.argument("after")
@json_option
@pass_invocation
def mapping_diff(invocation: Invocation, before: str, after: str, as_json: bool) -> None:
    """What changes from BEFORE to AFTER, in words. Each is a shipped mapping's name, a file, the number of a document,
    a layer (its newest draft), or a connection (all its layers together)."""
    changes = diff(_text(invocation, before), _text(invocation, after))
    if as_json:
        print_json([{"entry": c.entry, "before": c.before, "after": c.after} for c in changes])
        return
    for change in changes:
        click.echo(change.sentence)
    if not changes:
        say("They say the same.")


def _text(invocation: Invocation, what: str) -> str:
    if what in shipped() or Path(what).is_file() or not invocation.config_path.exists():
        return document_of(what)
    with invocation.program() as program:
        if is_document(what):
            return _shown(program, what)
        return program.mappings.active(what)[0].document


def is_document(what: str) -> bool:
    """Whether this names a document of the store (by its number, or its layer as `connection:books`), not a file."""
    return what.isdigit() or what.partition(":")[0] in LAYERS


def document_number(program: Program, what: str) -> int:
    """The number of a document: as it is given, or of a layer's newest draft. Raises Refused where there is none."""
    if what.isdigit():
        return int(what)
    return program.mapping_life.draft_of(Subject.parse(what)).id


def draft_for(program: Program, draft: str, connection: str) -> CompiledMapping:
    """A draft as it would decide for a connection: a file that is a whole mapping, or a document with its layers."""
    if not is_document(draft):
        return compiled(document_of(draft), mapping_name(draft))
    for stack, mapping, _ in program.mapping_life.drafts(document_number(program, draft)):
        if stack.connection == connection:
            return mapping
    raise Refused(f"The document {draft} is no part of the mapping of {connection!r}.")


DAY = click.DateTime(["%Y-%m-%d"])


@mapping.command("backtest")
@click.argument("draft")
@click.option("--connection", help="For a file: whose stored records to try it on.")
@click.option("--since", type=DAY, help="Only what was stored on this day or later.")
@click.option("--until", type=DAY, help="Only what was stored up to this day.")
@click.option("--as-of", type=DAY, help="Decide as of this day instead of today.")
@click.option("--latest-only", is_flag=True, help="Leave out older versions of the records.")
@json_option
@pass_invocation
def mapping_backtest(
    invocation: Invocation,
    draft: str,
    connection: str | None,
    since: datetime | None,
    until: datetime | None,
    as_of: datetime | None,
    latest_only: bool,
    as_json: bool,
) -> None:
    """Try DRAFT on every stored version, beside the active mapping. Nothing is asked, sent or decided.

    DRAFT is the number of a document or a layer, whose report is kept (`connector mapping report`), or a file that is
    a whole mapping. What becomes worse and what touches an invoice that was sent already is listed first.
    """
    with invocation.program() as program:
        scope = Scope(
            program.clock.today() if as_of is None else as_of.date(),
            None if since is None else since.date(),
            None if until is None else until.date(),
            older_versions=not latest_only,
        )
        if is_document(draft):
            reports = _kept(program, document_number(program, draft), scope)
        elif connection is None:
            raise click.UsageError("Say with --connection whose records the file is tried on.")
        else:
            reports = [_of_file(program, draft, connection, scope)]
        if not as_json:
            for report in reports:
                on = str(report.get("connection", connection))
                print_report(report, numbers_of(program, on, report))
            return
    print_json(reports if is_document(draft) else reports[0])


def told(compared: int) -> None:
    """Progress for the person who waits."""
    if compared // 10_000 > max(compared - 500, 0) // 10_000:
        say(f"{compared} compared.")


def _kept(program: Program, document_id: int, scope: Scope) -> list[dict[str, Any]]:
    trial_ids = program.trials.backtest(document_id, operator(), scope, told)
    reports = []
    for trial_id in trial_ids:
        with program.database.read() as tx:
            trial, report = tx.mapping_trials.get(trial_id), tx.mapping_trials.report(trial_id)
        say(f"{trial.connection}: kept as report {trial_id}.")
        reports.append({"trial": trial_id, "connection": trial.connection, **(report or {})})
    return reports


def _of_file(program: Program, file: str, connection: str, scope: Scope) -> dict[str, Any]:
    flow_named(program, connection)
    active, _ = program.mappings.active(connection)
    draft = compiled(document_of(file), mapping_name(file))
    pair = Pair(active.document, draft.document, connection, scope.as_of)
    stream = program.mapped_stream(connection)
    return backtest(program.database, connection, stream, pair, scope, told).as_dict()
