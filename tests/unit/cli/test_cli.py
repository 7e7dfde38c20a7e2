"""The command line: every command explains itself, fails in one sentence with its class's exit code, and tells no secret."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from connector.bootstrap import Program, read_config
from connector.cli.main import cli
from connector.secrets import Secret
from tests.flows.stage import Stage
from tests.unit.cli.conftest import Run, Said


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = sorted(commands(cli))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(run: Run, command: tuple[str, ...]):
    said = run(*command, "--help")
    assert said.code == 0
    assert said.out.startswith("Usage:")
    sentence = said.out.split("\n\n")[1].strip()
    assert len(sentence) > 30
    assert said.err == ""


def test_the_first_screen_names_the_exit_codes(run: Run):
    assert "10 something that must always hold" in " ".join(run("--help").out.split())


# -- mistakes ---------------------------------------------------------------------------------------------------------


def refused(said: Said, code: int, *words: str) -> None:
    assert said.code == code, said
    assert "Traceback" not in said.err + said.out
    for word in words:
        assert word in said.err, said.err
    assert said.out == ""


@pytest.mark.parametrize("command", ["status", "totals", "run", "sync", "check", "verify", "inbox"])
def test_a_missing_configuration_is_named(run: Run, tmp_path: Path, command: str):
    refused(run("--config", tmp_path / "no.toml", command), 3, "ConfigError", "no.toml")


def test_toml_that_cannot_be_read_is_named_with_its_line(run: Run, tmp_path: Path):
    file = tmp_path / "connector.toml"
    file.write_text('[store]\nurl = "sqlite:///x.db\n', "utf-8")
    refused(run("--config", file, "status"), 3, "ConfigError", "2")


def test_a_wrong_key_is_named_with_what_is_allowed(run: Run, lived: Stage):
    text = lived.config_path.read_text("utf-8")
    lived.config_path.write_text(text.replace("[schedule]", "[schedule]\nquite = 1"), "utf-8")
    refused(run("--config", lived.config_path, "status"), 3, "quite", "quiet_period_seconds")


def test_a_file_that_is_no_database_is_named(run: Run, lived: Stage):
    for name in ("connector.db-wal", "connector.db-shm"):
        (lived.directory / name).unlink(missing_ok=True)
    (lived.directory / "connector.db").write_bytes(b"this is a letter, not a database. " * 300)
    refused(run("--config", lived.config_path, "status"), 3, "not an SQLite database")


def test_an_unknown_invoice_is_named_with_a_remedy(run: Run, lived: Stage):
    refused(
        run("--config", lived.config_path, "invoice", "show", "nobody"), 6, "NotFound", "nobody"
    )


@pytest.mark.parametrize("row", ["999999", "-1", "one", "99999999999999999999"])
def test_an_unknown_outbox_row_is_refused(run: Run, lived: Stage, row: str):
    said = run("--config", lived.config_path, "decide", "--reason", "x", "--", row, "drop")
    assert said.code in (2, 6, 10)
    assert "Traceback" not in said.err
    assert said.err.strip()


@pytest.mark.parametrize("what", ["again", "drop"])
def test_a_row_that_is_not_parked_is_not_decided(run: Run, lived: Stage, what: str):
    said = run("--config", lived.config_path, "decide", "1", what, "--reason", "x")
    assert said.code == 6
    assert "parked" in said.err


def test_a_message_that_took_effect_is_decided_in_the_same_words(run: Run, lived: Stage):
    reason = ("--reason", "x")
    said = run("--config", lived.config_path, "decide", "1", "took_effect", *reason)
    assert said.code in (6, 10)
    assert "parked" in said.err
    wrong = run("--config", lived.config_path, "decide", "1", "drop", *reason, "--remote-id", "i")
    refused(wrong, 2, "--remote-id", "took_effect")


def test_a_connection_without_a_flow_is_named(run: Run, lived: Stage):
    refused(run("--config", lived.config_path, "link", "companies", "nobody"), 3, "nobody", "books")


def test_a_counterparty_nobody_knows_is_named(run: Run, lived: Stage):
    refused(run("--config", lived.config_path, "link", "set", "books", "nobody", "c1"), 6, "nobody")


def test_an_attachment_of_a_wrong_kind_is_refused(run: Run, lived: Stage, tmp_path: Path):
    file = tmp_path / "invoice.exe"
    file.write_bytes(b"MZ")
    refused(run("--config", lived.config_path, "inbox", "attach", "1", file), 8, "exe", "pdf")


def test_a_backup_never_overwrites(run: Run, lived: Stage, tmp_path: Path):
    file = tmp_path / "copy.db"
    assert run("--config", lived.config_path, "backup", file).code == 0
    assert run("--config", lived.config_path, "backup", file).code == 2
    with sqlite3.connect(file) as copy:
        assert copy.execute("select count(*) from financing_invoices").fetchone() == (2,)
    copy.close()


def test_init_makes_a_start_and_never_overwrites(run: Run, tmp_path: Path):
    assert run("init", tmp_path).code == 0
    key = tmp_path / "connector.key"
    before = key.read_bytes()
    assert key.stat().st_mode & 0o077 == 0
    refused(run("init", tmp_path), 3, "exists")
    assert key.read_bytes() == before


def test_a_second_running_connector_is_refused(run: Run, lived: Stage):
    first = Program(read_config(lived.config_path, {}), exclusive=True)
    try:
        assert first.is_alone
        refused(run("--config", lived.config_path, "sync"), 3, "ConfigError")
    finally:
        first.close()


def test_a_taken_port_is_named(lived: Stage):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = lived.config_path.read_text("utf-8").replace("port = 0", f"port = {port}")
        lived.config_path.write_text(text, "utf-8")
        ended = subprocess.run(
            [sys.executable, "-m", "connector", "--config", str(lived.config_path), "run"],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ},
        )
    assert ended.returncode == 3
    assert str(port) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_system_that_is_down_ends_a_sync_with_its_exit_code(run: Run, lived: Stage):
    lived.fault("GET /v2/*", "status_500", at="source", times=None, status=503)
    said = run("--config", lived.config_path, "sync", "--full-walk")
    assert said.code == 5
    assert "books" in said.err
    assert "Traceback" not in said.err


def test_check_names_what_is_wrong_and_ends_so(run: Run, lived: Stage):
    assert run("--config", lived.config_path, "check").code == 0
    (lived.directory / "password").write_text("wrong", "utf-8")
    said = run("--config", lived.config_path, "check")
    assert said.code != 0
    assert "WRONG" in said.out


def test_verify_ends_with_the_exit_code_of_a_broken_invariant(run: Run, lived: Stage):
    assert run("--config", lived.config_path, "verify").code == 0
    with sqlite3.connect(lived.directory / "connector.db") as store:
        store.execute("drop trigger audit_log_no_update")
    store.close()
    said = run("--config", lived.config_path, "verify")
    assert said.code in (3, 10)
    assert "audit_log_no_update" in said.out + said.err


# -- what is printed --------------------------------------------------------------------------------------------------

LOOKING: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("totals",),
    ("inbox",),
    ("outbox",),
    ("outbox", "--state", "done"),
    ("link",),
    ("link", "companies", "books"),
    ("verify",),
    ("check",),
    ("invoice", "list"),
    ("invoice", "show", "1"),
)


def without_floats(text: str) -> Any:
    def refuse(number: str) -> float:
        raise AssertionError(f"a float was printed: {number}")

    return json.loads(text, parse_float=refuse)


@pytest.mark.parametrize("command", LOOKING, ids=" ".join)
def test_json_is_json_without_floats_and_the_table_is_not_empty(
    run: Run, lived: Stage, command: tuple[str, ...]
):
    with_json = run("--config", lived.config_path, *command, "--json")
    if command == ("invoice", "show", "1"):
        reference = without_floats(
            run("--config", lived.config_path, "invoice", "list", "--json").out
        )
        word = reference[0]["client_reference_id"]
        command = ("invoice", "show", word)
        with_json = run("--config", lived.config_path, *command, "--json")
    assert with_json.code == 0, with_json
    without_floats(with_json.out)
    table = run("--config", lived.config_path, *command)
    assert table.code == 0
    assert table.out.strip()


def test_every_command_that_prints_data_has_json(run: Run):
    printing: set[tuple[str, ...]] = {
        ("status",),
        ("totals",),
        ("inbox",),
        ("outbox",),
        ("link",),
        ("verify",),
    }
    printing |= {("check",), ("invoice", "list"), ("invoice", "show"), ("demo",)}
    for command in printing:
        assert "--json" in run(*command, "--help").out


def test_amounts_are_told_to_the_cent(run: Run, lived: Stage):
    shown = without_floats(run("--config", lived.config_path, "totals", "--json").out)
    mapped = [row for row in shown["outcomes"] if row["kind"] == "mapped"]
    assert [(row["amount"], row["amount_minor_units"], row["count"]) for row in mapped] == [
        ("300.00", 30_000, 2)
    ]


def test_no_secret_is_ever_printed(run: Run, lived: Stage):
    config = read_config(lived.config_path, {})
    secrets = {secret.reveal() for secret in config.secrets() if isinstance(secret, Secret)} - {
        config.store.url.reveal()
    }
    assert len(secrets) >= 4
    printed = ""
    for command in (*LOOKING, ("sync",), ("run", "--help")):
        said = run("--config", lived.config_path, *command)
        printed += said.out + said.err
    for secret in secrets:
        assert secret not in printed
    assert not re.search(r"sandbox-account-\d+", printed)


def test_a_parked_step_can_be_dropped_for_good(run: Run, lived: Stage):
    rows = without_floats(
        run("--config", lived.config_path, "outbox", "--state", "parked", "--json").out
    )
    (parked,) = rows
    done = run(
        "--config", lived.config_path, "decide", str(parked["id"]), "drop", "--reason", "not wanted"
    )
    assert done.code == 0, done
    assert run("--config", lived.config_path, "verify", "--at-rest").code == 0
    assert without_floats(
        run("--config", lived.config_path, "outbox", "--state", "dead", "--json").out
    )


def test_a_restore_is_noted_and_ended(run: Run, lived: Stage):
    for arguments, wanted in (((), True), (("--finished",), False)):
        assert run("--config", lived.config_path, "restored", *arguments).code == 0
        program = Program(read_config(lived.config_path, {}))
        try:
            with program.database.read() as tx:
                assert tx.connections.get("bank").reconcile_first is wanted
        finally:
            program.close()
