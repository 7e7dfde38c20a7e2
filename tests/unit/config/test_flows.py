"""What a platform requires of a flow is said before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from connector.config.load import load_config
from connector.errors import ConfigError
from connector.financiers.hosted_session.settings import HostedSessionSchema
from tests.unit.config.samples import ENVIRON, GOOD, HostedSchema, LedgerSchema

BOTH = 'success_url = "https://example.com/a"\ncancel_url = "https://example.com/b"\n'
HOSTED = """base_url = "https://lender.example.com"
client_id = "us"
client_secret = { env = "PASSWORD" }"""


class Strict(HostedSchema):
    """A platform that wants to know where to send a person back to."""

    @staticmethod
    def required_of_flow(_settings: Mapping[str, Any]) -> Sequence[str]:
        return ("success_url", "cancel_url")


def _load(folder: Path, text: str, schema: type[HostedSchema | HostedSessionSchema]) -> None:
    path = folder / "connector.toml"
    path.write_text(text, "utf-8")
    load_config(path, ENVIRON, systems={"ledger": LedgerSchema}, financiers={"hosted": schema})


def test_a_flow_without_what_its_platform_requires_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        _load(tmp_path, GOOD, Strict)
    said = str(refused.value)
    for key in ("success_url", "cancel_url"):
        sentence = (
            f"flows[1].{key}: this key is missing: lender (hosted) takes no invoice without it."
        )
        assert sentence in said
    _load(tmp_path, GOOD + BOTH, Strict)
    _load(tmp_path, GOOD, HostedSchema)


def test_the_shipped_profile_requires_both_addresses(tmp_path: Path) -> None:
    hosted = GOOD.replace(
        'platform = "hosted"\npassword = { env = "PASSWORD" }', f'platform = "hosted"\n{HOSTED}'
    )
    with pytest.raises(ConfigError, match=r"lender .hosted. takes no invoice without it"):
        _load(tmp_path, hosted, HostedSessionSchema)
    _load(tmp_path, hosted + BOTH, HostedSessionSchema)
