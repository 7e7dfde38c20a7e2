"""Fixtures and rules for every test: time stands still, the environment is empty, only loopback answers."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.fakes import FakeClock

pytest_plugins = ["tests.postgres", "tests.databases"]

# A busy machine is no finding: no property fails for taking long.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_KEPT = ("CI", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "USER", "VIRTUAL_ENV")
_KEPT_PREFIXES = ("COVERAGE", "HYPOTHESIS", "PYTEST", "PYTHON")
_LOCAL_NAMES = ("", "localhost", socket.gethostname())


def _is_local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return name is None or name in _LOCAL_NAMES or name.startswith("127.") or name in ("::1", "::")


def _close_the_network() -> None:
    """Make this process behave like a machine without a network, except for itself."""
    connect, connect_ex, look_up = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def check(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise OSError(f"A test tried to reach {address[0]}: only loopback is open in tests.")

    def guarded_connect(sock: socket.socket, address: Any) -> None:
        check(sock, address)
        connect(sock, address)

    def guarded_connect_ex(sock: socket.socket, address: Any) -> int:
        check(sock, address)
        return connect_ex(sock, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_local(host) and not str(host).replace(".", "").isdigit():
            raise socket.gaierror(
                socket.EAI_NONAME, "Name or service not known (tests are offline)"
            )
        return look_up(host, *args, **kwargs)

    socket.socket.connect = guarded_connect  # type: ignore[assignment,method-assign]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[assignment,method-assign]
    socket.getaddrinfo = guarded_look_up


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of all tests, of those that kill (tests/chaos), and of those in a browser (tests/browser)."""
    parser.addoption(
        "--long",
        action="store_true",
        default=os.environ.get("CI") == "true",
        help="also run the tests marked `long`, as continuous integration does",
    )
    group = parser.getgroup("chaos")
    group.addoption(
        "--kills",
        type=int,
        default=None,
        help="how often the running connector is killed; default: 4, with --long 12",
    )
    group.addoption(
        "--seed", type=int, default=None, help="seed of the moments; default: a new one"
    )
    parser.getgroup("browser").addoption(
        "--screenshots", type=Path, default=None, help="where the browser tests keep their pictures"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Nothing of the developer's machine leaks into a test: no network, no settings, no proxies."""
    for name in set(os.environ) - set(_KEPT):
        if not name.startswith(_KEPT_PREFIXES):
            del os.environ[name]
    _close_the_network()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under `pytest -n`, tests that share an expensive server, or a file, share a worker. Long ones wait for `--long`."""
    leave_out = pytest.mark.skip(reason="long: `make test-long` runs it, and so does CI")
    for item in items:
        if item.get_closest_marker("long") and not config.getoption("--long"):
            item.add_marker(leave_out)
        if item.get_closest_marker("xdist_group"):
            continue
        shared = [
            name for name in ("browser", "tryton", "postgres") if item.get_closest_marker(name)
        ]
        group = shared[0] if shared else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves only when told to: 2026-03-02 09:30 UTC at first."""
    return FakeClock()
