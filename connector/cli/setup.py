"""Commands for setting up: a first configuration, and a read-only try of every connection."""

from __future__ import annotations

import os
import sys
from importlib import resources
from pathlib import Path

import click

from connector.active_mapping import check as check_mapping
from connector.cli.main import Invocation, cli, json_option, pass_invocation
from connector.cli.output import print_json, print_table, say
from connector.config.model import Config
from connector.errors import ConfigError, Unavailable
from connector.secrets import new_key
from connector.system import Finding, SendsHints


@cli.command()
@click.argument(
    "directory", type=click.Path(path_type=Path, file_okay=False), default=Path(), required=False
)
def init(directory: Path) -> None:
    """Make a configuration to start from in DIRECTORY, with a fresh encryption key. Nothing is overwritten."""
    directory.mkdir(parents=True, exist_ok=True)
    config, key = directory / "connector.toml", directory / "connector.key"
    for path in (config, key):
        if path.exists():
            raise ConfigError(f"{path} exists already.", remedy="Nothing was changed.")
    write_private(key, new_key() + "\n")
    starter = resources.files("connector.cli").joinpath("starter.toml").read_text(encoding="utf-8")
    config.write_text(starter, encoding="utf-8")
    say(
        f"Made {config} and {key}. Next: fill in the first, keep the second safe, `connector check`."
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def doorway(config: Config, name: str) -> list[Finding]:
    """How the events of a financier or a connection come in, without the secret in their address."""
    what = "where its events come in"
    is_financier = name in config.financiers
    webhook = config.financiers[name].webhook if is_financier else config.connections[name].webhook
    if webhook is None:
        alone = "statuses come by polling" if is_financier else "changes are found by pulling"
        return [Finding(True, what, f"no webhook is configured: {alone} alone")]
    if webhook.signature is not None and not webhook.signature.secrets:
        shut = "the door is shut: the secrets of its subscriptions are not there yet"
        return [Finding(False, what, shut, "Run `connector webhooks sync`.")]
    if config.server.public_url is None:
        return [
            Finding(
                True,
                what,
                f"/webhooks/{name}/ on this machine",
                "Set server.public_url to see the address that it needs.",
            )
        ]
    return [
        Finding(
            True, what, f"register {config.server.public_url}/webhooks/{name}/ and the path secret"
        )
    ]


@cli.command()
@json_option
@pass_invocation
def check(invocation: Invocation, as_json: bool) -> None:
    """Try every connection and financier, read-only, and name what is wrong and what to do about it."""
    with invocation.program() as program:
        findings: list[tuple[str, Finding]] = [
            ("store", Finding(True, "open the store", "its tables and guards are in place"))
        ]
        program.database.quick_check()
        for flow in program.config.flows:
            check_mapping(flow.mapping)
            findings.append((flow.name, Finding(True, f"mapping {flow.mapping}", "it can be used")))
        for name, system in program.systems.items():
            findings += [(name, finding) for finding in system.check()]
            if isinstance(system, SendsHints):
                findings += [(name, finding) for finding in doorway(program.config, name)]
        for name, financier in program.financiers.items():
            findings += [(name, finding) for finding in financier.check()]
            findings += [(name, finding) for finding in doorway(program.config, name)]
    if as_json:
        print_json(
            [
                {"name": n, "ok": f.ok, "what": f.what, "detail": f.detail, "remedy": f.remedy}
                for n, f in findings
            ]
        )
    else:
        print_table(
            "Check",
            ["", "name", "what was tried", "result", "what to do"],
            [("ok" if f.ok else "WRONG", n, f.what, f.detail, f.remedy) for n, f in findings],
            empty="nothing to try.",
        )
    if not all(finding.ok for _, finding in findings):
        sys.exit(Unavailable.exit_code)
