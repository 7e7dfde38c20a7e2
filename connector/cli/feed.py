"""Commands of the status feed: look, export, send again, enable."""

from __future__ import annotations

import click

from connector.cli.calling import wake_running
from connector.cli.decide import operator
from connector.cli.main import Invocation, cli, json_option, pass_invocation
from connector.cli.output import print_endpoints, print_json, print_table, say
from connector.feed import exporting, reading, replaying
from connector.feed.signing import new_secret


@cli.group()
def feed() -> None:
    """The status feed: every status as an event, sent to endpoints and read by cursor."""


@feed.command("status")
@json_option
@pass_invocation
def feed_status(invocation: Invocation, as_json: bool) -> None:
    """How each endpoint fares: what waits, what went, and why one is disabled."""
    with invocation.program() as program, program.database.read() as tx:
        lines = reading.endpoints(tx)
    if as_json:
        print_json(lines)
        return
    print_endpoints(lines)


@feed.command("export")
@click.option(
    "--format", "file_format", type=click.Choice(["csv", "json"]), default="json", show_default=True
)
@click.option("--after", help="The cursor of the last page. Default: from the first event.")
@click.option("--limit", type=click.IntRange(1, reading.MOST), default=reading.MOST)
@click.option("--connection", "connections", multiple=True, help="Only this connection.")
@click.option("--status", "statuses", multiple=True, help="Only this status, for example funded.")
@pass_invocation
def feed_export(
    invocation: Invocation,
    file_format: str,
    after: str | None,
    limit: int,
    connections: tuple[str, ...],
    statuses: tuple[str, ...],
) -> None:
    """Print a page of the feed. With CSV, the cursor to go on with is said beside, on standard error."""
    with invocation.program() as program, program.database.read() as tx:
        page = reading.page(tx, after, limit, connections=connections, statuses=statuses)
    if file_format == "json":
        click.echo(exporting.as_json(page))
        return
    # As bytes: CRLF must stay CRLF wherever this runs.
    click.echo(exporting.as_csv(page).encode(), nl=False)
    more = "There is more" if page.has_more else "That is all for now"
    say(f"{more}. Go on with --after {page.next_cursor}")


@feed.command("replay")
@click.option("--endpoint", required=True, help="Who is to get them again.")
@click.option("--from", "begin", help="A date, an instant, or a cursor. Default: the first event.")
@click.option("--to", "end", help="The same. Default: now.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@pass_invocation
def feed_replay(
    invocation: Invocation, endpoint: str, begin: str | None, end: str | None, yes: bool
) -> None:
    """Send a range of events to an endpoint again, at most 1,000 at once, after showing how many.

    They keep their identifiers. Of more the oldest are taken, and the cursor to go on with is said.
    """
    with invocation.program() as program:
        configured = program.feed.get(endpoint)
        program.feed.register()
        with program.database.read() as tx:
            chosen = replaying.replay_range(tx, configured, begin, end)
            preview = replaying.preview(tx, configured, chosen)
        print_table(
            f"To be sent to {endpoint} again",
            ["status", ">events"],
            list(preview.by_status.items()),
            empty="nothing in this range is for it.",
        )
        if preview.still_open:
            say(f"{preview.still_open} of them are on their way already and are left out.")
        if preview.goes_on_at is not None:
            say(
                f"The range holds more: at most {replaying.MOST:,} are sent again at once, the oldest first. "
                f"Go on with --from {preview.goes_on_at}"
            )
        if preview.count <= 0:
            return
        if not yes:
            click.confirm(f"Send {preview.count} events?", abort=True)
        with program.database.write() as tx:
            added = replaying.replay(tx, configured, chosen, by=operator())
        woken = configured.enabled and wake_running(program, f"feed:{endpoint}")
    say(f"{added} events are queued.{' They are sent now.' if woken else ''}")


@feed.command("enable")
@click.argument("endpoint")
@pass_invocation
def feed_enable(invocation: Invocation, endpoint: str) -> None:
    """Send to an endpoint again that was disabled, beginning with what waits."""
    with invocation.program() as program:
        program.feed.get(endpoint)
        program.feed.register()
        with program.database.write() as tx:
            tx.feed_endpoints.enable(endpoint)
            tx.audit.append(operator(), "feed.enabled", endpoint, {})
        wake_running(program, f"feed:{endpoint}")
    say("Enabled. What waits is sent next.")


@feed.command("disable")
@click.argument("endpoint")
@click.option("--reason", required=True, help="Why; it is shown until it is enabled again.")
@pass_invocation
def feed_disable(invocation: Invocation, endpoint: str, reason: str) -> None:
    """Send nothing more to an endpoint until it is enabled again. What comes meanwhile waits."""
    with invocation.program() as program:
        program.feed.get(endpoint)
        program.feed.register()
        with program.database.write() as tx:
            if tx.feed_endpoints.disable(endpoint, reason):
                tx.audit.append(operator(), "feed.disabled", endpoint, {"reason": reason})
    say("Disabled.")


@feed.command("new-secret")
def feed_new_secret() -> None:
    """Print a fresh signing secret. Give it to the receiver, and keep it where `secrets` of the endpoint points."""
    click.echo(new_secret())
