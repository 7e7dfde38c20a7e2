"""Commands for the webhook subscriptions that accounting systems have for us."""

from __future__ import annotations

import click

from connector.bootstrap import Program
from connector.cli.main import Invocation, cli, json_option, pass_invocation
from connector.cli.output import print_json, print_table, say
from connector.errors import ConfigError
from connector.subscribing import Step, SubscriptionKeeper, keeper_of
from connector.system import ManagesWebhooks

connection_option = click.option("--connection", help="Only this connection.")

_COLUMNS = ("connection", "about", "subscription", "what is to be done", "why")


@cli.group()
def webhooks() -> None:
    """The webhook subscriptions that accounting systems have for this connector."""


@webhooks.command("list")
@connection_option
@json_option
@pass_invocation
def list_subscriptions(invocation: Invocation, connection: str | None, as_json: bool) -> None:
    """Show the subscriptions there are and those that are missing. Changes nothing."""
    with invocation.program() as program:
        rows = [
            (keeper.connection, step)
            for keeper in _keepers(program, connection)
            for step in keeper.plan()
        ]
    _show(rows, as_json=as_json)


@webhooks.command()
@connection_option
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--rotate",
    is_flag=True,
    help="Also make new secrets, or register our credentials anew, for what is right already.",
)
@json_option
@pass_invocation
def sync(
    invocation: Invocation, connection: str | None, only_plan: bool, rotate: bool, as_json: bool
) -> None:
    """Make, mend and remove subscriptions until they are what they should be. Those that lead elsewhere are left alone.

    Secrets that a system makes are written to the connection's secrets_file, and never shown.
    """
    rows = []
    with invocation.program() as program:
        for keeper in _keepers(program, connection):
            for step in keeper.plan(rotate=rotate) if only_plan else keeper.sync(rotate=rotate):
                rows.append((keeper.connection, step))
                if step.changes and not only_plan:
                    _note(program, keeper, step)
    _show(rows, as_json=as_json)
    if not only_plan and any(step.changes for _, step in rows):
        say("Done. Restart a running connector, so that it lets events in by the new secrets.")


def _keepers(program: Program, connection: str | None) -> list[SubscriptionKeeper]:
    """Of one connection, or of all that have a door and can be managed."""
    config = program.config
    if connection is not None:
        if connection not in config.connections:
            allowed = ", ".join(config.connections) or "none"
            raise ConfigError(
                f"There is no connection {connection!r}.", remedy=f"There are: {allowed}."
            )
        return [keeper_of(config, connection, program.systems[connection])]
    return [
        keeper_of(config, name, system)
        for name, system in program.systems.items()
        if config.connections[name].webhook is not None and isinstance(system, ManagesWebhooks)
    ]


def _note(program: Program, keeper: SubscriptionKeeper, step: Step) -> None:
    with program.database.write() as tx:
        tx.audit.append(
            "operator",
            f"webhooks.{step.action}",
            keeper.connection,
            {"about": step.subscription.topic, "subscription": step.subscription.remote_id},
        )


def _show(rows: list[tuple[str, Step]], *, as_json: bool) -> None:
    """Without addresses: ours end in a secret, and what others registered is theirs."""
    if as_json:
        print_json(
            [
                {
                    "connection": name,
                    "about": step.subscription.topic,
                    "subscription": step.subscription.remote_id or None,
                    "enabled": step.subscription.enabled,
                    "action": step.action,
                    "why": step.why,
                }
                for name, step in rows
            ]
        )
        return
    print_table(
        "Webhook subscriptions",
        _COLUMNS,
        [
            (name, s.subscription.topic, s.subscription.remote_id or "-", s.action, s.why)
            for name, s in rows
        ],
        empty="no connection has a webhook of a kind that is managed here.",
    )
