"""A real Tryton of the tests: a database made once per machine, copied for each session, served by a process."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest

from tests.postgres import PostgresServer, binaries

HERE = Path(__file__).parent
DATABASE = "erp"
PASSWORD = "sandbox-password-not-secret"
ADMIN_PASSWORD = "admin-password-not-secret"
INVOICES = 120
INVOICES_ON_POSTGRES = 20
CACHE = HERE.parents[1] / ".pytest_cache" / "tryton"
"""Where prepared databases are kept from one session to the next."""
PACKAGES = ("trytond", "trytond-account", "trytond-account-invoice", "trytond-party", "proteus")
MINUTES_TO_BUILD = 10


def need_tryton() -> None:
    """Skip where the test extra is not installed, and fail for that in CI."""
    missing = []
    for package in PACKAGES:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        reason = f"The real Tryton is not installed ({', '.join(missing)}): pip install '.[test]'."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def template_key(backend: str) -> str:
    """What a prepared database depends on: versions, our own seed, and the month its dates are near."""
    parts = [backend, datetime.now(UTC).strftime("%Y-%m"), str(INVOICES)]
    parts += [importlib.metadata.version(package) for package in PACKAGES]
    parts.append((HERE / "seed.py").read_text("utf-8"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def write_config(folder: Path, uri: str) -> Path:
    config = folder / "trytond.conf"
    config.write_text(f"[database]\nuri = {uri}\npath = {folder}\n[web]\nroot =\n", "utf-8")
    return config


def prepare(folder: Path, uri: str, invoices: int = INVOICES) -> dict[str, Any]:
    """Make the schema and fill it. The database itself exists already. About a minute of one processor."""
    config = write_config(folder, uri)
    password = folder / "password"
    password.write_text(ADMIN_PASSWORD, "utf-8")
    scripts = Path(sys.executable).parent
    _run(
        [
            str(scripts / "trytond-admin"),
            *("-c", str(config), "-d", DATABASE, "-u", "account_invoice"),
            *("--activate-dependencies", "--email", "admin@example.com"),
        ],
        {"TRYTONPASSFILE": str(password)},
    )
    # proteus takes SQLite for granted unless the environment says otherwise.
    env = {} if uri.startswith("sqlite") else {"TRYTOND_DATABASE_URI": uri}
    seeding = [sys.executable, str(HERE / "seed.py"), str(config), DATABASE, str(invoices)]
    out = _run(seeding, env)
    seeded: dict[str, Any] = json.loads(out)
    return seeded


def _run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=MINUTES_TO_BUILD * 60,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr[-4000:]}")
    return done.stdout


def sqlite_template() -> Path:
    """The folder of a prepared SQLite database; made by whoever comes first."""
    need_tryton()
    templates = CACHE / "templates"
    folder = templates / template_key("sqlite")
    with _locked("templates"):
        if not (folder / "seeded.json").exists():
            shutil.rmtree(templates, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / f"{DATABASE}.sqlite").touch()
            seeded = prepare(folder, "sqlite://")
            (folder / "seeded.json").write_text(json.dumps(seeded), "utf-8")
    return folder


@contextmanager
def _locked(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@dataclass
class TrytonServer:
    """A running Tryton. `seeded` names users and invoices by what they are for."""

    base_url: str
    seeded: dict[str, Any]
    config: Path
    database_file: Path | None
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.log.close()

    def login(self, user: str = "connector", password: str = PASSWORD) -> Rpc:
        return Rpc(self.base_url, user, password)

    def admin(self) -> Rpc:
        return self.login("admin", ADMIN_PASSWORD)


def serve(
    config: Path,
    seeded: dict[str, Any],
    database_file: Path | None = None,
    env: dict[str, str] | None = None,
) -> TrytonServer:
    log = (config.parent / "server.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, str(HERE / "serve.py"), DATABASE],
        env={**os.environ, "TRYTOND_CONFIG": str(config), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,
    )
    port = process.stdout.readline().strip() if process.stdout is not None else b""
    if not port:
        process.wait()
        log.close()
        raise RuntimeError((config.parent / "server.log").read_text("utf-8", "replace")[-4000:])
    base_url = f"http://127.0.0.1:{int(port)}"
    return TrytonServer(base_url, seeded, config, database_file, process, log)


def start_postgres(server: PostgresServer, folder: Path) -> TrytonServer:
    """A server on a database of a throw-away PostgreSQL, restored from a dump that was made once."""
    need_tryton()
    url = server.create(DATABASE)
    uri = f"postgresql://postgres@/?host={server.socket_directory}"
    dump = CACHE / "dumps" / f"{template_key('postgresql')}.sql"
    tools = binaries()
    if tools is None:
        raise RuntimeError("There is no pg_dump beside a running PostgreSQL.")
    with _locked("dumps"):
        if not dump.exists():
            shutil.rmtree(dump.parent, ignore_errors=True)
            dump.parent.mkdir()
            seeded = prepare(folder, uri, INVOICES_ON_POSTGRES)
            unfinished = dump.with_suffix(".part")
            _run([str(tools / "pg_dump"), "--no-owner", "-f", str(unfinished), "-d", url], {})
            dump.with_suffix(".json").write_text(json.dumps(seeded), "utf-8")
            unfinished.rename(dump)
        else:
            _run([str(tools / "psql"), "-q", "-X", "-f", str(dump), "-d", url], {})
    seeded = json.loads(dump.with_suffix(".json").read_text("utf-8"))
    return serve(write_config(folder, uri), seeded)


def start_sqlite(folder: Path) -> TrytonServer:
    """A server on a copy of the prepared database."""
    template = sqlite_template()
    # Beside the database file lies a folder of its name, with the attachments.
    shutil.copytree(template, folder, dirs_exist_ok=True)
    database_file = folder / f"{DATABASE}.sqlite"
    seeded = json.loads((template / "seeded.json").read_text("utf-8"))
    return serve(write_config(folder, "sqlite://"), seeded, database_file)


class Rpc:
    """The tests' own client: nothing of the adapter's, so that it can contradict it."""

    def __init__(self, base_url: str, user: str, password: str) -> None:
        self._url = f"{base_url}/{DATABASE}/rpc/"
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        user_id, token = self("common.db.login", user, {"password": password}, "en")[:2]
        session = base64.b64encode(f"{user}:{user_id}:{token}".encode()).decode()
        self._headers["Authorization"] = f"Session {session}"

    def __call__(self, method: str, *params: Any) -> Any:
        body = json.dumps({"id": 0, "method": method, "params": params}).encode()
        request = urllib.request.Request(self._url, body, self._headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            told = json.loads(answer.read())
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']}")
        return told["result"]

    def model(self, name: str, method: str, *arguments: Any) -> Any:
        return self(f"model.{name}.{method}", *arguments, {})
