"""Speaks to the running connector on this machine, if there is one."""

from __future__ import annotations

import http.client
from http import HTTPStatus
from urllib.parse import quote

from connector.config.model import Server
from connector.errors import Refused


def wake_running(server: Server, task: str) -> bool:
    """Let the running connector do `task` now. False when none answers; raises Refused when it does not take it."""
    everywhere = server.host in ("0.0.0.0", "::")  # noqa: S104 - asked for, not listened on
    host = "127.0.0.1" if everywhere else server.host
    connection = http.client.HTTPConnection(host, server.port, timeout=10)
    headers = {"X-Connector": "wake", "Host": f"localhost:{server.port}"}
    try:
        connection.request("POST", f"/api/wake/{quote(task)}", headers=headers)
        answered = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    if answered != HTTPStatus.ACCEPTED:
        raise Refused(f"The connector did not take it (HTTP {answered}).", http_status=answered)
    return True
