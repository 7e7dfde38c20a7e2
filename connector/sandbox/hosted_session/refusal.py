"""How the hosted-session financier says no: `{"message", "exception_key"}`."""

from __future__ import annotations

import hashlib

from flask import Response
from werkzeug.exceptions import HTTPException

from connector.sandbox.control import reply


class RefusalError(Exception):
    """The request is refused with `status`."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def refusal(error: RefusalError) -> Response:
    """The answer to a refused request; the same message has the same exception_key."""
    key = hashlib.sha256(error.message.encode()).hexdigest()[:16]
    return reply({"message": error.message, "exception_key": f"sandbox-{key}"}, error.status)


def http_refusal(error: HTTPException) -> Response:
    """Flask's own refusals (no such path, wrong method) in the same form."""
    return refusal(RefusalError(f"{error.name}.", error.code or 500))
