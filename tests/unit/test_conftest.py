"""The rules every test relies on."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from connector.clock import Clock
from tests.fakes import FakeClock


def test_the_network_is_closed_but_for_loopback() -> None:
    with pytest.raises(OSError, match="only loopback"):
        socket.create_connection(("192.0.2.1", 443), timeout=1)
    with pytest.raises(socket.gaierror, match="offline"):
        socket.getaddrinfo("example.com", 443)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_the_environment_holds_no_settings_of_the_machine() -> None:
    assert not [name for name in os.environ if "PROXY" in name.upper() or "CONNECTOR" in name]


def test_the_fake_clock_is_a_clock(clock: FakeClock) -> None:
    as_clock: Clock = clock
    before = as_clock.now()
    as_clock.sleep(90)
    clock.advance(minutes=1)
    assert (as_clock.now() - before).total_seconds() == 150
    assert as_clock.monotonic_seconds() == 150
    assert clock.sleeps == [90]


def test_the_fake_clock_does_not_sleep_past_a_set_event(clock: FakeClock) -> None:
    stop = threading.Event()
    stop.set()
    clock.sleep(60, until=stop)
    assert clock.sleeps == []
