"""Bad configurations, each beside the words it is refused with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.config.load import load_config
from connector.errors import ConfigError
from tests.unit.config.samples import ENVIRON, GOOD, Load

HOW = 'write { env = "NAME" } or { file = "/path" }'
SCHEDULE_KEYS = (
    "backoff_seconds_max, full_walk_interval_seconds, interval_seconds, jitter_seconds, lease_seconds, "
    "max_workers, park_after_seconds, poll_interval_seconds, quiet_period_seconds, "
    "shutdown_timeout_seconds, submit_interval_seconds, write_back_interval_seconds"
)
LEDGER_KEYS = (
    "archived, base_url, company, concurrency, full_walk_interval_seconds, interval_seconds, jitter_seconds, "
    "password, system, timeout_seconds, version, webhook"
)

# What is replaced in the good configuration, by what; then line and message of the refusal.
CASES = {
    "unknown section": (
        "[store]\n",
        "[storage]\nx = 1\n[store]\n",
        "1: storage: unknown key. Did you mean store? Allowed here: access, connections, "
        "encryption, feed, financiers, flows, log, mappings, schedule, server, store.",
    ),
    "unknown key, near": (
        "[encryption]",
        "[schedule]\nintervall_seconds = 5\n[encryption]",
        "5: schedule.intervall_seconds: unknown key. Did you mean interval_seconds? "
        f"Allowed here: {SCHEDULE_KEYS}.",
    ),
    "unknown key of an adapter": (
        'system = "ledger"\n',
        'system = "ledger"\nbase_uri = "x"\n',
        f"9: connections.books.base_uri: unknown key. Did you mean base_url? Allowed here: {LEDGER_KEYS}.",
    ),
    "unknown system": (
        'system = "ledger"',
        'system = "leger"',
        "8: connections.books.system: expected one of: ledger. Did you mean ledger?",
    ),
    "wrong kind": (
        "[encryption]",
        '[schedule]\ninterval_seconds = "often"\n[encryption]',
        "5: schedule.interval_seconds: expected a whole number from 30 to 2592000, found text.",
    ),
    "true is no number": (
        "[encryption]",
        "[schedule]\nmax_workers = true\n[encryption]",
        "5: schedule.max_workers: expected a whole number from 1 to 64, found true or false.",
    ),
    "a fraction is no whole number": (
        "[encryption]",
        "[server]\nport = 80.5\n[encryption]",
        "5: server.port: expected a whole number from 0 to 65535, found a number with a fraction.",
    ),
    "too small": (
        "[encryption]",
        "[schedule]\ninterval_seconds = 29\n[encryption]",
        "5: schedule.interval_seconds: expected a whole number from 30 to 2592000.",
    ),
    "not one of the choices": (
        "[encryption]",
        '[log]\nlevel = "warn"\n[encryption]',
        "5: log.level: expected one of debug, info, warning, error. Did you mean warning?",
    ),
    "a choice of an adapter": (
        'system = "ledger"\n',
        'system = "ledger"\nversion = "v3"\n',
        "9: connections.books.version: expected one of v1, v2.",
    ),
    "text for a boolean": (
        'system = "ledger"\n',
        'system = "ledger"\narchived = "yes"\n',
        "9: connections.books.archived: expected true or false, found text.",
    ),
    "missing key": (
        'base_url = "https://books.example.com/v1/"\n',
        "",
        "7: connections.books.base_url: this key is missing: expected text.",
    ),
    "missing section": (
        '[store]\nurl = "sqlite:///connector.db"\n',
        "",
        "store.url: this key is missing: expected a database URL, or " + HOW + ".",
    ),
    "inline secret": (
        'password = { env = "PASSWORD" }\n\n[financiers',
        'password = "hunter22"\n\n[financiers',
        "10: connections.books.password: a secret is not written into this file. Put it into an environment "
        f"variable or a file of its own, and {HOW}.",
    ),
    "secret of a wrong shape": (
        '{ env = "KEY" }',
        '{ env = "KEY", file = "x" }',
        f"5: encryption.key: expected a secret: {HOW}.",
    ),
    "unset variable": (
        '{ env = "KEY" }',
        '{ env = "KEYS" }',
        "5: encryption.key: the environment variable KEYS is not set. Did you mean KEY?",
    ),
    "missing secret file": (
        '{ env = "KEY" }',
        '{ file = "/nowhere/key" }',
        "5: encryption.key: the file /nowhere/key cannot be read: No such file or directory.",
    ),
    "not an encryption key": (
        '{ env = "KEY" }',
        '{ env = "PASSWORD" }',
        "5: encryption.key: An encryption key is not 32 bytes in URL-safe base64. Generate one with "
        "`connector init`; several stand on a line each, newest first.",
    ),
    "password in a URL": (
        "sqlite:///connector.db",
        "postgresql://me:hunter22@db/connector",
        f"2: store.url: this URL holds a password. Put it into an environment variable or a file of its own, and {HOW}.",
    ),
    "other database": (
        "sqlite:///connector.db",
        "mysql://db/connector",
        "2: store.url: expected a database URL that begins with sqlite:/// or postgresql://.",
    ),
    "database in memory": (
        "sqlite:///connector.db",
        "sqlite:///:memory:",
        "2: store.url: expected sqlite:/// and the path of a file: what is kept must survive a restart.",
    ),
    "plain http": (
        "https://books.example.com/v1/",
        "http://books.example.com/v1/",
        "9: connections.books.base_url: expected https://: plain http is for this machine itself only.",
    ),
    "credentials in an address": (
        "https://books.example.com/v1/",
        "https://me:hunter22@books.example.com/",
        "9: connections.books.base_url: expected a web address without user name, query or #fragment.",
    ),
    "bad name": (
        "[connections.books]",
        '[connections."My Books"]',
        "7: connections.My Books: expected a name of 1 to 40 small letters, digits and _, beginning with a letter.",
    ),
    "a flow from nowhere": (
        'connection = "books"',
        'connection = "book"',
        "21: flows[1].connection: no [connections.NAME] has this name. There are: books. Did you mean books?",
    ),
    "not an e-mail address": (
        "finance@example.com",
        "finance",
        "23: flows[1].submitted_by: expected an e-mail address.",
    ),
    "flows as one table": (
        "[[flows]]",
        "[flows]",
        "19: flows: expected tables [[flows]], found a table.",
    ),
    "a short path secret": (
        '[{ env = "PATH_SECRET" }]',
        '[{ env = "PASSWORD" }]',
        "16: financiers.lender.webhook: Endpoint lender: A path secret has 13 bytes; at least 24 are needed. Make "
        "one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
    ),
    "a path secret in a list, written out": (
        '[{ env = "PATH_SECRET" }]',
        '["hunter22"]',
        "17: financiers.lender.webhook.path_secrets[1]: a secret is not written into this file. Put it into an "
        f"environment variable or a file of its own, and {HOW}.",
    ),
    "a table where text belongs": (
        'submitted_by = "finance@example.com"',
        "submitted_by = { at = 1 }",
        "23: flows[1].submitted_by: expected text, found a table.",
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_the_refusal_names_file_line_key_and_remedy(case: str, load: Load, tmp_path: Path) -> None:
    old, new, message = CASES[case]
    assert old in GOOD
    with pytest.raises(ConfigError) as refusal:
        load(GOOD.replace(old, new, 1))
    lines = [line for line in str(refusal.value).split("\n") if str(tmp_path) in line]
    separator = ":" if message[0].isdigit() else ": "
    assert f"{tmp_path}/connector.toml{separator}{message}" in lines
    assert "hunter22" not in str(refusal.value)


def problems_of(load: Load, text: str) -> list[str]:
    with pytest.raises(ConfigError) as refusal:
        load(text)
    return [line.partition("connector.toml:")[2] for line in str(refusal.value).split("\n")]


def test_all_problems_are_told_at_once_in_the_order_of_the_file(load: Load) -> None:
    text = (
        GOOD.replace("sqlite:", "mysql:")
        .replace('"lender"\n', '"lander"\n')
        .replace("[[", "[schedule]\nx = 1\n[[")
    )
    summary, *lines = problems_of(load, text)
    assert summary == ""
    assert [line.split(": ")[:2] for line in lines] == [
        ["2", "store.url"],
        ["20", "schedule.x"],
        ["24", "flows[1].financier"],
    ]


def test_a_flow_has_a_name_and_a_connection_of_its_own(load: Load) -> None:
    flow = GOOD[GOOD.index("[[flows]]") :]
    _, *lines = problems_of(load, f"{GOOD}\n{flow}")
    assert lines == [
        "26: flows[2].name: another flow has this name already.",
        "27: flows[2].connection: another flow takes this connection's invoices already; an invoice has one financing.",
    ]


def test_flows_do_not_share_a_mapping_name_for_two_documents(load: Load) -> None:
    connection = GOOD[GOOD.index("[connections.") : GOOD.index("[financiers.")]
    first = re.search(r"\[connections\.(\w+)\]", connection)
    assert first
    flow = GOOD[GOOD.index("[[flows]]") :]
    second = connection.replace(f"connections.{first[1]}", "connections.second")
    other = re.sub(r'name = "\w+"', 'name = "other"', flow, count=1)
    other = other.replace(f'connection = "{first[1]}"', 'connection = "second"')
    named = flow.rstrip() + '\nmapping = "a/same.toml"\n'
    text = GOOD.replace(flow, "") + second + named + other.rstrip() + '\nmapping = "b/same.toml"\n'
    (line,) = problems_of(load, text)
    assert "another flow's mapping is called 'same', too. Give the file another name." in line


def test_a_connection_and_a_financier_have_different_names(load: Load) -> None:
    (line,) = problems_of(
        load, GOOD.replace("financiers.lender", "financiers.books").replace('"lender"', '"books"')
    )
    assert "a connection has this name, too" in line


def test_two_doors_do_not_share_a_secret(load: Load) -> None:
    start, end = GOOD.index("[financiers.lender]"), GOOD.index("[[flows]]")
    (line,) = problems_of(load, GOOD + GOOD[start:end].replace("lender", "other"))
    assert line.startswith("12: financiers: Endpoints lender and other use one secret twice.")


def test_what_is_not_toml_is_refused_with_its_place(load: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not valid TOML: .*\(at line 2, column 7\)"):
        load("[store]\nurl = sqlite\n")


def test_what_is_not_a_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "connector.toml"
    with pytest.raises(ConfigError, match=r"There is no configuration file .*connector init"):
        load_config(path, ENVIRON, systems={}, financiers={})
    path.write_bytes(b"[store]\nurl = '\xff'\n")
    with pytest.raises(ConfigError, match=":2: the file is not UTF-8 text"):
        load_config(path, ENVIRON, systems={}, financiers={})
    path.write_bytes(b"#" * 1_100_000)
    with pytest.raises(ConfigError, match="larger than 1048576 bytes"):
        load_config(path, ENVIRON, systems={}, financiers={})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path, ENVIRON, systems={}, financiers={})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b" \n", "is empty."),
        (b"\xff", "is not UTF-8 text."),
        (b"x" * 70_000, "is larger than 65536 bytes."),
    ],
)
def test_an_unusable_secret_file_is_refused(
    content: bytes, words: str, load: Load, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(content)
    (line,) = problems_of(load, GOOD.replace('{ env = "KEY" }', '{ file = "secret" }'))
    assert line.endswith(words)


def test_an_empty_variable_is_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match="the environment variable PASSWORD is empty"):
        load(GOOD, {**ENVIRON, "PASSWORD": " \n"})
