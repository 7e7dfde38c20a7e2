"""Speaks to the running connector on this machine, if there is one."""

from __future__ import annotations

import http.client
from http import HTTPStatus
from urllib.parse import quote

from connector.bootstrap import Program
from connector.errors import Refused
from connector.people.local_calls import LocalCalls


def wake_running(program: Program, task: str) -> bool:
    """Let the running connector do `task` now. False when none answers; raises Refused when it does not take it."""
    server = program.config.server
    everywhere = server.host in ("0.0.0.0", "::")  # noqa: S104 - asked for, not listened on
    host = "127.0.0.1" if everywhere else server.host
    connection = http.client.HTTPConnection(host, server.port, timeout=10)
    headers = {
        "Authorization": LocalCalls(program.box, program.clock).header(),
        "Host": f"localhost:{server.port}",
    }
    try:
        connection.request("POST", f"/api/v1/tasks/{quote(task, safe='')}/run", headers=headers)
        answered = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    if answered != HTTPStatus.ACCEPTED:
        raise Refused(f"The connector did not take it (HTTP {answered}).", http_status=answered)
    return True
