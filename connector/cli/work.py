"""Commands that let the connector work."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from connector.cli.calling import wake_running
from connector.cli.main import Invocation, cli, pass_invocation
from connector.cli.output import PullProgress, say
from connector.cli.people import tell_how_to_begin
from connector.errors import ConfigError, Unavailable
from connector.schedule import Tasks, prepare
from connector.service import Service, run_until_signal


@cli.command()
@pass_invocation
def run(invocation: Invocation) -> None:
    """Start the connector: the schedule, the webhooks and the pages. Ctrl-C or SIGTERM stops it cleanly."""
    with invocation.program(exclusive=True) as program:
        service = Service(program, invocation.configured)
        server = program.config.server
        address = server.public_url or f"http://{server.host}:{server.port}"
        say(f"Starting. The pages will be at {address}/. Ctrl-C stops it.")
        tell_how_to_begin(program, f"{address}/")
        try:
            run_until_signal(service, threading.Event())
        except OSError as error:
            raise ConfigError(
                f"The port {server.port} on {server.host} cannot be used: {error.strerror}.",
                remedy="Stop the other program, or set another server.port.",
            ) from None
        say("Stopped.")


@cli.command()
@click.option("--full-walk", is_flag=True, help="Read everything again, not only what changed.")
@click.option(
    "--poll-all",
    is_flag=True,
    help="Ask about every invoice under way, not only those that are due.",
)
@pass_invocation
def sync(invocation: Invocation, full_walk: bool, poll_all: bool) -> None:
    """Do everything once, in order: pull, submit, hear, poll, write back. For cron, or to see a change at once."""
    with invocation.program(exclusive=True) as program:
        prepare(program)
        tasks = Tasks(program, lambda _key: None)
        troubled = tasks.round(PullProgress(), full_walk=full_walk, poll_everything=poll_all)
    if troubled:
        raise Unavailable(
            f"Not everything could be done: {', '.join(troubled)}.",
            remedy="`connector status` says why.",
        )
    say("Done. `connector totals` shows the control totals.")


@cli.command()
@click.argument("task", required=False)
@pass_invocation
def wake(invocation: Invocation, task: str | None) -> None:
    """Let the running connector do TASK now, for example `pull:NAME`. Without TASK: list the tasks."""
    with invocation.program() as program:
        known = list(Tasks(program, lambda _key: None).by_key)
        server = program.config.server
    if task is None:
        for name in known:
            click.echo(name)
        return
    if task not in known:
        raise click.UsageError(f"There is no task {task!r}. There are: {', '.join(known)}.")
    if not wake_running(program, task):
        raise Unavailable(
            f"No connector answers at {server.host}:{server.port}.",
            remedy="Start it with `connector run`, or use `connector sync`.",
        )
    say("It runs now.")


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_invocation
def backup(invocation: Invocation, file: Path) -> None:
    """Write a consistent copy of the store to FILE, while the connector may be running.

    To restore: stop the connector, put the copy in the place of the database, remove the -wal and -shm files beside
    it, and start with `connector restored`.
    """
    if file.exists():
        raise click.UsageError(f"{file} exists. Name a new file.")
    with invocation.program() as program:
        program.database.backup(file)
    say(f"Written to {file}. Keep the encryption key with it, but not in the same place.")


@cli.command()
@click.option("--finished", is_flag=True, help="End it: create again without looking up first.")
@pass_invocation
def restored(invocation: Invocation, finished: bool) -> None:
    """Say that the store was restored from a backup: everything is looked up before anything is created again.

    Once everything was pulled and submitted again, end it with --finished.
    """
    with invocation.program(exclusive=True) as program, program.database.write() as tx:
        for name in program.config.financiers:
            tx.connections.set_reconcile_first(name, not finished)
        tx.audit.append("operator", "store.restored", "store", {"finished": finished})
    say(
        "Noted. Steps are sent as usual again."
        if finished
        else "Noted. From now on the financiers are asked what they know before anything is created."
    )
