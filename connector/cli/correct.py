"""Correct single fields of a record that waits, and take that back."""

from __future__ import annotations

import click

from connector.acting import Actions
from connector.cli.decide import inbox, operator
from connector.cli.main import Invocation, json_option, pass_invocation
from connector.cli.output import print_json, say, stdout
from connector.inbox_actions.correcting import Preview
from connector.views import find_record
from connector.views.corrected import preview_line


@inbox.command()
@click.argument("word")
@click.argument("values", metavar="[PATH=VALUE]...", nargs=-1)
@click.option("--reason", help="Why; it is kept with the invoice.")
@click.option("--preview", is_flag=True, help="Only say what it would do.")
@click.option("--take-back", is_flag=True, help="Let the accounting system alone speak again.")
@json_option
@pass_invocation
def correct(
    invocation: Invocation,
    word: str,
    values: tuple[str, ...],
    reason: str | None,
    preview: bool,
    take_back: bool,
    as_json: bool,
) -> None:
    """Correct single fields of the record WORD, and decide it anew: PATH as in the mapping, VALUE in place of what the
    accounting system says there (nothing after the = for no value).

    It counts until the accounting system says something else of these fields. Nothing that the money depends on is
    corrected, and nothing that was sent.
    """
    if take_back == bool(values):
        raise click.UsageError("Give either PATH=VALUE or --take-back.")
    if reason is None and not (take_back or preview):
        raise click.UsageError("Say with --reason why.")
    given = dict(_pair(value) for value in values)
    with invocation.program() as program:
        with program.database.read() as tx:
            record = find_record(tx, word)
        correcting = Actions(program).correcting
        if take_back:
            correcting.take_back(record.id, by=operator())
            say("Taken back. The accounting system's own word counts again.")
            return
        if preview:
            found = correcting.preview(record.id, given)
        else:
            found = correcting.correct(record.id, given, reason or "", by=operator())
    if as_json:
        print_json(preview_line(found))
        return
    _print(found)
    for refusal in found.refusals.values():
        raise refusal
    say("It would be so." if preview else "Corrected. `--take-back` takes that back.")


def _pair(text: str) -> tuple[str, str]:
    path, mark, value = text.partition("=")
    if not mark or not path:
        raise click.UsageError(f"{text[:60]!r} is not written PATH=VALUE.")
    return path.strip(), value


def _print(found: Preview) -> None:
    told = preview_line(found)
    for each in told["fields"]:
        stdout.print(f"{each['path']}: {each['was']} -> {each['now']}", markup=False)
    for when in ("before", "after"):
        outcome = told[when]
        stdout.print(f"{when}: {outcome['kind']}. {outcome['sentence'] or ''}", markup=False)
