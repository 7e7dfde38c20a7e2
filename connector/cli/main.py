"""The command `connector` and what its commands share."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from connector.bootstrap import Program, read_config
from connector.cli.output import say
from connector.config.model import Config
from connector.errors import ConnectorError
from connector.logs import configure_logs
from connector.redaction import Redactor

DEFAULT_CONFIG = Path("connector.toml")


class Invocation:
    """Which configuration a command works with."""

    def __init__(self, config_path: Path) -> None:
        self.config_path = config_path

    def configured(self) -> Config:
        """The configuration; from here on its secrets are kept out of the logs."""
        config = read_config(self.config_path)
        configure_logs(config.log.level, config.log.format, Redactor(config.secrets()))
        for warning in config.warnings:
            say(f"Warning: {warning}")
        return config

    @contextmanager
    def program(self, *, exclusive: bool = False) -> Iterator[Program]:
        """The program as configured. `exclusive` for commands that do what the running connector does."""
        config = self.configured()
        program = Program(config, exclusive=exclusive)
        try:
            yield program
        finally:
            program.close()


pass_invocation = click.make_pass_decorator(Invocation)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Exit codes: 0 all well; 2 the command was typed wrongly; 3 configuration; 4 access must be renewed; 5 a system is
unavailable; 6 a system refused; 7 a system answers in another shape than documented; 8 a record cannot be right;
9 it is unclear whether something took effect; 10 something that must always hold does not.""",
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_CONFIG,
    show_default=True,
    envvar="CONNECTOR_CONFIG",
    help="The configuration file.",
)
@click.version_option(package_name="invoice-financing-connector")
@click.pass_context
def cli(context: click.Context, config_path: Path) -> None:
    """Take unpaid invoices from accounting systems to invoice financing, and bring their statuses back.

    \b
    First steps
      connector demo             watch the whole life of invoices in the built-in sandbox
      connector init             make a configuration to start from
      connector check            try every connection, read-only
      connector run              start the connector and its pages
    """
    context.obj = Invocation(config_path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. A failure of ours ends with one sentence and the exit code of its class."""
    try:
        cli.main(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="connector")
    except ConnectorError as error:
        say(f"{type(error).__name__}: {error}")
        sys.exit(error.exit_code)
    except OSError as error:
        say(f"{error.strerror or type(error).__name__}: {error.filename or 'this machine said no'}")
        sys.exit(1)


def _load_commands() -> None:
    """Commands register themselves when their modules are imported."""
    from connector.cli import (  # noqa: F401
        correct,
        decide,
        feed,
        financing,
        limits,
        look,
        mapping,
        mapping_examples,
        mapping_life,
        people,
        play,
        sandbox,
        setup,
        webhooks,
        work,
    )


_load_commands()
