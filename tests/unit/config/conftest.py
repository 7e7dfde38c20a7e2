"""A configuration folder to write into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from connector.config.load import load_config
from connector.config.model import Config
from tests.unit.config.samples import ENVIRON, GOOD, HostedSchema, LedgerSchema, Load


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write a configuration and load it."""

    def load_text(text: str = GOOD, environ: Mapping[str, str] = ENVIRON) -> Config:
        path = tmp_path / "connector.toml"
        path.write_text(text, encoding="utf-8")
        return load_config(
            path, environ, systems={"ledger": LedgerSchema}, financiers={"hosted": HostedSchema}
        )

    return load_text
