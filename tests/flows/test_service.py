"""The running service: it listens where it says, begins by itself, and stops cleanly with connections open."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from connector.bootstrap import Program, read_config
from connector.service import Service
from tests.flows.stage import Stage


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_listens_where_it_says_and_stops_with_a_kept_connection_open(stage: Stage, host: str):
    stage.start()
    stage.stop()
    text = stage.config_path.read_text("utf-8").replace("[server]", f'[server]\nhost = "{host}"')
    stage.config_path.write_text(text, "utf-8")
    service = Service(Program(read_config(stage.config_path, {}), clock=stage.clock))
    service.open()
    kept = http.client.HTTPConnection(urlsplit(service.address).netloc, timeout=10)
    try:
        kept.request("GET", "/")
        answer = kept.getresponse()
        answer.read()
        assert answer.status == 303  # to the set-up of the first admin
        listening = service._listening
        assert service.stop()
        assert listening is not None
        assert not listening.is_alive()
    finally:
        kept.close()


def test_begun_it_works_by_itself(stage: Stage):
    stage.add()
    service = Service(Program(read_config(stage.config_path, {}), clock=stage.clock))
    service.open()
    try:
        service.begin()
        service.wake("pull:books")
        assert not service.wake("pull:nobody")
    finally:
        assert service.stop()
    assert stage.outcomes()
