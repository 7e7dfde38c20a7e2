"""How Kanmon says no: `{"errorCode", "message", "timestamp"}`; the code is the exception's name."""

from __future__ import annotations

from datetime import datetime

from flask import Response
from werkzeug.exceptions import HTTPException

from connector.sandbox.control import reply


class RefusalError(Exception):
    """The request is refused with `status`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def refusal(error: RefusalError, now: datetime) -> Response:
    """The answer to a refused request."""
    body = {"errorCode": error.code, "message": error.message, "timestamp": platform_time(now)}
    return reply(body, error.status)


def http_refusal(error: HTTPException, now: datetime) -> Response:
    """Flask's own refusals (no such path, wrong method) in the same form."""
    status = error.code or 500
    code = "NotFoundException" if status == 404 else "BadRequestException"
    return refusal(RefusalError(code, f"{error.name}.", status), now)


def platform_time(instant: datetime) -> str:
    """A timestamp as the platform prints it: milliseconds, `Z`."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"
