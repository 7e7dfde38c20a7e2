"""The sandbox's platforms alone: run them, list what can go wrong with them, play a day once more."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

import click

from connector.cli.main import cli, json_option
from connector.cli.output import print_json, print_table, say
from connector.errors import ConfigError, InvariantBroken
from connector.sandbox.disturbances import FAULT_NOTES
from connector.sandbox.process import replay_process
from connector.sandbox.run import MODULES, run_sandbox

_DIRECTORY = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("sandbox"),
    show_default=True,
    help="Where the platforms keep their ledgers; one used before is continued.",
)


@cli.group(invoke_without_command=True)
@click.option("--invoices", type=click.IntRange(1, 1_000_000), default=300, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@_DIRECTORY
@click.option(
    "--port",
    type=click.IntRange(1024, 65536 - len(MODULES)),
    help="The first platform's port; the others take the next ones. Default: any free ports.",
)
@click.option("--webhook-url", help="Where the financier sends its events.")
@click.option("--webhook-secret", help="What it signs them with.")
@click.option(
    "--faults",
    type=int,
    metavar="SEED",
    help="Lay a day of faults over all platforms and write down what they are asked and answer.",
)
@click.pass_context
def sandbox(
    context: click.Context,
    invoices: int,
    seed: int,
    directory: Path,
    port: int | None,
    webhook_url: str | None,
    webhook_secret: str | None,
    faults: int | None,
) -> None:
    """Run the sandbox alone: accounting systems and financiers, played on this machine.

    Each has a page at its address that says what can be done with it under /sandbox/ (push the clock, complete
    sessions, let the desk decide, make things fail) and what it had to choose where the documents are silent.

    With --faults the same seed gives the same day: `connector sandbox replay` plays it again and compares each byte.
    """
    if context.invoked_subcommand is not None:
        return
    if faults is not None and any(directory.glob("*.sqlite3")):
        raise ConfigError(
            f"There are ledgers of an earlier run in {directory}, and a day of faults begins with fresh ones.",
            remedy="Choose another --directory.",
        )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ports = {} if port is None else {name: port + place for place, name in enumerate(MODULES)}
    with run_sandbox(
        directory,
        ports=ports,
        seed=seed,
        invoices=invoices,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        faults=faults,
    ) as running:
        print_table(
            "Sandbox",
            ["platform", "address"],
            [(name, platform.base_url) for name, platform in running.platforms.items()],
            empty="nothing runs.",
        )
        if faults is not None:
            say(f"The day is written to {directory}/transcript-*.jsonl.")
        say("Ctrl-C stops it.")
        stop.wait()


@sandbox.command("faults")
@json_option
def list_faults(as_json: bool) -> None:
    """List what can be made to go wrong, and what each does.

    Any can be ordered at a platform: POST /sandbox/faults with a `match` such as "GET /v2/invoices/" and the name.
    Those marked as a lie look right and are not true, so nobody can tell; the day of --faults draws none of them.
    """
    notes = sorted(FAULT_NOTES.values(), key=lambda note: (note.group, note.name))
    if as_json:
        print_json(
            [{"name": n.name, "group": n.group, "what": n.sentence, "lie": n.lie} for n in notes]
        )
        return
    print_table(
        "Faults",
        ["name", "of", "", "what happens"],
        [(n.name, n.group, "lie" if n.lie else "", n.sentence) for n in notes],
        empty="there are none.",
    )


@sandbox.command("replay")
@_DIRECTORY
def replay_day(directory: Path) -> None:
    """Play a day of --faults once more on fresh platforms, and compare every answer to the byte."""
    found = {name: directory / f"transcript-{name}.jsonl" for name in MODULES}
    written = {name: path for name, path in found.items() if path.is_file()}
    if not written:
        raise ConfigError(
            f"There is no transcript in {directory}.",
            remedy="Make one with: connector sandbox --faults SEED --directory DIR",
        )
    differs = False
    for name, path in written.items():
        code, told = replay_process(MODULES[name], path)
        if code == 2:
            raise ConfigError(f"{name}: {told}")
        result = json.loads(told)
        same = "the same to the byte" if code == 0 else "; ".join(result["differences"])
        say(f"{name}: {result['calls']} calls, {same}.")
        differs |= code != 0
    if differs:
        sys.exit(InvariantBroken.exit_code)
