"""The pages are true: links resolve, commands and options exist, examples load, generated pages are fresh.

`python -m tests.test_docs` makes docs/systems.md and docs/reference/cli.md anew.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from marshmallow import Schema, missing

from connector import errors
from connector.cli.main import cli
from connector.config.fields import SecretField
from connector.config.load import load_config
from connector.config.schema import SECTIONS
from connector.proof import (
    FINANCIER_CAPABILITIES,
    SYSTEM_CAPABILITIES,
    financier_support,
    system_support,
)
from connector.registry import financiers, systems
from connector.secrets import new_key
from connector.store.schema import metadata
from connector.transport import TransportSchema
from mappings import load_mapping, shipped
from tests.test_support import PROVEN

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
SYSTEMS_PAGE = DOCS / "systems.md"
CLI_PAGE = DOCS / "reference" / "cli.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?<![\w/.-])connector (?=[a-z-])([^`|#;&\n]*)")

# -- generated pages ----------------------------------------------------------------------------------------------


def cli_page() -> str:
    """Every command's --help, as the program prints it."""
    parts = [
        "# Commands",
        "Made from the program by `python -m tests.test_docs`; a test fails when it is stale.",
    ]
    for words in ((), *(words for words, _ in commands(cli))):
        shown = CliRunner().invoke(
            cli, [*words, "--help"], prog_name="connector", terminal_width=100
        )
        assert shown.exit_code == 0, shown.output
        text = "\n".join(line.rstrip() for line in shown.output.rstrip().splitlines())
        parts += [f"## {' '.join(('connector', *words))}", f"```text\n{text}\n```"]
    return "\n\n".join(parts) + "\n"


def commands(group: click.Group) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """(words, command) of every command, groups included."""
    for name in sorted(group.commands):
        command = group.commands[name]
        yield (name,), command
        if isinstance(command, click.Group):
            yield from (((name, *words), found) for words, found in commands(command))


def systems_page() -> str:
    """What each adapter says of itself."""
    read = [(f"`{name}`", *system_support(adapter).values()) for name, adapter in systems().items()]
    financed = [
        (f"`{name}`", *financier_support(adapter).values())
        for name, adapter in financiers().items()
    ]
    parts = [
        "# Systems and financiers",
        "What each of them offers, in the words of the adapters. Made from the program by\n"
        "`python -m tests.test_docs`; a test fails when it is stale.",
        "## What is supported, and how it is proven",
        PROVEN,
        table(("accounting system", *SYSTEM_CAPABILITIES.values()), read),
        table(("financing platform", *FINANCIER_CAPABILITIES.values()), financed),
        "## Accounting systems",
        *(_system(name, adapter) for name, adapter in systems().items()),
        "## Financing platforms",
        *(_financier(name, adapter) for name, adapter in financiers().items()),
        "## Options of every connection and financier",
        "How the other side is spoken to. [config.example.toml](../config.example.toml) says why each default is what\n"
        "it is.",
        options(TransportSchema()),
    ]
    return "\n\n".join(parts) + "\n"


def _system(name: str, adapter: Any) -> str:
    streams = [
        (
            f"`{stream.name}`",
            "through the mapping" if stream.mapped else "stored",
            "yes" if stream.incremental else "no",
            ", ".join(f"`{field}`" for field in stream.secret_fields) or "none",
        )
        for stream in adapter.streams
    ]
    return "\n\n".join(
        [
            f"### {name}",
            f"- How a change is found: {adapter.capabilities.change_detection}\n"
            f"- Write back: {adapter.capabilities.write_back}",
            table(
                ("stream", "its records go", "only changes are read", "encrypted fields"), streams
            ),
            options(adapter.settings_schema(), besides=TransportSchema()),
        ]
    )


def _financier(name: str, adapter: Any) -> str:
    schema = adapter.settings_schema()
    steps = ", ".join(f"`{step}`" for step in adapter.steps)
    repeated = ", ".join(f"`{step}`" for step in adapter.steps if step in adapter.repeatable_steps)
    configured = schema.fields.get("currencies")
    told = sorted(adapter.currencies) if configured is None else default_of(configured)
    currencies = ", ".join(told or ["those of the profile"])
    return "\n\n".join(
        [
            f"### {name}",
            f"- Steps of a submission, in order: {steps}.\n"
            f"- Steps that may be repeated without harm: {repeated or 'none'}. Before any other is repeated, the "
            f"platform is looked up.\n"
            f"- Currencies, unless configured otherwise: {currencies}.",
            options(schema, besides=TransportSchema()),
        ]
    )


def options(schema: Schema, besides: Schema | None = None) -> str:
    """A table of a schema's options and their defaults."""
    rows = []
    for name, field in schema.fields.items():
        if besides is not None and name in besides.fields:
            continue
        default = default_of(field)
        if field.required:
            shown = "required, a secret" if isinstance(field, SecretField) else "required"
        else:
            shown = f"`{toml(default)}`" if default not in (None, missing) else "none"
        rows.append((f"`{name}`", shown))
    return table(("option", "default"), rows)


def default_of(field: Any) -> Any:
    """A field's default, called where it is a function."""
    return field.load_default() if callable(field.load_default) else field.load_default


def toml(value: object) -> str:
    """A default as one writes it in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else str(value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


GENERATED = {SYSTEMS_PAGE: systems_page, CLI_PAGE: cli_page}


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.name)
def test_generated_pages_are_fresh(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == GENERATED[page](), (
        "Run `python -m tests.test_docs`, and look at what changed."
    )


# -- links --------------------------------------------------------------------------------------------------------


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(
        r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            wrong.append(target)
    assert not wrong


def test_every_page_is_found_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [p.name for p in PAGES if p.name != "README.md" and p.name not in readme] == []


# -- commands -----------------------------------------------------------------------------------------------------


def written_commands(page: Path) -> list[str]:
    """Every `connector ...` in code blocks and between backquotes, joined where a line goes on."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    pieces = [body for kind, body in FENCE.findall(text) if kind in ("sh", "ini")]
    pieces += re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    return [found.group(1).strip() for piece in pieces for found in COMMAND.finditer(piece)]


def problem_of(written: str) -> str | None:
    """What is wrong with a command as it is written: an unknown word or option, or None."""
    words = shlex.split(written)
    command: click.Command = cli
    while words:
        word = words.pop(0)
        known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        if word.startswith("-"):
            option = word.partition("=")[0]
            if option not in known | {"--help", "-h"}:
                return f"`connector {written}`: there is no {option}"
            found = next((p for p in command.params if option in p.opts), None)
            if isinstance(found, click.Option) and not found.is_flag and words and "=" not in word:
                words.pop(0)
        elif isinstance(command, click.Group):
            if word not in command.commands:
                return f"`connector {written}`: there is no command {word}"
            command = command.commands[word]
    return None


@pytest.mark.parametrize("page", [p for p in PAGES if p != CLI_PAGE], ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    assert [p for p in map(problem_of, written_commands(page)) if p] == []


def test_the_check_of_commands_can_fail() -> None:
    assert problem_of("link set finexio A B") is None
    assert problem_of("demo --headless --invoices 5") is None
    assert problem_of("--config x.toml run") is None
    assert problem_of("frobnicate") is not None
    assert problem_of("demo --frobnicate") is not None
    assert written_commands(DOCS / "tutorial.md")[0].startswith("sandbox --invoices 40")


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        code = [*re.findall(r"`([^`\n]+)`", text), *(body for _, body in FENCE.findall(text))]
        named = {t for piece in code for t in re.findall(r"^make ([a-z]+)", piece, re.MULTILINE)}
        assert named <= targets, page.name


# -- examples and completeness ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_toml_can_be_read(page: Path) -> None:
    for kind, body in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "toml":
            tomllib.loads(body)


def tutorial() -> str:
    return (DOCS / "tutorial.md").read_text(encoding="utf-8")


def test_the_tutorials_configuration_loads(tmp_path: Path) -> None:
    body = next(body for kind, body in FENCE.findall(tutorial()) if body.startswith("[store]"))
    (tmp_path / "connector.key").write_text(new_key())
    (tmp_path / "connector.key").chmod(0o600)
    (tmp_path / "connector.toml").write_text(body, encoding="utf-8")
    environ = dict(re.findall(r"\b([A-Z_]+)=([\w:/.-]+)", tutorial()))
    config = load_config(
        tmp_path / "connector.toml",
        environ,
        systems={name: adapter.settings_schema for name, adapter in systems().items()},
        financiers={name: adapter.settings_schema for name, adapter in financiers().items()},
    )
    assert {flow.name for flow in config.flows} == {"tryton_to_hosted", "finexio_to_hosted"}
    assert f"/webhooks/hosted/{environ['HOSTED_WEBHOOK_PATH_SECRET']}" in tutorial()
    assert f"--webhook-secret {environ['HOSTED_WEBHOOK_SECRET']}" in tutorial()


def test_the_tutorials_mapping_loads() -> None:
    rule = re.findall(r"<<'END'\n(.*?)^END$", tutorial(), re.MULTILINE | re.DOTALL)[0]
    amount = next(b for kind, b in FENCE.findall(tutorial()) if kind == "toml" and "amount =" in b)
    own, changes = re.subn(
        r'^amount = "amount_cents \| minus.*\n', amount, shipped()["finexio"], flags=re.MULTILINE
    )
    assert changes == 1
    load_mapping(own + rule, name="finexio-own")


def test_every_table_is_in_the_architecture() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    part = text.split("## Tables", 1)[1].split("## ", 1)[0]
    told = {
        name
        for line in part.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert told == set(metadata.tables)


def test_operations_names_every_option_of_the_operator() -> None:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    part = text.split("## Options", 1)[1].split("## ", 1)[0]
    told = set(re.findall(r"`(\w+\.\w+)`", part))
    wanted = {
        f"{section}.{option}"
        for section in ("store", "server", "encryption", "schedule", "log")
        for option in SECTIONS[section]().fields
    }
    assert told == wanted


def test_connect_finexio_names_every_option() -> None:
    text = (DOCS / "connect-finexio.md").read_text(encoding="utf-8")
    absent = [o for o in systems()["finexio"].settings_schema().fields if o not in text]
    assert absent == []


def test_connect_hosted_session_names_every_option() -> None:
    text = (DOCS / "connect-hosted-session.md").read_text(encoding="utf-8")
    own = set(financiers()["hosted_session"].settings_schema().fields) - set(
        TransportSchema().fields
    )
    assert [option for option in sorted(own) if f"`{option}`" not in text] == []


def test_operations_names_every_failure_and_its_exit_code() -> None:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    told = {
        name: int(line.rstrip(" |").rpartition("|")[2])
        for line in text.splitlines()
        if re.match(r"\| [A-Z]\w+.*\| \d+ \|$", line)
        for name in line.split("|")[1].replace(" ", "").split(",")
    }
    raised = {
        name: found.exit_code
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, errors.ConnectorError)
    }
    del raised["ConnectorError"]
    assert told == raised


if __name__ == "__main__":
    for generated_page, make in GENERATED.items():
        generated_page.parent.mkdir(exist_ok=True)
        generated_page.write_text(make(), encoding="utf-8")
