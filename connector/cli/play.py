"""The demo: the whole life of invoices, played. The sandbox alone is in `sandbox.py`."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import click

from connector import views
from connector.bootstrap import Program, read_config
from connector.cli.look import print_totals
from connector.cli.main import cli, json_option
from connector.cli.output import print_json, print_table, say
from connector.cli.people import let_demo_in
from connector.config.model import Config
from connector.demo.life import Life
from connector.demo.reckoning import Line, reckon
from connector.demo.world import World, world
from connector.errors import ConfigError, InvariantBroken
from connector.logs import configure_logs
from connector.redaction import Redactor
from connector.service import Service


@cli.command()
@click.option("--headless", is_flag=True, help="Run the life once, print the totals, and end.")
@click.option("--invoices", type=click.IntRange(1, 1_000_000), default=300, show_default=True)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="The same seed, the same life."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8750, show_default=True)
@click.option(
    "--faults/--no-faults", default=True, help="Let some things go wrong, to be put right."
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep everything here. Default: a temporary directory, deleted at the end.",
)
@json_option
def demo(
    headless: bool,
    invoices: int,
    seed: int,
    port: int,
    faults: bool,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Watch the whole life of invoices in the built-in sandbox, reckoned up to the cent.

    Starts three accounting systems and two financiers on this machine, pulls, maps, submits, hears, writes back, and
    compares every total with the ledgers that the other sides kept. Nothing leaves this machine.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop_or_leave(stop))
    say(
        f"Starting the sandbox: three accounting systems with {invoices} invoices each, and two financiers."
    )
    if faults:
        say("Some requests are made to fail on purpose; the warnings show how that is put right.")
    with world(
        invoices=invoices,
        seed=seed,
        port=0 if headless else port,
        directory=directory,
        faults=faults,
    ) as place:
        config = configured(place.config_path)
        lines = live(config, place, headless=headless, as_json=as_json, stop=stop)
    if not all(line.agrees for line in lines):
        say("The totals do not agree. This is a defect: please report it with the seed.")
        sys.exit(InvariantBroken.exit_code)


def stop_or_leave(stop: threading.Event) -> None:
    """The first signal ends the demo at the next possible moment; it interrupts the life, which is thrown away."""
    stop.set()
    raise KeyboardInterrupt


def live(
    config: Config, place: World, *, headless: bool, as_json: bool, stop: threading.Event
) -> list[Line]:
    """One life, printed; without `headless` the connector then stays up until it is stopped."""
    program = Program(config, exclusive=True)
    service = Service(program, lambda: configured(config.path))
    lines: list[Line] = []
    try:
        open_doors(service, config)
        place.tell_webhook_url(service.address)
        if not headless:
            say(f"Watch it at {service.address} . Ctrl-C stops everything.")
            let_demo_in(program, service.address)
        Life(program, place, service.tasks, say).run()
        lines = reckon(program, place)
        with program.database.read() as tx:
            shown = views.totals(tx)
        report(shown, lines, as_json=as_json)
        if not headless:
            service.begin()
            say(f"The connector goes on running. See {service.address} . Ctrl-C stops everything.")
            say(
                "In another terminal, the same books and mappings by commands (`.venv/bin/connector` in a clone):"
            )
            for command in ("status", "inbox"):
                say(f"  connector --config {config.path} {command}")
            stop.wait()
    except KeyboardInterrupt:
        say("Stopping.")
    finally:
        service.stop()
    return lines


def configured(path: Path) -> Config:
    """The configuration; from here on its secrets are kept out of the logs."""
    config = read_config(path)
    configure_logs(config.log.level, config.log.format, Redactor(config.secrets()))
    return config


def open_doors(service: Service, config: Config) -> None:
    """Prepare the store and listen. Raises ConfigError when the port is taken."""
    try:
        service.open()
    except OSError as error:
        raise ConfigError(
            f"The port {config.server.port} cannot be used: {error.strerror}.",
            remedy="Stop the other program, or choose another with --port.",
        ) from None


def report(totals: dict[str, object], lines: list[Line], *, as_json: bool) -> None:
    """The control totals, and the comparison with the other sides' ledgers."""
    if as_json:
        print_json(
            {
                "totals": totals,
                "reckoning": [
                    {
                        "what": n.what,
                        "expected": n.expected,
                        "found": n.found,
                        "agrees": n.agrees,
                    }
                    for n in lines
                ],
                "agrees": all(n.agrees for n in lines),
            }
        )
        return
    print_totals(totals)
    print_table(
        "Reckoned up against the ledgers of the other sides (count; amount in minor units)",
        ["what", "their ledger", "ours", ""],
        [(n.what, n.expected, n.found, "agrees" if n.agrees else "DIFFERS") for n in lines],
        empty="nothing.",
    )
