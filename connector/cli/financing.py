"""Commands about the session in which a person completes an application: open another one, cancel the open one."""

from __future__ import annotations

import click

from connector.bootstrap import Program
from connector.cli.calling import wake_running
from connector.cli.decide import flow_named, operator
from connector.cli.main import Invocation, cli, pass_invocation
from connector.cli.output import say
from connector.config.model import Flow
from connector.errors import NotFound
from connector.views import find_record


@cli.group()
def financing() -> None:
    """What a person may do about an application for financing."""


@financing.command("open-session")
@click.argument("word")
@pass_invocation
def open_session(invocation: Invocation, word: str) -> None:
    """Open another session for the invoice WORD, whose session was canceled or has expired. It stays one invoice."""
    with invocation.program() as program:
        flow, financing_id = _of(program, word)
        program.financing_sessions(flow).open_again(financing_id, by=operator())
        woken = wake_running(program, f"submit:{flow.name}")
    if woken:
        say("Requested. The running connector opens it now.")
    else:
        say("Requested. No connector is running; `connector sync` or `connector run` opens it.")


@financing.command()
@click.argument("word")
@click.option(
    "--reason", required=True, help="Why; it is kept with the invoice and in the audit log."
)
@pass_invocation
def cancel(invocation: Invocation, word: str, reason: str) -> None:
    """Cancel the application for the invoice WORD while its session is open, where the financier offers that."""
    with invocation.program() as program:
        flow, financing_id = _of(program, word)
        program.financing_sessions(flow).cancel(financing_id, reason, by=operator())
    say("Canceled. `connector financing open-session` asks again, if it is wanted after all.")


def _of(program: Program, word: str) -> tuple[Flow, int]:
    """The flow and the financing invoice that are meant. Raises NotFound for an invoice that was never offered."""
    with program.database.read() as tx:
        record = find_record(tx, word)
        found = tx.financing.of_record(record.id)
    if not found:
        raise NotFound(
            "This invoice is not for financing.", remedy="`connector invoice show` says why."
        )
    return flow_named(program, record.connection), found[0].id
