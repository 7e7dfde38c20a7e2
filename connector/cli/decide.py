"""Commands with which a person decides: links, documents, parked rows, financing by hand."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from connector import views
from connector.acting import Actions
from connector.bootstrap import Program
from connector.cli.calling import wake_running
from connector.cli.main import Invocation, cli, json_option, pass_invocation
from connector.cli.output import ROW_NUMBER, amount_of, print_json, print_table, say
from connector.config.model import Flow
from connector.financier import DOCUMENT_PURPOSES
from connector.inbox_actions import document_of
from connector.inbox_actions.parked import CHOICES
from connector.views import find_record
from connector.views.attached import of_attached


def operator() -> str:
    """Who is deciding, for the audit log."""
    return f"operator:{getpass.getuser()}"


def flow_named(program: Program, connection: str) -> Flow:
    """The flow of a connection. Raises ConfigError when there is none."""
    return Actions(program).flow(connection)


# -- companies ----------------------------------------------------------------------------------------------------


@cli.group(invoke_without_command=True)
@click.option("--connection", help="Only this connection.")
@click.option("--waiting", is_flag=True, help="Only companies that held invoices wait for.")
@json_option
@click.pass_context
def link(context: click.Context, connection: str | None, waiting: bool, as_json: bool) -> None:
    """Companies of the accounting system and what they are called at the financier. Without a command: list them."""
    if context.invoked_subcommand is not None:
        return
    invocation = context.find_object(Invocation)
    if invocation is None:
        raise click.UsageError("Run this as `connector link`.")
    with invocation.program() as program, program.database.read() as tx:
        lines = []
        for flow in program.config.flows:
            if connection not in (None, flow.connection):
                continue
            wanted = program.waiting_companies(flow) if waiting else None
            links = {row.counterparty_id: row for row in tx.companies.all_links(flow.connection)}
            for row in tx.companies.counterparties(flow.connection):
                if wanted is not None and row.counterparty_id not in wanted:
                    continue
                found = links.get(row.counterparty_id)
                lines.append(
                    {
                        "connection": flow.connection,
                        "counterparty_id": row.counterparty_id,
                        "name": row.name,
                        "role": row.role,
                        "country": row.country,
                        "company_id": None if found is None else found.company_id,
                        "how": None if found is None else found.how,
                    }
                )
    if as_json:
        print_json(lines)
        return
    print_table(
        "Companies",
        ["connection", "counterparty", "name", "role", "company at the financier", "how"],
        [
            (
                n["connection"],
                n["counterparty_id"],
                n["name"],
                n["role"],
                n["company_id"] or "NOT LINKED",
                n["how"],
            )
            for n in lines
        ],
        empty="none is known yet. Run `connector sync` first.",
    )


@link.command("set")
@click.argument("connection")
@click.argument("counterparty_id")
@click.argument("company_id")
@pass_invocation
def link_set(
    invocation: Invocation, connection: str, counterparty_id: str, company_id: str
) -> None:
    """Link COUNTERPARTY_ID of CONNECTION to COMPANY_ID at the financier, and let waiting invoices go on."""
    with invocation.program() as program:
        links = Actions(program).company_links(flow_named(program, connection))
        links.link(counterparty_id, company_id, by=operator())
    say("Linked. Invoices that waited for it go on.")


@link.command("remove")
@click.argument("connection")
@click.argument("counterparty_id")
@pass_invocation
def link_remove(invocation: Invocation, connection: str, counterparty_id: str) -> None:
    """Take the link of COUNTERPARTY_ID of CONNECTION away. What was not sent waits for a new link."""
    with invocation.program() as program:
        links = Actions(program).company_links(flow_named(program, connection))
        was_there = links.unlink(counterparty_id, by=operator())
    say("Unlinked." if was_there else "It was not linked.")


@link.command("companies")
@click.argument("connection")
@json_option
@pass_invocation
def link_companies(invocation: Invocation, connection: str, as_json: bool) -> None:
    """The companies that the financier of CONNECTION's flow knows."""
    with invocation.program() as program:
        flow = flow_named(program, connection)
        lines: list[dict[str, Any]] = [
            {
                "company_id": c.company_id,
                "name": c.name,
                "country": c.country,
                "buyer_limit": c.buyer_limit_status,
                "contacts": [asdict(contact) for contact in c.contacts],
            }
            for c in program.financiers[flow.financier].companies()
        ]
    if as_json:
        print_json(lines)
        return
    print_table(
        f"Companies at {flow.financier}",
        ["company", "name", "country", "buyer limit", "contacts"],
        [
            (
                n["company_id"],
                n["name"],
                n["country"],
                n["buyer_limit"],
                ", ".join(person["email"] for person in n["contacts"] if person["email"]),
            )
            for n in lines
        ],
        empty="none.",
    )


# -- the error inbox ----------------------------------------------------------------------------------------------


@cli.group(invoke_without_command=True)
@click.option("--reason-code", help="Only this cause.")
@click.option("--connection", help="Only this connection.")
@click.option(
    "--after", "after_id", type=ROW_NUMBER, default=0, help="Only records after this one."
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
@click.pass_context
def inbox(
    context: click.Context,
    reason_code: str | None,
    connection: str | None,
    after_id: int,
    limit: int,
    as_json: bool,
) -> None:
    """Records that wait for a person, each with what is wrong and where. Without a command: list them."""
    if context.invoked_subcommand is not None:
        return
    invocation = context.find_object(Invocation)
    if invocation is None:
        raise click.UsageError("Run this as `connector inbox`.")
    with invocation.program() as program, program.database.read() as tx:
        lines = [
            views.inbox_line(row)
            for row in tx.records.list_current(
                ("held", "rejected"),
                connection=connection,
                reason_code=reason_code,
                after_id=after_id,
                limit=limit,
            )
        ]
    if as_json:
        print_json(lines)
        return
    print_table(
        "Error inbox",
        ["record", "connection", "source id", "outcome", "what is wrong", "field", ">amount"],
        [
            (
                n["record"],
                n["connection"],
                n["source_id"],
                n["kind"],
                n["sentence"],
                n["field_path"],
                amount_of(n),
            )
            for n in lines
        ],
        empty="nothing waits.",
    )


@inbox.command()
@click.argument("word")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--purpose",
    type=click.Choice(DOCUMENT_PURPOSES),
    default="invoice",
    show_default=True,
    help="What the file proves. All but `invoice` go along with the application.",
)
@pass_invocation
def attach(invocation: Invocation, word: str, file: Path, purpose: str) -> None:
    """Attach FILE (pdf, jpg, png or csv) as the invoice document of WORD, and let the invoice go on."""
    document = document_of(file.name, file.read_bytes())
    with invocation.program() as program:
        with program.database.read() as tx:
            record = find_record(tx, word)
        Actions(program).attaching.attach(record.id, document, by=operator(), purpose=purpose)
        with program.database.read() as tx:
            said = of_attached(tx, record.id, purpose)
    say(said)


@inbox.command()
@click.argument("word")
@pass_invocation
def retry(invocation: Invocation, word: str) -> None:
    """Decide the record WORD anew, and have it read from the accounting system once more."""
    with invocation.program() as program:
        with program.database.read() as tx:
            record = find_record(tx, word)
        done = Actions(program).retrying.retry([record.id], by=operator())
        woken = bool(done.requested) and wake_running(program, f"pull:{record.connection}")
    if done.resolved:
        say("Decided anew. It does not wait any more.")
    elif woken:
        say("It still waits. The running connector reads it again now.")
    else:
        say("It still waits. The next pull reads it again.")


@inbox.command()
@click.argument("word")
@click.option("--reason", required=True, help="Why; it is kept with the invoice.")
@pass_invocation
def exclude(invocation: Invocation, word: str, reason: str) -> None:
    """Leave the invoice WORD out of financing, whatever its mapping says, until `inbox include`."""
    with invocation.program() as program:
        with program.database.read() as tx:
            record = find_record(tx, word)
        Actions(program).excluding.exclude(record.id, reason, by=operator())
    say("Left out. `connector inbox include` takes that back.")


@inbox.command()
@click.argument("word")
@pass_invocation
def include(invocation: Invocation, word: str) -> None:
    """Take back that somebody left the invoice WORD out: its mapping decides again."""
    with invocation.program() as program:
        with program.database.read() as tx:
            record = find_record(tx, word)
        Actions(program).excluding.take_back(record.id, by=operator())
    say("Taken back. The mapping decides again.")


# -- parked rows, and financing by hand ---------------------------------------------------------------------------


@cli.command()
@click.argument("row_id", type=ROW_NUMBER)
@click.argument("what", type=click.Choice(CHOICES))
@click.option("--reason", required=True, help="Why; it is kept with the row and in the audit log.")
@click.option(
    "--it-is-not-there",
    is_flag=True,
    help="With `again`: you asked the other side and know that it has no trace of it: send without looking first.",
)
@click.option(
    "--remote-id",
    help="With `took_effect`: what the other side calls what it made, where it cannot be looked up.",
)
@pass_invocation
def decide(
    invocation: Invocation,
    row_id: int,
    what: str,
    reason: str,
    it_is_not_there: bool,
    remote_id: str | None,
) -> None:
    """Decide about the parked outbox row ROW_ID: try it `again`, `drop` it for good, or say that it `took_effect`.

    What may have left already is looked up before it is sent a second time. What took effect is looked up, too, and
    refused where the other side's record says otherwise.
    """
    if remote_id is not None and what != "took_effect":
        raise click.UsageError("--remote-id goes with `took_effect` only.")
    with invocation.program() as program:
        Actions(program).parked.decide(
            row_id,
            what,
            reason,
            by=operator(),
            it_is_not_there=it_is_not_there,
            remote_id=remote_id,
        )
    say("Noted.")


@cli.command()
@click.argument("word")
@pass_invocation
def submit(invocation: Invocation, word: str) -> None:
    """Request financing for one invoice: one that is ready, or whose session was canceled or has expired.

    The running connector sends it at once; without one, `connector sync` does.
    """
    with invocation.program() as program:
        with program.database.read() as tx:
            record = find_record(tx, word)
        flow = flow_named(program, record.connection)
        begun = Actions(program).requests(flow).request(record.id, by=operator())
    if not begun:
        say("It waits: `connector invoice show` says for what.")
    elif wake_running(program, f"submit:{flow.name}"):
        say("Requested. The running connector sends it now.")
    else:
        say("Requested. No connector is running; `connector sync` or `connector run` sends it.")
