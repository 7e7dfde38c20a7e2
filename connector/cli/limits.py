"""Commands about buyer limits: what stands, ask for one, look again."""

from __future__ import annotations

import click

from connector.cli.decide import flow_named, operator
from connector.cli.main import Invocation, cli, json_option, pass_invocation
from connector.cli.output import amount_of, print_json, print_table, say
from connector.errors import Refused
from connector.financier import Contact, LimitRequest
from connector.views.limits import buyer_limit, buyer_limits
from mappings.money import MoneyError, minor_units


@cli.group(invoke_without_command=True)
@click.option("--connection", help="Only this connection.")
@json_option
@click.pass_context
def limit(context: click.Context, connection: str | None, as_json: bool) -> None:
    """Up to what amount the financier finances invoices to each buyer. Without a command: list what is known."""
    if context.invoked_subcommand is not None:
        return
    invocation = context.find_object(Invocation)
    if invocation is None:
        raise click.UsageError("Run this as `connector limit`.")
    with invocation.program() as program, program.database.read() as tx:
        lines = [
            line
            for flow in program.config.flows
            if connection in (None, flow.connection)
            for line in buyer_limits(tx, flow.connection, flow.financier)
        ]
    if as_json:
        print_json(lines)
        return
    print_table(
        "Buyer limits",
        ["connection", "buyer", "name", "status", "the financier's word", ">available", "asked"],
        [
            (
                n["connection"],
                n["counterparty_id"],
                n["name"],
                n["status"],
                n["raw_status"],
                amount_of(n["available"]) if "available" in n else "-",
                n.get("checked_at"),
            )
            for n in lines
        ],
        empty="no buyer is linked yet. See `connector link`.",
    )


@limit.command("request")
@click.argument("connection")
@click.argument("counterparty_id")
@click.option("--amount", required=True, help="Up to what amount, in the currency of limits.")
@click.option("--duns", help="The buyer's D-U-N-S number.")
@click.option("--registration-number", help="The buyer's number in its country's register.")
@click.option("--contact-first-name", help="Who at the buyer is asked for what is missing.")
@click.option("--contact-last-name")
@click.option("--contact-email")
@click.option("--contact-phone")
@json_option
@pass_invocation
def limit_request(
    invocation: Invocation,
    connection: str,
    counterparty_id: str,
    amount: str,
    duns: str | None,
    registration_number: str | None,
    contact_first_name: str | None,
    contact_last_name: str | None,
    contact_email: str | None,
    contact_phone: str | None,
    as_json: bool,
) -> None:
    """Ask the financier for a limit for the buyer COUNTERPARTY_ID of CONNECTION. Its invoices go on once it is approved."""
    contact = Contact(contact_first_name, contact_last_name, contact_email, contact_phone)
    with invocation.program() as program:
        flow = flow_named(program, connection)
        limits = program.limits(flow)
        request = LimitRequest(
            _minor_units(amount, limits.currency),
            limits.currency,
            duns=duns,
            registration_number=registration_number,
            contact=None if contact == Contact() else contact,
        )
        line = buyer_limit(limits.request(counterparty_id, request, by=operator()))
    if as_json:
        print_json(line)
        return
    say(f"Requested. The financier says: {line['raw_status']}. Held invoices go on by themselves.")


@limit.command("refresh")
@click.argument("connection")
@click.argument("counterparty_id")
@json_option
@pass_invocation
def limit_refresh(
    invocation: Invocation, connection: str, counterparty_id: str, as_json: bool
) -> None:
    """Ask the financier now about the limit of the buyer COUNTERPARTY_ID of CONNECTION."""
    with invocation.program() as program:
        limits = program.limits(flow_named(program, connection))
        line = buyer_limit(limits.refresh(counterparty_id))
    if as_json:
        print_json(line)
        return
    say(f"The financier says: {line['raw_status'] or 'no limit was requested'}.")


def _minor_units(text: str, currency: str) -> int:
    """The amount. Raises Refused for what is none."""
    try:
        amount = minor_units(text, currency)
    except MoneyError as error:
        raise Refused(
            f"--amount {error.requirement}.", remedy=f"Give {currency}, for example 250000."
        ) from None
    if amount == 0:
        raise Refused("--amount must be more than 0.", remedy="Give what the limit should be.")
    return amount
