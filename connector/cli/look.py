"""Commands that only look."""

from __future__ import annotations

import sys
from typing import Any

import click

from connector import views
from connector.cli.main import Invocation, cli, json_option, pass_invocation
from connector.cli.output import (
    ROW_NUMBER,
    amount_of,
    print_endpoints,
    print_json,
    print_table,
    say,
    stdout,
)
from connector.errors import InvariantBroken
from connector.verifying import Verifier


@cli.command()
@json_option
@pass_invocation
def status(invocation: Invocation, as_json: bool) -> None:
    """Where everything stands: systems, what needs a person, queues, the last runs."""
    with invocation.program() as program, program.database.read() as tx:
        names = [*program.config.connections, *program.config.financiers]
        shown = views.status(tx, names)
    if as_json:
        print_json(shown)
        return
    print_table(
        "Systems",
        ["name", "state", "last success", "error"],
        [(s["name"], s["state"], s["last_success_at"], s["error"]) for s in shown["systems"]],
        empty="none is configured.",
    )
    print_table(
        "What needs a person",
        ["outcome", "cause", ">invoices", ">amount"],
        [(n["kind"], n["reason_code"], n["count"], amount_of(n)) for n in shown["needs_a_person"]],
        empty="nothing.",
    )
    print_table(
        "Queues",
        ["queue", "target", "state", ">rows"],
        [(q["queue"], q["target"], q["state"], q["count"]) for q in shown["queues"]],
        empty="empty.",
    )
    if shown["feed"]:
        print_endpoints(shown["feed"])
    print_table(
        "Last runs",
        ["id", "started", "connection", "stream", "task", "state", ">seen", ">changed"],
        [
            (
                r["id"],
                r["started_at"],
                r["connection"],
                r["stream"],
                r["task"],
                r["state"],
                r["records_seen"],
                r["records_changed"],
            )
            for r in shown["runs"]
        ],
        empty="none yet.",
    )


@cli.command()
@json_option
@pass_invocation
def totals(invocation: Invocation, as_json: bool) -> None:
    """Control totals to the cent: what was pulled by outcome, what is with the financiers by status."""
    with invocation.program() as program, program.database.read() as tx:
        shown = views.totals(tx)
    if as_json:
        print_json(shown)
        return
    print_totals(shown)


def print_totals(shown: dict[str, Any]) -> None:
    """Both tables of control totals."""
    print_table(
        "By outcome (gross amounts of the records)",
        ["connection", "outcome", "reason", ">records", ">amount"],
        [
            (o["connection"], o["kind"], o["reason_code"], o["count"], amount_of(o))
            for o in shown["outcomes"]
        ],
        empty="nothing was pulled yet.",
    )
    print_table(
        "By financing status (amounts offered)",
        ["financier", "state", "status", ">invoices", ">amount"],
        [
            (f["financier"], f["state"], f["status"], f["count"], amount_of(f))
            for f in shown["financing"]
        ],
        empty="nothing was offered yet.",
    )


@cli.group()
def invoice() -> None:
    """One invoice: look at its life, request financing for it."""


@invoice.command("list")
@click.option("--status", help="Only invoices with this financing status, for example funded.")
@click.option("--state", help="Only invoices that stand here, for example submitted or parked.")
@click.option(
    "--before", "before_id", type=ROW_NUMBER, help="Only invoices older than this number."
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
@pass_invocation
def invoice_list(
    invocation: Invocation,
    status: str | None,
    state: str | None,
    before_id: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """The status list: where every financing invoice stands, newest first. For systems that take no write-back, too."""
    with invocation.program() as program, program.database.read() as tx:
        lines = [
            {"id": row.id, **views.financing_line(row)}
            for row in tx.financing.recent(limit, before_id, state=state, status=status)
        ]
    if as_json:
        print_json(lines)
        return
    print_table(
        "Financing invoices",
        [">id", "invoice", "due", "state", "status", ">amount", "reference"],
        [
            (
                n["id"],
                n["invoice_number"],
                n["due_date"],
                n["state"],
                n["status"],
                amount_of(n),
                n["client_reference_id"],
            )
            for n in lines
        ],
        empty="none.",
    )


@invoice.command()
@click.argument("word")
@json_option
@pass_invocation
def show(invocation: Invocation, word: str, as_json: bool) -> None:
    """The whole life of one invoice. WORD is its client reference, the source's identifier, or our record number."""
    with invocation.program() as program, program.database.read() as tx:
        life = views.life(tx, word)
    if as_json:
        print_json(life)
        return
    stdout.print(f"Record {life['source_id']} of {life['connection']}")
    print_table(
        "Outcomes",
        ["decided", "outcome", "sentence", "field", ">amount"],
        [
            (o["decided_at"], o["kind"], o["sentence"], o["field_path"], amount_of(o))
            for o in life["outcomes"]
        ],
        empty="none yet.",
    )
    for financing in life["financing"]:
        stdout.print(
            f"Financing by {financing['financier']}: {amount_of(financing)}, due {financing['due_date']}, "
            f"{financing['state']} {financing['state_reason'] or ''}"
        )
        if financing["session_url"]:
            stdout.print(f"Session ({financing['session_status']}): {financing['session_url']}")
        print_table(
            "Status timeline",
            ["observed", "status", "the financier's word", "heard by"],
            [
                (t["observed_at"], t["status"], t["raw_status"], t["via"])
                for t in financing["timeline"]
            ],
            empty="nothing was told yet.",
        )
        print_table(
            "Written back",
            ["state", "text"],
            [(w["state"], w["text"]) for w in financing["write_backs"]],
            empty="nothing yet.",
        )


@cli.command()
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(["pending", "sending", "unknown", "done", "unsupported", "parked", "dead"]),
    help="Only rows in this state (may be repeated). Default: what is not done.",
)
@click.option("--after", "after_id", type=ROW_NUMBER, default=0, help="Only rows after this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
@pass_invocation
def outbox(
    invocation: Invocation, states: tuple[str, ...], after_id: int, limit: int, as_json: bool
) -> None:
    """What is still to be said to others, and why it waits. Parked rows wait for `connector decide`."""
    wanted = states or ("pending", "sending", "unknown", "parked", "dead")
    with invocation.program() as program, program.database.read() as tx:
        rows = [
            views.outbox_line(row)
            for row in tx.outbox.listing(states=wanted, after_id=after_id, limit=limit)
        ]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Outbox",
        [">id", "target", "kind", "state", ">attempts", "next attempt", "error"],
        [
            (
                r["id"],
                r["target"],
                r["kind"],
                r["state"],
                r["attempts"],
                r["next_attempt_at"],
                r["error"],
            )
            for r in rows
        ],
        empty="nothing waits.",
    )


@cli.command()
@click.option("--at-rest", is_flag=True, help="Also require that nothing is left to do.")
@json_option
@pass_invocation
def verify(invocation: Invocation, at_rest: bool, as_json: bool) -> None:
    """Check everything that must always hold: nothing lost, nothing twice, no cent changed, order, digests."""
    with invocation.program() as program:
        found = Verifier(program.database, program.decider).run(at_rest=at_rest)
    if as_json:
        print_json([{"invariant": v.number, "sentence": v.sentence, "rows": v.rows} for v in found])
    else:
        print_table(
            "Violations",
            ["invariant", "what does not hold", "rows"],
            [(v.number, v.sentence, ", ".join(v.rows)) for v in found],
            empty="none. Every invariant holds.",
        )
    if found:
        say("Nothing was repaired. Keep the file, and compare it with a backup.")
        sys.exit(InvariantBroken.exit_code)
