"""A connection is added, changed and removed in the browser while the connector runs: nothing is restarted, nothing lost."""

from __future__ import annotations

import http.client
import re
import shutil
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from connector.bootstrap import Program, read_config
from connector.connecting.adding import Connecting
from connector.known_books import named_books
from connector.people.roles import Role
from connector.sandbox.webhook import signature
from connector.service import Front, Service
from connector.store.connection_books import ConnectionBooks
from connector.systems.finexio.adapter import FinexioSchema
from tests.flows.configuration import PATH_SECRET
from tests.flows.stage import Stage

PASSWORD = "four words nobody knows"
PATIENCE_SECONDS = 30
_TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]{64})"')


class Visitor:
    """A browser on a real socket."""

    def __init__(self, address: str) -> None:
        self.host = urlsplit(address).netloc
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, **fields: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE_SECONDS)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(fields) if fields else None, headers)
        answer = connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def send(self, page: str, action: str | None = None, **fields: str) -> tuple[int, str]:
        """Look at a page, and send its form."""
        found = _TOKEN.search(unescape(self.ask("GET", page)[1]))
        assert found is not None
        return self.ask("POST", action or page, csrf_token=found[1], **fields)


class Running:
    """A running service, which can take up a changed configuration."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        path = stage.config_path
        text = path.read_text("utf-8").replace(
            "[encryption]", "[access]\npassword_memory_mebibytes = 1\n[encryption]"
        )
        path.write_text(text, "utf-8")
        program = Program(read_config(path, {}), clock=stage.clock, exclusive=True)
        program.people.add(
            email="ana@example.com", name="Ana", role=Role.ADMIN, by="test", password=PASSWORD
        )
        self.service = Service(program, lambda: read_config(path, {}))
        self.service.open()
        self.service.begin()
        self.visitor = Visitor(self.service.address)
        status, _ = self.visitor.send("/sign-in", email="ana@example.com", password=PASSWORD)
        assert status == 303

    def form(self, **more: str) -> dict[str, str]:
        # The sandbox has one company; by another name of this machine it stands for the books of another.
        machine = "127.0.0.2" if more.get("name") == "third" else "localhost"
        url = self.stage.source_url.replace("127.0.0.1", machine) + "/v2"
        return {
            "name": "second",
            "setting_base_url": url,
            "setting_username": "sandbox-user",
            "setting_password": "sandbox-password",
            **more,
        }

    def taken_up(self) -> None:
        """Wait until every reload has ended."""
        for thread in self.service._reloads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()

    def pulled(self, connection: str) -> int:
        """Pull in this thread, as the schedule does; how many records there are."""
        assert self.service.tasks.pull(connection)
        with self.service._program.database.read() as tx:
            return tx.connection.exec_driver_sql(
                f"select count(*) from source_records where connection = '{connection}'"
            ).scalar_one()


@pytest.fixture
def running(stage: Stage, migrated_sqlite_file: Path) -> Iterator[Running]:
    shutil.copy(migrated_sqlite_file, stage.directory / "connector.db")
    stage.add()
    made = Running(stage)
    yield made
    assert made.service.stop()


def test_a_connection_is_added_to_a_running_connector_and_pulled(running: Running) -> None:
    directory = running.stage.directory
    form = running.form(events="yes")
    status, text = running.visitor.send("/connections/-/new/finexio", **form)
    assert status == 303, text
    # The next page is answered by the new program, or waited for; the session goes on.
    assert running.visitor.ask("GET", "/connections")[0] == 200
    running.taken_up()
    assert "second" in running.visitor.ask("GET", "/connections")[1]
    assert running.visitor.ask("GET", "/connections/second")[0] == 200
    assert running.pulled("second") > 0
    assert running.pulled("books") > 0

    file = directory / "connections.d" / "second.toml"
    (secret,) = (directory / "secrets.d").glob("second.password.*")
    assert file.stat().st_mode & 0o777 == 0o600
    assert secret.stat().st_mode & 0o777 == 0o600
    assert "sandbox-password" not in file.read_text("utf-8")
    assert secret.read_text("utf-8").strip() == "sandbox-password"
    assert "sandbox-password" not in running.visitor.ask("GET", "/connections/second/settings")[1]
    # What stands in the main file is changed there.
    assert running.visitor.ask("GET", "/connections/books/settings")[0] == 404
    assert "changed there, not here" in running.visitor.ask("GET", "/connections/books")[1]
    # A restart finds the same.
    assert set(read_config(running.stage.config_path, {}).connections) == {"books", "second"}

    _lets_events_in_by_two_addresses(running)
    _is_changed_and_removed(running)


def _lets_events_in_by_two_addresses(running: Running) -> None:
    """A rotation: the new address is shown once, the old one works until it is removed."""
    (first,) = (running.stage.directory / "secrets.d").glob("second.path.*")
    old = first.read_text("utf-8").strip()
    status, _ = running.visitor.send("/connections/second", "/connections/second/secrets")
    assert status == 303
    text = running.visitor.ask("GET", "/connections/second")[1]
    found = re.search(r"/webhooks/second/([\w-]{43})", text)
    assert found is not None
    running.taken_up()

    def accepted(secret: str) -> bool:
        connection = http.client.HTTPConnection(running.visitor.host, timeout=PATIENCE_SECONDS)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"/webhooks/second/{secret}", b'{"a": 1}', headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status == 200

    assert accepted(old)
    assert accepted(found[1])
    page = running.visitor.ask("GET", "/connections/second")[1]
    assert old not in page
    assert found[1] not in page
    assert "a rotation is under way" in page
    drop = "/connections/second/secrets/drop"
    assert running.visitor.send("/connections/second", drop)[0] == 200  # asked for twice
    assert running.visitor.send("/connections/second", drop, confirmed="yes")[0] == 303
    running.taken_up()
    assert not accepted(old)
    assert accepted(found[1])


def _is_changed_and_removed(running: Running) -> None:
    """Its history stays."""
    form = running.form(own_interval_seconds="900")
    del form["name"], form["setting_password"]  # the secret is kept
    status, text = running.visitor.send("/connections/second/settings", **form)
    assert status == 303, text
    running.taken_up()
    assert running.service._program.config.connections["second"].interval_seconds == 900
    left = sorted(p.name for p in (running.stage.directory / "secrets.d").iterdir())
    assert [name.rpartition(".")[0] for name in left] == ["second.password"]  # events are off again

    asked = running.visitor.send("/connections/second/settings", "/connections/second/remove")
    assert asked[0] == 200
    assert "Everything that was read" in asked[1]
    done = running.visitor.send(
        "/connections/second/settings", "/connections/second/remove", confirmed="yes"
    )
    assert done[0] == 303
    running.taken_up()
    assert set(running.service._program.config.connections) == {"books"}
    assert list((running.stage.directory / "secrets.d").iterdir()) == []
    with running.service._program.database.read() as tx:
        assert tx.run_list.page(connection="second")
        actions = [row.action for row in tx.audit.recent(50) if row.subject == "second"]
    assert [a for a in reversed(actions) if a.startswith("connection.")] == [
        "connection.added",
        "connection.changed",
        "connection.removed",
    ]


def test_what_cannot_be_removed_yet_is_not_offered_to_be(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert running.visitor.send("/connections/-/new/finexio", **running.form())[0] == 303
    running.taken_up()
    monkeypatch.setattr(Connecting, "still_to_be_sent", lambda *_: 3)
    for confirmed in ("", "yes"):
        status, text = running.visitor.send(
            "/connections/second/settings", "/connections/second/remove", confirmed=confirmed
        )
        assert status == 303
        assert "Remove it" not in text
        shown = running.visitor.ask("GET", "/connections/second")[1]
        assert "second cannot be removed yet: 3 messages about its invoices" in shown
    assert (running.stage.directory / "connections.d" / "second.toml").exists()


def test_books_that_were_sent_under_another_name_are_not_connected_anew(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = running.form()
    books = named_books(
        FinexioSchema,
        {"base_url": new["setting_base_url"], "username": new["setting_username"]},
    )
    with running.service._program.database.write() as tx:
        tx.connection_books.note("former", "finexio", books)
    assert running.visitor.send("/connections/-/new/finexio", what="test", **new)[0] == 200
    monkeypatch.setattr(ConnectionBooks, "has_sent", lambda _, name: name == "former")
    status, text = running.visitor.send("/connections/-/new/finexio", **new)
    assert status == 422
    assert "These books were connected as former before" in text
    assert "Name the connection former again." in text
    again = running.form(name="former", what="test")
    assert running.visitor.send("/connections/-/new/finexio", **again)[0] == 200


def test_what_cannot_be_is_said_and_nothing_is_written(running: Running) -> None:
    send, directory = running.visitor.send, running.stage.directory
    wrong = running.form(
        name="Second!", setting_base_url="nowhere", own_interval_seconds="soon", setting_password=""
    )
    status, text = send("/connections/-/new/finexio", **wrong)
    assert status == 422
    for sentence in (
        "small letters",
        "whole number",
        "web address",
        "Password: this must be filled in",
    ):
        assert sentence in text
    status, text = send("/connections/-/new/finexio", **running.form(name="books"))
    assert "is taken already" in text
    status, text = send("/connections/-/new/finexio", **running.form(setting_password="wrong"))
    assert status == 422
    assert "nothing was saved" in text
    again = running.form(setting_base_url=f"{running.stage.source_url}/")
    status, text = send("/connections/-/new/finexio", **again)
    assert status == 422
    assert "These are the books of books, which is connected already" in text
    flow = {"flow_financier": "bank", "flow_document": "render"}
    status, text = send("/connections/-/new/finexio", **running.form(**flow))
    assert "Submitted by: this must be filled in" in text
    assert "Success address: this must be filled in: bank takes no invoice without it." in text
    flow["flow_submitted_by"] = "finance@example.com"
    flow["flow_success_url"] = flow["flow_cancel_url"] = "https://example.com/back"
    tested = send("/connections/-/new/finexio", **running.form(what="test", **flow))
    assert tested[0] == 200
    assert "The test went well" in tested[1]
    assert not (directory / "connections.d").exists()

    # Broken by hand meanwhile: the running program stays, and nothing is added to it.
    before = running.service._program
    text = running.stage.config_path.read_text("utf-8")
    running.stage.config_path.write_text(text + "\n[nonsense]\n", "utf-8")
    assert running.service.reload()
    running.taken_up()
    assert running.service._program is before
    status, shown = running.visitor.send("/connections/-/new/finexio", **running.form())
    assert status == 422
    assert "nonsense" in shown
    running.stage.config_path.write_text(text, "utf-8")
    assert not (directory / "connections.d").exists()
    # All the same, where a person says so.
    saved = send(
        "/connections/-/new/finexio", **running.form(setting_password="wrong", anyway="yes")
    )
    assert saved[0] == 303


def test_a_renamed_connection_is_not_taken_up_and_the_program_before_goes_on(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = running.pulled("books")
    monkeypatch.setattr(ConnectionBooks, "has_sent", lambda _, name: name == "books")
    path = running.stage.config_path
    text = path.read_text("utf-8")
    renamed = text.replace("[connections.books]", "[connections.ledger]")
    path.write_text(renamed.replace('connection = "books"', 'connection = "ledger"'), "utf-8")
    assert running.service.reload()
    running.taken_up()
    assert list(running.service._program.config.connections) == ["books"]
    assert running.visitor.ask("GET", "/connections/books")[0] == 200
    assert running.pulled("books") == there
    path.write_text(text, "utf-8")


def test_events_sent_while_the_configuration_is_taken_up_are_kept(running: Running) -> None:
    """Each is answered 2xx once it is on disk, or 503; no connection is refused."""
    answers: list[tuple[int, str]] = []
    over = threading.Event()
    secret = (running.stage.directory / "signing").read_text("utf-8")

    def sender() -> None:
        number = 0
        while not over.is_set():
            connection = http.client.HTTPConnection(running.visitor.host, timeout=PATIENCE_SECONDS)
            body = f'{{"id": "evt_{number}", "type": "ping"}}'.encode()
            stamp = int(running.stage.clock.now().timestamp())
            signed = signature("timestamped", secret, stamp, body)
            headers = {"Stenn-Signature": signed, "Content-Type": "application/json"}
            connection.request("POST", f"/webhooks/bank/{PATH_SECRET}", body, headers)
            answer = connection.getresponse()
            answers.append((answer.status, f"evt_{number}"))
            answer.read()
            connection.close()
            number += 1
            over.wait(0.02)

    thread = threading.Thread(target=sender)
    thread.start()
    try:
        for name in ("second", "third"):
            form = running.form(name=name, anyway="yes")
            saved = running.visitor.send("/connections/-/new/finexio", **form)
            assert saved[0] == 303
            running.taken_up()
    finally:
        over.set()
        thread.join(PATIENCE_SECONDS)
    assert {status for status, _ in answers} <= {200, 503}
    with running.service._program.database.read() as tx:
        stored = {row.event_id for row in tx.inbox.list(endpoint="bank", limit=100_000)}
    taken = {event_id for status, event_id in answers if status == 200}
    assert taken
    assert taken <= stored


def test_requests_wait_for_the_next_program_and_are_refused_when_it_takes_too_long() -> None:
    front = Front(wait_seconds=0.01)
    told: list[str] = []

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        told.append(status)
        told.extend(f"{name}: {value}" for name, value in headers)

    assert b"Try again" in b"".join(front({}, start))
    assert told[0].startswith("503")
    assert "Retry-After: 5" in told

    front.open(lambda _environ, _start: [b"answered"])
    under_way = front({}, start)
    assert not front.shut(0.01)  # it has not ended
    assert b"".join(under_way) == b"answered"
    under_way.close()  # type: ignore[attr-defined]
    assert front.shut(1)


def test_the_files_of_two_connections_cannot_disagree(stage: Stage, tmp_path: Path) -> None:
    folder = stage.config_path.parent / "connections.d"
    folder.mkdir()
    for text, said in (
        ("[store]\n", "only [connections.other] and its [[flows]] belong into this file"),
        ("[connections.books]\nsystem = 'finexio'\n", "expected [connections.other]"),
        ("[connections.other]\nsystem = 'nothing'\n", "other.toml:2: connections.other.system"),
        ("[connections.other\n", "is not valid TOML"),
    ):
        (folder / "other.toml").write_text(text, "utf-8")
        with pytest.raises(Exception, match=re.escape(said)):
            read_config(stage.config_path, {})
    (folder / "other.toml").unlink()
    (folder / "books.toml").write_text("[connections.books]\nsystem = 'finexio'\n", "utf-8")
    with pytest.raises(Exception, match="has a connection of this name, too"):
        read_config(stage.config_path, {})
