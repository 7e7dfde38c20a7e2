"""A good configuration becomes a complete, frozen one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from connector.config.model import Config
from connector.secrets import Secret, SecretBox
from tests.unit.config.samples import ENVIRON, GOOD, KEY, PATH_SECRET, Load


def test_defaults_are_filled_in(load: Load) -> None:
    config = load()
    assert (config.server.host, config.server.port, config.server.public_url) == (
        "127.0.0.1",
        8750,
        None,
    )
    assert (config.schedule.interval_seconds, config.schedule.quiet_period_seconds) == (300, 900)
    assert (config.log.level, config.log.format) == ("info", "plain")
    connection = config.connections["books"]
    assert (connection.name, connection.system, connection.interval_seconds) == (
        "books",
        "ledger",
        300,
    )
    assert connection.settings["base_url"] == "https://books.example.com/v1"
    assert connection.settings["password"] == Secret("correct horse")
    assert connection.settings["concurrency"] == 4
    (flow,) = config.flows
    assert (flow.mapping, flow.document, flow.submit) == ("ledger", "attachment", "automatic")
    assert (flow.create_companies, flow.type_of_goods, flow.amendments) == (False, (), "flag")
    assert config.warnings == ()


def test_nothing_of_it_can_be_changed(load: Load) -> None:
    config = load()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.server.port = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.connections["other"] = config.connections["books"]  # type: ignore[index]


def test_a_connection_overrides_the_schedule(load: Load) -> None:
    text = GOOD.replace('system = "ledger"\n', 'system = "ledger"\ninterval_seconds = 60\n')
    config = load(text + "\n[schedule]\ninterval_seconds = 120\njitter_seconds = 0\n")
    connection = config.connections["books"]
    assert (connection.interval_seconds, connection.jitter_seconds) == (60, 0)
    assert config.schedule.interval_seconds == 120


def test_relative_paths_begin_at_the_file(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    text = GOOD.replace('financier = "lender"\n', 'financier = "lender"\nmapping = "ours.toml"\n')
    config = load(text)
    assert config.store.url.reveal() == f"sqlite:///{tmp_path}/connector.db"
    assert config.flows[0].mapping == str(tmp_path / "ours.toml")


def test_secrets_come_from_files_too(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "connector.key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)
    config = load(GOOD.replace('{ env = "KEY" }', '{ file = "connector.key" }'))
    box = SecretBox.from_secret(config.encryption.key)
    assert box.decrypt(box.encrypt(b"DE89")) == b"DE89"
    assert config.warnings == ()


def test_a_secret_file_open_to_others_is_a_warning(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "connector.key"
    file.write_text(KEY)
    file.chmod(0o644)
    config = load(GOOD.replace('{ env = "KEY" }', '{ file = "connector.key" }'))
    assert config.warnings == (
        f"The secret file {file} can be read by other users of this machine. Run: chmod 600 {file}",
    )


def test_pages_open_to_the_network_are_a_warning(load: Load) -> None:
    (warning,) = load(GOOD + '\n[server]\nhost = "0.0.0.0"\n').warnings
    assert "server.host" in warning


def test_a_postgresql_url_with_a_password_comes_as_a_secret(load: Load) -> None:
    url = "postgresql://connector:hunter22@db.example.com/connector"
    text = GOOD.replace('"sqlite:///connector.db"', '{ env = "DATABASE" }')
    assert load(text, {**ENVIRON, "DATABASE": url}).store.url.reveal() == url


def test_a_webhook_opens_the_doorway(load: Load) -> None:
    text = GOOD + (
        '\n[financiers.lender.webhook.signature]\nheader = "X-Signature"\n'
        'secrets = [{ env = "SIGNING" }]\nformat = "timestamped"\nsigned = "timestamp.body"\n'
    )
    environ = {**ENVIRON, "SIGNING": "another-secret-of-good-length-77"}
    webhook = load(text, environ).financiers["lender"].webhook
    assert webhook is not None
    endpoint = webhook.endpoint("lender")
    assert endpoint.accepts_path(PATH_SECRET)
    assert not endpoint.accepts_path(PATH_SECRET + "x")
    assert endpoint.signature is not None
    assert endpoint.signature.secrets == (b"another-secret-of-good-length-77",)


def test_no_secret_shows_itself(load: Load) -> None:
    config = load()
    shown = [repr(config), str(config), str(dataclasses.asdict(config.store)), f"{config}"]
    shown += [repr(config.connections["books"].settings), str(config.financiers["lender"].webhook)]
    for secret in config.secrets():
        for text in shown:
            assert secret.reveal() not in text
    assert {KEY, PATH_SECRET, "correct horse"} <= {s.reveal() for s in config.secrets()}


def test_a_configuration_is_not_serialised_by_accident(load: Load) -> None:
    config: Config = load()
    with pytest.raises(TypeError):
        json.dumps(config.encryption.key)
