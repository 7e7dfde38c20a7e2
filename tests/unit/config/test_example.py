"""`config.example.toml` is true: it loads, it shows every option there is, and the defaults it shows are the defaults."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema, fields

from connector.config.feed import FeedEndpointSchema
from connector.config.fields import SecretField
from connector.config.load import load_config
from connector.config.model import Config
from connector.config.schema import SECTIONS, ConnectionSchema, FinancierSchema, FlowSchema
from connector.feed.signing import new_secret
from connector.registry import financiers, systems
from connector.secrets import Secret, new_key

EXAMPLE = Path(__file__).resolve().parents[3] / "config.example.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
EVERY_OPTION = re.sub(r"^# (\[+[a-z_.]+\]+|[a-z_]+ = .*)$", r"\1", TEXT, flags=re.MULTILINE)
SYSTEMS = {name: adapter.settings_schema for name, adapter in systems().items()}
FINANCIERS = {name: adapter.settings_schema for name, adapter in financiers().items()}
SECRET_WORDS = ("password", "secret", "token", "credential", "api_key")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    key = tmp_path / "connector.key"
    key.write_text(new_key())
    key.chmod(0o600)
    return tmp_path


def load(text: str, folder: Path) -> Config:
    path = folder / "connector.toml"
    path.write_text(text, encoding="utf-8")
    named = sorted(set(re.findall(r'env = "([A-Z_]+)"', text)))
    environ = {name: f"made-up-{name.lower()}-{number:04}" for number, name in enumerate(named)}
    environ |= {name: new_secret() for name in named if name.startswith("FEED_")}
    return load_config(path, environ, systems=SYSTEMS, financiers=FINANCIERS)


def values(part: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value of a configuration, by its path."""
    if is_dataclass(part) and not isinstance(part, type):
        for each in dataclass_fields(part):
            yield from values(getattr(part, each.name), f"{path}.{each.name}")
    elif isinstance(part, Mapping):
        for key, item in part.items():
            yield from values(item, f"{path}.{key}")
    elif isinstance(part, tuple) and path in (".flows", ".feed.endpoints"):
        for index, item in enumerate(part):
            yield from values(item, f"{path}.{index}")
    elif not isinstance(part, Secret):
        yield path, part


def test_the_example_loads_without_a_warning(folder: Path) -> None:
    config = load(TEXT, folder)
    assert config.warnings == ()
    assert set(config.connections) == set(SYSTEMS)
    assert {account.platform for account in config.financiers.values()} == set(FINANCIERS)


def test_an_option_in_comments_shows_its_default(folder: Path) -> None:
    bare = dict(values(load(TEXT, folder)))
    full = dict(values(load(EVERY_OPTION, folder)))
    untrue = {
        path: (value, full.get(path))
        for path, value in bare.items()
        if value is not None and full.get(path) != value
    }
    assert untrue == {}


def missing(schema: Schema, tables: list[Any], path: str) -> Iterator[str]:
    """Keys of a schema that stand in none of the tables."""
    for name, field in schema.fields.items():
        key = field.data_key or name
        found = [table[key] for table in tables if key in table]
        if not found:
            yield f"{path}.{key}"
        elif isinstance(field, fields.Nested):
            yield from missing(field.schema, found, f"{path}.{key}")


def test_every_option_is_shown() -> None:
    shown = tomllib.loads(EVERY_OPTION)
    left_out = [
        key
        for name, section in SECTIONS.items()
        for key in missing(section(), [shown.get(name, {})], name)
    ]
    left_out += missing(FlowSchema(), shown["flows"], "flows")
    left_out += missing(FeedEndpointSchema(), shown["feed"]["endpoints"], "feed.endpoints")
    for section, selector, ours, theirs in (
        ("connections", "system", ConnectionSchema, SYSTEMS),
        ("financiers", "platform", FinancierSchema, FINANCIERS),
    ):
        tables = list(shown[section].values())
        left_out += missing(ours(), tables, section)
        for name, schema in theirs.items():
            own = [table for table in tables if table[selector] == name]
            left_out += missing(schema(), own, f"{section}({name})")
    assert left_out == []


@pytest.mark.parametrize("adapter", [*SYSTEMS.values(), *FINANCIERS.values()])
def test_an_adapter_takes_its_secrets_as_secrets(adapter: type[Schema]) -> None:
    schema = adapter()
    open_secrets = [
        key
        for key, field in schema.fields.items()
        if any(word in key for word in SECRET_WORDS)
        and isinstance(field, fields.String)
        and not isinstance(field, fields.Url)
        and not isinstance(field, SecretField)
        and not key.endswith(("_url", "_path"))
    ]
    assert open_secrets == []


def test_every_option_has_its_reason_beside_it() -> None:
    """Between two options stands a sentence, unless the options are one group."""
    lines = TEXT.splitlines()
    bare = [
        line
        for before, line in pairwise(lines)
        if re.match(r"(# )?[a-z_]+ = ", line)
        and not before.startswith("#")
        and before.strip() == ""
    ]
    assert bare == []
